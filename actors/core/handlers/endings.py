"""How tasks and graphs come to an end, and how that reaches whoever depends on them.

Invariant (design, 5): after every turn no task waits for something that can no longer happen; a graph whose
tasks are all terminal is terminal.
"""

from orch_actors.actors.core import facts as f
from orch_actors.actors.core.nodes import Graph, Task
from orch_actors.actors.core.table import REACTIONS
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol.views import GraphState, TaskState


def end_task(turn: Turn, task: Task, state: TaskState, *, cls: str | None = None, reason: str = "") -> None:
    """Move a task to a terminal state, and everything that follows from it.

    Iterative over the tasks that are skipped in turn: a chain of any length takes no stack.
    """
    turn.emit(f.TaskEnded(graph=task.graph.id, task=task.id, state=state, cls=cls, reason=reason))
    ended = [task]
    while ended:
        for dependent, _ in ended.pop().dependents:
            if REACTIONS[dependent.state, "dependency_ended"] != "act":
                continue
            if dependent.broken_by is not None:
                turn.emit(_skipped(dependent, dependent.broken_by))
                ended.append(dependent)
            elif not dependent.unmet and dependent.retry_at_utc is None:
                turn.emit(f.TaskReady(graph=dependent.graph.id, task=dependent.id))
    end_graph_if_over(turn, task.graph)


def _skipped(task: Task, cause: Task) -> f.TaskEnded:
    if cause.state == "skipped":
        why = f"{cause.id} was skipped"
    elif cause.state == "cancelled":
        why = f"{cause.id} was cancelled"
    elif cause.state == "failed":
        why = f"{cause.id} failed ({cause.reason})" if cause.reason else f"{cause.id} failed"
    else:
        why = f"{cause.id} did not fail"
    return f.TaskEnded(graph=task.graph.id, task=task.id, state="skipped", reason=why)


def end_graph_if_over(turn: Turn, graph: Graph) -> None:
    """Tell the graph's outcome once its last task is terminal."""
    if graph.open_tasks or graph.ended_utc is not None:
        return
    state, reason = _outcome(graph)
    turn.emit(f.GraphEnded(graph=graph.id, state=state, reason=reason))


def _outcome(graph: Graph) -> tuple[GraphState, str]:
    failed, cancelled = graph.counts.get("failed", 0), graph.counts.get("cancelled", 0)
    if graph.cancelling:
        return "cancelled", graph.reason
    if failed:
        return "failed", f"{failed} of {len(graph.tasks)} tasks failed"
    if cancelled:
        return "cancelled", f"{cancelled} of {len(graph.tasks)} tasks were cancelled"
    return "done", ""
