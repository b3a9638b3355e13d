"""From the machine's state to what clients see: `status`, `status GRAPH`. Pure, and reads only."""

from typing import Any, Final

import msgspec

from orch_actors.actors.attempts.launching import attempt_stem
from orch_actors.actors.core.budgets import spent_by
from orch_actors.actors.core.nodes import NO_ROOM, Attempt, Consumer, Decision, Graph, Task
from orch_actors.actors.core.state import State
from orch_actors.actors.views.why import explain
from orch_actors.actors.worktrees import NO_WORKTREE, worktree_of
from orch_actors.protocol.callbacks import files_folder
from orch_actors.protocol.spec.graph import Budget
from orch_actors.protocol.views import (
    AttemptState,
    AttemptView,
    ConsumerView,
    DecisionView,
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
        client=graph.client,
        usage=graph.spent.usage,
        parent=graph.parent,
        callbacks=_callbacks(graph),
        files=_files(graph),
    )


def graph_view(state: State, graph: Graph, folder: str) -> GraphView:
    """A graph whole; `folder` is where its attempts' files are."""
    return GraphView(
        id=graph.id,
        name=graph.spec.name,
        state=graph.state,
        goal=graph.spec.goal,
        reason=graph.reason,
        version=graph.version,
        parallel=graph.parallel,
        counts=_counts(graph),
        submitted_utc=utc_text(graph.submitted_utc),
        ended_utc=None if graph.ended_utc is None else utc_text(graph.ended_utc),
        tasks=tuple(_task_view(state, task, folder) for task in graph.tasks.values()),
        usage=graph.spent.usage,
        tries=graph.spent.attempts,
        parent=graph.parent,
        children=tuple(graph.children),
        budget=_bounds(graph.budget),
        callbacks=_callbacks(graph),
        files=_files(graph),
    )


def _callbacks(graph: Graph) -> tuple[dict[str, Any], ...]:
    return tuple(msgspec.to_builtins(callback) for callback in graph.spec.callbacks)


def _files(graph: Graph) -> str:
    return "" if graph.spec.files is None else files_folder(graph.spec.files, graph.id)


def _counts(graph: Graph) -> dict[str, int]:
    return {str(state): count for state, count in sorted(graph.counts.items())}


#: Classes of attempts that never began: one may have failed for its worktree, which is not there then.
_NEVER_BEGAN: Final = ("spawn", "secret", "reference", NO_ROOM)


def _task_view(state: State, task: Task, folder: str) -> TaskView:
    began = any(attempt.cls not in _NEVER_BEGAN for attempt in task.attempts)
    own = worktree_of(folder, task.id) if task.spec.worktree and began else NO_WORKTREE
    return TaskView(
        id=task.id,
        worker=task.worker,
        state=task.state,
        reason=explain(state, task)[0],
        title=task.spec.title,
        depends_on=tuple(dependency.task for dependency in task.spec.depends_on),
        priority=task.spec.priority,
        class_=task.cls if task.state == "failed" else None,
        attempts=tuple(_attempt_view(task, attempt, folder) for attempt in task.attempts),
        has_result=any(a.result is not None or a.result_in_file for a in task.attempts[-1:]),
        conditions={dependency.task: dependency.on for dependency in task.spec.depends_on if dependency.on != "done"},
        decision=None if task.decision is None else task.decision.ref,
        usage=spent_by(task).usage if task.attempts or task.judges else None,
        budget=_bounds(task.spec.budget),
        worktree=own.path,
        branch=own.branch,
    )


def _bounds(budget: Budget) -> dict[str, float | int]:
    """Those that there are."""
    found: dict[str, float | int] = msgspec.to_builtins(budget)
    return found


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
        session=attempt.session,
        usage=attempt.usage,
        verdict=attempt.verdict,
        progress=attempt.progress,
        percent=attempt.percent,
        artifacts=len(attempt.artifacts),
    )


def decision_view(decision: Decision) -> DecisionView:
    """One decision, open or answered."""
    subject = decision.subject
    graph, task = (subject.graph.id, subject.id) if isinstance(subject, Task) else ("", "")
    deadline_utc = None if decision.due_utc is None else utc_text(decision.due_utc)
    return DecisionView(
        ref=decision.ref,
        graph=graph,
        task=task,
        worker="" if isinstance(subject, Task) else subject.name,
        kind=decision.about,
        question=decision.question,
        options=decision.options,
        default=decision.default,
        deadline_utc=deadline_utc,
        asked_utc=utc_text(decision.asked_utc),
        evidence=decision.evidence,
        choice=decision.choice,
        note=decision.note,
        by=decision.by,
        answered_utc=None if decision.answered_utc is None else utc_text(decision.answered_utc),
    )


def consumer_view(consumer: Consumer, head: int) -> ConsumerView:
    """One named reader of events, where the newest event is `head`."""
    acknowledged_utc = consumer.acknowledged_utc
    return ConsumerView(
        name=consumer.name,
        cursor=consumer.cursor,
        behind=head - consumer.cursor,
        kinds=consumer.kinds,
        graphs=consumer.graphs,
        created_utc=utc_text(consumer.created_utc),
        acknowledged_utc=None if acknowledged_utc is None else utc_text(acknowledged_utc),
    )
