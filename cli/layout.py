"""The form of a graph: its edges with their conditions, and the level of each task. Pure.

A task's level is the length of the longest way to it from a task without dependencies, so every edge leads from a
lower level to a higher one.
"""

from typing import Final

from msgspec import Struct

from orch_actors.protocol.views import GraphView, TaskView


class Edge(Struct, frozen=True, kw_only=True):
    """`to` waits for `from_`, until it ends in the way that `on` says."""

    from_: str
    to: str
    on: str = "done"


class Layout:
    """A graph's tasks in levels.

    Invariants: `levels` holds each task once, within a level in the order of submission; `edges` are those between
    tasks that there are, in the order of the tasks that wait.
    """

    def __init__(self, view: GraphView) -> None:
        tasks: Final = {task.id: task for task in view.tasks}
        self.edges: Final = tuple(
            Edge(from_=name, to=task.id, on=task.conditions.get(name, "done"))
            for task in view.tasks
            for name in task.depends_on
            if name in tasks
        )
        self.level_of: Final = _levels(tuple(tasks), self.edges)
        levels: dict[int, list[TaskView]] = {}
        for task in view.tasks:
            levels.setdefault(self.level_of[task.id], []).append(task)
        self.levels: Final = [levels[number] for number in sorted(levels)]


def _levels(names: tuple[str, ...], edges: tuple[Edge, ...]) -> dict[str, int]:
    """Kahn's algorithm; a graph has no cycles, the daemon sees to that."""
    unmet = dict.fromkeys(names, 0)
    dependents: dict[str, list[str]] = {name: [] for name in names}
    for edge in edges:
        unmet[edge.to] += 1
        dependents[edge.from_].append(edge.to)
    level_of = dict.fromkeys(names, 0)
    free = [name for name in names if not unmet[name]]
    while free:
        name = free.pop()
        for dependent in dependents[name]:
            level_of[dependent] = max(level_of[dependent], level_of[name] + 1)
            unmet[dependent] -= 1
            if not unmet[dependent]:
                free.append(dependent)
    return level_of
