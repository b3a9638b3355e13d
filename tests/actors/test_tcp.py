"""Clients by TCP, at a real daemon: who holds an allowed key is served like any other; nobody else gets a word in."""

import asyncio
import os
import signal
import socket as sockets
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import zmq
from daemon_harness import DEADLINE_S, Place, eventually

from orch_actors.protocol import codec, hostwire, messages
from orch_actors.protocol.aclient import AsyncClient
from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import Refused, Unavailable
from orch_actors.protocol.ids import new_id
from orch_actors.protocol.keyring import ClientKey, Keyring, write_client_key
from orch_actors.protocol.transport import new_pair

GRAPH = {"name": "g", "tasks": [{"id": "t", "command": 'echo $((6 * 7)) > "$ORCH_RESULT"'}]}


def free_ports(count):
    """Ports that nobody has at the moment."""
    held = [sockets.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


class Tcp:
    """A home whose daemon listens by tcp, and keys for it."""

    def __init__(self, place, folder):
        self.place, self.folder = place, folder
        place.home.prepare()
        self.ring = Keyring(place.home.keys)
        self.server = self.ring.make_server(new_pair)
        self.commands, self.events = free_ports(2)
        self.endpoint = f"tcp://127.0.0.1:{self.commands}"
        self.listen(f'tcp = "{self.endpoint}"\nevents = "tcp://127.0.0.1:{self.events}"')

    def listen(self, text):
        with open(self.place.home.config, "w") as file:
            file.write(f"[listen]\n{text}\n")

    def key(self, name, *, allow=True, server=None, pair=None):
        """A key file."""
        public, secret = pair or new_pair()
        if allow:
            self.ring.allow(name, public)
        path = str(self.folder / f"{name}.json")
        server = server or self.server.public
        write_client_key(
            path, ClientKey(name=name, endpoint=self.endpoint, server=server, public=public, secret=secret)
        )
        return path

    def client(self, path, **options):
        return Client(key_file=path, **({"timeout_s": DEADLINE_S} | options))


@pytest.fixture
def tcp(tmp_path):
    place = Place()
    yield Tcp(place, tmp_path)
    place.close()


@pytest.fixture
def up(tcp):
    """The same, with a key `laptop` and a daemon that runs."""
    tcp.laptop = tcp.key("laptop")
    tcp.daemon = tcp.place.start().ready()
    return tcp


def served(tcp):
    """The owner is served: what every attack ends with."""
    with tcp.place.client() as client:
        return client.hello().pid == tcp.daemon.pid


def graphs(tcp):
    with tcp.place.client() as client:
        return len(client.status().graphs)


# --- served -------------------------------------------------------------------------------------------------------


def test_a_client_with_a_key_is_served_like_any_other(up):
    with up.client(up.laptop) as client:
        assert client.hello().events == f"tcp://*:{up.events}"
        with client.follow() as events:
            graph = client.submit(GRAPH, base_dir="/").graph
            kinds = []
            for event in events:
                kinds.append(event.kind)
                if event.kind == "graph_ended":
                    break
        assert kinds == [
            "graph_submitted",
            "task_ready",
            "attempt_starting",
            "attempt_ended",
            "task_ended",
            "graph_ended",
        ]
        (ended,) = client.wait([graph], timeout_s=DEADLINE_S)
        assert (ended.state, client.result(graph, "t").value) == ("done", 42)
    with up.place.client() as client:
        assert client.hello().events.startswith("ipc://")


def test_the_same_with_asyncio(up):
    async def session():
        async with AsyncClient(key_file=up.laptop, timeout_s=DEADLINE_S) as client, client.follow() as events:
            graph = (await client.submit(GRAPH, base_dir="/")).graph
            async for event in events:
                if event.kind == "graph_ended":
                    return graph, event.state
        return None

    assert asyncio.run(session()) == ("g1", "done")


def test_tasks_start_from_the_daemons_variables(up, monkeypatch):
    monkeypatch.setenv("LC_MINE", "of the client")
    task = {"id": "t", "command": 'printf \'"%s"\' "$LC_MINE" > "$ORCH_RESULT"'}
    with up.client(up.laptop) as client:
        graph = client.submit({"name": "g", "tasks": [task]}, base_dir="/").graph
        client.wait([graph], timeout_s=DEADLINE_S)
        assert client.result(graph, "t").value == ""


def test_a_restart_is_bridged(up):
    with up.client(up.laptop) as client, client.follow() as events:
        client.hello()
        up.daemon.kill()
        up.daemon = up.place.start().ready()
        client.submit(GRAPH, base_dir="/")
        seen = []
        for event in events:
            seen.append(event.seq)
            if event.kind == "graph_ended":
                break
        assert seen == list(range(1, 7))


def test_a_large_graph_and_many_requests_at_once(up):
    tasks = [{"id": f"t{n}", "command": "true", "approve": True, "title": "x" * 100} for n in range(20_000)]
    with up.client(up.laptop) as client:
        assert client.submit({"name": "large", "tasks": tasks}, base_dir="/").tasks == 20_000
        threads = [threading.Thread(target=client.hello) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(client.graph("large").tasks) == 20_000


# --- kept out -----------------------------------------------------------------------------------------------------


@contextmanager
def stranger(endpoint, kind=zmq.DEALER, **options):
    context = zmq.Context()
    socket = context.socket(kind)
    try:
        socket.linger, socket.immediate = 0, 1
        for name, value in options.items():
            setattr(socket, name, value)
        with socket.get_monitor_socket() as monitor:
            socket.connect(endpoint)
            # Turned away, or cut off: nothing stands.
            until = time.monotonic() + DEADLINE_S
            bad = zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
            bad |= zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH
            seen = 0
            while not seen & bad:
                assert time.monotonic() < until, "it was not turned away"
                if monitor.poll(100):
                    seen |= int.from_bytes(monitor.recv_multipart()[0][:2], "little")
            socket.disable_monitor()
            assert not seen & zmq.EVENT_HANDSHAKE_SUCCEEDED
        yield socket
    finally:
        socket.close()
        context.term()


def mechanisms(tcp):
    public, secret = new_pair()
    own = {"curve_publickey": public.encode(), "curve_secretkey": secret.encode()}
    listed = Keyring(tcp.place.home.keys).allowed()["laptop"].encode()
    ours = tcp.server.public.encode()
    return {
        "no key": {},
        "plain": {"plain_username": b"laptop", "plain_password": b"laptop"},
        "a key that is not on the list": {**own, "curve_serverkey": ours},
        "another server expected": {**own, "curve_serverkey": public.encode()},
        "a listed public key without its secret": {
            "curve_publickey": listed,
            "curve_secretkey": secret.encode(),
            "curve_serverkey": ours,
        },
    }


@pytest.mark.parametrize(
    "how",
    [
        "no key",
        "plain",
        "a key that is not on the list",
        "another server expected",
        "a listed public key without its secret",
    ],
)
def test_nobody_else_gets_in(up, how):
    for endpoint, kind in ((up.endpoint, zmq.DEALER), (f"tcp://127.0.0.1:{up.events}", zmq.XSUB)):
        with stranger(endpoint, kind, **mechanisms(up)[how]) as socket:
            assert kind == zmq.XSUB or not socket.poll(0, zmq.POLLOUT)
    assert graphs(up) == 0
    assert served(up)


def test_the_client_says_so(up):
    with up.client(up.key("unlisted", allow=False), timeout_s=0.5) as client, pytest.raises(Unavailable):
        client.hello()
    _, other_secret = new_pair()
    liar = up.key("liar", allow=False, server=new_pair()[0], pair=(new_pair()[0], other_secret))
    with up.client(liar, timeout_s=0.5) as client, pytest.raises(Unavailable):
        client.submit(GRAPH, base_dir="/")
    assert graphs(up) == 0


def test_raw_bytes_reach_nobody(up):
    request = codec.encode(messages.Request(id=new_id(), client="c", do=messages.Hello()), "json")
    zmtp_1 = bytes([len(request) + 1, 0]) + request
    curve = b"\xff" + b"\0" * 8 + b"\x7f\x03\x00CURVE" + b"\0" * 15 + b"\0" + b"\0" * 31
    hello = b"\x04\xc8\x05HELLO" + b"\1\0" + b"\0" * 72 + os.urandom(32 + 8 + 80)
    for port in (up.commands, up.events):
        for data in (
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 50,
            zmtp_1,
            b"\xff" * 5000,
            b"\0" * 5000,
            curve,
            curve + hello,
            curve + os.urandom(4000),
            curve.replace(b"CURVE", b"NULL\0") + b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x06DEALER\0\x05hello",
        ):
            # It may hang up at any moment; but it must hang up.
            with sockets.create_connection(("127.0.0.1", port), DEADLINE_S) as connection:
                try:
                    connection.sendall(data)
                    connection.shutdown(sockets.SHUT_WR)
                    while connection.recv(65536):
                        pass
                except TimeoutError:
                    pytest.fail("the connection stands")
                except OSError:
                    continue
    assert graphs(up) == 0
    assert served(up)


def test_two_clients_with_one_routing_id_do_not_take_each_others_replies(up):
    """The second is not let take over the first, as one of our own uid would be on ipc."""
    first, second = (up.key(name) for name in ("one", "two"))
    context = zmq.Context()
    made = []
    try:
        for path in (first, second):
            socket = context.socket(zmq.DEALER)
            made.append(socket)
            key = Client(key_file=path).reach.key
            socket.linger = 0
            socket.curve_serverkey, socket.curve_publickey = key.server.encode(), key.public.encode()
            socket.curve_secretkey, socket.routing_id = key.secret.encode(), b"same"
            socket.connect(up.endpoint)
            body = codec.encode(messages.Request(id=new_id(), client="c", do=messages.Hello()))
            socket.send(body)
            if socket is made[0]:
                assert socket.poll(DEADLINE_S * 1000)
                socket.recv()
        assert not made[1].poll(500)
        made[0].send(codec.encode(messages.Request(id="0" * 32, client="c", do=messages.Hello())))
        assert made[0].poll(DEADLINE_S * 1000)
        assert codec.REPLY.decode(made[0].recv()).id == "0" * 32
    finally:
        for socket in made:
            socket.close()
        context.term()


def test_worker_hosts_never_come_by_tcp(up):
    """A client with a key is a client: the words of a worker host are none that it can say."""
    spoken = codec.encode(hostwire.HostReady(worker="shell", pid=1))
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    try:
        key = Client(key_file=up.laptop).reach.key
        socket.linger = 0
        socket.curve_serverkey, socket.curve_publickey = key.server.encode(), key.public.encode()
        socket.curve_secretkey = key.secret.encode()
        socket.connect(up.endpoint)
        socket.send(spoken)
        socket.send(codec.encode(messages.Request(id="0" * 32, client="c", do=messages.Hello())))
        replies = []
        while not replies or not replies[-1].id:
            assert socket.poll(DEADLINE_S * 1000)
            replies.append(codec.REPLY.decode(socket.recv()))
        assert [reply.error.code for reply in replies[:-1]] in ([], ["INVALID_REQUEST"])
    finally:
        socket.close()
        context.term()
    assert served(up)


# --- revoked ------------------------------------------------------------------------------------------------------


def test_a_revoked_key_is_refused_at_once_on_a_connection_that_stands(up):
    other = up.key("other")
    with up.client(up.laptop) as client, up.client(other) as stays:
        client.hello()
        stays.hello()
        up.ring.revoke("laptop")
        with pytest.raises(Refused) as caught:
            client.submit(GRAPH, base_dir="/")
        assert caught.value.info.code == "KEY_REVOKED"
        assert not caught.value.info.retriable
        assert stays.hello().pid == up.daemon.pid
        assert graphs(up) == 0
    with up.client(up.laptop, timeout_s=0.5) as client, pytest.raises(Unavailable):
        client.hello()


def test_a_revoked_key_hears_no_more_events(up):
    other = up.key("other")
    key = Client(key_file=up.laptop).reach.key
    context = zmq.Context()
    heard = context.socket(zmq.SUB)
    try:
        heard.linger = 0
        heard.curve_serverkey, heard.curve_publickey = key.server.encode(), key.public.encode()
        heard.curve_secretkey = key.secret.encode()
        heard.subscribe(codec.TOPIC_JSON)
        heard.connect(f"tcp://127.0.0.1:{up.events}")
        assert heard.poll(DEADLINE_S * 1000), "a heartbeat"
        with up.client(other) as client, client.follow() as events:
            client.hello()
            with heard.get_monitor_socket(zmq.EVENT_DISCONNECTED) as monitor:
                up.ring.revoke("laptop")
                assert monitor.poll(DEADLINE_S * 1000), "it is cut off"
                heard.disable_monitor()
            while heard.poll(0):
                heard.recv_multipart()
            client.submit(GRAPH, base_dir="/")
            seen = []
            for event in events:  # who may still come has every event all the same
                seen.append(event.seq)
                if event.kind == "graph_ended":
                    break
            assert seen == list(range(1, 7))
        assert not heard.poll(500)
    finally:
        heard.close()
        context.term()


def test_a_key_that_is_allowed_while_it_runs_is_let_in(up):
    path = up.key("late")
    with up.client(path) as client:
        assert client.hello().pid == up.daemon.pid
    public = up.ring.revoke("late")
    up.ring.allow("late-again", public)
    with up.client(path) as client:
        assert client.hello().pid == up.daemon.pid


def test_a_list_that_makes_no_sense_lets_nobody_in(up):
    with up.client(up.laptop) as client:
        client.hello()
        with open(up.ring.list_file, "a") as file:
            file.write("nonsense\n")
        with pytest.raises(Refused):
            client.hello()
    eventually(lambda: "nobody is let in by TCP" in Path(up.place.home.log).read_text())
    assert served(up)


def test_settings_that_change_where_it_listens_wait_for_the_next_start(up):
    up.listen(f'tcp = "tcp://127.0.0.1:{up.commands}"')
    os.kill(up.daemon.pid, signal.SIGHUP)
    eventually(lambda: "takes effect at the next start" in Path(up.place.home.log).read_text())
    assert served(up)


# --- where it does not start ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('tcp = "tcp://127.0.0.1:7447"', "no key is allowed to come there"),
        ('tcp = "tcp://0.0.0.0:7447"', "beyond_loopback = true"),
        ('tcp = "tcp://*:7447"\nbeyond_loopback = true', "no key is allowed to come there"),
        ('tcp = "tcp://127.0.0.1:99999"', "no TCP endpoint"),
    ],
)
def test_without_keys_or_beyond_loopback_it_does_not_start(tcp, text, words):
    tcp.listen(text)
    daemon = tcp.place.start()
    assert daemon.wait() == 100
    assert words in daemon.errors()


def test_beyond_loopback_by_an_explicit_setting_alone(tcp):
    tcp.key("laptop")
    text = f'tcp = "tcp://0.0.0.0:{tcp.commands}"\nevents = "tcp://0.0.0.0:{tcp.events}"'
    tcp.listen(text)
    daemon = tcp.place.start()
    assert daemon.wait() == 100
    tcp.listen(text + "\nbeyond_loopback = true")
    tcp.place.start().ready()


def test_a_port_that_somebody_has(tcp):
    tcp.key("laptop")
    with sockets.create_server(("127.0.0.1", tcp.commands)):
        daemon = tcp.place.start()
        assert daemon.wait() == 111
    assert f"cannot bind {tcp.endpoint}" in daemon.errors()
    assert "[listen] in config.toml" in daemon.errors()


@pytest.mark.parametrize("name", ["server.json", "allowed"])
def test_keys_that_are_open_to_others_are_not_used(tcp, name):
    tcp.key("laptop")
    os.chmod(os.path.join(tcp.place.home.keys, name), 0o666)
    daemon = tcp.place.start()
    assert daemon.wait() == 100
    assert "chmod 600" in daemon.errors()
