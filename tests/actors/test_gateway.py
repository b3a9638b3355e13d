"""The Gateway over real sockets: who gets in, what is answered, what is dropped, and that nothing kills it."""

import os
import random
import shutil
import socket as sockets
import struct
import threading
import time
from contextlib import contextmanager

import msgspec
import pytest
import zmq
from gateway_door import DEADLINE_S, HELLO, Door, answer, eventually, exchange, request, told

from orch_actors.actors.gateway import gateway as gateway_module
from orch_actors.actors.gateway import sockets as sockets_module
from orch_actors.actors.gateway.admission import is_ours
from orch_actors.protocol import codec, hostwire, messages
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.homes import Home
from orch_actors.protocol.version import PROTOCOL_VERSION


@pytest.fixture
def door():
    made = Door().begin()
    yield made
    made.close()


# --- requests -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_it_is_answered_in_kind(door, encoding):
    socket = door.dealer()
    sent = request()
    socket.send(codec.encode(sent, encoding))
    body = socket.recv()
    assert codec.encoding_of(body) == encoding
    assert codec.REPLY.decode(body).id == sent.id
    assert door.asked[-1].request == sent


def test_both_encodings_on_one_connection(door):
    socket = door.dealer()
    for number in range(20):
        encoding = "json" if number % 2 else "msgpack"
        socket.send(codec.encode(request(), encoding))
        assert codec.encoding_of(socket.recv()) == encoding


def test_a_req_socket_gets_its_delimiter_back(door):
    socket = door.socket(zmq.REQ)
    for encoding in ("json", "msgpack"):
        assert exchange(socket, encoding=encoding).result is not None


def test_each_client_gets_its_own_replies(door):
    clients = [door.dealer() for _ in range(20)]
    sent = [request() for _ in clients]
    for client, one in zip(clients, sent, strict=True):
        client.send(codec.encode(one))
    for client, one in zip(reversed(clients), reversed(sent), strict=True):
        answer(client, one.id)


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@pytest.mark.parametrize("version", [0, 2, 2**63 - 1, -1])
def test_another_version_is_told_so(door, encoding, version):
    reply = exchange(door.dealer(), encoding=encoding, v=version)
    assert reply.error.code == "UNSUPPORTED_VERSION"
    assert str(PROTOCOL_VERSION) in reply.error.message
    assert not door.asked


@pytest.mark.parametrize("encode", [msgspec.json.encode, msgspec.msgpack.encode])
def test_another_version_with_a_body_that_we_do_not_know_is_told_so(door, encode):
    socket = door.dealer()
    socket.send(encode({"id": "x", "client": "c", "v": 2, "do": {"type": "dance"}, "mood": "fine"}))
    assert answer(socket, "x").error.code == "UNSUPPORTED_VERSION"


@pytest.mark.parametrize("encode", [msgspec.json.encode, msgspec.msgpack.encode])
@pytest.mark.parametrize(
    "changes",
    [
        {"do": {"type": "dance"}},
        {"do": {"type": "hello", "extra": 1}},
        {"do": {"type": "get_graph"}},
        {"do": {"type": "get_graph", "graph": 7}},
        {"do": {}},
        {"do": None},
        {"do": []},
        {"extra": 1},
        {"deadline_utc": "soon"},
        {"client": None},
        {"client": ["c"], "extra": 1},
    ],
    ids=str,
)
def test_a_letter_that_makes_no_sense_is_answered_with_what_is_wrong(door, encode, changes):
    socket = door.dealer()
    socket.send(encode({"id": "x", "client": "c", "v": 1, "do": {"type": "hello"}} | changes))
    body = socket.recv()
    reply = codec.REPLY.decode(body)
    assert reply.id == "x"
    assert reply.error.code == "INVALID_REQUEST"
    assert codec.encoding_of(body) == ("json" if encode is msgspec.json.encode else "msgpack")
    assert not door.asked


@pytest.mark.parametrize("changes", [{"id": ""}, {"id": "x" * 129}, {"client": ""}, {"client": "ü" * 129}])
def test_ids_out_of_bounds_are_refused(door, changes):
    assert exchange(door.dealer(), **changes).error.code == "INVALID_REQUEST"
    assert not door.asked


# --- attacks ------------------------------------------------------------------------------------------------------


def garbage():
    rng = random.Random(1)
    valid = codec.encode(request())
    return [
        b"",
        b"\0",
        b"{",
        b"{}",
        b"[]",
        b"null",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xc1",
        b"\x81",
        b"\xdf\xff\xff\xff\xff",
        b"{" * 100_000,
        b'{"do":' * 50_000,
        b"\x91" * 100_000,
        b'{"id":"' + b"\xff" * 10 + b'"}',
        valid[:-1],
        valid + b"x",
        rng.randbytes(5000),
    ]


@pytest.mark.parametrize("body", garbage(), ids=range(len(garbage())))
def test_garbage_is_dropped_or_refused_and_never_handed_on(door, body):
    socket = door.dealer()
    socket.send(body)
    sent = request()
    socket.send(codec.encode(sent))  # the next letter on the same connection is served
    first = answer(socket)
    if first.id != sent.id:
        assert first.error.code in ("INVALID_REQUEST", "UNSUPPORTED_VERSION")
        assert answer(socket, sent.id).result is not None
    assert all(asked.request.do == HELLO for asked in door.asked)


@pytest.mark.parametrize(
    "frames",
    [
        [b"", b"", b"BODY"],
        [b"x", b"BODY"],
        [b"", b"x", b"BODY"],
        [b"BODY", b"BODY"],
        [b""] * 1000 + [b"BODY"],
        [b""] * 7,
    ],
    ids=["two delimiters", "a name", "a delimiter and a name", "two bodies", "a thousand", "no body"],
)
def test_more_frames_than_a_letter_has_are_dropped(door, frames):
    body = codec.encode(request())
    socket = door.dealer()
    socket.send_multipart([body if frame == b"BODY" else frame for frame in frames])
    eventually(lambda: door.dropped("too many frames") == 1)
    assert door.answers_hello()
    assert len(door.asked) == 1


def raw(path):
    made = sockets.socket(sockets.AF_UNIX)
    made.settimeout(DEADLINE_S)
    made.connect(path.removeprefix("ipc://"))
    return made


def hung_up(connection):
    """Read until the other side closes, or has sent what it has."""
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except (ConnectionError, TimeoutError):
        pass
    return received


FAILED = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_DISCONNECTED
HTTP = b"POST /commands HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300\r\n\r\n" + b"{}" * 150
#: ZMTP 1.0: a length, flags, and the anonymous identity; then a frame. libzmq takes it without a ZAP domain.
ZMTP_1 = b"\x01\x00" + b"\x0a\x00GET / HTT"
#: ZMTP 2.0: signature, revision 1, socket type DEALER, no identity; then a request in one frame.
ZMTP_2 = b"\xff" + b"\0" * 7 + b"\1\x7f" + b"\x01\x05" + b"\0\0" + b'\0\x05{"a"}'


def zmtp_3(mechanism):
    return b"\xff" + b"\0" * 8 + b"\x7f\x03\x00" + mechanism.ljust(20, b"\0") + b"\0" + b"\0" * 31


ZMTP_3 = zmtp_3(b"NULL")
#: READY of the NULL mechanism as a DEALER, and a request, without waiting for the other side.
READY = b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x06DEALER"


@pytest.mark.parametrize("endpoint", ["commands", "workers", "events"])
@pytest.mark.parametrize(
    "data",
    [
        *(HTTP, ZMTP_1, ZMTP_2, ZMTP_3, ZMTP_3 + b"\xff" * 1000, b"\xff" * 5000, b"\0" * 5000),
        b"\x16\x03\x01" + b"\1" * 600,
        *(zmtp_3(mechanism) + READY + b"\0\x05hello" for mechanism in (b"PLAIN", b"CURVE", b"GSSAPI", b"NULLX", b"")),
    ],
    ids=[
        *("http", "zmtp1", "zmtp2", "zmtp3 and no more", "zmtp3 and garbage", "ones", "NULs", "tls"),
        *("plain", "curve", "gssapi", "a longer NULL", "no mechanism"),
    ],
)
def test_bytes_that_are_no_zeromq_reach_nobody(door, endpoint, data):
    with raw(vars(Home)[endpoint].fget(door.home)) as connection:
        connection.sendall(data)
        connection.shutdown(sockets.SHUT_WR)
        hung_up(connection)
    assert door.answers_hello()
    assert len(door.asked) == 1
    assert not door.said
    assert door.dropped("malformed") == door.dropped("host") == door.dropped("too many frames") == 0


@pytest.mark.parametrize("mechanism", ["plain", "curve"])
@pytest.mark.parametrize("endpoint", ["commands", "workers", "events"])
def test_another_mechanism_than_ours_gets_nobody_in(door, endpoint, mechanism):
    options = {"plain_username": b"root", "plain_password": b"root"}
    if mechanism == "curve":
        public, secret = zmq.curve_keypair()
        options = {"curve_publickey": public, "curve_secretkey": secret, "curve_serverkey": public}
    kind = zmq.XSUB if endpoint == "events" else zmq.DEALER
    stranger = door.context.socket(kind)
    with stranger:
        stranger.linger, stranger.immediate = 0, 1
        for name, value in options.items():
            setattr(stranger, name, value)
        with stranger.get_monitor_socket(FAILED) as monitor:
            stranger.connect(vars(Home)[endpoint].fget(door.home))
            assert monitor.poll(DEADLINE_S * 1000)
            stranger.disable_monitor()
        assert kind == zmq.XSUB or not stranger.poll(0, zmq.POLLOUT)
    assert door.answers_hello()
    assert len(door.asked) == 1
    assert not door.said


def test_a_handshake_that_does_not_end_is_ended(monkeypatch):
    monkeypatch.setattr(sockets_module, "HANDSHAKE_MS", 200)
    door = Door().begin()
    try:
        for endpoint in (door.home.commands, door.home.workers, door.home.events):
            for said in (b"", ZMTP_3[:9], ZMTP_3):
                with raw(endpoint) as connection:
                    connection.sendall(said)
                    hung_up(connection)  # returns before its own patience is over
                    assert connection.recv(1) == b""
        assert door.answers_hello()
    finally:
        door.close()


def test_a_connection_that_says_nothing_holds_nobody_up(door):
    silent = [raw(door.home.commands) for _ in range(50)]
    try:
        assert door.answers_hello()
    finally:
        for connection in silent:
            connection.close()


def test_a_frame_over_the_limit_costs_its_sender_the_connection(monkeypatch):
    monkeypatch.setattr(codec, "MAX_BODY_BYTES", 100_000)
    door = Door().begin()
    try:
        monitored = door.dealer(maxmsgsize=-1)
        with monitored.get_monitor_socket(zmq.EVENT_DISCONNECTED) as monitor:
            monitored.send(b"{" + b" " * 100_001)
            hung_up_on = monitor.poll(DEADLINE_S * 1000)
            monitored.disable_monitor()
        assert hung_up_on
        assert door.answers_hello()
        at_the_limit = door.dealer()
        body = codec.encode(request(messages.GetGraph(graph="")), "json")
        padded = body.replace(b'"graph":""', b'"graph":"' + b"x" * (100_000 - len(body)) + b'"')
        assert len(padded) == 100_000
        at_the_limit.send(padded)
        assert answer(at_the_limit).result is not None
    finally:
        door.close()


def test_a_subscriber_may_not_send_what_is_no_topic(door):
    """Subscriptions stay in memory for as long as the subscriber does."""
    large = door.socket(zmq.XSUB, door.home.events)
    with large.get_monitor_socket(zmq.EVENT_DISCONNECTED) as monitor:
        large.send(b"\1" + b"x" * 2000)
        assert monitor.poll(DEADLINE_S * 1000)
        large.disable_monitor()
    assert published(door.subscriber(), codec.TOPIC_MSGPACK).head == 5


def test_many_empty_bodies_at_once_are_dropped(door):
    socket = door.dealer()
    for _ in range(2000):
        socket.send(b"")
    eventually(lambda: door.dropped("malformed") == 2000)
    assert door.answers_hello()


def mutated(rng, valid):
    """A frame somewhere between a request and noise."""
    body = bytearray(rng.choice(valid))
    for _ in range(rng.randint(0, 6)):
        place = rng.randrange(len(body) + 1)
        match rng.randrange(5):
            case 0:
                body[place:place] = rng.randbytes(rng.randint(1, 8))
            case 1:
                del body[place : place + rng.randint(1, 8)]
            case 2 if place < len(body):
                body[place] = rng.randrange(256)
            case 3:
                body[place:place] = rng.choice(valid)[: rng.randint(1, 40)]
            case 4:
                body[place:] = b""
    return bytes(body)


def test_ten_thousand_fuzzed_frames_leave_it_alive(door):
    rng = random.Random(20_260_131)
    door.answers = False
    documents = [
        HELLO,
        messages.SubmitGraph(graph={"name": "n", "tasks": [{"id": "a", "command": "true", "priority": 3}]}, key="k"),
        messages.Cancel(graph="g1"),
        messages.ReadLog(graph="g1", task="t", offset=-3),
    ]
    valid = [codec.encode(request(do), encoding) for do in documents for encoding in ("json", "msgpack")]
    client, host, publisher = (
        door.dealer(),
        door.socket(zmq.DEALER, door.home.workers),
        door.socket(zmq.XSUB, door.home.events),
    )
    client.sndhwm = 0
    for number in range(10_000):
        frames = [mutated(rng, valid) for _ in range(1 if rng.random() < 0.9 else rng.randint(2, 5))]
        (client if number % 10 else host if number % 20 else publisher).send_multipart(frames)
        while client.poll(0):
            codec.REPLY.decode(client.recv())  # whatever it answers is a reply
    door.answers = True
    for asked in list(door.asked):
        door.answer(asked)
    assert door.answers_hello()
    eventually(lambda: door.gateway.describe().handled > 9000, "they came in")
    assert door.gateway.is_alive()
    assert door.dropped("malformed") > 100
    assert door.dropped("too many frames") > 100


# --- the owner ----------------------------------------------------------------------------------------------------


def as_another_user(uid, work):
    """Run `work` in a child with another uid; its exit code."""
    pid = os.fork()
    if not pid:
        code = 99
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            code = work()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def ask_from_nobody(endpoint):
    """0: got in; 1: no answer."""
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.sndtimeo = 1000  # where the door was shut already, nobody is left to send to: it would wait for ever
    socket.connect(endpoint)
    try:
        socket.send(codec.encode(request()))
    except zmq.Again:
        return 1
    return 0 if socket.poll(1000) else 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_is_kept_out_even_where_the_folder_lets_him_through(door):
    for folder in (door.home.path, door.home.run):
        os.chmod(folder, 0o755)
    for endpoint in (door.home.commands, door.home.workers, door.home.events):
        os.chmod(endpoint.removeprefix("ipc://"), 0o777)
    assert as_another_user(65534, lambda: ask_from_nobody(door.home.commands)) == 1
    assert door.dropped("not the owner") >= 1
    assert not door.asked
    assert door.answers_hello()
    # The same child gets in without becoming somebody else: it is the uid that keeps it out.
    assert as_another_user(0, lambda: ask_from_nobody(door.home.commands)) == 0


@pytest.mark.parametrize(
    ("address", "ours"),
    [
        (f"localhost:{os.getuid()}:0:1", True),
        (f"localhost:{os.getuid()}", True),
        (f"localhost:{os.getuid() + 1}:0:1", False),
        (f"localhost:1{os.getuid()}:0:1", False),
        ("localhost:", False),
        ("localhost", False),
        ("", False),
        ("127.0.0.1", False),
        (f"{os.getuid()}", False),
    ],
)
def test_an_address_without_our_uid_is_nobody_we_know(address, ours):
    assert is_ours(address.encode()) is ours


def test_sockets_are_for_the_owner_alone():
    before = os.umask(0o077)
    try:
        door = Door().begin()
        modes = {name: os.stat(os.path.join(door.home.run, name)).st_mode & 0o077 for name in os.listdir(door.home.run)}
        door.close()
    finally:
        os.umask(before)
    assert modes == {"commands.sock": 0, "events.sock": 0, "workers.sock": 0}


# --- events -------------------------------------------------------------------------------------------------------


def published(socket, topic):
    found, body = socket.recv_multipart()
    assert found == topic
    assert codec.encoding_of(body) == ("json" if topic == codec.TOPIC_JSON else "msgpack")
    return codec.PUBLISHED.decode(body)


def event(socket, topic):
    """The next one that is no heartbeat."""
    while isinstance(found := published(socket, topic), messages.Heartbeat):
        pass
    return found.event


def test_a_new_subscriber_learns_the_head_at_once(door):
    for topic in (codec.TOPIC_MSGPACK, codec.TOPIC_JSON):
        assert published(door.subscriber(topic), topic) == messages.Heartbeat(head=5, journal="j1")


def test_events_in_both_encodings(door):
    subscribers = {topic: door.subscriber(topic) for topic in (codec.TOPIC_MSGPACK, codec.TOPIC_JSON)}
    for topic, subscriber in subscribers.items():
        published(subscriber, topic)
    door.gateway.publish(told(6, 30))
    for topic, subscriber in subscribers.items():
        found = [event(subscriber, topic) for _ in range(25)]
        assert [one.seq for one in found] == list(range(6, 31))
        assert (found[0].kind, found[0].graph, found[0].task) == ("task_ready", "g1", "t")


def test_heartbeats_carry_the_newest_number(door, monkeypatch):
    monkeypatch.setattr(gateway_module, "HEARTBEAT_S", 0.01)
    subscriber = door.subscriber()
    door.gateway.publish(told(6, 9))
    until = time.monotonic() + DEADLINE_S
    while published(subscriber, codec.TOPIC_MSGPACK) != messages.Heartbeat(head=9, journal="j1"):
        assert time.monotonic() < until


def test_the_head_is_known_to_a_subscriber_that_comes_later(door):
    door.gateway.publish(told(6, 9))
    assert published(door.subscriber(), codec.TOPIC_MSGPACK).head == 9


def topics(door):
    audience = door.gateway._sockets.events.audience
    return {topic: audience.count(topic) for topic in (codec.TOPIC_MSGPACK, codec.TOPIC_JSON)}


def test_subscriptions_are_counted_up_and_down(door):
    m, j = codec.TOPIC_MSGPACK, codec.TOPIC_JSON
    assert topics(door) == {m: 0, j: 0}
    first, second = door.subscriber(m), door.subscriber(m)
    eventually(lambda: topics(door) == {m: 2, j: 0})
    third = door.subscriber(b"")  # everything
    eventually(lambda: topics(door) == {m: 3, j: 1})
    first.unsubscribe(m)
    second.close()
    eventually(lambda: topics(door) == {m: 1, j: 1})
    third.close()
    eventually(lambda: topics(door) == {m: 0, j: 0})


def test_without_subscribers_nothing_is_encoded(door, monkeypatch):
    def encoded(*_):
        raise AssertionError("encoded for nobody")

    monkeypatch.setattr(gateway_module, "event_of", encoded)
    door.gateway.publish(told(6, 9))
    assert door.gateway._newest == 9


@pytest.mark.parametrize("message", [b"", b"x", b"hello", b"\x02m", b"\xff", b"\0", b"\0x", b"\0m", b"\1q"])
def test_what_a_peer_sends_to_the_event_socket_takes_nobody_elses_events(door, message):
    subscriber = door.subscriber()
    published(subscriber, codec.TOPIC_MSGPACK)
    rude = door.socket(zmq.XSUB, door.home.events)
    handled = door.gateway.describe().handled
    rude.send(message)
    rude.send(b"\1" + codec.TOPIC_JSON)  # comes after it
    eventually(lambda: topics(door)[codec.TOPIC_JSON] == 1, handled)
    door.gateway.publish(told(6, 6))
    assert event(subscriber, codec.TOPIC_MSGPACK).seq == 6


def test_a_subscriber_that_does_not_read_slows_nobody(door):
    stalled = door.socket(zmq.SUB, door.home.events, rcvhwm=1, rcvbuf=1024)
    stalled.subscribe(codec.TOPIC_MSGPACK)
    eventually(lambda: topics(door)[codec.TOPIC_MSGPACK] == 1)
    for first in range(6, 50_000, 1000):
        door.gateway.publish(told(first, first + 999))
    assert door.answers_hello()
    eventually(lambda: door.gateway.describe().mailbox == 0)


def test_a_client_that_does_not_read_slows_nobody(door):
    stalled = door.dealer(rcvhwm=1)
    for _ in range(5000):
        stalled.send(codec.encode(request()))
    assert door.answers_hello()
    eventually(lambda: len(door.asked) == 5001)
    eventually(lambda: door.gateway.describe().mailbox == 0)


# --- hosts --------------------------------------------------------------------------------------------------------


@contextmanager
def host(door, name="shell-1"):
    made = door.socket(zmq.DEALER, door.home.workers, routing_id=name.encode())
    yield made
    made.close()


def test_hosts_are_heard_and_spoken_to_by_name(door):
    with host(door) as first, host(door, "python-1") as second:
        first.send(codec.encode(hostwire.HostReady(worker="shell", pid=1)))
        second.send(codec.encode(hostwire.HostReady(worker="python", pid=2)))
        eventually(lambda: len(door.said) == 2)
        assert {said.host: said.message.worker for said in door.said} == {"shell-1": "shell", "python-1": "python"}
        for number in range(2000):  # more than any high-water mark: none may be lost
            door.gateway.to_host("python-1", hostwire.StopAttempt(attempt=f"g1/t/{number}"))
        found = [hostwire.TO_HOST.decode(second.recv()).attempt for _ in range(2000)]
        assert found == [f"g1/t/{number}" for number in range(2000)]
        assert not first.poll(0)


def test_a_message_to_a_host_that_is_gone_goes_nowhere(door):
    door.gateway.to_host("nobody", hostwire.StopHost())
    assert door.answers_hello()


@pytest.mark.parametrize("body", [b"", b"nonsense", codec.encode(HELLO), b"\x81\xa4type\xa5dance"])
def test_a_host_that_makes_no_sense_is_dropped(door, body):
    with host(door) as made:
        made.send(body)
        made.send(codec.encode(hostwire.HostReady(worker="shell", pid=1)))
        eventually(lambda: door.said)
    assert door.dropped("host") == 1
    assert len(door.said) == 1


# --- its end ------------------------------------------------------------------------------------------------------


def test_stopping_sends_what_was_to_be_sent():
    door = Door().begin()
    door.answers = False
    clients = [door.dealer() for _ in range(5)]
    for client in clients:
        for _ in range(20):
            client.send(codec.encode(request()))
    eventually(lambda: len(door.asked) == 100)
    for asked in door.asked:
        reply = messages.Reply(id=asked.request.id, result=messages.Stopping(running=0))
        door.gateway.reply(asked.origin, codec.encode(reply))
    door.gateway.stop()
    for client in clients:
        for _ in range(20):
            assert client.recv()
    door.close()


def test_a_reply_that_comes_together_with_the_stop_is_sent(monkeypatch):
    """Put down after the last look into the outbox, and before the look at whether to go."""
    monkeypatch.setattr(gateway_module, "HEARTBEAT_S", 0.0)  # a beat in every round
    door = Door().begin()
    client = door.dealer()
    exchange(client)
    origin = door.asked[0].origin

    def between():
        door.gateway._outbox.put_reply(origin, b"last words")
        door.gateway._stopping = True

    monkeypatch.setattr(door.gateway, "_beat", between)
    client.send(codec.encode(request()))  # let it go round
    while client.recv() != b"last words":
        pass
    door.close()


def test_who_was_answered_last_has_time_to_read_it(monkeypatch):
    """Its libzmq would drop the reply, were the connection closed before it has looked."""
    monkeypatch.setattr(gateway_module, "LAST_WORDS_S", DEADLINE_S)
    door = Door().begin()
    door.answers = False
    client = door.dealer(immediate=1)
    client.send(codec.encode(request()))
    eventually(lambda: door.asked)
    door.gateway.reply(door.asked[0].origin, b"last words")
    stopping = threading.Thread(target=door.gateway.stop)
    stopping.start()
    eventually(lambda: door.gateway._stopping and not len(door.gateway._outbox))
    assert door.gateway.is_alive()
    assert client.recv() == b"last words"
    assert door.gateway.is_alive()
    client.close(0)
    door.gateway.join(DEADLINE_S)
    assert not door.gateway.is_alive()
    stopping.join(DEADLINE_S)
    door.close()


def test_stopping_with_a_client_that_never_reads_ends(monkeypatch):
    door = Door().begin()
    stalled = door.dealer(rcvhwm=1)
    body = codec.encode(request())
    for _ in range(3000):
        stalled.send(body)
    eventually(lambda: len(door.asked) == 3000)
    door.close()


def test_after_the_end_replies_go_nowhere_and_into_no_other_file(door, tmp_path):
    assert exchange(door.dealer()).result is not None
    origin = door.asked[0].origin
    door.gateway.stop()
    foreign = [os.open(tmp_path / f"f{n}", os.O_RDWR | os.O_CREAT) for n in range(40)]  # takes the free numbers
    try:
        for _ in range(100):
            door.gateway.reply(origin, b"{}")
            door.gateway._outbox._woken = False
        assert [os.fstat(fd).st_size for fd in foreign] == [0] * 40
    finally:
        for fd in foreign:
            os.close(fd)
    assert door.gateway.describe().state == "stopping"


def test_replies_from_many_threads_all_arrive(door):
    door.answers = False
    client = door.dealer()
    client.send(codec.encode(request()))
    eventually(lambda: door.asked)
    origin = door.asked[0].origin

    def reply(worker):
        for number in range(250):
            door.gateway.reply(origin, struct.pack(">II", worker, number))

    threads = [threading.Thread(target=reply, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    found = [struct.unpack(">II", client.recv()) for _ in range(1000)]
    for thread in threads:
        thread.join()
    for worker in range(4):
        assert [number for who, number in found if who == worker] == list(range(250))


def test_a_bug_is_told_and_the_thread_ends(door, monkeypatch):
    def bug(_):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(door.gateway, "_on_client", bug)
    door.dealer().send(codec.encode(request()))
    door.gateway.join(DEADLINE_S)
    ((name, error),) = door.crashes
    assert (name, str(error)) == ("gateway", "a bug")
    door.crashes.clear()


def test_stale_socket_files_are_in_nobodys_way():
    door = Door()
    for endpoint in (door.home.commands, door.home.workers, door.home.events):
        with sockets.socket(sockets.AF_UNIX) as left_behind:
            left_behind.bind(endpoint.removeprefix("ipc://"))
    door.begin()
    assert door.answers_hello()
    door.close()


def test_a_path_that_cannot_be_bound_is_explained():
    door = Door()
    os.mkdir(os.path.join(door.home.run, "commands.sock"))
    try:
        with pytest.raises(EnvironmentFault, match=r"cannot bind .*commands\.sock") as refused:
            door.gateway.bind(0)
        assert refused.value.exit_code == 111
    finally:
        door.context.term()
        shutil.rmtree(door.home.path)
