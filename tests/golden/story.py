"""The golden journal's story: fixed inputs, a fixed clock and fixed ids, and in them every kind of fact.

Told to the real journal, machine and supervisor (stress/powercut/life.py), on a disk in memory, step by step; what
hosts and people say stands here. `python tests/golden/make.py` writes it down.

A new kind of fact needs a step here, until this version is released.
"""

import random

import msgspec

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.inside import ClientAsked, HostGone, HostSaid, HostUp, Origin, TimerDue
from orch_actors.actors.journal.ballast import BALLAST_NAME
from orch_actors.actors.journal.opening import segment_name
from orch_actors.actors.journal.record import CHAIN_START, FORMAT_VERSION, Header, encode_header
from orch_actors.actors.recovery.history import CommandLine, OutcomeLine, digest_of, encode
from orch_actors.protocol import codec, hostwire, messages, views
from orch_actors.protocol.settings import Settings
from orch_actors.protocol.version import VERSION
from orch_actors.protocol.workers import WorkerSettings
from orch_actors.stress.powercut.disk import CrashDisk
from orch_actors.stress.powercut.life import FOLDERS, Life
from orch_actors.stress.powercut.witness import Witness
from orch_actors.stress.powercut.world import SimulatedClock

NOON = 1_769_850_000.0  # 2026-01-31T09:00:00Z
JOURNAL_ID = "0198b2a0c1d27e5f8a3b4c5d6e7f8091"
SEGMENT_BYTES = 6000

SETTINGS = Settings(
    workers={
        "shell": WorkerSettings(limit=3),
        "python": WorkerSettings(limit=2),
        "coder": WorkerSettings(kind="claude", limit=1),
    },
    resources={"gpu": 2.0},
)


#: What a task leaves.
LEFT = views.Artifact(path="/srv/dist/äpp", sha256=64 * "a", size=812)


class Stage:
    """Hosts and timers: they do what the story says and nothing else."""

    def __init__(self, clock):
        self.clock, self.boot = clock, "boot-1"
        self.hosts, self.armed, self.started = {}, {}, []

    def perform(self, effect, hosts, state):
        match effect:
            case s.StartAttempt() | s.AdoptAttempt():
                self.started.append(effect)
            case s.ArmTimer(key, delay_s):
                self.armed[key] = self.clock.now + delay_s
            case s.DisarmTimer(key):
                self.armed.pop(key, None)

    def look_for_room_in(self, delay_s):
        raise AssertionError("there is always room")


class Told(Witness):
    """A witness that keeps every reply, and lets a line of nonsense pass."""

    def _look_at_fact(self, fact):
        if not isinstance(fact, f.AttemptEnded):
            super()._look_at_fact(fact)

    def __init__(self):
        super().__init__()
        self.replies = {}

    def replied(self, key, encoding, body):
        super().replied(key, encoding, body)
        self.replies[key] = body


class Story:
    """A daemon whose every hour is known."""

    def __init__(self):
        self.clock, self.told = SimulatedClock(NOON), Told()
        self.disk, self.stage = CrashDisk(random.Random(0)), None
        self.stage = Stage(self.clock)
        self.ids = 0
        self.life = None
        for folder in FOLDERS:
            self.disk.make_folder(folder)
        header = Header(
            orch_journal=FORMAT_VERSION,
            id=JOURNAL_ID,
            first=1,
            prev=CHAIN_START,
            event=1,
            created_utc=NOON,
            version=VERSION,
        )
        fd = self.disk.create(f"{FOLDERS[-1]}/{segment_name(1)}")
        self.disk.append(fd, encode_header(header)[0])
        self.disk.close(fd)
        self.start()

    @property
    def state(self):
        return self.life.state

    # --- what may happen ------------------------------------------------------------------------------------------

    def start(self):
        self.stage.armed.clear()
        self.life = Life(self.disk, self.told, self.stage, self.clock, SEGMENT_BYTES, settings=SETTINGS)

    def restart(self, boot=None):
        """The daemon is killed and comes back, after a restart of the machine where `boot` is given."""
        self.disk.kill()
        self.stage.boot = boot or self.stage.boot
        self.clock.now += 2.0
        self.start()

    def wait(self, seconds):
        self.clock.now += seconds

    def request(self, do, client="agent-1"):
        self.ids += 1
        value = (int(self.clock.now * 1000) << 80) | (0x7 << 76) | (0x2 << 62) | self.ids
        return messages.Request(id=f"{value:032x}", client=client, do=do)

    def ask(self, do, client="agent-1", refused=""):
        """A client asks; the result, or where `refused` names it, the error."""
        request = self.request(do, client)
        if isinstance(do, messages.Command):
            self.told.sent(request, "json", digest_of(do))
        self.life.deliver([ClientAsked(Origin((client.encode(),), "json", request.id), request)])
        reply = codec.REPLY.decode(self.told.replies[client, request.id])
        assert (reply.error.code if reply.error else "") == refused, reply
        self.clock.now += 0.25
        return reply.error or reply.result

    def submit(self, name, *tasks, **rest):
        key, top = rest.pop("key", None), rest
        document = {"name": name, "tasks": list(tasks), **top}
        return self.ask(
            messages.SubmitGraph(graph=document, key=key, environment={"LANG": "C.UTF-8", "EVIL": "x"})
        ).graph

    def host_up(self, worker):
        self.stage.hosts[worker] = f"{worker}.{len(self.stage.hosts) + 1}"
        self.life.deliver([HostUp(worker, self.stage.hosts[worker])])

    def host_gone(self, worker, *, exhausted=False):
        self.life.deliver([HostGone(worker, self.stage.hosts.pop(worker), "exit code 1", exhausted)])

    def say(self, worker, message):
        self.life.deliver([HostSaid(self.stage.hosts[worker], message)])
        self.clock.now += 0.125

    def end(self, attempt, code=0, *, worker="shell", ending="exit", **news):
        """A host says that an attempt is over."""
        times = {"started_utc": self.clock.now - 1.5, "ended_utc": self.clock.now, "duration_s": 1.5}
        code = code if ending == "exit" else None
        if "result" in news:
            news["result"] = msgspec.msgpack.encode(news["result"])
        self.say(worker, hostwire.AttemptEnded(attempt=attempt, ending=ending, exit_code=code, **times, **news))

    def fire(self, kind, **which):
        """The one armed timer of this kind is due."""
        (key,) = [
            key
            for key in self.stage.armed
            if key.kind == kind and all(getattr(key, name) == value for name, value in which.items())
        ]
        self.clock.now = max(self.clock.now, self.stage.armed.pop(key))
        self.life.deliver([TimerDue(key)])

    def decide(self, task, choice, **rest):
        graph, name = task.split("/")
        ref = self.state.task(graph, name).decision.ref
        return self.ask(messages.Decide(ref=ref, choice=choice, **rest), client="person")

    def add(self, kind, line):
        """A line that a crash has cut off from what belongs to it."""
        journal = self.life._supervisor._journal
        sequence = journal.add(kind, encode(line))
        journal.commit(self.life._supervisor._head + 1)
        return sequence

    # --- the story ------------------------------------------------------------------------------------------------

    def tell(self):
        """All of it."""
        self.host_up("shell")
        self.host_up("python")
        self.released()
        self.edited()
        self.asked()
        self.judged()
        self.coded()
        self.parked()
        self.read()
        self.lost()
        self.quarantined()
        self.forgotten()
        self.left()
        self.undecided()
        return self

    def released(self):
        """Retries, results, validation, an approval, a bound, conditions, and a graph that runs again."""
        graph = self.submit(
            "release",
            {
                "id": "build",
                "command": "make",
                "retry": {"attempts": 3, "backoff": 10, "jitter": 0.5},
                "timeout": 600,
                "artifacts": ["dist/*"],
            },
            {
                "id": "test",
                "worker": "python",
                "call": "tests:run",
                "depends_on": ["build"],
                "on_fail": "ask",
                "validate": {"pattern": "all passed"},
                "ask": {"deadline": 3600},
            },
            {
                "id": "deploy",
                "command": ["./deploy", "${tasks.build.result.path}"],
                "depends_on": ["build", "test"],
                "approve": True,
                "idle_timeout": 30,
                "resources": {"gpu": 1},
                "exclusive": ["production"],
            },
            {"id": "rollback", "command": "./rollback", "depends_on": [{"task": "deploy", "on": "failed"}]},
            {
                "id": "clean",
                "command": "rm -r tmp",
                "depends_on": [{"task": "deploy", "on": "finished"}],
                "on_fail": "continue",
            },
            key="release-1",
            goal="Build, test, deploy.",
            limits={"parallel": 2, "wall": 86400},
        )
        again = self.ask(
            messages.SubmitGraph(graph=self.document("release"), key="release-1", environment={"LANG": "C.UTF-8"}),
            client="agent-2",
        )
        assert (again.graph, again.existing) == (graph, True)
        self.end(f"{graph}/build/1", 2, tail="make: *** [all] Error 2\n", message="")
        self.fire("retry")
        self.end(f"{graph}/build/2", result={"path": "dist/äpp", "sizes": [1, 2.5, None]}, artifacts=(LEFT,))
        self.end(f"{graph}/test/1", worker="python", invalid="'all passed' is not in its output")
        self.decide(f"{graph}/test", "retry", note="flaky")
        self.end(f"{graph}/test/2", worker="python", result="ok")
        self.decide(f"{graph}/deploy", "approve")
        exceeded = hostwire.AttemptExceeded(attempt=f"{graph}/deploy/1", kind="idle_timeout", message="30 s of silence")
        said = hostwire.AttemptProgressed(attempt=f"{graph}/deploy/1", text="half of it", percent=50.0)
        self.say("shell", said)
        self.say("shell", exceeded)
        self.end(f"{graph}/deploy/1", ending="killed")
        self.end(f"{graph}/rollback/1")
        self.end(f"{graph}/clean/1", 1)
        assert self.state.graphs[graph].state == "failed"
        self.ask(messages.RetryTasks(graph=graph, task="deploy", set={"idle_timeout": None}))
        self.decide(f"{graph}/deploy", "approve")
        self.end(f"{graph}/deploy/2")
        self.end(f"{graph}/clean/2")
        assert self.state.graphs[graph].state == "done"

    def document(self, name):
        """As it was sent."""
        return next(
            one.request.do.graph
            for one in self.told.asked.values()
            if isinstance(one.request.do, messages.SubmitGraph) and one.request.do.graph["name"] == name
        )

    def edited(self):
        """A graph that is steered while it runs: tasks added, changed, held back; pauses, limits, cancellations."""
        graph = self.submit(
            "edited",
            {"id": "first", "command": "sleep 60", "title": "Umlaute: äöü 🚀"},
            {"id": "second", "command": "true", "depends_on": "first", "env": {"A": "line 1\\nline 2 \\u2028"}},
            {"id": "free", "command": "true", "priority": -5},
            limits={"parallel": 1},
        )
        self.ask(messages.AddTasks(graph=graph, tasks=({"id": "late", "command": "true", "depends_on": "second"},)))
        self.ask(messages.UpdateTask(graph=graph, task="free", set={"depends_on": ["first"], "priority": 3}))
        self.ask(messages.UpdateTask(graph=graph, task="nobody", set={}), refused="UNKNOWN_TASK")
        self.ask(messages.SetLimit(graph=graph, parallel=None))
        self.ask(messages.SetBudget(graph=graph, set={"usd": 2.5, "attempts": 40}))
        self.ask(messages.Pause(graph=graph, reason="tea"))
        self.end(f"{graph}/first/1")
        self.ask(messages.Resume(graph=graph))
        self.ask(messages.Cancel(graph=graph, task="free", reason="not wanted"))
        self.end(f"{graph}/free/1", ending="killed")
        self.ask(messages.Cancel(graph=graph, reason="enough"))
        self.end(f"{graph}/second/1", ending="killed")
        assert self.state.graphs[graph].state == "cancelled"
        self.ask(messages.SetLimit(worker="shell", parallel=5))
        self.ask(messages.Pause(worker="python", reason="an upgrade"))
        self.ask(messages.Resume(worker="python"))
        self.ask(messages.SetLimit(worker="shell", parallel=None))

    def asked(self):
        """Questions: by a file, and through a client by a task that then leaves; one has a deadline that passes."""
        graph = self.submit("asked", {"id": "by-file", "command": "ask"}, {"id": "by-client", "command": "ask"})
        question = hostwire.Question(question="Which one?", options=("left", "right"), default="left", deadline=60.0)
        self.end(f"{graph}/by-file/1", question=question)
        self.fire("decision")
        self.end(f"{graph}/by-file/2")
        ask = messages.Ask(graph=graph, task="by-client", question="Go on?", deadline=None)
        self.ask(ask, client="task")
        self.end(f"{graph}/by-client/1")
        self.decide(f"{graph}/by-client", "yes", note="of course")
        self.end(f"{graph}/by-client/2")
        assert self.state.graphs[graph].state == "done"

    def judged(self):
        """A judge that fails an attempt, and passes the next."""
        judge = {"criteria": ["it is done"], "worker": "shell", "command": "judge"}
        graph = self.submit("judged", {"id": "draft", "command": "true", "judge": judge, "retry": {"attempts": 2}})
        unmet = {
            "verdict": "fail",
            "criteria": [{"id": "c1", "status": "unmet", "evidence": "nothing is there"}],
            "findings": [{"severity": "block", "what": "nothing was done"}],
            "feedback": "do it",
            "impossible": False,
        }
        met = {
            "verdict": "pass",
            "criteria": [{"id": "c1", "status": "met", "evidence": "it is there"}],
            "findings": [],
            "feedback": "",
            "impossible": False,
        }
        self.end(f"{graph}/draft/1")
        self.end(f"{graph}/draft#judge-1/1", result=unmet)
        self.end(f"{graph}/draft/2")
        self.end(f"{graph}/draft#judge-2/1", result=met)
        assert self.state.graphs[graph].state == "done"

    def coded(self):
        """A coding agent: a session, a quota that is used up, what it cost."""
        self.host_up("coder")
        graph = self.submit("coded", {"id": "code", "worker": "coder", "prompt": "Write it."})
        (attempt,) = self.state.task(graph, "code").attempts
        self.end(
            f"{graph}/code/1",
            1,
            worker="coder",
            cls="quota",
            message="out of tokens",
            session=attempt.session,
            reset_utc=self.clock.now + 900,
        )
        self.fire("worker")
        usage = hostwire.Usage(cost_usd=0.25, input_tokens=1200, output_tokens=300, turns=4)
        self.end(f"{graph}/code/2", worker="coder", session=attempt.session, usage=usage, result={"text": "done"})
        assert self.state.graphs[graph].state == "done"

    def parked(self):
        """Hosts of a type die too often: it is parked, and released."""
        self.host_gone("coder", exhausted=True)
        self.fire("decision")

    def read(self):
        """Readers with a name."""
        self.ask(messages.OpenConsumer(consumer="reader-1", since=0, kinds=("graph_ended",)))
        self.ask(messages.OpenConsumer(consumer="reader-2"))
        self.ask(messages.AckEvents(consumer="reader-1", seq=20))
        self.ask(messages.ForgetConsumers(consumers=("reader-2",)))

    def lost(self):
        """The daemon dies: one attempt is found running, one lost with the machine, one was being stopped."""
        graph = self.submit(
            "lost",
            {"id": "found", "command": "sleep 60", "timeout": 3600},
            {"id": "lost", "command": "sleep 60"},
            {"id": "stopped", "command": "sleep 60"},
            {"id": "waits", "command": "true", "depends_on": ["lost"], "retry": {"attempts": 2, "backoff": 600}},
        )
        self.restart()
        self.stage.hosts.clear()
        self.host_up("shell")
        self.say("shell", hostwire.AttemptAdopted(attempt=f"{graph}/found/1", pid=4711, elapsed_s=7.5))
        self.ask(messages.Cancel(graph=graph, task="stopped"))
        self.restart(boot="boot-2")
        self.stage.hosts.clear()
        self.host_up("shell")
        self.end(f"{graph}/lost/1", ending="lost", message="the machine restarted while it ran")
        self.end(f"{graph}/found/1", 3)

    def quarantined(self):
        """A line that makes no sense for one task; the next start puts that task aside."""
        graph = self.submit("odd", {"id": "odd", "command": "true"}, {"id": "fine", "command": "true"})
        nonsense = f.AttemptEnded(graph=graph, task="odd", attempt=7, exit_code=0, ended_utc=self.clock.now)
        self.add(
            "outcome", OutcomeLine(of=None, at=self.clock.now, e=self.life._supervisor._head + 1, facts=(nonsense,))
        )
        self.restart()
        self.stage.hosts.clear()
        self.host_up("shell")
        self.end(f"{graph}/fine/1")

    def forgotten(self):
        """Graphs that are over are forgotten."""
        self.ask(messages.Prune(graphs=("asked",)))

    def left(self):
        """What is still to come: a retry, an answer, deadlines; what is paused, and what has a bound."""
        self.submit(
            "running",
            {"id": "run", "command": "sleep 60", "deadline": 86400, "timeout": 7200},
            {"id": "retry", "command": "false", "retry": {"attempts": 3, "backoff": 120}},
            {"id": "gate", "command": "true", "approve": True, "ask": {"deadline": 43200, "question": "Really?"}},
            {"id": "python", "worker": "python", "script": "print('\u2028')\n", "depends_on": ["gate"]},
            limits={"wall": 172800},
        )
        self.end("g8/retry/1", 1)
        held = self.submit(
            "held", {"id": "one", "worker": "python", "call": "a:b", "args": {"deep": [1, {"two": None}]}}
        )
        self.ask(messages.Pause(graph=held, reason="not today"))
        self.ask(messages.Pause(worker="python", reason="maintenance"))
        self.ask(messages.SetLimit(worker="shell", parallel=7))
        self.ask(messages.SetLimit(graph=held, parallel=1))

    def undecided(self):
        """Commands whose outcome a crash has cut off: one is refused at the next start, one is still to be decided."""
        for do in (messages.Cancel(graph="nobody"), messages.Cancel(graph="running", task="run", reason="late")):
            request = self.request(do, "agent-2")
            line = CommandLine(client="agent-2", id=request.id, digest=digest_of(do), at=self.clock.now, do=do)
            self.told.sent(request, "json", digest_of(do))
            self.add("command", line)
            if do.graph == "nobody":
                self.restart()


def files_of(story):
    """Name → bytes, of the journal's folder; the ballast holds nothing."""
    names = [name for name in story.disk.list(FOLDERS[-1]) if name != BALLAST_NAME]
    return {name: story.disk.read(f"{FOLDERS[-1]}/{name}") for name in names}
