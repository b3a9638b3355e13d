"""The Supervisor as an actor, between a journal that notes what is done when and a desk that notes what goes out.

The rule under test: decide, write it down, then act. Nothing leaves before the batch that it belongs to, or that it
may have seen, is durable.
"""

import json
import threading
import time
from typing import Any, NamedTuple

import pytest

from orch_actors.actors import supervisor as supervisor_module
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers import retaining
from orch_actors.actors.core.machine import Machine
from orch_actors.actors.handover import Handover
from orch_actors.actors.inside import (
    Begin,
    ClientAsked,
    HandoverDue,
    HostGone,
    HostSaid,
    HostUp,
    LaunchFailed,
    Origin,
    PruneDue,
    RoomDue,
    SettingsChanged,
    StopAsked,
    TimerDue,
)
from orch_actors.actors.journal.disk import RealDisk
from orch_actors.actors.journal.writer import Journal, JournalPoisoned
from orch_actors.actors.recovery.history import CommandLine, digest_of, encode
from orch_actors.actors.recovery.replaying import Replay
from orch_actors.actors.supervisor import MAX_BATCH, Supervisor
from orch_actors.protocol import codec, hostwire, messages
from orch_actors.protocol.errors import ErrorInfo
from orch_actors.protocol.ids import new_id
from orch_actors.protocol.settings import Retention, Settings

DEADLINE_S = 15.0


def eventually(condition, why=""):
    until = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        assert time.monotonic() < until, f"not in time: {why}"
        time.sleep(0.002)
    return found


class Did(NamedTuple):
    """Something that was done, in the order of the doing."""

    what: str
    of: Any = None


class NotingJournal:
    """A real journal that notes adds and commits, can be held up in a commit, and can fail one."""

    def __init__(self, folder, trace):
        self.replay = Replay()
        self.real, _ = Journal.resume(RealDisk(), str(folder), self.replay, ballast_bytes=0)
        self.folder = str(folder)
        #: As a journal says it that found no room; what it will say after the next commit, and find when it looks.
        self.full, self.fills, self.room = "", "", False
        self.trace = trace
        self.may_commit = threading.Event()
        self.may_commit.set()
        self.committing = threading.Event()
        self.fault = None

    def add(self, kind, data):
        self.trace.append(Did("add", kind))
        return self.real.add(kind, data)

    def commit(self, next_event=0):
        self.committing.set()
        assert self.may_commit.wait(DEADLINE_S)
        if self.fault is not None:
            raise self.fault
        if self.real._pending:
            self.trace.append(Did("commit", len(self.real._pending)))
            self.full, self.fills = self.fills or self.full, ""
        self.real.commit(next_event)

    @property
    def closed(self):
        return self.real.closed

    def close_segment(self, next_event):
        self.trace.append(Did("close_segment"))
        self.real.close_segment(next_event)

    def look_for_room(self):
        if self.room:
            self.full = ""
        return self.room

    def close(self):
        self.trace.append(Did("close"))
        self.real.close()


class NotingDesk:
    """The way out."""

    pid = 4711

    def __init__(self, trace):
        self.trace = trace
        self.sent, self.reminders = [], []
        self.handover = Handover(lambda *sent: self.sent.append(sent), lambda *due: self.reminders.append(due))

    def configure(self, settings):
        self.settings = settings

    def compact(self, through):
        self.trace.append(Did("compact", through))

    def retire(self, segments):
        self.trace.append(Did("retire", segments))

    def prune_in(self, delay_s):
        self.trace.append(Did("prune in", delay_s))

    def sweep(self, state):
        self.trace.append(Did("sweep", sorted(state.graphs)))

    def perform(self, effect, hosts, state):
        self.trace.append(Did("perform", effect))
        if isinstance(effect, s.AdoptAttempt):
            message = hostwire.AdoptAttempt(launch=launch(effect), stopping=effect.stopping)
            self.handover.give(hosts[effect.worker], message)

    def reply(self, origin, body):
        self.trace.append(Did("reply", (origin, body)))

    def publish(self, told):
        if told:
            self.trace.append(Did("publish", [one.seq for one in told]))

    def look_for_room_in(self, delay_s):
        self.trace.append(Did("look in", delay_s))

    def host_spoke(self, host, said):
        self.trace.append(Did("host spoke", (host, type(said).__name__)))

    def query(self, asker, origin, query, state):
        if isinstance(query, messages.ReadLog):  # what the archivist answers
            asker.after(lambda: self.trace.append(Did("read", origin)))
            return
        asker.answer(origin, messages.Summaries(graphs=(), head=asker.head))

    def encode_reply(self, origin, what):
        error = what if isinstance(what, ErrorInfo) else None
        reply = messages.Reply(id=origin.request_id, result=None if error else what, error=error)
        return codec.encode(reply, origin.encoding)


def launch(effect):
    attempt = f"{effect.graph}/{effect.task}/{effect.attempt}"
    return hostwire.Launch(attempt=attempt, folder="/f", stem="s", work={}, cwd="/", env={}, grace_s=1.0, boot="b")


class FakeClock:
    def __init__(self):
        self.now = 1_800_000_000.0

    def utc(self):
        return self.now

    def monotonic(self):
        return self.now


class Life:
    """A supervisor from its start to its stop, over the journal in `folder`."""

    def __init__(self, folder, clock=None, full=""):
        folder.mkdir(exist_ok=True)
        self.trace, self.crashes, self.stopped = [], [], threading.Event()
        self.clock = clock or FakeClock()
        self.journal, self.desk = NotingJournal(folder, self.trace), NotingDesk(self.trace)
        self.journal.full = full
        self.machine = Machine("boot", state=self.journal.replay.state)
        self.replayed = self.journal.replay.finish()
        self.ref = Supervisor.start(
            machine=self.machine,
            journal=self.journal,
            replayed=self.replayed,
            clock=self.clock,
            desk=self.desk,
            settings=Settings(workers={}),
            on_crash=lambda *crash: self.crashes.append(crash),
            on_stopped=lambda: self.stopped.set(),  # noqa: PLW0108 (a test may replace it)
        )

    def begin(self):
        self.ref.ask(Begin(), timeout=DEADLINE_S)
        return self

    def tell(self, do, *, client="c", command=None, encoding="json", deadline_utc=None, v=1):
        """Send a request as the gateway would; its id."""
        request = messages.Request(id=command or new_id(), client=client, do=do, deadline_utc=deadline_utc, v=v)
        self.ref.tell(ClientAsked(Origin((b"route",), encoding, request.id), request))
        return request.id

    def settle(self):
        """Return when all sent so far is handled: a message that changes nothing is the last of it."""
        self.ref.ask(HostSaid("nobody", hostwire.AttemptEnded(attempt="g1/t/1", ending="exit")), timeout=DEADLINE_S)

    def ask(self, do, **more):
        """Send it, and wait for its reply."""
        count = len(self.replies())
        self.tell(do, **more)
        eventually(lambda: len(self.replies()) > count)
        return self.replies()[-1]

    def bodies(self):
        return [did.of[1] for did in self.trace if did.what == "reply"]

    def replies(self):
        return [codec.REPLY.decode(body) for body in self.bodies()]

    def whats(self):
        return [did.what for did in self.trace]

    def prunes_in(self):
        return [did.of for did in self.trace if did.what == "prune in"]

    def performed(self, kind):
        return [did.of for did in self.trace if did.what == "perform" and isinstance(did.of, kind)]

    def stop(self):
        self.journal.may_commit.set()
        self.ref.stop()
        return self

    def kill(self):
        """As kill -9 does: nothing more is written."""
        self.journal.commit = lambda *_: None
        self.journal.close = lambda: None
        self.stop()


@pytest.fixture
def begin(tmp_path):
    lives = []

    def start(**more):
        lives.append(Life(tmp_path / "journal", **more).begin())
        return lives[-1]

    yield start
    for life in lives:
        life.stop()
        assert not life.crashes, life.crashes


def submit(name="g", **more):
    return messages.SubmitGraph(graph={"name": name, "tasks": [{"id": "t", "command": "true"}]}, **more)


def lines(tmp_path):
    """(type, document) of every line on disk."""
    found = [
        json.loads(line) for path in sorted((tmp_path / "journal").iterdir()) for line in path.read_bytes().splitlines()
    ]
    return [(line["t"], line["d"]) for line in found if "t" in line]


# --- retention ----------------------------------------------------------------------------------------------------


def test_what_the_retention_does_not_keep_is_forgotten_now_and_then(begin):
    life = begin()
    assert [did.of for did in life.trace if did.what == "sweep"] == [[]]
    for name in ("a", "b", "c"):
        life.ask(submit(name))
        life.ask(messages.Cancel(graph=name))
    everything = Retention(keep="all", tasks="all")
    life.ref.ask(SettingsChanged(Settings(retention=everything)), timeout=DEADLINE_S)
    life.trace.clear()
    life.ref.ask(PruneDue(), timeout=DEADLINE_S)  # of settings that are no more
    assert life.performed(s.ForgetGraph) == []
    assert "prune in" not in life.whats()
    life.ref.ask(SettingsChanged(Settings(retention=Retention(keep=1))), timeout=DEADLINE_S)
    assert life.prunes_in() == [supervisor_module.PRUNE_SOON_S]
    assert life.performed(s.ForgetGraph) == []
    life.ref.ask(PruneDue(), timeout=DEADLINE_S)
    assert [effect.graph for effect in life.performed(s.ForgetGraph)] == ["g1", "g2"]
    assert life.trace[-2:] == [Did("sweep", ["g3"]), Did("prune in", supervisor_module.PRUNE_EVERY_S)]
    assert life.whats().index("commit") < life.whats().index("perform")
    life.stop()
    again = begin()
    assert sorted(again.machine.state.graphs) == ["g3"]


def test_a_bound_that_is_passed_is_looked_at_soon_and_in_pieces(begin, monkeypatch):
    monkeypatch.setattr(retaining, "PIECE_GRAPHS", 2)
    life = begin()
    life.ref.ask(SettingsChanged(Settings(retention=Retention(keep=1))), timeout=DEADLINE_S)
    life.ref.ask(PruneDue(), timeout=DEADLINE_S)
    life.trace.clear()
    for name in ("a", "b", "c", "d", "e"):
        assert life.prunes_in() == [supervisor_module.PRUNE_SOON_S] * (name in "cde")  # once, and no sooner
        life.ask(submit(name))
        life.ask(messages.Cancel(graph=name))
    assert life.performed(s.ForgetGraph) == []
    life.trace.clear()
    life.ref.ask(PruneDue(), timeout=DEADLINE_S)
    assert [effect.graph for effect in life.performed(s.ForgetGraph)] == ["g1", "g2"]
    assert life.prunes_in() == [supervisor_module.PRUNE_ON_S]
    assert "sweep" not in life.whats()
    life.ref.ask(PruneDue(), timeout=DEADLINE_S)
    assert [effect.graph for effect in life.performed(s.ForgetGraph)] == ["g1", "g2", "g3", "g4"]
    assert life.prunes_in() == [supervisor_module.PRUNE_ON_S, supervisor_module.PRUNE_EVERY_S]
    assert sorted(life.machine.state.graphs) == ["g5"]


# --- decide, write it down, then act ------------------------------------------------------------------------------


def test_nothing_goes_out_before_it_is_durable(begin, tmp_path):
    life = begin()
    life.trace.clear()
    life.journal.may_commit.clear()
    life.journal.committing.clear()
    life.tell(submit())
    assert life.journal.committing.wait(DEADLINE_S)
    assert life.whats() == ["add", "add"]
    assert lines(tmp_path) == []
    life.journal.may_commit.set()
    life.settle()
    assert life.whats()[:3] == ["add", "add", "commit"]
    assert set(life.whats()[3:]) == {"reply", "perform", "publish"}
    assert [kind for kind, _ in lines(tmp_path)] == ["command", "outcome"]


def test_what_waits_becomes_one_batch_with_one_commit(begin):
    life = begin()
    life.journal.may_commit.clear()
    life.journal.committing.clear()
    life.tell(submit("first"))
    assert life.journal.committing.wait(DEADLINE_S)
    for number in range(10):
        life.tell(submit(f"n{number}"))
    life.trace.clear()
    life.journal.may_commit.set()
    life.settle()
    assert [did for did in life.trace if did.what == "commit"] == [Did("commit", 2), Did("commit", 20)]
    second = life.trace[life.trace.index(Did("commit", 2)) + 1 :]
    before = second[: second.index(Did("commit", 20))]
    assert {did.what for did in before if did.what != "add"} == {"reply", "perform", "publish"}  # of the first
    assert sum(did.what == "reply" for did in before) == 1
    assert len(life.replies()) == 11


def test_a_batch_has_a_limit(begin):
    life = begin()
    life.journal.may_commit.clear()
    life.journal.committing.clear()
    life.tell(submit("first"))
    assert life.journal.committing.wait(DEADLINE_S)
    for number in range(2 * MAX_BATCH + 5):
        life.tell(submit(f"n{number}"))
    life.trace.clear()
    life.journal.may_commit.set()
    life.settle()
    sizes = [did.of for did in life.trace if did.what == "commit"]
    assert sizes == [2, 2 * MAX_BATCH, 2 * MAX_BATCH, 10]


def test_a_query_waits_for_the_batch_that_it_has_seen(begin):
    life = begin()
    life.journal.may_commit.clear()
    life.journal.committing.clear()
    life.tell(submit("first"))
    assert life.journal.committing.wait(DEADLINE_S)
    life.tell(submit("second"))
    life.tell(messages.GetSummaries(graphs=()))
    life.trace.clear()
    life.journal.may_commit.set()
    life.settle()
    order = life.whats()
    answered = [index for index, what in enumerate(order) if what == "reply"]
    assert order.index("commit") < answered[0] < order.index("commit", answered[0]) < answered[1] < answered[2]
    assert life.replies()[-1].result.head == 4  # two facts each


def test_what_the_archivist_answers_waits_for_the_batch_too(begin):
    life = begin()
    life.journal.may_commit.clear()
    life.journal.committing.clear()
    life.tell(submit("first"))
    assert life.journal.committing.wait(DEADLINE_S)
    life.tell(submit("second"))
    life.tell(messages.ReadLog(graph="g2", task="a"))
    life.trace.clear()
    life.journal.may_commit.set()
    life.settle()
    order = life.whats()
    assert order.index("commit") < order.index("commit", order.index("commit") + 1) < order.index("read")


def test_within_a_batch_replies_come_in_the_order_of_the_requests(begin):
    life = begin()
    life.journal.may_commit.clear()
    ids = [life.tell(submit(f"n{number}") if number % 2 else messages.GetSummaries(graphs=())) for number in range(20)]
    life.journal.may_commit.set()
    life.settle()
    assert [reply.id for reply in life.replies()] == ids


def test_a_commit_that_fails_ends_it_and_nobody_is_told(tmp_path):
    life = Life(tmp_path / "journal").begin()
    life.trace.clear()
    life.journal.fault = JournalPoisoned("/journal/1", OSError(5, "Input/output error"))
    life.tell(submit())
    eventually(lambda: life.crashes)
    assert life.crashes == [("supervisor", life.journal.fault)]
    eventually(lambda: not life.ref.is_alive())
    assert life.whats() == ["add", "add"]


def test_events_are_numbered_without_a_gap_over_lives(begin):
    numbers = []
    for _ in range(3):
        life = begin()
        for _ in range(3):
            life.ask(submit())
        numbers += [seq for did in life.trace if did.what == "publish" for seq in did.of]
        assert life.ref.is_alive()
        life.stop()
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) == 18


# --- commands -----------------------------------------------------------------------------------------------------


def test_the_same_command_again_gets_the_same_bytes_and_is_done_once(begin, tmp_path):
    life, command = begin(), new_id()
    life.ask(submit(), command=command)
    before = lines(tmp_path)
    life.trace.clear()
    for _ in range(5):
        life.ask(submit(), command=command)
    assert lines(tmp_path) == before
    assert set(life.whats()) == {"reply"}
    assert len(set(life.bodies())) == 1
    assert life.replies()[0].result.graph == "g1"


def test_also_in_later_lives_and_in_the_other_encoding(begin):
    first, command = begin(), new_id()
    first.ask(submit(), command=command)
    first.ask(submit("packed"), command=(packed := new_id()), encoding="msgpack")
    first.stop()
    for _ in range(2):
        later = begin()
        later.trace.clear()
        later.ask(submit(), command=command)
        later.ask(submit("packed"), command=packed, encoding="msgpack")
        assert later.bodies() == first.bodies()
        assert "add" not in later.whats()
        later.stop()


def test_twice_in_one_batch_is_decided_once_and_answered_twice(begin):
    life, command = begin(), new_id()
    life.journal.may_commit.clear()
    life.journal.committing.clear()
    life.tell(submit("first"))
    assert life.journal.committing.wait(DEADLINE_S)
    life.trace.clear()
    for _ in range(3):
        life.tell(submit(), command=command)
    life.journal.may_commit.set()
    life.settle()
    replies = [body for body in life.bodies() if codec.REPLY.decode(body).id == command]
    assert len(replies) == 3
    assert len(set(replies)) == 1
    assert len(life.machine.state.graphs) == 2


def test_the_same_id_for_another_command_is_refused(begin):
    life, command = begin(), new_id()
    life.ask(submit(), command=command)
    assert life.ask(submit("other"), command=command).error.code == "ID_CONFLICT"
    assert life.ask(submit("other"), command=command, client="somebody else").result.graph == "g2"


@pytest.mark.parametrize(
    ("do", "code"),
    [
        (messages.SubmitGraph(graph={"name": "x"}), "INVALID_GRAPH"),
        (messages.SubmitGraph(graph={"name": "x", "tasks": [{"id": "t", "args": b"\xff"}]}), "INVALID_GRAPH"),
        (messages.SubmitGraph(graph={"x": codec.msgspec.msgpack.Ext(5, b"x")}), "INVALID_REQUEST"),
        (messages.SubmitGraph(graph={"x": {None: 1}}), "INVALID_REQUEST"),
        (messages.Cancel(graph="g9"), "UNKNOWN_GRAPH"),
    ],
    ids=["no tasks", "bytes", "ext", "null key", "unknown"],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_refused_command_leaves_no_line_and_may_come_again(begin, tmp_path, do, code, dry_run):
    if dry_run and isinstance(do, messages.SubmitGraph):
        do, code = messages.SubmitGraph(graph=do.graph, dry_run=True), "INVALID_GRAPH"  # there is no line to write
    life, command = begin(), new_id()
    for _ in range(2):
        assert life.ask(do, command=command).error.code == code
    assert lines(tmp_path) == []
    assert life.ask(submit(), command=command).result is not None


def test_an_id_that_tells_no_time_is_refused(begin, tmp_path):
    life = begin()
    assert life.ask(submit(), command="mine").error.code == "INVALID_REQUEST"
    assert lines(tmp_path) == []


def test_a_dry_run_decides_nothing(begin, tmp_path):
    life = begin()
    life.trace.clear()
    assert life.ask(submit(dry_run=True)).result == messages.GraphAccepted(graph="", name="g", tasks=1, dry_run=True)
    assert lines(tmp_path) == []
    assert life.whats() == ["reply"]
    assert life.machine.state.graphs == {}


def test_after_its_deadline_a_command_is_not_executed_but_its_repetition_is_answered(begin, tmp_path):
    life, command = begin(), new_id()
    now = life.clock.now
    assert life.ask(submit(), deadline_utc=now - 0.001).error.code == "DEADLINE_PASSED"
    assert lines(tmp_path) == []
    assert life.ask(submit(), command=command, deadline_utc=now + 1).result.graph == "g1"
    life.clock.now += 10
    assert life.ask(submit(), command=command, deadline_utc=now + 1).result.graph == "g1"


def unprocessed(tmp_path, *commands):
    """A journal with commands that have no outcome, as a torn tail leaves them."""
    (tmp_path / "journal").mkdir(exist_ok=True)
    journal, _, _ = Journal.open(RealDisk(), str(tmp_path / "journal"), ballast_bytes=0)
    for command, do in commands:
        line = CommandLine(client="c", id=command, digest=digest_of(do), at=1e9, do=do)
        journal.add("command", encode(line))
    journal.close()


def test_a_command_without_an_outcome_is_decided_once(begin, tmp_path):
    command, doomed = new_id(), new_id()
    unprocessed(tmp_path, (command, submit()), (doomed, messages.Cancel(graph="g9")))
    first = begin()
    assert [kind for kind, _ in lines(tmp_path)] == ["command", "command", "outcome", "outcome"]
    assert [line["of"] for kind, line in lines(tmp_path) if kind == "outcome"] == [1, 2]
    assert first.ask(submit(), command=command).result.graph == "g1"
    assert first.ask(messages.Cancel(graph="g9"), command=doomed).error.code == "UNKNOWN_GRAPH"
    first.stop()
    again = begin()
    assert len(lines(tmp_path)) == 4
    assert again.ask(submit(), command=command).result.graph == "g1"
    # What it was refused with then is its answer for good, whatever is there now.
    assert again.ask(messages.Cancel(graph="g9"), command=doomed).error.code == "UNKNOWN_GRAPH"
    assert again.bodies() == first.bodies()


def test_what_was_added_and_not_committed_never_was(begin, tmp_path):
    first, command = begin(), new_id()
    first.ask(submit("kept"))
    first.journal.may_commit.clear()
    first.journal.committing.clear()
    first.tell(submit("lost"), command=command)
    assert first.journal.committing.wait(DEADLINE_S)
    first.journal.real._pending.clear()
    first.kill()
    later = begin()
    assert [graph.spec.name for graph in later.machine.state.graphs.values()] == ["kept"]
    assert later.ask(submit("lost"), command=command).result.graph == "g2"


# --- the world ----------------------------------------------------------------------------------------------------


def up(life, host="shell-1"):
    life.ref.tell(HostUp("shell", host))
    life.settle()


def ended(number=1, **more):
    fields = {"attempt": f"g1/t/{number}", "ending": "exit", "exit_code": 0, "ended_utc": 1.0}
    return hostwire.AttemptEnded(**(fields | more))


def test_a_host_is_asked_only_once_the_start_is_durable(begin):
    life = begin()
    up(life)
    life.trace.clear()
    life.ask(submit())
    life.settle()
    start = life.whats().index("perform")
    assert "commit" in life.whats()[:start]
    assert [effect.attempt for effect in life.performed(s.StartAttempt)] == [1]


def test_also_what_the_world_causes_waits_for_the_disk(begin):
    life = begin()
    life.ask(submit())
    life.journal.may_commit.clear()
    life.journal.committing.clear()
    life.trace.clear()
    life.ref.tell(HostUp("shell", "shell-1"))
    assert life.journal.committing.wait(DEADLINE_S)
    assert life.whats() == ["add"]
    life.journal.may_commit.set()
    life.settle()
    assert life.whats()[:2] == ["add", "commit"]
    assert life.performed(s.StartAttempt)


def test_news_of_a_host_that_was_given_up_on_is_no_news(begin, tmp_path):
    life = begin()
    up(life)
    life.ask(submit())
    life.ref.tell(HostGone("shell", "shell-1", "died"))
    up(life, "shell-2")
    count = len(lines(tmp_path))
    life.ref.tell(HostSaid("shell-1", ended()))
    life.settle()
    assert len(lines(tmp_path)) == count
    assert [effect.attempt for effect in life.performed(s.AdoptAttempt)] == [1]
    life.ref.tell(HostSaid("shell-2", ended()))
    life.settle()
    assert life.machine.state.graphs["g1"].state == "done"


def test_late_news_of_the_loss_of_an_earlier_host_keeps_the_next_one(begin):
    life = begin()
    up(life, "shell-2")
    life.ref.tell(HostGone("shell", "shell-1", "died"))
    life.settle()
    life.ref.tell(HostUp("shell", "shell-2"))
    life.ask(submit())
    life.settle()
    assert life.performed(s.StartAttempt)


def test_the_same_end_twice_is_one_end(begin, tmp_path):
    life = begin()
    up(life)
    life.ask(submit())
    for _ in range(3):
        life.ref.tell(HostSaid("shell-1", ended()))
    life.settle()
    facts = [fact for kind, line in lines(tmp_path) if kind == "outcome" for fact in line["facts"]]
    assert len([fact for fact in facts if fact["k"] == "attempt_ended"]) == 1


def test_an_attempt_in_flight_is_handed_to_the_next_lifes_host(begin):
    first = begin()
    up(first)
    first.ask(submit())
    first.settle()
    first.kill()
    later = begin()
    up(later)
    assert later.performed(s.StartAttempt) == []
    assert [(effect.attempt, effect.stopping) for effect in later.performed(s.AdoptAttempt)] == [(1, False)]


def test_that_a_host_is_ready_is_for_the_workforce(begin):
    life = begin()
    life.ref.tell(HostSaid("shell-1", hostwire.HostReady(worker="shell", pid=1)))
    life.ref.tell(HostSaid("shell-1", hostwire.Pong()))
    life.settle()
    spoke = [did.of for did in life.trace if did.what == "host spoke"]
    assert spoke == [("shell-1", "HostReady"), ("shell-1", "Pong")]


def test_hosts_that_die_of_one_attempt_are_not_given_it_any_more(begin):
    life = begin()
    up(life)
    for name in ("a", "b"):
        life.ask(submit(name))
    life.settle()
    for number in (2, 3):
        life.ref.tell(HostGone("shell", f"shell-{number - 1}", "died"))
        life.ref.tell(HostUp("shell", f"shell-{number}", careful=True))
        life.settle()
    assert [(host, message.launch.attempt) for host, message in life.desk.sent] == [
        ("shell-2", "g1/t/1"),
        ("shell-3", "g2/t/1"),  # the suspect comes last
    ]
    life.ref.tell(HandoverDue("shell-3", "g2/t/1"))
    life.settle()
    assert life.desk.sent[-1][1].launch.attempt == "g1/t/1"
    life.ref.tell(HostGone("shell", "shell-3", "died"))
    life.settle()
    (decision,) = life.machine.state.open_decisions()
    assert (decision.about, decision.subject.ref) == ("unknown", "g1/t")
    assert "2 worker hosts died" in decision.evidence["message"]
    assert list(life.machine.state.in_flight["shell"]) == ["g2/t"]


def test_a_type_whose_budget_is_used_up_is_parked(begin):
    life = begin()
    life.ref.tell(HostGone("shell", "shell-1", "died 6 times", exhausted=True))
    life.settle()
    assert life.machine.state.worker("shell").park_reason == "died 6 times"


def test_down_kill_tries_a_parked_type_once_more_and_then_goes(begin):
    life = begin()
    up(life)
    life.ask(submit())
    life.ref.tell(HostGone("shell", "shell-1", "died 6 times", exhausted=True))
    life.ask(messages.Shutdown(kill=True))
    life.settle()
    assert [effect.worker for effect in life.performed(s.WakeWorker)][-1] == "shell"
    assert not life.stopped.is_set()
    life.ref.tell(HostGone("shell", "shell-2", "died 6 times", exhausted=True))
    assert life.stopped.wait(DEADLINE_S)


def test_a_timer_that_came_too_late_changes_nothing(begin, tmp_path):
    life = begin()
    life.ref.tell(TimerDue(s.TimerKey("timeout", "g1", "t", 1)))
    life.settle()
    assert lines(tmp_path) == []


def test_a_message_that_nobody_knows_is_a_bug_and_ends_it(tmp_path):
    life = Life(tmp_path / "journal").begin()
    life.ref.tell("hello")
    eventually(lambda: life.crashes)
    assert isinstance(life.crashes[0][1], TypeError)
    life.journal.real.close()


# --- its end ------------------------------------------------------------------------------------------------------


def test_down_leaves_what_runs_and_refuses_what_is_new(begin):
    life = begin()
    up(life)
    life.ask(submit())
    found = life.ask(messages.Shutdown()).result
    assert (found.running, found.killed, found.pid) == (1, 0, 4711)
    assert life.stopped.wait(DEADLINE_S)
    reply = life.ask(submit())
    assert (reply.error.code, reply.error.retriable) == ("STOPPING", True)
    assert life.machine.state.graphs["g1"].state == "running"


def test_a_known_command_is_answered_also_while_going_down(begin):
    life, command = begin(), new_id()
    life.ask(submit(), command=command)
    life.ask(messages.Shutdown())
    assert life.ask(submit(), command=command).result.graph == "g1"


def test_the_end_is_told_after_the_reply(begin):
    life = begin()
    life.trace.clear()
    order = []
    life.desk.reply = lambda *_: order.append("reply")
    life.stopped.set = lambda: order.append("stopped")
    life.tell(messages.Shutdown())
    life.settle()
    assert order == ["reply", "stopped"]


def test_down_kill_waits_for_the_last_attempt(begin):
    life = begin()
    up(life)
    life.ask(submit())
    found = life.ask(messages.Shutdown(kill=True)).result
    assert (found.running, found.killed) == (0, 1)
    life.settle()
    assert [effect.attempt for effect in life.performed(s.StopAttempt)] == [1]
    assert not life.stopped.is_set()
    life.ref.tell(HostSaid("shell-1", ended(ending="killed", exit_code=143)))
    assert life.stopped.wait(DEADLINE_S)


def test_a_signal_is_as_down(begin):
    life = begin()
    life.ref.tell(StopAsked())
    assert life.stopped.wait(DEADLINE_S)
    assert life.ask(submit()).error.code == "STOPPING"


def test_stopping_writes_and_answers_what_waits_and_closes_the_journal(begin, tmp_path):
    life = begin()
    life.journal.may_commit.clear()
    life.journal.committing.clear()
    life.tell(submit("first"))
    assert life.journal.committing.wait(DEADLINE_S)
    life.tell(submit("second"))
    stopper = threading.Thread(target=life.ref.stop)
    stopper.start()
    life.journal.may_commit.set()
    stopper.join(DEADLINE_S)
    assert len(life.replies()) == 2
    assert len([kind for kind, _ in lines(tmp_path) if kind == "command"]) == 2
    assert life.trace[-1] == Did("close")


# --- the tests can fail -------------------------------------------------------------------------------------------


def test_the_order_is_what_these_tests_see(tmp_path, monkeypatch):
    """Break it on purpose: answer before the commit."""

    def commit(self):
        out, self._out = self._out, supervisor_module.Outbound()
        for origin, body in out.replies:
            self._desk.reply(origin, body)
        self._journal.commit(self._head + 1)

    monkeypatch.setattr(Supervisor, "_commit", commit)
    life = Life(tmp_path / "journal").begin()
    life.trace.clear()
    life.ask(submit())
    life.settle()
    assert life.whats().index("reply") < life.whats().index("commit")
    life.stop()


# --- a full disk --------------------------------------------------------------------------------------------------


def started(life):
    return [(effect.graph, effect.attempt) for effect in life.performed(s.StartAttempt)]


def looks(life):
    return [did.of for did in life.trace if did.what == "look in"]


def fill(life):
    """The journal finds no room while it writes down what a first graph comes to."""
    life.ref.tell(HostUp("shell", "h"))
    life.journal.fills = "No space left on device"
    life.ask(submit("before", key="before"))


def test_what_was_decided_is_told_and_then_nothing_new_is_taken_or_started(begin):
    life = begin()
    fill(life)
    assert life.replies()[-1].result.graph == "g1"
    assert started(life) == [("g1", 1)]
    assert looks(life) == [1.0]
    refused = life.ask(submit("more")).error
    assert (refused.code, refused.retriable) == ("DISK_FULL", True)
    assert "No space left on device" in refused.message
    assert life.journal.folder in refused.hint
    assert life.ask(messages.AckEvents(consumer="c", seq=1)).error.code == "DISK_FULL"
    assert life.ask(messages.GetSummaries(graphs=())).error is None
    assert life.ask(submit("dry", dry_run=True)).result.dry_run
    life.ref.tell(HostSaid("h", hostwire.AttemptEnded(attempt="g1/t/1", ending="exit", exit_code=0)))
    life.settle()
    assert life.machine.state.graphs["g1"].state == "done"


def test_a_repeated_command_has_its_answer_whatever_the_disk(begin):
    life = begin()
    command = life.tell(submit())
    eventually(life.replies)
    fill(life)
    life.tell(submit(), command=command)
    eventually(lambda: len(life.bodies()) == 3)
    assert life.bodies()[2] == life.bodies()[0]


def test_what_makes_room_and_ends_work_is_taken_all_the_same(begin):
    life = begin()
    wide = {"name": "wide", "tasks": [{"id": f"t{n}", "call": "a:b", "worker": "python"} for n in range(1001)]}
    life.ask(messages.SubmitGraph(graph=wide))
    fill(life)
    assert life.ask(messages.Cancel(graph="g1")).error.code == "DISK_FULL"
    assert life.ask(messages.Cancel(graph="g1", task="t1")).result.tasks == ("t1",)
    assert life.ask(messages.Cancel(graph="g1")).result.graph == "g1"
    life.ref.tell(HostSaid("h", hostwire.AttemptEnded(attempt="g2/t/1", ending="exit", exit_code=0)))
    assert life.ask(messages.Prune()).result.graphs == ("g1", "g2")
    assert life.ask(messages.Cancel(graph="g9")).error.code == "UNKNOWN_GRAPH"


def test_service_goes_on_by_itself_once_there_is_room(begin):
    life = begin()
    fill(life)
    for _ in range(3):
        life.ref.tell(RoomDue())
    life.settle()
    assert looks(life) == [1.0] * 4
    life.journal.room = True
    life.ref.tell(RoomDue())
    assert life.ask(submit("after")).result.graph == "g2"
    assert started(life) == [("g1", 1), ("g2", 1)]
    assert looks(life) == [1.0] * 4


def test_an_attempt_that_found_no_room_starts_again_when_there_is_some(begin):
    life = begin()
    life.ref.tell(HostUp("shell", "h"))
    life.ask(submit())
    ended = hostwire.AttemptEnded(attempt="g1/t/1", ending="spawn", cls="disk_full", message="no room")
    life.ref.tell(HostSaid("h", ended))
    assert life.ask(submit("more")).error.code == "DISK_FULL"
    assert started(life) == [("g1", 1)]
    life.journal.room = True
    life.ref.tell(RoomDue())
    life.settle()
    assert started(life) == [("g1", 1), ("g1", 2)]


def test_who_relapses_is_looked_at_later_each_time_until_there_was_peace(begin):
    """What is called room may be none for an attempt (a quota): it is not tried every second for ever."""
    life = begin()
    life.ref.tell(HostUp("shell", "h"))
    life.ask(submit())
    life.journal.room = True
    for number in range(1, 4):
        life.ref.tell(LaunchFailed("g1", "t", number, "no room", "disk_full", adopted=False))
        life.settle()
        life.ref.tell(RoomDue())
    life.settle()
    assert looks(life) == [1.0, 2.0, 4.0]
    life.clock.now += 60
    life.ref.tell(LaunchFailed("g1", "t", 4, "no room", "disk_full", adopted=False))
    life.settle()
    assert looks(life)[-1] == 1.0


def test_a_daemon_that_finds_its_disk_full_starts_nothing(begin):
    life = begin()
    life.ask(submit())
    life.kill()
    again = begin(full="No space left on device")
    again.ref.tell(HostUp("shell", "h"))
    again.settle()
    assert started(again) == []
    assert again.ask(submit("more")).error.code == "DISK_FULL"
    again.journal.room = True
    again.ref.tell(RoomDue())
    again.settle()
    assert started(again) == [("g1", 1)]
