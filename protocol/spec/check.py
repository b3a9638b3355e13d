"""What the types of single fields cannot say: ids, dependencies and cycles of a whole graph, names of variables.

Pure, and linear in tasks and dependencies. Tasks that could not be read take part by their ids, so that one
wrong field is not followed by a heap of "unknown dependency". Places are told to `report` as the task's
position and the path within the task; where that is in the document is the caller's knowledge.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from orch_actors.protocol.ids import ID_RULE, JUDGE_PATTERN, is_id
from orch_actors.protocol.spec.graph import TaskSpec
from orch_actors.protocol.spec.hints import did_you_mean
from orch_actors.protocol.spec.places import Finding, Path, shorten, where

#: Bounds of one graph.
MAX_TASKS: Final = 100_000
MAX_EDGES: Final = 1_000_000

MAX_NAME: Final = 128

#: Variables with this beginning are set by the worker host (ORCH_ATTEMPT, ORCH_RESULT, …).
RESERVED_ENV: Final = "ORCH_"

#: Names of a cycle that are spelled out.
_SHOWN: Final = 20

#: Tasks with one id that are looked at for cycles: very many would make very many edges.
_NAMESAKES: Final = 8

Report = Callable[[int, Path, str], None]


class Node(NamedTuple):
    """What the graph's form needs to know of a task."""

    #: None: it has none, or none that can be read.
    id: str | None
    #: Ids of the tasks that it depends on, in its order; None where one cannot be read.
    depends_on: tuple[str | None, ...]


def check_name(name: str) -> str | None:
    """What is wrong with a graph's name or a task's title, if anything."""
    if len(name) > MAX_NAME:
        return f"has {len(name)} characters: expected at most {MAX_NAME}"
    if any(not character.isprintable() for character in name):
        return "holds a line break or another control character: expected one line of text"
    return None


def check_task(task: TaskSpec, *, accepted: bool = False) -> Iterator[Finding]:
    """What is wrong with a task taken by itself; paths begin in the task. `accepted`: it may be a judge's."""
    judge = JUDGE_PATTERN.fullmatch(task.id) if accepted else None
    if not is_id(judge[1] if judge is not None else task.id):
        yield Finding(("id",), f"{shorten(repr(task.id), 80)} is no task id: expected {ID_RULE}")
    fault = check_name(task.title) if task.title else None
    if fault is not None:
        yield Finding(("title",), fault)
    for name in task.env:
        fault = check_variable(name)
        if fault is not None:
            yield Finding(("env", name), fault)
    for field, message in task.work.problems():
        yield Finding((field,), message)


def check_variable(name: str) -> str | None:
    """What is wrong with the name of an environment variable, if anything."""
    if not name:
        return "a variable has an empty name"
    if "=" in name or "\0" in name:
        return "is no name of a variable: `=` and NUL cannot be in it"
    if name.startswith(RESERVED_ENV):
        return f"is reserved: variables beginning with {RESERVED_ENV} are set for the task"
    return None


def check_graph(
    nodes: Sequence[Node],
    report: Report,
    written: Sequence[Path] | None = None,
    known: Collection[str] = (),
) -> None:
    """Doubled ids, dependencies on nothing, on itself or twice on the same, and cycles.

    Whichever of the tasks with one id is meant, a cycle is told of, and that it may be none: who gives one of them
    another id shall not find that one problem hid another.

    Args:
        nodes: the tasks.
        report: takes what is wrong.
        written: where each stands in the document, for messages; not given: at its position in `tasks`.
        known: ids of the tasks that the graph has already; none of them depends on one of `nodes`.
    """
    positions = _positions(nodes, report, written, known)
    edges: list[list[int]] = []
    for index, node in enumerate(nodes):
        seen: dict[str, None] = {}
        targets: list[int] = []
        for order, name in enumerate(node.depends_on):
            if name is None:
                continue
            if name in seen:
                report(index, ("depends_on", order), f"`{name}` is named twice")
            elif name == node.id:
                report(index, ("depends_on", order), "the task depends on itself")
            elif name in positions:
                targets += positions[name][:_NAMESAKES]
            elif name not in known:
                report(index, ("depends_on", order), _unknown(name, {*positions, *known}))
            seen[name] = None
        edges.append(targets)
    for cycle in cycles(edges):
        names = [nodes[index].id or "?" for index in cycle]
        doubled = next((name for name in names if len(positions.get(name, ())) > 1), None)
        unless = (
            "" if doubled is None else f", unless {shorten(repr(doubled), 80)} means another of the tasks so called"
        )
        report(cycle[0], ("depends_on",), _cycle_text(names) + unless)


def _positions(
    nodes: Iterable[Node], report: Report, written: Sequence[Path] | None, known: Collection[str]
) -> dict[str, list[int]]:
    """Id → who has it."""
    positions: dict[str, list[int]] = {}
    for index, node in enumerate(nodes):
        if node.id is None:
            continue
        same = positions.setdefault(node.id, [])
        name = shorten(repr(node.id), 80)
        if same:
            other = where(("tasks", same[0]) if written is None else written[same[0]])
            report(index, ("id",), f"{name} is the id of {other} already: ids must differ")
        elif node.id in known:
            report(index, ("id",), f"the graph has a task {name} already: choose another id, or `update` that one")
        same.append(index)
    return positions


def _unknown(name: str, known: Collection[str]) -> str:
    return f"no task has the id {shorten(repr(name), 80)}{did_you_mean(name, known)}"


def _cycle_text(names: list[str]) -> str:
    ring = [*names, names[0]]
    if len(names) > _SHOWN:
        ring[_SHOWN - 1 : -2] = [f"… {len(names) - _SHOWN} more …"]
    return f"the tasks wait for each other in a cycle: {' → '.join(ring)} (each depends on the next)"


def cycles(edges: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Cycles of a graph given as the dependencies of each node; none, if and only if it has none.

    Kahn's algorithm takes away all that can be ordered. Every node that is left has a dependency that is left,
    so following one such dependency from each must run into a cycle; each is given once, from the lowest node on.
    Not all cycles are listed, of which there can be exponentially many: those that are share no node.
    """
    unmet = [len(targets) for targets in edges]
    dependents: list[list[int]] = [[] for _ in edges]
    for node, targets in enumerate(edges):
        for target in targets:
            dependents[target].append(node)
    free = [node for node, count in enumerate(unmet) if not count]
    while free:
        for node in dependents[free.pop()]:
            unmet[node] -= 1
            if not unmet[node]:
                free.append(node)
    #: Node → number of the walk that came by it first.
    walked: dict[int, int] = {}
    for start in range(len(edges)):
        path: list[int] = []
        node = start
        while unmet[node] and node not in walked:
            walked[node] = start
            path.append(node)
            node = next(target for target in edges[node] if unmet[target])
        if path and walked.get(node) == start:
            ring = path[path.index(node) :]
            lowest = ring.index(min(ring))
            yield ring[lowest:] + ring[:lowest]
