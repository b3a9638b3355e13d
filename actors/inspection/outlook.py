"""`up --dry-run`: what a daemon that started now would read, decide, adopt, collect, start and call unknown.

It goes by the journal, and by the attempts' records and locks, as the worker hosts would; and changes nothing. A record
is looked at as `record.probe` does: with a shared lock for a moment, which a host takes for nothing else.
"""

import os
import time
from collections.abc import Iterable, Iterator

from msgspec import Struct

from orch_actors.actors.attempts.launching import attempt_stem, graph_folder
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.machine import Machine
from orch_actors.actors.core.nodes import Attempt, Task
from orch_actors.actors.host import record
from orch_actors.actors.host.record import Over, Running, Seen
from orch_actors.actors.inspection.recall import Recalled, recall
from orch_actors.protocol.homes import Home
from orch_actors.protocol.ids import attempt_id
from orch_actors.protocol.settings import Settings, load_settings


class InFlight(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An attempt that was begun, or decided, in an earlier life."""

    attempt: str
    #: `adopt`: it runs. `collect`: it is over, and how is known. `begin`: it never began. `end`: its kill was decided.
    #: `unknown`: it began, and nobody knows how it ended.
    what: str
    pid: int | None = None
    exit_code: int | None = None
    #: For people.
    message: str = ""


class Pending(Struct, frozen=True, kw_only=True):
    """A command that has no outcome: it is decided now."""

    sequence: int
    client: str
    command: str
    type: str


class Isolated(Struct, frozen=True, kw_only=True):
    """A task that goes into quarantine."""

    task: str
    why: str


class Outlook(Struct, frozen=True, kw_only=True):
    """All of it. `daemon`: the pid of the one that runs, beside which this is what the next one would find."""

    home: str
    daemon: int | None
    #: The journal's id; empty: there is none yet.
    journal: str = ""
    lines: int = 0
    graphs: int = 0
    #: Bytes that would be cut off, and kept.
    torn: int = 0
    commands: tuple[Pending, ...] = ()
    quarantine: tuple[Isolated, ...] = ()
    in_flight: tuple[InFlight, ...] = ()
    #: Attempts that would be new, and start at once.
    start: tuple[str, ...] = ()


def outlook(home: Home, daemon: int | None) -> Outlook:
    """Look ahead.

    Raises:
        EnvironmentFault: a daemon would not start, for this reason.
    """
    settings = load_settings(home.config)
    if not os.path.isdir(home.journal):
        return Outlook(home=home.path, daemon=daemon)
    past = recall(home)
    machine = past.machine
    in_flight = tuple(_in_flight(home, past))
    quarantine = tuple(Isolated(task=one.task.ref, why=one.why) for one in machine.state.quarantine.values())
    return Outlook(
        home=home.path,
        daemon=daemon,
        journal=past.opened.id,
        lines=past.opened.last,
        graphs=len(machine.state.graphs),
        torn=len(past.opened.torn),
        commands=tuple(
            Pending(sequence=sequence, client=line.client, command=line.id, type=str(line.do.__struct_config__.tag))
            for sequence, line in sorted(past.replayed.unprocessed.items())
        ),
        quarantine=quarantine,
        in_flight=in_flight,
        start=tuple(_would_start(machine, settings)),
    )


def _in_flight(home: Home, past: Recalled) -> Iterator[InFlight]:
    for tasks in past.machine.state.in_flight.values():
        for task in tasks.values():
            attempt = task.attempts[-1]
            folder = graph_folder(home.attempts, past.opened.id, task.graph.id)
            path = os.path.join(folder, attempt_stem(task.id, attempt.number) + ".jsonl")
            yield _fate(task, attempt, path, same_boot=attempt.boot == past.boot)


def _fate(task: Task, attempt: Attempt, path: str, *, same_boot: bool) -> InFlight:
    """By the crash matrix (actors/host/task.py)."""
    name = attempt_id(task.graph.id, task.id, attempt.number)
    stopping = attempt.stopping is not None
    found = record.probe(path) if same_boot else Over(record.read(path))
    match found:
        case Running(seen=seen):
            what, message = ("end", "its kill was decided") if stopping else ("adopt", "")
            return InFlight(attempt=name, what=what, pid=seen.pid, message=message)
        case Over(seen=seen):
            return _of_one_that_is_over(name, seen, stopping=stopping, same_boot=same_boot)
        case None if stopping:
            return InFlight(attempt=name, what="end", message="it never began")
        case None:
            return InFlight(attempt=name, what="begin", message="it never began")


def _of_one_that_is_over(name: str, seen: Seen, *, stopping: bool, same_boot: bool) -> InFlight:
    if seen.exit_code is not None:
        return InFlight(attempt=name, what="collect", exit_code=seen.exit_code, message=f"exited with {seen.exit_code}")
    if seen.never is not None:
        return InFlight(attempt=name, what="collect", message=seen.never.why)
    if stopping:
        return InFlight(attempt=name, what="collect", message="was killed")
    why = "its shim was ended" if same_boot else "the machine has restarted since"
    return InFlight(attempt=name, what="unknown", message=why)


def _would_start(machine: Machine, settings: Settings) -> Iterable[str]:
    """What the machine would start, were all hosts ready at once. It is used up by that."""
    now_utc = time.time()
    machine.handle(
        s.WorkerTypesConfigured(limits=settings.limits(), resources=settings.resources, kinds=settings.worker_types()),
        now_utc,
    )
    machine.handle(s.Recovered(), now_utc)
    for worker in list(machine.state.workers):
        for effect in machine.handle(s.WorkerReady(worker=worker), now_utc).effects:
            if isinstance(effect, s.StartAttempt):
                yield attempt_id(effect.graph, effect.task, effect.attempt)
