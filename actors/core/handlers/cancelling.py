"""Ending a graph or a task on somebody's word."""

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers.attempts import stop_attempt
from orch_actors.actors.core.handlers.endings import end_graph_if_over, end_task
from orch_actors.actors.core.lookup import find_graph, find_task
from orch_actors.actors.core.nodes import Graph, Task
from orch_actors.actors.core.table import GRAPH_TERMINAL, REACTIONS
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.messages import Cancelled


def on_cancel_asked(turn: Turn, asked: s.CancelAsked) -> Cancelled:
    """Cancel a graph or one of its tasks.

    Raises:
        Refused: unknown, or over already.
    """
    graph = find_graph(turn.state, asked.graph)
    reason = asked.reason or "cancelled on request"
    if asked.task is None:
        return Cancelled(graph=graph.id, tasks=_cancel_graph(turn, graph, reason))
    task = find_task(graph, asked.task)
    if REACTIONS[task.state, "cancel"] == "refuse":
        raise Refused.because("NOT_ALLOWED", f"{task.ref} is {task.state} already", "there is nothing to cancel")
    cancel_task(turn, task, reason)
    return Cancelled(graph=graph.id, tasks=(task.id,))


def cancel_task(turn: Turn, task: Task, reason: str) -> None:
    """End a task that is not terminal: at once, or through the kill of its attempt."""
    if task.state == "running":
        stop_attempt(turn, task, "cancelled", reason)
    else:
        end_task(turn, task, "cancelled", reason=reason)


def _cancel_graph(turn: Turn, graph: Graph, reason: str) -> tuple[str, ...]:
    if graph.state in GRAPH_TERMINAL:
        raise Refused.because("NOT_ALLOWED", f"graph {graph.id} is {graph.state} already", "there is nothing to cancel")
    reached = [task for task in graph.tasks.values() if REACTIONS[task.state, "cancel"] == "act"]
    if not graph.cancelling:
        turn.emit(f.GraphCancelling(graph=graph.id, reason=reason))
    for task in reached:
        if task.state == "running":
            stop_attempt(turn, task, "cancelled", reason)
        else:
            # Not end_task: every dependent is in `reached` too, to be called cancelled rather than skipped.
            turn.emit(f.TaskEnded(graph=graph.id, task=task.id, state="cancelled", reason=reason))
    end_graph_if_over(turn, graph)
    return tuple(task.id for task in reached)


def on_cancel_running(turn: Turn, asked: s.CancelRunningAsked) -> int:
    """Cancel every running task of every graph; returns how many."""
    tasks = [task for tasks in turn.state.in_flight.values() for task in tasks.values()]
    for task in tasks:
        stop_attempt(turn, task, "cancelled", asked.reason)
    return len(tasks)
