"""Ending a graph or a task on somebody's word, or because of what happened."""

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers import parking
from orch_actors.actors.core.handlers.endings import FINAL_STOPS, close_task, end_graph_if_over, end_task, has_time_left
from orch_actors.actors.core.lookup import find_graph, find_task
from orch_actors.actors.core.nodes import Graph, Task
from orch_actors.actors.core.table import GRAPH_TERMINAL, REACTIONS
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.messages import Cancelled
from orch_actors.protocol.views import GraphState


def stop_attempt(turn: Turn, task: Task, cls: str, why: str) -> None:
    """Decide the kill of a running attempt; it will have ended with `cls`.

    The first decision stands, but for a deadline or a cancellation: a timeout that came before them leaves room for
    another attempt, and they do not.
    """
    attempt, graph = task.attempts[-1], task.graph.id
    before = attempt.stopping
    if before is not None and _weight(cls) <= _weight(before[0]):
        return
    if before is None and task.spec.timeout is not None:
        turn.ask(s.DisarmTimer(s.TimerKey("timeout", graph, task.id, attempt.number)))
    if cls in FINAL_STOPS and task.spec.deadline is not None and has_time_left(task):
        turn.ask(s.DisarmTimer(s.TimerKey("deadline", graph, task.id)))
    turn.emit(f.AttemptStopping(graph=graph, task=task.id, attempt=attempt.number, cls=cls, why=why))
    if before is None:
        turn.ask(s.StopAttempt(task.worker, graph, task.id, attempt.number))


def _weight(cls: str) -> int:
    return FINAL_STOPS.index(cls) + 1 if cls in FINAL_STOPS else 0


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
        _begin(turn, graph, reason, outcome)
    for task in reached:
        if task.state == "running":
            stop_attempt(turn, task, "cancelled", reason)
        else:
            # Not end_task: every dependent is in `reached` too, to be called cancelled rather than skipped.
            close_task(turn, task, "cancelled", reason=reason)
    end_graph_if_over(turn, graph)
    return tuple(task.id for task in reached)


def _begin(turn: Turn, graph: Graph, reason: str, outcome: GraphState) -> None:
    turn.emit(f.GraphCancelling(graph=graph.id, reason=reason, outcome=outcome))
    if graph.spec.limits.wall is not None:
        turn.ask(s.DisarmTimer(s.TimerKey("wall", graph.id)))


def fail_with_graph(turn: Turn, task: Task, cls: str, reason: str) -> None:
    """A task has failed, and takes its graph with it (`cancel_graph`)."""
    why = f"{task.id} failed ({reason})"
    # First, so that nothing that waits for the failed task is let go.
    _begin(turn, task.graph, why, "failed")
    end_task(turn, task, "failed", cls=cls, reason=reason)
    cancel_graph(turn, task.graph, why, "failed")


def on_cancel_running(turn: Turn, asked: s.CancelRunningAsked) -> int:
    """Cancel every running task of every graph; returns how many. That takes hosts: a parked type is tried again."""
    for worker, record in turn.state.workers.items():
        if record.parked and turn.state.in_flight.get(worker):
            parking.end_parking(turn, record, by="`down --kill`")
    tasks = [task for tasks in turn.state.in_flight.values() for task in tasks.values()]
    for task in tasks:
        stop_attempt(turn, task, "cancelled", asked.reason)
    return len(tasks)
