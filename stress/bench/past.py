"""A past: the journal of a daemon that has worked for long, written by the real machine, lines and writer.

No daemon, no worker, no clock: what hosts would say is made up here, by a seed, so that a million lines take a minute
and not an hour. The mix is that of a busy home: graphs of one task to a thousand, several at once; attempts that fail
and are tried again; results; decisions, asked and answered; cancellations; graphs that are forgotten as the default
retention has it; and some that run when it ends.
"""

import heapq
import random
from typing import Any, Final

from msgspec import Raw

from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.facts import NOTHING
from orch_actors.actors.core.machine import CommandAnswer, Machine, Step
from orch_actors.actors.journal.disk import RealDisk
from orch_actors.actors.journal.writer import SEGMENT_BYTES, Journal
from orch_actors.actors.recovery.history import CommandLine, OutcomeLine, digest_of, encode, numbered
from orch_actors.actors.translating import stimulus_of
from orch_actors.protocol import codec, messages
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.settings import Settings

#: Tasks of a graph → how often there is one such, of a hundred.
SIZES: Final = {1: 45, 5: 25, 20: 18, 100: 10, 1000: 2}
SLOTS: Final = 16
#: Graphs that run at once, about.
GRAPHS: Final = 6
BATCH: Final = 64
PRUNE_EVERY: Final = 200
VARIABLES: Final = {
    "PATH": "/home/me/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/home/me",
    "LANG": "en_US.UTF-8",
    "USER": "me",
    "LOGNAME": "me",
    "SHELL": "/bin/bash",
}


class Past:
    """One life of a daemon, as fast as it can be written down."""

    def __init__(self, folder: str, seed: int, keep: dict[str, Any], segment_bytes: int = SEGMENT_BYTES) -> None:
        self._rng: Final = random.Random(seed)
        self._keep: Final = keep
        self.machine: Final = Machine(boot="a3c5d5ba-6f1a-4f0c-8d9e-0a5f7e1b2c3d")
        self._now = 1_790_000_000.0
        self._journal, _, _ = Journal.open(RealDisk(), folder, now_utc=lambda: self._now, segment_bytes=segment_bytes)
        self._head = 0
        self._graphs = 0
        self._commands = 0
        self._batch = 0
        #: Attempts that run: (when they end, graph, task, number).
        self._running: Final[list[tuple[float, str, str, int]]] = []
        self._timers: Final[dict[s.TimerKey, float]] = {}
        self._world(s.WorkerTypesConfigured(limits={"shell": SLOTS, "python": 4}))
        self._world(s.Recovered())
        self._world(s.WorkerReady(worker="shell"))

    @property
    def lines(self) -> int:
        """How many were written."""
        return self._journal.last

    @property
    def head(self) -> int:
        """Number of the newest event."""
        return self._head

    def live(self, lines: int) -> None:
        """Go on until so many lines are written; what runs then, runs."""
        while self.lines < lines:
            self._step()
        self._journal.commit(self._head + 1)

    def close(self) -> None:
        """Nothing more comes."""
        self._journal.close()

    # --- one thing after the other ---------------------------------------------------------------------------------

    def _step(self) -> None:
        open_graphs = sum(1 for graph in self.machine.state.graphs.values() if graph.ended_utc is None)
        if open_graphs < GRAPHS or (open_graphs < 4 * GRAPHS and not self._running):
            self._submit()
        elif self._running:
            self._end_one()
        self._fire_due()
        for decision in list(self.machine.state.open_decisions()):
            if self._now - decision.asked_utc > 30.0 or not self._running:
                self._command(messages.Decide(ref=decision.ref, choice=decision.options[0], note="as agreed"))
        if self._rng.random() < 0.001:
            self._cancel_one()

    def _submit(self) -> None:
        self._graphs += 1
        size = self._rng.choices(list(SIZES), weights=list(SIZES.values()))[0]
        graph: dict[str, Any] = {
            "name": f"nightly-{self._graphs % 50}",
            "goal": "build it, test it, write down what came of it",
            "tasks": [self._task(number, size) for number in range(size)],
        }
        if size > 100:
            graph["limits"] = {"parallel": 8}
        key = f"key-{self._graphs}" if self._graphs % 3 == 0 else None
        submission = messages.SubmitGraph(graph=graph, key=key, base_dir="/home/me/project", environment=VARIABLES)
        self._command(submission)
        if self._graphs % PRUNE_EVERY == 0:
            self._world(s.PruneAsked(graphs=(), **self._keep))

    def _task(self, number: int, size: int) -> dict[str, Any]:
        rng = self._rng
        task: dict[str, Any] = {
            "id": f"step-{number}",
            "command": f"./step --number {number} --of {size} --output build/step-{number}.json",
            "timeout": 600,
        }
        if number and rng.random() < 0.7:
            first = max(0, number - 20)
            task["depends_on"] = sorted({f"step-{rng.randrange(first, number)}" for _ in range(rng.randint(1, 3))})
        if rng.random() < 0.5:
            task["retry"] = {"attempts": 3, "backoff": 2}
        if rng.random() < 0.01:
            task["approve"] = True
        if rng.random() < 0.1:
            task["on_fail"] = "continue"
        if rng.random() < 0.1:
            task["env"] = {"LEVEL": "debug"}
        return task

    def _end_one(self) -> None:
        ends, graph, task, number = heapq.heappop(self._running)
        node = self.machine.state.find(graph, task)
        if node is None or node.state != "running":
            return
        self._now = max(self._now, ends)
        failed = self._rng.random() < 0.06
        text = b'{"path":"build/%s.json","lines":%d}' % (task.encode(), number)
        result = Raw(text) if self._rng.random() < 0.3 else NOTHING
        self._world(
            s.AttemptOver(
                graph=graph,
                task=task,
                attempt=number,
                ending="exit",
                exit_code=2 if failed else 0,
                started_utc=round(node.attempts[-1].started_utc + 0.002, 6),
                ended_utc=round(self._now, 6),
                duration_s=round(self._now - node.attempts[-1].started_utc, 6),
                tail="step: cannot open input: No such file or directory\n" * 3 if failed else "",
                result=result,
            )
        )

    def _fire_due(self) -> None:
        for key in [key for key, due in self._timers.items() if due <= self._now or not self._running]:
            self._now = max(self._now, self._timers.pop(key))
            self._world(s.TimerFired(key=key))

    def _cancel_one(self) -> None:
        running = [graph for graph in self.machine.state.graphs.values() if graph.ended_utc is None]
        graph = self._rng.choice(running) if running else None
        if graph is not None and len(graph.tasks) < 1000:
            self._command(messages.Cancel(graph=graph.id, reason="not needed any more"))

    # --- what is written down --------------------------------------------------------------------------------------

    def _world(self, stimulus: s.Stimulus) -> None:
        step = self.machine.handle(stimulus, self._now)
        if step.facts:
            self._put_down(step, None, None)
        self._perform(step)

    def _command(self, do: messages.Command) -> None:
        self._commands += 1
        command, client = _uuid7(self._now, self._commands), "0198f3a2-agent"
        try:
            step = self.machine.handle(stimulus_of(do, client, Settings()), self._now)
        except Refused:
            return
        assert isinstance(step.answer, CommandAnswer)  # noqa: S101 (a command's step has an answer)
        reply = codec.encode(messages.Reply(id=command, result=step.answer), "json")
        line = CommandLine(client=client, id=command, digest=digest_of(do), at=self._now, do=do)
        self._put_down(step, self._journal.add("command", encode(line)), reply)
        self._perform(step)

    def _put_down(self, step: Step, command: int | None, reply: bytes | None) -> None:
        line = OutcomeLine(
            of=command,
            at=self._now,
            e=self._head + 1,
            facts=step.facts,
            reply=NOTHING if reply is None else Raw(reply),
        )
        self._journal.add("outcome", encode(line))
        self._head += len(list(numbered(line)))
        self._now = round(self._now + self._rng.uniform(0.0001, 0.003), 6)
        self._batch += 1
        if self._batch % BATCH == 0:
            self._journal.commit(self._head + 1)

    def _perform(self, step: Step) -> None:
        for effect in step.effects:
            match effect:
                case s.StartAttempt(graph=graph, task=task, attempt=number):
                    ends = self._now + self._rng.expovariate(1.0)
                    heapq.heappush(self._running, (ends, graph, task, number))
                case s.StopAttempt(graph=graph, task=task, attempt=number):
                    heapq.heappush(self._running, (self._now, graph, task, number))
                case s.ArmTimer(key=key, delay_s=delay_s) if key.kind == "retry":
                    self._timers[key] = self._now + delay_s
                case s.DisarmTimer(key=key):
                    self._timers.pop(key, None)
                case _:
                    pass  # what only a real daemon would do


def _uuid7(now: float, number: int) -> str:
    return f"{int(now * 1000):012x}7{number:019x}"
