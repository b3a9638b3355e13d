"""Puts the pieces of a picture into a fresh state; see `image.py`. Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from msgspec import json
from msgspec.structs import force_setattr

from orch_actors.actors.core.budgets import budget_of, recounted
from orch_actors.actors.core.fold import adopt, enqueue, link, note_over, set_budget_capacities, set_graph_capacity
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
from orch_actors.protocol.spec.work import KINDS

_WORK: Final = {kind: json.Decoder(work) for kind, work in KINDS.items()}


class Restoring:
    """Puts the pieces of a picture into a fresh state, in their order; `finish` when there are no more."""

    def __init__(self, state: State) -> None:
        self._state: Final = state
        self._workers: tuple[WorkerImage, ...] = ()
        self._quarantine: tuple[QuarantinedImage, ...] = ()
        self._graphs = 0
        self._graph: Graph | None = None
        #: Tasks of that graph that are still to come, and images of those that have.
        self._missing = 0
        self._images: list[TaskImage] = []
        self._decisions: tuple[DecisionImage, ...] = ()
        #: Boot ids, so that there is one text of each.
        self._boots: Final[dict[str, str]] = {}

    def take(self, piece: Piece) -> None:
        """One piece.

        Raises:
            ValueError, LookupError: it makes no sense after those before.
        """
        match piece:
            case MachineImage():
                self._machine(piece)
            case GraphImage():
                self._begin_graph(piece)
            case TasksImage(tasks=images):
                self._tasks(images)

    def finish(self) -> None:
        """All pieces were taken: what spans graphs is put together.

        Raises:
            ValueError, LookupError: some are missing.
        """
        state = self._state
        if self._missing or len(state.graphs) != self._graphs:
            raise ValueError(f"{self._graphs} graphs were announced, and {len(state.graphs)} came whole")
        for image in self._workers:
            flying = {}
            for graph, name in image.running:
                task = state.task(graph, name)
                enqueue(state, task)
                state.scheduler.take(task.ref)
                flying[task.ref] = task
            if flying:
                state.in_flight[image.name] = flying
            state.worker(image.name).running = len(flying)
        for found in self._quarantine:
            task = state.task(found.graph, found.task)
            running, judges = set(found.running), list(found.judges)
            state.quarantine[task.ref] = Quarantined(task, found.why, found.attempts, running, judges)
        tasks = (task for graph in state.graphs.values() for task in graph.tasks.values())
        waiting = [task for task in tasks if task.state == "ready" and task.ref not in state.quarantine]
        for task in sorted(waiting, key=_rank):
            enqueue(state, task)
        over = [(each.ended_utc, each) for each in state.graphs.values() if each.ended_utc is not None]
        for _, ended in sorted(over, key=_ended):
            note_over(state, ended)
        state.decisions = {ref: state.decisions[ref] for ref in sorted(state.decisions, key=_number)}

    def _machine(self, image: MachineImage) -> None:
        state = self._state
        state.last_graph, state.last_decision, state.told = image.last_graph, image.last_decision, image.told
        state.consumers = {consumer.name: consumer for consumer in image.consumers}
        self._workers, self._quarantine, self._graphs = image.workers, image.quarantine, image.graphs
        for one in image.workers:
            worker = state.worker(one.name)
            worker.override = one.override
            worker.paused, worker.pause_reason = one.paused, one.pause_reason
            worker.paused_until_utc = one.paused_until_utc
            worker.parked, worker.park_reason, worker.parkings = one.parked, one.park_reason, one.parkings
            worker.quota_times, worker.unparked_utc = one.quota_times, one.unparked_utc
            for decision in one.decisions:
                state.decisions[decision.ref] = _decision(decision, worker)
                worker.decisions.append(decision.ref)
            worker.decision = self._decision(one.decision)

    def _begin_graph(self, image: GraphImage) -> None:
        if self._missing:
            raise ValueError(f"graph {image.id} begins, and {self._missing} tasks of the one before are missing")
        state = self._state
        self._graph = graph = Graph(
            image.id, image.spec, image.environment, image.client, image.key, image.digest, image.submitted_utc
        )
        graph.state, graph.reason, graph.ended_utc = image.state, image.reason, image.ended_utc
        graph.ended_seq = image.ended_seq
        graph.wall_from_utc, graph.cancelling, graph.outcome = image.wall_from_utc, image.cancelling, image.outcome
        graph.parallel, graph.version = image.parallel, image.version
        graph.budget = budget_of(graph.spec.limits) if image.budget is None else image.budget
        graph.parent, graph.depth = image.parent, image.depth
        state.graphs[graph.id] = graph
        adopt(state, graph)
        state.names.setdefault(graph.spec.name, []).append(graph.id)
        if graph.key is not None:
            state.keys[graph.key] = graph.id
        set_graph_capacity(state, graph)
        self._decisions = image.decisions
        self._missing = image.tasks

    def _tasks(self, images: Sequence[TaskImage]) -> None:
        graph = self._graph
        if graph is None or len(images) > self._missing:
            raise ValueError(f"{len(images)} tasks of no graph")
        for image in images:
            task = self._task(graph, image)
            graph.tasks[task.id] = task
        self._images += images
        self._missing -= len(images)
        if not self._missing:
            self._end_graph(graph)

    def _task(self, graph: Graph, image: TaskImage) -> Task:
        spec = image.spec
        force_setattr(spec, "work", _WORK[spec.kind or spec.worker].decode(image.work))
        for attempt in image.attempts:
            attempt.boot = self._boots.setdefault(attempt.boot, attempt.boot)
        return Task(
            graph,
            spec,
            len(graph.tasks),
            image.state,
            image.attempts,
            image.cls,
            image.reason,
            image.retry_at_utc,
            image.retry_delay_s,
            image.begun_utc,
            image.tries_before,
            image.forgiven,
            image.approved,
            judges=image.judges,
            rounds=image.rounds,
            unmet=image.unmet,
            rank=image.rank,
        )

    def _end_graph(self, graph: Graph) -> None:
        """All its tasks are there: what they say of each other."""
        state, tasks = self._state, graph.tasks
        for one in self._decisions:
            state.decisions[one.ref] = _decision(one, tasks[one.task])
            graph.decisions.append(one.ref)
        for task, image in zip(tasks.values(), self._images, strict=True):
            if task.spec.depends_on:
                link(task)
            if image.broken_by is not None:
                task.broken_by = tasks[image.broken_by]
            task.decision, task.answer = self._decision(image.decision), self._decision(image.answer)
            if image.judge is not None:
                task.judge = tasks[image.judge]
            if image.judged is not None:
                task.judged, task.about = tasks[image.judged], self._decision(image.about)
            if task.retry_at_utc is not None:
                state.retrying[task.ref] = task
        graph.spent = recounted(graph)
        set_budget_capacities(state, graph)
        graph.counts = dict(Counter([task.state for task in tasks.values() if task.judged is None]))
        graph.open_tasks = sum(1 for task in tasks.values() if not task.terminal) if graph.ended_utc is None else 0
        self._images.clear()

    def _decision(self, ref: str | None) -> Decision | None:
        return None if ref is None else self._state.decisions[ref]


def _rank(task: Task) -> int:
    return task.rank


def _ended(pair: tuple[float, Graph]) -> float:
    return pair[0]


def _number(ref: str) -> int:
    return int(ref[1:])


def _decision(image: DecisionImage, subject: Task | WorkerType) -> Decision:
    return Decision(
        ref=image.ref,
        subject=subject,
        about=image.about,
        question=image.question,
        options=image.options,
        default=image.default,
        deadline_s=image.deadline_s,
        evidence=image.evidence,
        asked_utc=image.asked_utc,
        choice=image.choice,
        note=image.note,
        by=image.by,
        answered_utc=image.answered_utc,
    )
