"""Named readers of events, with a real daemon and both clients: at least once until acknowledged, over restarts."""

import asyncio
import threading
import time

import pytest
from daemon_harness import Place, eventually, one_task

from orch_actors.protocol import messages as m
from orch_actors.protocol.aclient import AsyncClient
from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import EnvironmentFault, Refused


@pytest.fixture
def place():
    made = Place()
    yield made
    made.close()


@pytest.fixture
def daemon(place):
    return place.start().ready()


class Awaited:
    """A consumer of the asyncio client, step by step, for a test that has no loop."""

    def __init__(self, client, loop, consumer):
        self._client, self._loop, self._consumer = client, loop, consumer

    def next(self, patience_s=5.0):
        return self._loop.run_until_complete(self._consumer.next_event(time.monotonic() + patience_s))

    def ack(self, seq=None):
        return self._loop.run_until_complete(self._consumer.ack(seq))

    @property
    def after(self):
        return self._consumer.after


class Plain:
    """The same of the plain one."""

    def __init__(self, consumer):
        self._consumer, self.ack = consumer, consumer.ack

    def next(self, patience_s=5.0):
        return self._consumer.next_event(time.monotonic() + patience_s)


@pytest.fixture(params=["plain", "asyncio"])
def consume(request, place):
    """Begin to consume with a client of its own."""
    opened, loop = [], asyncio.new_event_loop()

    def begin(name, **wants):
        if request.param == "plain":
            client = Client(place.path, timeout_s=30)
            opened.append(client.close)
            return Plain(client.consume(name, **wants))
        client = AsyncClient(place.path, timeout_s=30)

        async def close():
            client.close()

        opened.append(lambda: loop.run_until_complete(close()))
        return Awaited(client, loop, client.consume(name, **wants))

    yield begin
    for close in opened:
        close()
    loop.close()


def run_to_its_end(client, name="x"):
    graph = client.request(one_task(name)).graph
    client.wait([graph], timeout_s=30)
    return graph


def seqs(consumer, count):
    found = [consumer.next() for _ in range(count)]
    return [event and event.seq for event in found]


def test_until_it_is_acknowledged(place, daemon, consume):
    with place.client() as client:
        run_to_its_end(client)
        first = consume("me")
        assert seqs(first, 6) == [1, 2, 3, 4, 5, 6]
        assert first.ack(2) == 2
        assert first.next(0.2) is None
        again = consume("me")
        assert seqs(again, 4) == [3, 4, 5, 6]
        assert again.ack() == 6
        assert again.ack(3) == 6
        assert consume("me").next(0.2) is None
        run_to_its_end(client)
        assert seqs(again, 6) == list(range(7, 13))
        (view,) = client.consumers().consumers
        assert (view.name, view.cursor, view.behind) == ("me", 6, 6)


def test_over_kills_of_the_daemon(place, daemon, consume):
    """What was acknowledged stays so; what was not comes again, to a reader that stays and to a new one."""
    with place.client() as client:
        run_to_its_end(client)
        reader = consume("me")
        assert seqs(reader, 3) == [1, 2, 3]
        assert reader.ack() == 3
        daemon.kill()
        place.start().ready()
        assert client.consumers().consumers[0].cursor == 3
        assert seqs(reader, 3) == [4, 5, 6]
        assert seqs(consume("me"), 3) == [4, 5, 6]
        run_to_its_end(client)
        assert seqs(reader, 6) == list(range(7, 13))
        assert reader.ack() == 12


def test_only_what_it_wants(place, daemon, consume):
    with place.client() as client:
        first, second = run_to_its_end(client, "a"), run_to_its_end(client, "b")
        ends = consume("ends", kinds=["graph_ended", "task_ended"])
        assert seqs(ends, 4) == [5, 6, 11, 12]
        assert ends.ack(5) == 5
        assert ends.ack(6) == 6
        of_one = consume("one", graphs=["b"], kinds=["task_ready"])
        assert [of_one.next().graph, of_one.next(0.2)] == [second, None]
        assert of_one.ack() == 12, "what it does not want goes with the last that it was given"
        with pytest.raises(Refused, match="opened for other events"):
            consume("one", graphs=[first]).next()
        assert consume("one").next(0.2) is None
        run_to_its_end(client, "c")
        assert [ends.next().kind for _ in range(2)] == ["task_ended", "graph_ended"]


def test_what_it_does_not_want_keeps_nothing_for_it(place, daemon, consume, monkeypatch):
    for module in ("consuming", "aconsuming"):
        monkeypatch.setattr(f"orch_actors.protocol.{module}.PASS_EVERY", 4)
    with place.client() as client:
        reader = consume("me", kinds=["graph_paused"])
        run_to_its_end(client)
        assert reader.next(0.5) is None
        assert client.consumers().consumers[0].cursor >= 4
        graph = client.request(one_task("slow", "sleep 30")).graph
        client.pause(graph=graph)
        client.resume(graph=graph)
        client.cancel(graph)
        client.wait([graph], timeout_s=30)
        given = reader.next()
        assert given.kind == "graph_paused"
        assert reader.next(0.5) is None
        assert client.consumers().consumers[0].cursor < given.seq, "what was handed out is not passed over"


def test_a_name_is_shared(place, daemon, consume):
    with place.client() as client:
        run_to_its_end(client)
        one, other = consume("me"), consume("me")
        assert seqs(one, 6) == seqs(other, 6) == [1, 2, 3, 4, 5, 6]
        assert one.ack(4) == 4
        assert other.ack(2) == 4


def test_it_may_begin_later(place, daemon, consume):
    with place.client() as client:
        run_to_its_end(client)
        assert seqs(consume("me", since=4), 2) == [5, 6]
        assert seqs(consume("me", since=0), 2) == [5, 6], "only a new one begins there"
        with pytest.raises(Refused, match="no event 99"):
            consume("you", since=99).next()


def test_forgotten_meanwhile(place, daemon, consume):
    with place.client() as client:
        reader = consume("me")
        assert reader.next(0.1) is None
        client.forget_consumers(["me"])
        run_to_its_end(client)
        with pytest.raises(Refused, match="no consumer 'me'"):
            assert seqs(reader, 6) == reader.ack()


def test_another_state_is_not_consumed(place, daemon, consume):
    """A wiped home knows nobody."""
    import shutil

    with place.client() as client:
        run_to_its_end(client)
        reader = consume("me")
        assert seqs(reader, 6) == [1, 2, 3, 4, 5, 6]
    daemon.term()
    shutil.rmtree(place.home.journal)
    place.start().ready()
    with pytest.raises((EnvironmentFault, Refused)):
        reader.next(20.0)


def test_an_acknowledgement_is_on_disk_and_leaves_the_answers_alone(place, daemon):
    with place.client() as client:
        run_to_its_end(client)
        client.open_consumer("me")
        before = sum(path.stat().st_size for path in place.segments())
        for seq in (1, 3, 2, 3, 6, 6, 1):
            client.ack_events("me", seq)
        after = b"".join(path.read_bytes() for path in place.segments())
        assert len(after) > before
        assert after.count(b'"consumer_advanced"') == 3
        assert b'"ack_events"' not in after
        daemon.kill()
        place.start().ready()
        assert client.consumers().consumers[0].cursor == 6
        with pytest.raises(Refused, match="there is no event 7"):
            client.ack_events("me", 7)


def test_pages(place, daemon):
    with place.client() as client:
        run_to_its_end(client)
        client.open_consumer("me", kinds=["task_ready", "graph_ended"])
        page = client.read_consumer("me", limit=1)
        assert ([event.seq for event in page.events], page.through, page.head) == ([2], 2, 6)
        page = client.read_consumer("me", since=page.through, limit=1)
        assert ([event.seq for event in page.events], page.through) == ([6], 6)
        assert client.read_consumer("me", since=6) == m.Events(events=(), head=6, through=6)
        with pytest.raises(Refused, match="no consumer 'you'"):
            client.read_consumer("you")


def test_a_reader_that_never_reads_is_nobodys_burden(place, daemon):
    """Its cursor stands; the others go on, and it misses nothing when it comes back."""
    with place.client() as client:
        client.open_consumer("asleep")
        done = threading.Event()

        def read():
            with place.client() as own, own.consume("awake") as events:
                for event in events:
                    events.ack()
                    if event.seq == 30:
                        done.set()
                        return

        reader = threading.Thread(target=read)
        reader.start()
        for number in range(5):
            run_to_its_end(client, f"g{number}")
        assert done.wait(30)
        reader.join()
        cursors = {one.name: one.behind for one in client.consumers().consumers}
        assert cursors == {"asleep": 30, "awake": 0}
        eventually(lambda: len(client.read_consumer("asleep").events) == 30)
