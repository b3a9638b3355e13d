"""Recorded workflows in WfFormat (wfcommons.org, schema 1.5) as graphs of sleeping tasks.

Pure: text in, Structs out. Knows `workflow.specification.tasks` (id, parents, children) and
`workflow.execution.tasks` (id, runtimeInSeconds), and nothing else of the format: the rest does not bear on order
and time. Every problem of a file is reported at once, with its place.

The lower bound of a makespan on k slots is the longer of the critical path (no schedule is shorter than its longest
chain) and total work / k (Graham 1966); no scheduler reaches less.
"""

import re
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

import msgspec

from orch_actors.protocol.errors import Problem, Refused
from orch_actors.protocol.ids import is_id
from orch_actors.protocol.spec.graph import Dependency, GraphSpec, Limits, TaskSpec
from orch_actors.protocol.spec.work import ShellWork

#: Problems that are shown; a wrong file may have one a task.
MOST_PROBLEMS: Final = 50
#: A recorded time is at most a year: more is a mistake in the file.
LONGEST_S: Final = 366 * 86400.0


@dataclass(frozen=True)
class Step:
    """One recorded task. `seconds` as recorded; `parents` by task id (not by recorded id), in the file's order."""

    id: str
    recorded_id: str
    parents: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Workflow:
    """A recorded workflow: an acyclic graph, its ids fit for tasks and unique."""

    name: str
    steps: tuple[Step, ...]
    #: What the recorded run took, on whatever it ran on; None where the file does not say.
    recorded_makespan_s: float | None = None

    @property
    def work_s(self) -> float:
        """Total work in seconds, as recorded."""
        return sum(step.seconds for step in self.steps)

    def critical_path(self) -> tuple[float, tuple[str, ...]]:
        """The heaviest chain: its seconds, and its tasks in order."""
        by_id = {step.id: step for step in self.steps}
        best: dict[str, float] = {}
        via: dict[str, str | None] = {}
        for name in TopologicalSorter({step.id: step.parents for step in self.steps}).static_order():
            step = by_id[name]
            before = max(step.parents, key=lambda parent: best[parent], default=None)
            best[name] = step.seconds + (best[before] if before is not None else 0.0)
            via[name] = before
        last: str | None = max(best, key=lambda name: best[name])
        length = best[last] if last is not None else 0.0
        path: list[str] = []
        while last is not None:
            path.append(last)
            last = via[last]
        return length, tuple(reversed(path))

    def lower_bound_s(self, slots: int, speed: float = 1.0) -> float:
        """Seconds that no schedule on `slots` slots beats, when all is `speed` times faster than recorded."""
        return max(self.critical_path()[0], self.work_s / slots) / speed


def read_workflow(data: bytes, source: str) -> Workflow:
    """The workflow in a WfFormat file's bytes; `source` names it in messages.

    Raises:
        Refused: INVALID_GRAPH, with all that is wrong and where.
    """
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _refused(source, [Problem(where="", message=f"is not JSON: {error}")]) from error
    problems: list[Problem] = []
    specified = _tasks(document, "specification", problems)
    executed = _tasks(document, "execution", problems)
    seconds = _seconds(executed, problems)
    parents = _parents(specified, problems)
    for number, recorded in enumerate(parents):
        if executed and recorded not in seconds:
            where = f"workflow.specification.tasks[{number}]"
            problems.append(Problem(where=where, message=f"{recorded!r} has no run time in workflow.execution.tasks"))
    if not problems:
        _check_acyclic(parents, problems)
    if problems:
        raise _refused(source, problems)
    return _workflow(document, parents, seconds)


def as_graph(workflow: Workflow, speed: float, slots: int | None) -> GraphSpec:
    """A graph in which each task sleeps its recorded time divided by `speed`, at most `slots` at once."""
    tasks = tuple(
        TaskSpec(
            id=step.id,
            work=ShellWork(command=f"sleep {step.seconds / speed:.6f}"),
            title=step.recorded_id,
            depends_on=tuple(Dependency(task=parent) for parent in step.parents),
        )
        for step in workflow.steps
    )
    return GraphSpec(
        name=workflow.name,
        tasks=tasks,
        goal=f"Replay a recorded workflow at {speed:g} times its speed.",
        limits=Limits(parallel=slots),
    )


def valid_id(recorded: str, taken: set[str]) -> str:
    """A task id like `recorded` that is valid and not in `taken`; the same input gives the same id."""
    plain = re.sub(r"[^a-z0-9._-]+", "-", recorded.lower())
    plain = re.sub(r"\.\.+", ".", plain).lstrip("._-")[:64] or "task"
    name, number = plain, 1
    while name in taken or not is_id(name):
        number += 1
        ending = f"-{number}"
        name = plain[: 64 - len(ending)] + ending
    return name


def _tasks(document: Any, part: str, problems: list[Problem]) -> list[Any]:
    where = f"workflow.{part}.tasks"
    found: Any = document
    for key in where.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, list):
        problems.append(Problem(where=where, message="is missing or no list: expected a workflow in WfFormat 1.5"))
        return []
    if not found:
        problems.append(Problem(where=where, message="is empty: expected at least one task"))
    return found


def _seconds(executed: list[Any], problems: list[Problem]) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for number, task in enumerate(executed):
        where = f"workflow.execution.tasks[{number}]"
        name = task.get("id") if isinstance(task, dict) else None
        if not isinstance(name, str) or not name:
            problems.append(Problem(where=f"{where}.id", message="expected a text"))
            continue
        if name in seconds:
            problems.append(Problem(where=f"{where}.id", message=f"{name!r} is there twice"))
        value = task.get("runtimeInSeconds")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST_S:
            message = f"{value!r} is no run time: expected seconds, 0 or more"
            problems.append(Problem(where=f"{where}.runtimeInSeconds", message=message))
            value = 0.0
        seconds[name] = float(value)
    return seconds


def _parents(specified: list[Any], problems: list[Problem]) -> dict[str, tuple[str, ...]]:
    """Recorded id → its parents, each once, in the file's order; `parents` and `children` together."""
    parents: dict[str, dict[str, None]] = {}
    links: list[tuple[str, str, str]] = []
    for number, task in enumerate(specified):
        where = f"workflow.specification.tasks[{number}]"
        name = task.get("id") if isinstance(task, dict) else None
        if not isinstance(name, str) or not name:
            problems.append(Problem(where=f"{where}.id", message="expected a text"))
            continue
        if name in parents:
            problems.append(Problem(where=f"{where}.id", message=f"{name!r} is there twice"))
        parents.setdefault(name, {})
        for key in ("parents", "children"):
            others = task.get(key, [])
            if not isinstance(others, list) or not all(isinstance(other, str) for other in others):
                problems.append(Problem(where=f"{where}.{key}", message="expected a list of task ids"))
                continue
            links += [
                (f"{where}.{key}", other, name) if key == "parents" else (f"{where}.{key}", name, other)
                for other in others
            ]
    for where, parent, child in links:
        strange = [name for name in (parent, child) if name not in parents]
        problems += [Problem(where=where, message=f"{name!r} is no task of this workflow") for name in strange]
        if not strange:
            parents[child][parent] = None
    return {name: tuple(before) for name, before in parents.items()}


def _check_acyclic(parents: dict[str, tuple[str, ...]], problems: list[Problem]) -> None:
    try:
        TopologicalSorter(parents).prepare()
    except CycleError as error:
        circle = " → ".join(error.args[1])
        problems.append(Problem(where="workflow.specification.tasks", message=f"the parents go in a circle: {circle}"))


def _workflow(document: Any, parents: dict[str, tuple[str, ...]], seconds: dict[str, float]) -> Workflow:
    ids: dict[str, str] = {}
    taken: set[str] = set()
    for recorded in parents:
        ids[recorded] = valid_id(recorded, taken)
        taken.add(ids[recorded])
    steps = tuple(
        Step(ids[recorded], recorded, tuple(ids[parent] for parent in before), seconds[recorded])
        for recorded, before in parents.items()
    )
    makespan = document["workflow"]["execution"].get("makespanInSeconds")
    known = isinstance(makespan, int | float) and not isinstance(makespan, bool)
    name = document.get("name")
    return Workflow(
        name=valid_id(name if isinstance(name, str) else "workflow", set()),
        steps=steps,
        recorded_makespan_s=float(makespan) if known else None,
    )


def _refused(source: str, problems: list[Problem]) -> Refused:
    more = len(problems) - MOST_PROBLEMS
    return Refused.because(
        "INVALID_GRAPH",
        f"{source} is no workflow that can be replayed: {problems[0]}" + (f" (and {more} more)" if more > 0 else ""),
        "expected WfFormat 1.5: workflow.specification.tasks with id and parents, "
        "workflow.execution.tasks with id and runtimeInSeconds",
        problems=tuple(problems[:MOST_PROBLEMS]),
    )
