"""Both clients against a scripted daemon: real sockets, lost and late replies, restarts, stalls.

Each test runs once with the plain client and once with the asyncio one: `Plain` and `Async` give them one face.
"""

import asyncio
import gc
import os
import shutil
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import zmq
from scripted_daemon import DEADLINE_S, ScriptedDaemon, error, eventually

from orch_actors.protocol import codec, exchange, messages
from orch_actors.protocol.aclient import AsyncClient
from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import EnvironmentFault, PeerFault, Refused, Unavailable
from orch_actors.protocol.reach import Reach
from orch_actors.protocol.transport import Pool, connected

DOCUMENT = {"name": "n", "tasks": [{"id": "a", "command": "true"}]}


class Plain:
    """A Client in this thread."""

    def __init__(self, endpoint, **more):
        self.client = Client(endpoint=endpoint, **{"timeout_s": DEADLINE_S, **more})

    def call(self, name, *args, **more):
        return getattr(self.client, name)(*args, **more)

    def follow(self, count, since=None, *, began=None, **more):
        """The first `count` events; fewer only where the follower ends by itself."""
        found = []
        more.setdefault("timeout_s", DEADLINE_S)
        with self.client.follow(since, **more) as events:
            if began is not None:
                began()
            for event in events:
                found.append(event)
                if len(found) == count:
                    break
        return found

    def end(self):
        self.client.close()

    close = end


class Async:
    """An AsyncClient on a loop in a thread of its own."""

    def __init__(self, endpoint, **more):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.client = AsyncClient(endpoint=endpoint, **{"timeout_s": DEADLINE_S, **more})

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(2 * DEADLINE_S)

    def call(self, name, *args, **more):
        return self.run(getattr(self.client, name)(*args, **more))

    def follow(self, count, since=None, *, began=None, **more):
        async def collect():
            found = []
            more.setdefault("timeout_s", DEADLINE_S)
            async with self.client.follow(since, **more) as events:
                if began is not None:
                    began()
                async for event in events:
                    found.append(event)
                    if len(found) == count:
                        break
            return found

        return self.run(collect())

    def end(self):
        async def close():
            self.client.close()

        self.run(close())

    def close(self):
        self.end()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_S)
        self._loop.close()


@pytest.fixture
def folder():
    """A folder whose path is short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="oa-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def daemon(folder):
    daemon = ScriptedDaemon(folder)
    yield daemon
    daemon.kill()


@pytest.fixture(params=[Plain, Async])
def connect(request, daemon):
    """Makes clients of one kind, and closes them."""
    made = []

    def make(**more):
        made.append(request.param(daemon.commands, **more))
        return made[-1]

    yield make
    for client in made:
        client.close()


def in_background(call, *args, **more):
    """A future of a call in another thread."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(call, *args, **more)
    pool.shutdown(wait=False)
    return future


# --- requests -----------------------------------------------------------------------------------------------------


def test_every_method_asks_its_question(connect, daemon):
    daemon.start()
    client = connect(client_id="me")
    daemon.answer = lambda request: codec.encode(messages.Reply(id=request.id, error=error("INTERNAL")))
    calls = [
        ("submit", (DOCUMENT,), {"key": "k", "base_dir": "/b", "environment": {"TZ": "x"}, "dry_run": True}),
        ("cancel", ("g1", "a"), {"reason": "why"}),
        ("shutdown", (True,), {}),
        ("hello", (), {}),
        ("status", (), {}),
        ("graph", ("g1",), {}),
        ("summaries", (["g1", "g2"],), {}),
        ("result", ("g1", "a"), {}),
        ("read_log", ("g1", "a"), {"attempt": 2, "stream": "stderr", "offset": -5, "limit": 9}),
        ("events", (3,), {"limit": 4}),
        ("actors", (), {}),
        ("add", ("g1", DOCUMENT["tasks"]), {"base_dir": "/b", "if_version": 3, "dry_run": True}),
        ("update", ("g1", "a", {"timeout": None}), {"base_dir": "/b", "if_version": 3, "dry_run": True}),
        ("retry", ("g1",), {"base_dir": "/b"}),
        ("retry", ("g1", "a"), {"changes": {"timeout": 9}, "base_dir": "/b", "if_version": 3, "dry_run": True}),
        ("pause", ("g1",), {"reason": "why"}),
        ("pause", (), {"worker": "shell"}),
        ("resume", ("g1",), {}),
        ("resume", (), {"worker": "shell"}),
        ("limit", ("g1",), {"parallel": 2, "if_version": 3, "dry_run": True}),
        ("limit", (), {"parallel": None, "worker": "shell"}),
        ("prune", (["g1"],), {"older_than_s": 5.0, "keep": 6, "dry_run": True}),
        ("decisions", (), {}),
        ("decisions", ("g1",), {"answered": True}),
        ("decision", ("d1",), {}),
        ("decide", ("d1", "yes"), {"note": "why"}),
        ("ask", ("g1", "a", "q"), {"options": ["x", "y"], "default": "x", "deadline_s": 5.0}),
        ("why", ("g1", "a"), {}),
    ]
    for name, args, more in calls:
        with pytest.raises(Refused):
            client.call(name, *args, **more)
    assert [request.do for request in daemon.seen] == [
        messages.SubmitGraph(graph=DOCUMENT, key="k", base_dir="/b", environment={"TZ": "x"}, dry_run=True),
        messages.Cancel(graph="g1", task="a", reason="why"),
        messages.Shutdown(kill=True),
        messages.Hello(),
        messages.GetStatus(),
        messages.GetGraph(graph="g1"),
        messages.GetSummaries(graphs=("g1", "g2")),
        messages.GetResult(graph="g1", task="a"),
        messages.ReadLog(graph="g1", task="a", attempt=2, stream="stderr", offset=-5, limit=9),
        messages.ReadEvents(since=3, limit=4),
        messages.ListActors(),
        messages.AddTasks(graph="g1", tasks=tuple(DOCUMENT["tasks"]), base_dir="/b", if_version=3, dry_run=True),
        messages.UpdateTask(graph="g1", task="a", set={"timeout": None}, base_dir="/b", if_version=3, dry_run=True),
        messages.RetryTasks(graph="g1", base_dir="/b"),
        messages.RetryTasks(graph="g1", task="a", set={"timeout": 9}, base_dir="/b", if_version=3, dry_run=True),
        messages.Pause(graph="g1", reason="why"),
        messages.Pause(worker="shell"),
        messages.Resume(graph="g1"),
        messages.Resume(worker="shell"),
        messages.SetLimit(graph="g1", parallel=2, if_version=3, dry_run=True),
        messages.SetLimit(worker="shell"),
        messages.Prune(graphs=("g1",), older_than=5.0, keep=6, dry_run=True),
        messages.GetDecisions(),
        messages.GetDecisions(graph="g1", answered=True),
        messages.GetDecision(ref="d1"),
        messages.Decide(ref="d1", choice="yes", note="why"),
        messages.Ask(graph="g1", task="a", question="q", options=("x", "y"), default="x", deadline=5.0),
        messages.Why(graph="g1", task="a"),
    ]
    assert {request.client for request in daemon.seen} == {"me"}
    assert len({request.id for request in daemon.seen}) == len(calls)
    stamps = [request.id[:12] for request in daemon.seen]
    assert stamps == sorted(stamps)
    assert all(request.deadline_utc > time.time() for request in daemon.seen)


def test_a_lost_reply_is_asked_for_again_with_the_same_id(connect, daemon):
    daemon.start()
    daemon.lose_replies = 2
    accepted = connect().call("submit", DOCUMENT)
    assert accepted.graph == "g1"
    assert len(daemon.bodies) == 3
    assert len(set(daemon.bodies)) == 1
    assert len(daemon.routes) == 3  # each over a fresh connection
    assert len(daemon.executed) == 1


def test_a_broken_connection_is_seen_before_the_reply_is_overdue(connect, daemon, monkeypatch):
    borrowed = []
    for kind, name in ((Pool, "borrow"), (AsyncClient, "_borrow")):
        original = vars(kind)[name]
        monkeypatch.setattr(kind, name, lambda self, original=original: borrowed.append(1) or original(self))
    monkeypatch.setattr("orch_actors.protocol.exchange.FIRST_TRY_S", 10 * DEADLINE_S)
    daemon.start()
    daemon.die_after_executing = True
    future = in_background(connect(timeout_s=10 * DEADLINE_S).call, "submit", DOCUMENT)
    eventually(lambda: len(borrowed) == 2, "a second try")
    daemon.kill()
    daemon.start()
    assert future.result(DEADLINE_S).graph == "g1"
    assert len(daemon.executed) == 1


def test_a_daemon_that_dies_after_executing_answers_in_its_next_life(connect, daemon):
    daemon.start()
    daemon.die_after_executing = True
    future = in_background(connect().call, "submit", DOCUMENT)
    eventually(lambda: daemon.dead, "the death")
    daemon.kill()
    daemon.start()
    assert future.result(DEADLINE_S).graph == "g1"
    assert len(daemon.executed) == 1
    assert len(set(daemon.bodies)) == 1


def test_a_client_may_be_there_before_its_daemon(connect, daemon):
    future = in_background(connect().call, "submit", DOCUMENT)
    daemon.start()
    assert future.result(DEADLINE_S).graph == "g1"
    assert len(daemon.executed) == 1


def test_one_client_over_many_restarts(connect, daemon):
    client = connect()
    for number in range(1, 6):
        daemon.start()
        assert client.call("submit", DOCUMENT).graph == f"g{number}"
        daemon.kill()


def test_late_and_doubled_replies_are_not_taken_for_others(connect, daemon):
    daemon.start()
    daemon.repeat_replies = 3
    client = connect()
    assert [client.call("submit", DOCUMENT).graph for _ in range(5)] == ["g1", "g2", "g3", "g4", "g5"]
    assert client.call("hello").journal == "j1"


def test_nobody_there(connect, daemon):
    with pytest.raises(Unavailable) as unavailable:
        connect(timeout_s=0.3).call("submit", DOCUMENT)
    assert unavailable.value.endpoint == daemon.commands
    assert unavailable.value.command_id


def test_a_given_up_command_does_not_arrive_later(connect, daemon):
    with pytest.raises(Unavailable):
        connect(timeout_s=0.3).call("submit", DOCUMENT)
    daemon.start()
    other = connect()
    other.call("hello")
    other.call("hello")
    assert daemon.executed == []


def test_an_unanswered_command_can_be_settled_by_its_id(connect, daemon):
    daemon.start()
    daemon.lose_replies = 1
    client = connect(timeout_s=0.3)
    with pytest.raises(Unavailable) as unavailable:
        client.call("cancel", "g1")
    do = messages.Cancel(graph="g1")
    result = client.call("request", do, command_id=unavailable.value.command_id, timeout_s=DEADLINE_S)
    assert result == messages.Cancelled(graph="g1", tasks=())
    assert len(daemon.executed) == 1


@pytest.mark.parametrize("code", ["OVERLOADED", "STOPPING"])
def test_what_passes_is_waited_out(connect, daemon, code):
    daemon.start()
    daemon.refuse = [error(code, retriable=True), error(code, retriable=True)]
    assert connect().call("submit", DOCUMENT).graph == "g1"
    assert len({request.id for request in daemon.seen}) == 1


def test_what_does_not_pass_in_time_is_told(connect, daemon, monkeypatch):
    # A try that is not answered before the time is up makes it `Unavailable`, as it must: what came of that one is not
    # known. So the last try has a time in which an answer comes on a busy machine, too.
    monkeypatch.setattr(exchange, "LEAST_TRY_S", 4.0)
    daemon.start()
    daemon.refuse = [error("OVERLOADED", retriable=True)] * 1000
    with pytest.raises(Refused) as refused:
        connect(timeout_s=4.5).call("submit", DOCUMENT)
    assert refused.value.info.code == "OVERLOADED"


def test_a_full_disk_is_told_at_once(connect, daemon):
    daemon.start()
    daemon.refuse = [error("DISK_FULL", retriable=True)]
    with pytest.raises(Refused) as refused:
        connect().call("submit", DOCUMENT)
    assert refused.value.info.retriable
    assert len(daemon.seen) == 1


def test_another_result_than_asked_for_is_a_peer_fault(connect, daemon):
    daemon.start()
    daemon.answer = lambda request: daemon.encode(request, messages.Stopping(running=0))
    with pytest.raises(PeerFault, match="expected Welcome"):
        connect().call("hello")


def test_rubbish_is_passed_over(connect, daemon):
    daemon.start()
    daemon.chatter = [b"", b"rubbish", b'{"id":"another"}', b'{"id":"another","result":7}']
    assert connect().call("hello").journal == "j1"


def test_after_close(connect):
    client = connect()
    client.end()
    with pytest.raises(RuntimeError, match="closed"):
        client.call("hello")


# --- events -------------------------------------------------------------------------------------------------------


def numbers(events):
    return [event.seq for event in events]


def test_follow_all(connect, daemon):
    daemon.start()
    for _ in range(5):
        daemon.happen()
    assert numbers(connect().follow(5, since=0)) == [1, 2, 3, 4, 5]


def test_follow_from_now(connect, daemon):
    daemon.start()
    daemon.happen()
    assert numbers(connect().follow(2, began=lambda: [daemon.happen(), daemon.happen()])) == [2, 3]


def test_follow_over_losses(connect, daemon):
    daemon.start()
    daemon.unpublished = lambda seq: seq % 3 == 0 or 20 < seq < 40

    def began():
        for _ in range(60):
            daemon.happen()

    assert numbers(connect().follow(60, since=0, began=began)) == list(range(1, 61))


def test_what_is_never_published_is_known_from_the_heartbeat(connect, daemon):
    daemon.start()
    daemon.unpublished = lambda _seq: True
    assert numbers(connect().follow(3, began=lambda: [daemon.happen() for _ in range(3)])) == [1, 2, 3]


def test_silence_is_no_loss(connect, daemon):
    """No heartbeat and nothing published: the follower asks by itself."""
    daemon.start()
    daemon.beat_s = 1e9
    daemon.unpublished = lambda _seq: True
    assert numbers(connect().follow(1, began=daemon.happen)) == [1]


def test_follow_more_than_a_page(connect, daemon):
    daemon.unpublished = lambda _seq: True  # it happened before anybody listened
    for _ in range(2500):
        daemon.happen()
    daemon.start()
    assert numbers(connect().follow(2500, since=0)) == list(range(1, 2501))
    assert daemon.asked["ReadEvents"] == 3


def test_follow_over_restarts(connect, daemon):
    daemon.start()
    client = connect()
    started = threading.Event()
    future = in_background(client.follow, 40, since=0, began=started.set)
    assert started.wait(DEADLINE_S)
    for _ in range(4):
        for _ in range(5):
            daemon.happen()
        daemon.kill()
        for _ in range(5):
            daemon.happen()
        daemon.start()
    assert numbers(future.result(DEADLINE_S)) == list(range(1, 41))


def test_a_slow_reader_misses_nothing(daemon):
    """More is published than any queue holds while nobody reads."""
    with daemon, Client(endpoint=daemon.commands, timeout_s=DEADLINE_S) as client, client.follow(0) as events:
        daemon.happen()
        assert next(events).seq == 1
        for _ in range(20_000):
            daemon.happen()
        eventually(lambda: not daemon._outgoing, "publishing")
        assert numbers(next(events) for _ in range(20_000)) == list(range(2, 20_002))


def test_follow_ends_after_silence(connect, daemon):
    daemon.start()
    daemon.happen()
    assert numbers(connect().follow(9, since=0, timeout_s=0.3)) == [1]


def test_a_wiped_state_is_not_followed(connect, daemon):
    daemon.start()
    daemon.happen()

    def wipe():
        daemon.kill()
        daemon.journal, daemon.events = "j2", []
        daemon.start()

    with pytest.raises(EnvironmentFault, match="not the one that was followed"):
        connect().follow(9, began=wipe)
    with pytest.raises(EnvironmentFault, match="events after 7 were asked for"):
        connect().follow(9, since=7)


def test_a_daemon_that_stays_away_is_told(connect, daemon):
    daemon.start()
    with pytest.raises(Unavailable):
        connect(timeout_s=0.3).follow(1, began=daemon.kill)


def test_a_follower_closed_by_another_thread_ends(daemon):
    with daemon, Client(endpoint=daemon.commands, timeout_s=DEADLINE_S) as client:
        follower = client.follow()
        future = in_background(list, follower)
        follower.close()
        assert future.result(DEADLINE_S) == []
        second = client.follow()
        future = in_background(list, second)
        client.close()
        assert future.result(DEADLINE_S) == []


def test_a_place_can_be_taken_up_again(daemon):
    with daemon, Client(endpoint=daemon.commands, timeout_s=DEADLINE_S) as client:
        for _ in range(4):
            daemon.happen()
        with client.follow(0) as events:
            assert numbers([next(events), next(events)]) == [1, 2]
        with client.follow(events.after) as again:
            assert next(again).seq == 3


def test_json_subscribers_hear_the_same(daemon):
    with daemon, zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.setsockopt(zmq.SUBSCRIBE, codec.TOPIC_JSON)
        socket.connect(daemon.published_at)
        assert socket.poll(DEADLINE_S * 1000)
        topic, body = socket.recv_multipart()
        assert topic == codec.TOPIC_JSON
        assert isinstance(codec.PUBLISHED.decode(body), messages.Heartbeat)


# --- waiting ------------------------------------------------------------------------------------------------------


def states(summaries):
    return [(summary.id, summary.state) for summary in summaries]


def test_wait_for_what_is_over_returns_at_once(connect, daemon):
    daemon.start()
    daemon.add_graph("a", "done")
    daemon.add_graph("b", "failed")
    assert states(connect().call("wait", ["b", "a"])) == [("b", "failed"), ("a", "done")]
    assert daemon.asked["Hello"] == 0  # no subscription was needed


def test_wait_for_nothing(connect, daemon):
    daemon.start()
    assert connect().call("wait", []) == ()


def test_wait_for_all(connect, daemon):
    daemon.start()
    daemon.add_graph("a")
    daemon.add_graph("b")
    future = in_background(connect().call, "wait", ["a", "b"])
    eventually(lambda: daemon.asked["Hello"] == 1, "the wait's follower")
    daemon.end_graph("a")
    eventually(lambda: daemon.asked["GetSummaries"] == 2, "a look at a's end")
    assert not future.done()
    daemon.end_graph("b", "cancelled")
    assert states(future.result(DEADLINE_S)) == [("a", "done"), ("b", "cancelled")]


def test_wait_for_any(connect, daemon):
    daemon.start()
    daemon.add_graph("a")
    daemon.add_graph("b")
    future = in_background(connect().call, "wait", ["a", "b"], any_=True)
    eventually(lambda: daemon.asked["Hello"] == 1, "the wait's follower")
    daemon.end_graph("b")
    assert states(future.result(DEADLINE_S)) == [("a", "running"), ("b", "done")]


def test_wait_is_not_a_poll(connect, daemon):
    daemon.start()
    daemon.add_graph("a")
    future = in_background(connect().call, "wait", ["a"])
    eventually(lambda: daemon.asked["Hello"] == 1, "the wait's follower")
    for _ in range(200):
        daemon.happen("task_ended", graph="a", task="t")
    daemon.end_graph("a")
    assert states(future.result(DEADLINE_S)) == [("a", "done")]
    assert daemon.asked["GetSummaries"] == 2


def test_wait_although_the_event_is_lost(connect, daemon):
    daemon.start()
    daemon.add_graph("a")
    daemon.unpublished = lambda _seq: True
    future = in_background(connect().call, "wait", ["a"])
    eventually(lambda: daemon.asked["Hello"] == 1, "the wait's follower")
    daemon.end_graph("a")
    assert states(future.result(DEADLINE_S)) == [("a", "done")]


def test_wait_over_a_restart(connect, daemon):
    daemon.start()
    daemon.add_graph("a")
    future = in_background(connect().call, "wait", ["a"])
    eventually(lambda: daemon.asked["Hello"] == 1, "the wait's follower")
    daemon.kill()
    daemon.end_graph("a")
    daemon.start()
    assert states(future.result(DEADLINE_S)) == [("a", "done")]


def test_wait_times_out(connect, daemon):
    daemon.start()
    daemon.add_graph("a")
    daemon.add_graph("b", "done")
    with pytest.raises(TimeoutError, match=r"after 0.2 s still going on: a$"):
        connect().call("wait", ["a", "b"], timeout_s=0.2)


def test_wait_times_out_although_the_daemon_has_gone(connect, daemon):
    daemon.start()
    daemon.add_graph("a")
    future = in_background(connect().call, "wait", ["a"], timeout_s=0.5)
    eventually(lambda: daemon.asked["Hello"] == 1, "the wait's follower")
    daemon.kill()
    with pytest.raises(TimeoutError):
        future.result(DEADLINE_S)


def test_wait_for_an_unknown_graph(connect, daemon):
    daemon.start()
    with pytest.raises(Refused) as refused:
        connect().call("wait", ["nonsense"])
    assert refused.value.info.code == "UNKNOWN_GRAPH"


def test_closing_the_client_ends_a_wait(connect, daemon):
    daemon.beat_s = 1e9
    daemon.start()
    daemon.add_graph("a")
    client = connect()
    future = in_background(client.call, "wait", ["a"])
    eventually(lambda: daemon.asked["ReadEvents"] == 1, "the wait's first look for losses")
    client.end()
    with pytest.raises(RuntimeError, match="closed"):
        future.result(DEADLINE_S)


# --- threads, tasks, processes --------------------------------------------------------------------------------------


def test_threads_share_a_client(daemon):
    with daemon, Client(endpoint=daemon.commands, timeout_s=DEADLINE_S) as client:
        with ThreadPoolExecutor(8) as pool:
            graphs = list(pool.map(lambda _: client.submit(DOCUMENT).graph, range(200)))
        assert len(set(graphs)) == 200
        assert len(client._pool._idle) <= 8


def test_a_long_wait_of_one_thread_does_not_hold_up_another(daemon):
    daemon.add_graph("a")
    with daemon, Client(endpoint=daemon.commands, timeout_s=DEADLINE_S) as client:
        future = in_background(client.wait, ["a"])
        eventually(lambda: daemon.asked["Hello"] == 1, "the wait's follower")
        for _ in range(20):
            client.submit(DOCUMENT)
        assert not future.done()
        daemon.end_graph("a")
        future.result(DEADLINE_S)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # that is the point
def test_a_forked_child_has_sockets_of_its_own(daemon):
    with daemon, Client(endpoint=daemon.commands, timeout_s=DEADLINE_S) as client:
        assert client.submit(DOCUMENT).graph == "g1"
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 0 if client.submit(DOCUMENT).graph == "g2" else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert client.submit(DOCUMENT).graph == "g3"


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_follows_by_itself(daemon):
    with daemon, Client(endpoint=daemon.commands, timeout_s=DEADLINE_S) as client, client.follow() as events:
        daemon.happen()
        assert next(events).seq == 1
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 0 if next(events).seq == 2 else 2
            finally:
                os._exit(code)
        daemon.happen()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert next(events).seq == 2


def test_a_dropped_follower_leaves_nothing_open(daemon):
    with daemon, Client(endpoint=daemon.commands, timeout_s=DEADLINE_S) as client:
        socket = client.follow()._socket
        assert socket.closed


def test_sockets_that_lost_their_daemon_are_not_used_again(daemon):
    pool = Pool(Reach(daemon.commands))
    with daemon:
        first = pool.borrow()
        assert first.poll(DEADLINE_S * 1000, zmq.POLLOUT)
        pool.give_back(first)
        assert pool.borrow() is first
        pool.give_back(first)
    eventually(lambda: not connected(first), "the loss of the connection")
    second = pool.borrow()
    assert second is not first
    assert first.closed
    pool.close()
    pool.give_back(second)
    assert second.closed


def test_requests_of_many_tasks(daemon):
    async def main():
        async with AsyncClient(endpoint=daemon.commands, timeout_s=DEADLINE_S) as client:
            return await asyncio.gather(*(client.submit(DOCUMENT) for _ in range(50)))

    with daemon:
        assert len({accepted.graph for accepted in asyncio.run(main())}) == 50


def test_a_cancelled_call_leaves_nothing_open(daemon):
    async def main():
        client = AsyncClient(endpoint=daemon.commands, timeout_s=DEADLINE_S)
        assert (await client.hello()).journal == "j1"
        daemon.answer = lambda _request: None
        tasks = [asyncio.create_task(client.submit(DOCUMENT)) for _ in range(3)]
        follower = client.follow(0)
        step = asyncio.create_task(anext(follower))
        while len(daemon.seen) < 5:  # noqa: ASYNC110 (the daemon is a thread)
            await asyncio.sleep(0)
        for task in [*tasks, step]:
            task.cancel()
        assert all(
            isinstance(each, asyncio.CancelledError)
            for each in await asyncio.gather(*tasks, step, return_exceptions=True)
        )
        daemon.answer = None
        assert (await client.hello()).journal == "j1"
        client.close()
        return client

    with daemon:
        client = asyncio.run(main())
        assert client._context is not None
        assert all(socket.closed for socket in client._context._sockets)


def test_a_call_that_outlives_its_client_leaves_nothing_open(daemon):
    async def main():
        client = AsyncClient(endpoint=daemon.commands, timeout_s=DEADLINE_S)
        daemon.lose_replies = 1
        call = asyncio.create_task(client.submit(DOCUMENT))
        while not daemon.seen:  # noqa: ASYNC110 (the daemon is a thread)
            await asyncio.sleep(0)
        client.close()
        assert (await call).graph == "g1"
        return client

    with daemon:
        assert all(socket.closed for socket in asyncio.run(main())._context._sockets)


def test_a_cancellation_is_not_swallowed_by_a_close(daemon):
    async def main():
        async with AsyncClient(endpoint=daemon.commands, timeout_s=DEADLINE_S) as client, client.follow() as events:
            step = asyncio.create_task(anext(events))
            await asyncio.sleep(0)
            step.cancel()
            events.close()
            await asyncio.gather(step, return_exceptions=True)
            return step.cancelled()

    with daemon:
        assert asyncio.run(main())


def test_a_cancelled_follower_goes_on_where_it_was(daemon):
    async def main():
        async with AsyncClient(endpoint=daemon.commands, timeout_s=DEADLINE_S) as client, client.follow(0) as events:
            daemon.happen()
            assert (await anext(events)).seq == 1
            step = asyncio.create_task(anext(events))
            await asyncio.sleep(0)
            step.cancel()
            await asyncio.gather(step, return_exceptions=True)
            daemon.happen()
            assert (await anext(events)).seq == 2

    with daemon:
        asyncio.run(main())


def test_closing_the_client_ends_its_followers(daemon):
    async def main():
        client = AsyncClient(endpoint=daemon.commands, timeout_s=DEADLINE_S)
        events = client.follow()
        await client.hello()

        async def collect():
            return [event async for event in events]

        step = asyncio.create_task(collect())
        while events.after is None:  # noqa: ASYNC110 (it has no event to tell)
            await asyncio.sleep(0)
        client.close()
        return await asyncio.wait_for(step, DEADLINE_S)

    with daemon:
        assert asyncio.run(main()) == []


def test_a_dropped_async_follower_leaves_nothing_open(daemon):
    async def main():
        async with AsyncClient(endpoint=daemon.commands, timeout_s=DEADLINE_S) as client:
            daemon.happen()
            async for event in client.follow(0):
                assert event.seq == 1
                break
            gc.collect()
            assert not client._followers
            return [socket.closed for socket in client._context._sockets if socket.type == zmq.SUB]

    with daemon:
        assert all(asyncio.run(main()))


# --- waiting for an answer ------------------------------------------------------------------------------------------


def test_wait_for_what_is_answered(connect, daemon):
    daemon.start()
    daemon.add_decision("d1", "no")
    assert connect().call("wait_decision", "d1").choice == "no"


def test_wait_for_an_answer(connect, daemon):
    daemon.start()
    daemon.add_decision("d1")
    daemon.add_decision("d2")
    future = in_background(connect().call, "wait_decision", "d1")
    eventually(lambda: daemon.asked["GetDecisions"] == 1, "the first look")
    daemon.answer_decision("d2", "no")  # another one about the same task
    daemon.answer_decision("d1", "yes")
    assert future.result(DEADLINE_S).choice == "yes"
    assert daemon.asked["GetDecisions"] == 1, "the other one's answer is no reason to look"


def test_other_tasks_are_not_looked_at(connect, daemon):
    daemon.start()
    daemon.add_decision("d1")
    future = in_background(connect().call, "wait_decision", "d1")
    eventually(lambda: daemon.asked["GetDecisions"] == 1, "the first look")
    for _ in range(50):
        daemon.happen("task_ended", graph="g1", task="other")
        daemon.happen("decision_answered", graph="g2", task="a")
    daemon.answer_decision("d1", "yes")
    assert future.result(DEADLINE_S).choice == "yes"
    assert daemon.asked["GetDecision"] == 2


def test_wait_for_an_answer_over_a_restart(connect, daemon):
    daemon.start()
    daemon.add_decision("d1")
    future = in_background(connect().call, "wait_decision", "d1")
    eventually(lambda: daemon.asked["GetDecisions"] == 1, "the first look")
    daemon.kill()
    daemon.answer_decision("d1", "yes")
    daemon.start()
    assert future.result(DEADLINE_S).choice == "yes"


def test_no_answer_in_time(connect, daemon):
    daemon.start()
    daemon.add_decision("d1")
    with pytest.raises(TimeoutError, match=r"after 0\.2 s d1 has no answer"):
        connect().call("wait_decision", "d1", timeout_s=0.2)


def test_a_decision_that_will_never_be_answered(connect, daemon):
    daemon.start()
    daemon.add_decision("d1")
    future = in_background(connect().call, "wait_decision", "d1")
    eventually(lambda: daemon.asked["GetDecisions"] == 1, "the first look")
    daemon.withdrawn.add("d1")
    daemon.happen("task_ended", graph="g1", task="a", state="cancelled")
    with pytest.raises(Refused, match="needs no answer any more"):
        future.result(DEADLINE_S)


def test_an_unknown_decision(connect, daemon):
    daemon.start()
    with pytest.raises(Refused) as refused:
        connect().call("wait_decision", "d9")
    assert refused.value.info.code == "UNKNOWN_DECISION"
