"""Something is due. A timer that comes too late finds nothing to do."""

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.budgets import time_of
from orch_actors.actors.core.handlers import decisions
from orch_actors.actors.core.handlers.attempts import fail
from orch_actors.actors.core.handlers.cancelling import cancel_graph, stop_attempt
from orch_actors.actors.core.nodes import Task
from orch_actors.actors.core.table import GRAPH_REACTIONS, REACTIONS
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol.spec.durations import format_duration


def on_timer(turn: Turn, news: s.TimerFired) -> None:
    """Dispatch by the timer's kind."""
    key = news.key
    match key.kind:
        case "decision":
            decisions.on_decision_due(turn, key.ref)
        case "wall":
            _wall_due(turn, key.graph)
        case "worker":
            _pause_over(turn, key.ref)
        case _:
            task = turn.state.find(key.graph, key.task)
            if task is not None:
                _task_due(turn, task, key)


def _task_due(turn: Turn, task: Task, key: s.TimerKey) -> None:
    match key.kind:
        case "retry" if REACTIONS[task.state, "retry_due"] == "act":
            if task.retry_at_utc is not None and len(task.attempts) + 1 == key.attempt:
                turn.emit(f.TaskReady(graph=key.graph, task=key.task))
        case "timeout" if REACTIONS[task.state, "timeout_due"] == "act":
            watched = turn.state.worker(task.worker).ready  # if not, the next host will see whether it was over in time
            bound = time_of(task)
            if watched and task.attempts[-1].number == key.attempt and bound is not None:
                stop_attempt(turn, task, bound.cls, bound.sentence)
        case "deadline" if REACTIONS[task.state, "deadline_due"] == "act":
            if task.spec.deadline is not None and task.begun_utc is not None:
                _deadline_over(turn, task, f"was not done within its deadline of {format_duration(task.spec.deadline)}")


def _deadline_over(turn: Turn, task: Task, why: str) -> None:
    if task.state == "running":
        stop_attempt(turn, task, "deadline", why)
    else:
        fail(turn, task, "deadline", why)


def _wall_due(turn: Turn, graph_id: str) -> None:
    graph = turn.state.graphs.get(graph_id)
    if graph is None or GRAPH_REACTIONS[graph.phase, "wall_due"] != "act" or graph.spec.limits.wall is None:
        return
    cancel_graph(turn, graph, f"the graph ran longer than its {format_duration(graph.spec.limits.wall)}", "failed")


def _pause_over(turn: Turn, worker: str) -> None:
    record = turn.state.workers.get(worker)
    if record is not None and record.paused and record.paused_until_utc is not None:
        turn.emit(f.WorkerResumed(worker=worker))
