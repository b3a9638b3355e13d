"""From the machine's state to what clients see: `status`, `status GRAPH`. Pure, and reads only."""

from orch_actors.actors.core.nodes import Attempt, Graph, Task
from orch_actors.actors.core.state import State, satisfied
from orch_actors.actors.launching import attempt_stem
from orch_actors.protocol.views import (
    AttemptState,
    AttemptView,
    GraphSummary,
    GraphView,
    TaskView,
    utc_text,
)

_STATES: dict[str | None, AttemptState] = {None: "done", "cancelled": "cancelled", "unknown": "unknown"}


def summary(graph: Graph) -> GraphSummary:
    """A graph in one line; cost does not depend on its size."""
    return GraphSummary(
        id=graph.id,
        name=graph.spec.name,
        state=graph.state,
        counts=_counts(graph),
        submitted_utc=utc_text(graph.submitted_utc),
        ended_utc=None if graph.ended_utc is None else utc_text(graph.ended_utc),
    )


def graph_view(state: State, graph: Graph, folder: str) -> GraphView:
    """A graph whole; `folder` is where its attempts' files are."""
    return GraphView(
        id=graph.id,
        name=graph.spec.name,
        state=graph.state,
        goal=graph.spec.goal,
        reason=graph.reason,
        counts=_counts(graph),
        submitted_utc=utc_text(graph.submitted_utc),
        ended_utc=None if graph.ended_utc is None else utc_text(graph.ended_utc),
        tasks=tuple(_task_view(state, task, folder) for task in graph.tasks.values()),
    )


def _counts(graph: Graph) -> dict[str, int]:
    return {str(state): count for state, count in sorted(graph.counts.items())}


def _task_view(state: State, task: Task, folder: str) -> TaskView:
    return TaskView(
        id=task.id,
        worker=task.worker,
        state=task.state,
        reason=reason(state, task),
        title=task.spec.title,
        depends_on=tuple(dependency.task for dependency in task.spec.depends_on),
        priority=task.spec.priority,
        class_=task.cls if task.state == "failed" else None,
        attempts=tuple(_attempt_view(task, attempt, folder) for attempt in task.attempts),
        has_result=any(a.result is not None or a.result_in_file for a in task.attempts[-1:]),
    )


def _attempt_view(task: Task, attempt: Attempt, folder: str) -> AttemptView:
    if attempt.ended_utc is None:
        state: AttemptState = "stopping" if attempt.stopping else "running"
    else:
        state = _STATES.get(attempt.cls, "failed")
    stem = f"{folder}/{attempt_stem(task.id, attempt.number)}"
    return AttemptView(
        number=attempt.number,
        state=state,
        started_utc=utc_text(attempt.started_utc),
        ended_utc=None if attempt.ended_utc is None else utc_text(attempt.ended_utc),
        duration_s=attempt.duration_s,
        exit_code=attempt.exit_code,
        class_=attempt.cls,
        message=attempt.message,
        stdout=stem + ".out",
        stderr=stem + ".err",
    )


def reason(state: State, task: Task) -> str:
    """Why the task is where it is, in a sentence; empty where there is nothing to say."""
    tries = task.spec.retry.attempts
    match task.state:
        case "pending" if task.retry_at_utc is not None:
            return (
                f"waits until {utc_text(task.retry_at_utc)[11:19]} UTC for attempt {len(task.attempts) + 1} of {tries}"
            )
        case "pending":
            return "waits for " + _unmet(task)
        case "ready":
            return _waiting_reason(state, task)
        case "running":
            attempt = task.attempts[-1]
            number = f"attempt {attempt.number} of {tries}" if tries > 1 else ""
            return f"is being ended: {attempt.stopping[1]}" if attempt.stopping else number
        case _:
            return task.reason


def _unmet(task: Task) -> str:
    tasks = task.graph.tasks
    open_ones = [
        d.task for d in task.spec.depends_on if not (tasks[d.task].terminal and satisfied(d.on, tasks[d.task].state))
    ]
    more = f" and {len(open_ones) - 3} more" if len(open_ones) > 3 else ""
    return ", ".join(open_ones[:3]) + more


def _waiting_reason(state: State, task: Task) -> str:
    worker = state.worker(task.worker)
    entry = state.scheduler.entry(task.ref)
    if entry is not None and entry.held_by is not None:
        limit = task.graph.spec.limits.parallel
        return f"waits for a place among the {limit} that its graph may run at once"
    if not worker.ready:
        return f"waits for the {task.worker} worker to come up"
    return f"waits for a free {task.worker} slot ({worker.running} of {worker.limit} taken)"
