"""Takes the picture of a state, piece by piece; see `image.py`. Pure, and reads only."""

from collections.abc import Iterator
from typing import Final

from msgspec import Raw, json
from msgspec.structs import replace

from orch_actors.actors.core.budgets import budget_of
from orch_actors.actors.core.image import (
    DecisionImage,
    GraphImage,
    MachineImage,
    Piece,
    QuarantinedImage,
    TaskImage,
    TasksImage,
    WorkerImage,
)
from orch_actors.actors.core.nodes import Decision, Graph, Quarantined, Task, WorkerType
from orch_actors.actors.core.state import State
from orch_actors.protocol.spec.work import Work

#: Tasks of one piece.
PIECE: Final = 500

_NO_WORK: Final = Work()
_encoder: Final = json.Encoder()


def pictured(state: State) -> Iterator[Piece]:
    """All pieces; the state must not change meanwhile."""
    yield MachineImage(
        last_graph=state.last_graph,
        last_decision=state.last_decision,
        told=state.told,
        graphs=len(state.graphs),
        workers=tuple(_of_worker(state, worker) for worker in state.workers.values()),
        consumers=tuple(state.consumers.values()),
        quarantine=tuple(_of_quarantined(found) for found in state.quarantine.values()),
    )
    for graph in state.graphs.values():
        yield _of_graph(state, graph)
        tasks = list(graph.tasks.values())
        for first in range(0, len(tasks), PIECE):
            yield TasksImage(tasks=tuple(_of_task(task) for task in tasks[first : first + PIECE]))


def _of_worker(state: State, worker: WorkerType) -> WorkerImage:
    running = state.in_flight.get(worker.name, {}).values()
    return WorkerImage(
        name=worker.name,
        override=worker.override,
        paused=worker.paused,
        pause_reason=worker.pause_reason,
        paused_until_utc=worker.paused_until_utc,
        parked=worker.parked,
        park_reason=worker.park_reason,
        quota_times=worker.quota_times,
        parkings=worker.parkings,
        unparked_utc=worker.unparked_utc,
        decision=_ref(worker.decision),
        decisions=tuple(_of_decision(state.decisions[ref]) for ref in worker.decisions),
        running=tuple((task.graph.id, task.id) for task in running),
    )


def _of_quarantined(found: Quarantined) -> QuarantinedImage:
    return QuarantinedImage(
        graph=found.task.graph.id,
        task=found.task.id,
        why=found.why,
        attempts=found.attempts,
        running=tuple(sorted(found.running)),
        judges=tuple(found.judges),
    )


def _of_graph(state: State, graph: Graph) -> GraphImage:
    decisions = [_of_decision(state.decisions[ref]) for ref in graph.decisions]
    return GraphImage(
        id=graph.id,
        spec=graph.spec,
        tasks=len(graph.tasks),
        client=graph.client,
        digest=graph.digest,
        submitted_utc=graph.submitted_utc,
        environment=graph.environment,
        key=graph.key,
        state=graph.state,
        reason=graph.reason,
        ended_utc=graph.ended_utc,
        ended_seq=graph.ended_seq,
        wall_from_utc=graph.wall_from_utc,
        cancelling=graph.cancelling,
        outcome=graph.outcome,
        parallel=graph.parallel,
        parent=graph.parent,
        depth=graph.depth,
        budget=None if graph.budget == budget_of(graph.spec.limits) else graph.budget,
        version=graph.version,
        decisions=tuple(decisions),
    )


def _of_decision(decision: Decision) -> DecisionImage:
    subject = decision.subject
    return DecisionImage(
        ref=decision.ref,
        about=decision.about,
        question=decision.question,
        options=decision.options,
        default=decision.default,
        asked_utc=decision.asked_utc,
        task=subject.id if isinstance(subject, Task) else "",
        deadline_s=decision.deadline_s,
        evidence=decision.evidence,
        choice=decision.choice,
        note=decision.note,
        by=decision.by,
        answered_utc=decision.answered_utc,
    )


def _of_task(task: Task) -> TaskImage:
    return TaskImage(
        spec=replace(task.spec, work=_NO_WORK),
        work=Raw(_encoder.encode(task.spec.work)),
        state=task.state,
        attempts=task.attempts,
        cls=task.cls,
        reason=task.reason,
        retry_at_utc=task.retry_at_utc,
        retry_delay_s=task.retry_delay_s,
        begun_utc=task.begun_utc,
        tries_before=task.tries_before,
        forgiven=task.forgiven,
        approved=task.approved,
        decision=_ref(task.decision),
        answer=_ref(task.answer),
        judge=None if task.judge is None else task.judge.id,
        judges=task.judges,
        rounds=task.rounds,
        judged=None if task.judged is None else task.judged.id,
        about=_ref(task.about),
        unmet=task.unmet,
        broken_by=None if task.broken_by is None else task.broken_by.id,
        rank=task.rank,
    )


def _ref(decision: Decision | None) -> str | None:
    return None if decision is None else decision.ref
