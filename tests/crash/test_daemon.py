"""kill -9 of the daemon and of its hosts at seeded moments, while clients submit and repeat.

Judged from outside: by the clients' own record of replies, by files that the tasks append to, and by what the last
daemon says. Only our processes are killed, never a shim, so nothing may be lost, run twice, or be unknown.
"""

import itertools
import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from daemon_harness import DEADLINE_S, Place, alive, command, eventually, one_task

from orch_actors.protocol import codec, messages
from orch_actors.protocol.errors import OrchError

CLIENTS = 3
EACH = 20


@pytest.fixture
def place():
    made = Place()
    yield made
    made.close()


class Submitter(threading.Thread):
    """Submits its graphs one after the other, repeats each until it is answered, and some of the answered ones too."""

    def __init__(self, place, name, effects, seed, answered):
        super().__init__(name=name)
        self._answered = answered
        self._place, self._effects, self._rng = place, effects, random.Random(f"{seed}-{name}")
        self.replies, self.wrong = {}, []
        self.bodies = {}
        self.over = threading.Event()

    def run(self):
        for number in range(EACH):
            if self.over.is_set():
                return
            self._submit(f"{self.name}-{number}")
            if self._rng.random() < 0.5:
                self._repeat(self._rng.choice(list(self.bodies)))

    def _submit(self, name):
        line = f"echo {name} >>{self._effects}; sleep 0.0{self._rng.randrange(10)}"
        command_id, self.bodies[name] = command(one_task(name, line), client=self.name)
        reply = self._place.ask(self.bodies[name], patience_s=2 * DEADLINE_S, try_s=0.3)
        if reply is None or codec.REPLY.decode(reply).id != command_id:
            self.wrong.append((name, reply))
        self.replies[name] = reply
        self._answered.release()

    def _repeat(self, name):
        reply = self._place.ask(self.bodies[name], patience_s=2 * DEADLINE_S, try_s=0.3)
        if reply != self.replies[name]:
            self.wrong.append((name, self.replies[name], reply))


def submit_under(place, tmp_path, seed, disturb):
    """Run the submitters while `disturb(rng, pause)` is called again and again; `pause` returns after some answers."""
    rng, effects, answered = random.Random(seed), tmp_path / "effects", threading.Semaphore(0)
    submitters = [Submitter(place, f"c{number}", effects, seed, answered) for number in range(CLIENTS)]

    def pause():
        for _ in range(rng.randrange(10)):
            while not answered.acquire(timeout=0.1):
                if not any(submitter.is_alive() for submitter in submitters):
                    return
        threading.Event().wait(rng.uniform(0.0, 0.01))

    for submitter in submitters:
        submitter.start()
    try:
        while any(submitter.is_alive() for submitter in submitters):
            disturb(rng, pause)
    finally:
        for submitter in submitters:
            submitter.over.set()
        for submitter in submitters:
            submitter.join(3 * DEADLINE_S)
    assert [submitter.wrong for submitter in submitters] == [[]] * CLIENTS
    replies = {name: reply for submitter in submitters for name, reply in submitter.replies.items()}
    bodies = {name: body for submitter in submitters for name, body in submitter.bodies.items()}
    assert len(replies) == CLIENTS * EACH
    return replies, bodies, effects


def check(place, replies, bodies, effects):
    """Every accepted graph is there and done, nothing ran twice, and a repetition still has the same bytes."""
    graphs = {codec.REPLY.decode(reply).result.graph: name for name, reply in replies.items()}
    assert len(graphs) == len(replies)
    with place.client() as client:
        summaries = client.wait(list(graphs), timeout_s=DEADLINE_S)
        assert {summary.id: summary.name for summary in summaries} == graphs
        found = {graph: client.graph(graph) for graph in graphs}
        assert len(client.status().graphs) == len(graphs)
        events = []
        while (piece := client.events(len(events))).events:
            events += piece.events
    attempts = [attempt for graph in found.values() for attempt in graph.tasks[0].attempts]
    assert [(attempt.state, attempt.exit_code) for attempt in attempts] == [("done", 0)] * len(graphs)
    assert Counter(effects.read_text().split()) == Counter(graphs.values())
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert Counter(event.graph for event in events if event.kind == "graph_submitted") == Counter(list(graphs))
    assert {name: place.ask(body) for name, body in bodies.items()} == replies


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_daemon_is_killed_again_and_again(place, tmp_path, seed):
    kills = 0

    def live_and_die(_rng, pause):
        nonlocal kills
        daemon = place.start().ready()
        pause()
        daemon.kill()
        kills += 1

    replies, bodies, effects = submit_under(place, tmp_path, seed, live_and_die)
    last = place.start().ready()
    check(place, replies, bodies, effects)
    assert kills >= 6
    assert last.term() == 0


def test_killed_also_while_it_starts(place, tmp_path):
    """Nearly every daemon dies before it is ready."""

    lives = itertools.count()

    def live_and_die(rng, _pause):
        daemon = place.start()
        # Longer with every life: on a busy machine, too, some daemon comes far enough to answer.
        threading.Event().wait(rng.uniform(0.1, 0.6) + 0.03 * next(lives))
        daemon.kill()

    replies, bodies, effects = submit_under(place, tmp_path, 4, live_and_die)
    last = place.start().ready()
    check(place, replies, bodies, effects)
    assert last.term() == 0


@pytest.mark.parametrize("seed", [5, 6])
def test_worker_hosts_are_killed_again_and_again(place, tmp_path, seed):
    # From outside, so it says nothing about what they are given: no number of deaths parks the type.
    Path(place.path, "config.toml").write_text("[hosts]\ndeaths = 1000\n")
    daemon = place.start().ready()
    kills = 0

    def kill_a_host(_rng, pause):
        nonlocal kills
        pause()
        for pid in daemon.hosts():
            os.kill(pid, signal.SIGKILL)
            kills += 1

    replies, bodies, effects = submit_under(place, tmp_path, seed, kill_a_host)
    check(place, replies, bodies, effects)
    assert kills >= 3
    assert daemon.term() == 0


def test_a_host_that_dies_with_long_tasks_running_is_replaced_and_adopts(place, tmp_path):
    daemon = place.start().ready()
    go = tmp_path / "go"
    line = f"echo $$ >>{tmp_path}/pids; until [ -e {go} ]; do sleep 0.01; done; exit 7"
    graphs = [
        codec.REPLY.decode(place.ask(command(one_task(f"n{number}", line))[1])).result.graph for number in range(3)
    ]
    pids = tmp_path / "pids"
    eventually(lambda: pids.exists() and len(pids.read_text().split()) == 3)
    for _ in range(2):
        (host,) = eventually(daemon.hosts)
        os.kill(host, signal.SIGKILL)
        eventually(lambda host=host: daemon.hosts() not in ([], [host]))
    daemon.kill()
    daemon = place.start().ready()
    (host,) = eventually(daemon.hosts)
    assert alive(host)
    go.touch()
    with place.client() as client:
        assert [summary.state for summary in client.wait(graphs, timeout_s=DEADLINE_S)] == ["failed"] * 3
        (attempts,) = {client.graph(graph).tasks[0].attempts[0].exit_code for graph in graphs}
        assert attempts == 7
    assert len(pids.read_text().split()) == 3
    assert daemon.term() == 0


def test_a_follower_sees_each_event_once_over_kills(place, tmp_path):
    daemon = place.start().ready()
    seen, done = [], threading.Event()

    def follow():
        with place.client() as client, client.follow(since=0, timeout_s=DEADLINE_S) as events:
            for event in events:
                seen.append((event.seq, event.kind, event.graph))
                if event.kind == "graph_submitted" and event.graph == "g8":
                    done.set()
                    return

    follower = threading.Thread(target=follow)
    follower.start()
    for number in range(8):
        place.ask(command(one_task(f"n{number}"))[1])
        if number % 3 == 1:
            daemon.kill()
            daemon = place.start().ready()
    assert done.wait(DEADLINE_S)
    follower.join(DEADLINE_S)
    assert [seq for seq, *_ in seen] == list(range(1, len(seen) + 1))
    with place.client() as client:
        stored = client.events(0, limit=len(seen)).events
    assert [(event.seq, event.kind, event.graph) for event in stored] == seen
    assert daemon.term() == 0


def test_a_command_that_was_given_up_on_is_not_executed_by_the_next_daemon(place):
    """The client's socket goes with its patience; nothing is delivered later."""
    place.start().ready().kill()
    with place.client(timeout_s=0.3) as client, pytest.raises(OrchError):
        client.submit({"name": "late", "tasks": [{"id": "t", "command": "true"}]})
    daemon = place.start().ready()
    with place.client() as client:
        assert client.status().graphs == ()
    _, body = command(one_task("too late"))
    late = codec.REQUEST.decode(body)
    expired = messages.Request(id=late.id, client=late.client, do=late.do, deadline_utc=time.time() - 1)
    assert codec.REPLY.decode(place.ask(codec.encode(expired))).error.code == "DEADLINE_PASSED"
    assert daemon.term() == 0


def test_segments_change_under_load_and_kills(place, tmp_path):
    """Small segments, so that rotation is hit as well."""
    prelude = (
        "from orch_actors.actors.journal.writer import Journal\n"
        "Journal.resume.__func__.__kwdefaults__['segment_bytes'] = 3000"
    )

    def live_and_die(_rng, pause):
        daemon = place.start(prelude).ready()
        pause()
        daemon.kill()

    replies, bodies, effects = submit_under(place, tmp_path, 7, live_and_die)
    last = place.start(prelude).ready()
    check(place, replies, bodies, effects)
    assert len(place.segments()) > 5
    assert last.term() == 0
    assert all(Path(path).stat().st_size for path in place.segments())


def test_a_result_that_is_gone_ends_no_attempt_that_runs(place, tmp_path):
    """Adopted although its launch could not be made any more: only a beginning needs what it refers to."""
    go, running = tmp_path / "go", tmp_path / "running"
    use = f"echo ${{tasks.make.result.0}}; echo $$ >{running}; until [ -e {go} ]; do sleep 0.02; done; exit 7"
    tasks = [
        {"id": "make", "command": 'seq -s, 99999 | sed "s/.*/[&]/" >"$ORCH_RESULT"'},  # too large to be journalled
        {"id": "use", "command": use, "depends_on": ["make"]},
    ]
    first = place.start().ready()
    with place.client() as client:
        graph = client.submit({"name": "g", "tasks": tasks}).graph
        eventually(running.exists, "the attempt runs")
        first.kill()
        (result,) = Path(place.home.attempts).glob(f"*/{graph}/make.1.result")
        result.unlink()
        place.start().ready()
        eventually(lambda: client.status().supervisor.adopted == 1)
        go.touch()
        (ended,) = client.wait([graph], timeout_s=DEADLINE_S)
        assert ended.counts == {"done": 1, "failed": 1}
        (attempt,) = client.graph(graph).tasks[1].attempts
        assert (attempt.exit_code, attempt.class_) == (7, "exit")
