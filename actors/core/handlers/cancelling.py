"""Ending a graph or a task on somebody's word, or because of what happened."""

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.budgets import time_of
from orch_actors.actors.core.handlers import parking
from orch_actors.actors.core.handlers.endings import FINAL_STOPS, close_task, end_graph_if_over, end_task, has_time_left
from orch_actors.actors.core.handlers.nesting import inside
from orch_actors.actors.core.handlers.pausing import check_phase, check_version
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
    if before is None and time_of(task) is not None:
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
        Refused: unknown, over already, or stale.
    """
    graph = find_graph(turn.state, asked.graph)
    task = None if asked.task is None else find_task(graph, asked.task)
    check_version(graph, asked.if_version)
    if task is None:
        check_phase(graph, "cancel")
    if task is not None and REACTIONS[task.state, "cancel"] == "refuse":
        raise Refused.because("NOT_ALLOWED", f"{task.ref} is {task.state} already", "there is nothing to cancel")
    reached = _still_open(graph) if task is None else [task]
    skipped = () if task is None else tuple(other.id for other in _to_be_skipped(task))
    within = tuple(inside(turn.state, graph, asked.task))
    if not asked.dry_run:
        reason = asked.reason or "cancelled on request"
        if task is not None:
            cancel_task(turn, task, reason)
            for other in within:
                cancel_graph(turn, other, f"{task.ref} was cancelled", "cancelled")
        else:
            cancel_graph(turn, graph, reason, "cancelled")
        if turn.facts:  # otherwise it was being ended already
            turn.emit(f.GraphEdited(graph=graph.id))
    return Cancelled(
        graph=graph.id,
        tasks=tuple(each.id for each in reached),
        skipped=skipped,
        graphs=tuple(other.id for other in within),
        version=graph.version,
        dry_run=asked.dry_run,
    )


def _still_open(graph: Graph) -> list[Task]:
    return [task for task in graph.tasks.values() if REACTIONS[task.state, "cancel"] == "act"]


def _to_be_skipped(task: Task) -> list[Task]:
    """Who waits, over however many others, for an end that this one can no longer have once it is cancelled."""
    found: dict[str, Task] = {}
    ended = [task]
    while ended:
        for dependent, condition in ended.pop().dependents:
            waits = REACTIONS[dependent.state, "dependency_ended"] == "act"
            if waits and condition != "finished" and dependent.id not in found:
                found[dependent.id] = dependent
                ended.append(dependent)
    return list(found.values())


def cancel_task(turn: Turn, task: Task, reason: str) -> None:
    """End a task that is not terminal: at once, or through the kill of its attempt."""
    if task.state == "running":
        stop_attempt(turn, task, "cancelled", reason)
    else:
        end_task(turn, task, "cancelled", reason=reason)


def cancel_graph(turn: Turn, graph: Graph, reason: str, outcome: GraphState) -> None:
    """End all that is not terminal; the graph will be `outcome`. What was submitted from inside it is cancelled."""
    _cancel_one(turn, graph, reason, outcome)
    for other in tuple(inside(turn.state, graph)):
        _cancel_one(turn, other, f"{graph.id} was cancelled", "cancelled")


def _cancel_one(turn: Turn, graph: Graph, reason: str, outcome: GraphState) -> None:
    if graph.state in GRAPH_TERMINAL:
        return
    reached = _still_open(graph)
    if not graph.cancelling:
        _begin(turn, graph, reason, outcome)
    for task in reached:
        if task.state == "running":
            stop_attempt(turn, task, "cancelled", reason)
        else:
            # Not end_task: every dependent is in `reached` too, to be called cancelled rather than skipped.
            close_task(turn, task, "cancelled", reason=reason)
    end_graph_if_over(turn, graph)


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
