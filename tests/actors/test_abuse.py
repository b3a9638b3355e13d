"""Clients that stall, flood, vanish or come in masses: what they cost is bounded, and nobody else notices."""

import itertools
import resource
import threading
import time
from pathlib import Path

import pytest
import zmq
from gateway_door import Door, answer, eventually, exchange, request, told

from orch_actors.actors.core import facts as f
from orch_actors.actors.gateway import gateway as gateway_module
from orch_actors.actors.gateway import outbox
from orch_actors.actors.gateway.outflow import Outflow
from orch_actors.actors.recovery.history import Told
from orch_actors.protocol import codec, messages

MIB = 1024 * 1024


@pytest.fixture
def door(monkeypatch):
    """Every connection counts as another process's."""
    processes = itertools.count()
    monkeypatch.setattr(gateway_module, "process_of", lambda _: f"process {next(processes)}")
    made = Door().begin()
    yield made
    made.close()


def resident():
    """Bytes of memory that this process, the gateway in it, has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def traffic(door):
    return door.gateway.traffic()


# --- connections ----------------------------------------------------------------------------------------------------


def connections(door):
    return door.gateway._sockets.clients.connections


def test_the_first_are_served_and_the_others_told_so(door, monkeypatch):
    monkeypatch.setattr(connections(door), "_served", 4)
    served = [door.dealer() for _ in range(4)]
    assert all(exchange(socket).result is not None for socket in served)
    others = [door.dealer() for _ in range(20)]
    for socket in others:
        error = exchange(socket).error
        assert (error.code, error.retriable) == ("OVERLOADED", True)
    assert all(exchange(socket).result is not None for socket in served), "who was there before is served as ever"
    assert traffic(door).connections == 24
    served[0].close()
    eventually(lambda: sum(exchange(socket).error is None for socket in others) == 1, "one of them has its place")


def test_far_too_many_are_turned_away(door, monkeypatch):
    monkeypatch.setattr(connections(door), "_most", 5)
    connected = [door.dealer(immediate=1) for _ in range(5)]
    assert all(exchange(socket).result is not None for socket in connected)
    turned_away = [door.dealer(immediate=1) for _ in range(3)]
    eventually(lambda: door.dropped("too many connections") == 3)
    assert not any(socket.poll(100, zmq.POLLOUT) for socket in turned_away)
    eventually(lambda: traffic(door).connections == 5, "who was turned away is gone")
    connected[0].close()
    eventually(lambda: traffic(door).connections == 4)
    assert door.answers_hello(), "a fresh socket has the place"


def test_subscribers_are_counted_for_themselves(door, monkeypatch):
    monkeypatch.setattr(door.gateway._sockets.events.connections, "_most", 3)
    listening = [door.subscriber() for _ in range(3)]
    for socket in listening:
        assert socket.recv_multipart()
    late = door.subscriber()
    eventually(lambda: door.dropped("too many connections") == 1)
    assert exchange(door.dealer()).result is not None
    assert not late.poll(100)
    assert traffic(door).subscribers == 3


def test_a_storm_of_connections_is_counted_right(door):
    """Clients that vanish at once, some without a word; the count of those that are there is exact afterwards."""
    for round_ in range(10):
        sockets = [door.dealer() for _ in range(100)]
        for number, socket in enumerate(sockets):
            if number % 3 == round_ % 3:
                socket.send(codec.encode(request()))
        for socket in sockets:
            socket.close()
    assert door.answers_hello()
    eventually(lambda: traffic(door).connections <= 1, "nobody is there but who has just asked")
    eventually(lambda: traffic(door).waiting == 0)


# --- requests ---------------------------------------------------------------------------------------------------------


def test_a_flood_is_refused_and_the_others_are_served(door, monkeypatch):
    """The supervisor answers nothing while one client sends and sends."""
    door.answers = False
    flooding = door.dealer(sndhwm=0)
    body = codec.encode(request())
    for _ in range(12_000):
        flooding.send(body)
    eventually(lambda: traffic(door).dropped.get("refused", 0) == 7000, traffic(door))
    assert traffic(door).waiting == 5000
    assert len(door.asked) == 128, "half of what is handled at once"
    others = [door.dealer() for _ in range(10)]
    for socket in others:
        socket.send(codec.encode(request()))
    eventually(lambda: len(door.asked) == 138, "each of them has its turn before the flood's thousands")
    for asked in list(door.asked[128:]):
        door.answer(asked)
    assert all(answer(socket).result is not None for socket in others)
    refused = answer(flooding)
    assert (refused.error.code, refused.error.retriable) == ("OVERLOADED", True)
    door.answers = True
    for asked in list(door.asked[:128]):
        door.answer(asked)
    eventually(lambda: traffic(door).waiting == 0, "all that was taken in is answered")


def test_the_connections_of_a_process_share(door, monkeypatch):
    """Who opens a hundred has no more than who opens one; and those who have gone take no turns."""
    monkeypatch.setattr(gateway_module, "process_of", lambda _: "one")
    door.answers = False
    sockets = [door.dealer() for _ in range(50)]
    for socket in sockets:
        for _ in range(10):
            socket.send(codec.encode(request()))
    eventually(lambda: traffic(door).waiting == 500)
    assert len(door.asked) == 128
    for socket in sockets:
        socket.close()
    eventually(lambda: traffic(door).connections == 0)
    door.answers = True
    for asked in list(door.asked[:128]):
        door.answer(asked)
    eventually(lambda: traffic(door).waiting == 0)
    assert len(door.asked) == 128
    assert door.dropped("client gone") == 372


def test_what_changes_something_is_done_although_its_client_has_gone(door):
    door.answers = False
    socket = door.dealer()
    for _ in range(300):
        socket.send(codec.encode(request(messages.Pause(graph="g1"))))
    eventually(lambda: traffic(door).waiting == 300)
    socket.close()
    eventually(lambda: traffic(door).connections == 0)
    door.answers = True
    for asked in list(door.asked[:128]):
        door.answer(asked)
    eventually(lambda: len(door.asked) == 300)
    assert door.dropped("client gone") == 0


def test_bodies_that_wait_are_bounded(door, monkeypatch):
    door.answers = False
    monkeypatch.setattr(door.gateway._room._bytes, "total", 40 * MIB)
    socket = door.dealer(sndhwm=0)
    large = codec.encode(request(messages.SubmitGraph(graph={"name": "x" * (4 * MIB)})))
    before = resident()
    for _ in range(60):
        socket.send(large, copy=False)
    eventually(lambda: traffic(door).dropped.get("refused", 0) == 55, lambda: traffic(door))
    assert resident() - before < 200 * MIB
    assert exchange_when_answering(door).result is not None


def exchange_when_answering(door):
    door.answers = True
    return exchange(door.dealer())


def test_clients_that_send_and_vanish_leave_nothing(door):
    for _ in range(200):
        socket = door.dealer(immediate=1)
        assert socket.poll(15_000, zmq.POLLOUT)
        for _ in range(20):
            socket.send(codec.encode(request()))
        socket.linger = 1000
        socket.close()
    assert door.answers_hello()
    room = door.gateway._room
    eventually(lambda: traffic(door).connections == 1)
    eventually(lambda: not (room.waiting or room._queues or door.gateway.describe().mailbox))


# --- replies ----------------------------------------------------------------------------------------------------------


def test_replies_that_nobody_reads_are_bounded(door, monkeypatch):
    """A megabyte for every request, and the client takes none of it in."""
    monkeypatch.setattr(door.gateway, "_outflow", Outflow(32 * MIB))
    door.answer = lambda asked, result=None: Door.answer(door, asked, large_log())
    stalled = [door.dealer(rcvhwm=1, rcvbuf=4096) for _ in range(5)]
    assert door.answers_hello()
    before = resident()
    for round_ in range(1, 61):
        for socket in stalled:
            socket.send(codec.encode(request()))
        eventually(lambda: len(door.asked) == 1 + 5 * round_)  # noqa: B023 (waited for here)
        eventually(lambda: door.gateway.describe().mailbox == 0)
    assert door.dropped("client does not read") > 200
    assert resident() - before < 100 * MIB
    assert exchange(door.dealer()).result.size == 7, "who reads has the answer"
    told_so = [answer(stalled[0]) for _ in range(60)]
    assert {reply.error.code for reply in told_so if reply.error} == {"OVERLOADED"}
    for socket in stalled:
        socket.close()
    eventually(lambda: door.gateway._outflow.fits(b"new", 30 * MIB), "what the vanished have not read is gone")


def large_log():
    return messages.LogPiece(attempt=1, offset=0, data=b"x" * MIB, size=7, ended=True, path="p")


def test_small_replies_that_nobody_reads_are_bounded(door):
    stalled = [door.dealer(rcvhwm=1, sndhwm=0) for _ in range(50)]
    before = resident()
    for _ in range(2000):
        for socket in stalled:
            socket.send(codec.encode(request()))
    eventually(lambda: len(door.asked) == 100_000)
    assert door.answers_hello()
    eventually(lambda: door.gateway.describe().mailbox == 0)
    assert resident() - before < 150 * MIB


# --- events -----------------------------------------------------------------------------------------------------------


def test_subscribers_that_never_read_are_bounded_and_slow_nobody(door):
    topic = codec.TOPIC_MSGPACK
    stalled = [door.socket(zmq.SUB, door.home.events, rcvhwm=1, rcvbuf=4096) for _ in range(100)]
    for socket in stalled:
        socket.subscribe(topic)
    eventually(lambda: door.gateway._sockets.events.audience.count(topic) == 100)
    awake = door.subscriber()
    seen = []

    def listen():
        while not seen or seen[-1] < 40_005:
            message = codec.PUBLISHED.decode(awake.recv_multipart()[-1])
            seen.append(message.event.seq if isinstance(message, messages.Published) else message.head)

    listener = threading.Thread(target=listen)
    listener.start()
    before = resident()
    for first in range(6, 40_006, 500):
        door.gateway.publish(told(first, first + 499))
        eventually(lambda: door.gateway.describe().mailbox < 5000)
    listener.join(30)
    assert not listener.is_alive()
    assert resident() - before < 150 * MIB
    assert door.answers_hello()


def test_more_events_than_fit_are_left_out_and_the_head_tells(door, monkeypatch):
    monkeypatch.setattr(outbox, "MAX_TOLD", 100)
    subscriber = door.subscriber()
    assert subscriber.recv_multipart()
    door.gateway.publish(told(6, 405))
    assert door.dropped("too many events at once") == 400
    while True:
        message = codec.PUBLISHED.decode(subscriber.recv_multipart()[-1])
        assert isinstance(message, messages.Heartbeat)
        if message.head == 405:
            break


def test_an_event_that_is_too_large_is_asked_for(door):
    documents = tuple({"id": f"task-{number:06}"} for number in range(20_000))
    large = f.TasksAdded(graph="g1", documents=documents)
    subscriber = door.subscriber()
    assert subscriber.recv_multipart()
    door.gateway.publish([*told(6, 6), Told(7, large, 1e9), *told(8, 8)])
    assert [codec.PUBLISHED.decode(subscriber.recv_multipart()[-1]).event.seq for _ in range(2)] == [6, 8]
    assert door.dropped("event too large to publish") == 1


def test_a_heartbeat_does_not_run_ahead_of_what_is_about_to_be_published(door, monkeypatch):
    """Or everybody would ask for events that are on their way."""
    monkeypatch.setattr(gateway_module, "HEARTBEAT_S", 0.0)
    subscriber = door.subscriber()
    assert subscriber.recv_multipart()
    newest = 5
    door.gateway.publish(told(6, 5005))
    until = time.monotonic() + 20
    while newest < 5005 and time.monotonic() < until:
        message = codec.PUBLISHED.decode(subscriber.recv_multipart()[-1])
        if isinstance(message, messages.Published):
            newest = message.event.seq
        else:
            assert message.head <= newest, "it tells of what has not been published"
    assert newest == 5005
