"""Ending a graph or a task on somebody's word, or because of what happened."""

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers.endings import end_graph_if_over, end_task
from orch_actors.actors.core.lookup import find_graph, find_task
from orch_actors.actors.core.nodes import Graph, Task
from orch_actors.actors.core.table import GRAPH_TERMINAL, REACTIONS
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.messages import Cancelled
from orch_actors.protocol.views import GraphState


def stop_attempt(turn: Turn, task: Task, cls: str, why: str) -> None:
    """Decide the kill of a running attempt; it will have ended with `cls`. The first decision stands."""
    attempt = task.attempts[-1]
    if attempt.stopping is not None:
        return
    turn.emit(f.AttemptStopping(graph=task.graph.id, task=task.id, attempt=attempt.number, cls=cls, why=why))
    turn.ask(s.StopAttempt(task.worker, task.graph.id, task.id, attempt.number))


def on_cancel_asked(turn: Turn, asked: s.CancelAsked) -> Cancelled:
    """Cancel a graph or one of its tasks.

    Raises:
        Refused: unknown, or over already.
    """
    graph = find_graph(turn.state, asked.graph)
    reason = asked.reason or "cancelled on request"
    if asked.task is None:
        if graph.state in GRAPH_TERMINAL:
            raise Refused.because(
                "NOT_ALLOWED", f"graph {graph.id} is {graph.state} already", "there is nothing to cancel"
            )
        return Cancelled(graph=graph.id, tasks=cancel_graph(turn, graph, reason, "cancelled"))
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


def cancel_graph(turn: Turn, graph: Graph, reason: str, outcome: GraphState) -> tuple[str, ...]:
    """End all that is not terminal; the graph will be `outcome`. Returns the tasks that it reached."""
    if graph.state in GRAPH_TERMINAL:
        return ()
    reached = [task for task in graph.tasks.values() if REACTIONS[task.state, "cancel"] == "act"]
    if not graph.cancelling:
        turn.emit(f.GraphCancelling(graph=graph.id, reason=reason, outcome=outcome))
    for task in reached:
        if task.state == "running":
            stop_attempt(turn, task, "cancelled", reason)
        else:
            # Not end_task: every dependent is in `reached` too, to be called cancelled rather than skipped.
            turn.emit(f.TaskEnded(graph=graph.id, task=task.id, state="cancelled", reason=reason))
    end_graph_if_over(turn, graph)
    return tuple(task.id for task in reached)


def fail_with_graph(turn: Turn, task: Task, cls: str, reason: str) -> None:
    """A task has failed, and takes its graph with it (`cancel_graph`)."""
    why = f"{task.id} failed ({reason})"
    # First, so that nothing that waits for the failed task is let go.
    turn.emit(f.GraphCancelling(graph=task.graph.id, reason=why, outcome="failed"))
    end_task(turn, task, "failed", cls=cls, reason=reason)
    cancel_graph(turn, task.graph, why, "failed")


def on_cancel_running(turn: Turn, asked: s.CancelRunningAsked) -> int:
    """Cancel every running task of every graph; returns how many."""
    tasks = [task for tasks in turn.state.in_flight.values() for task in tasks.values()]
    for task in tasks:
        stop_attempt(turn, task, "cancelled", asked.reason)
    return len(tasks)
