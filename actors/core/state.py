"""All that the machine remembers, and the folding of facts into it.

`fold` is the only mutator of graphs, tasks and attempts, live and on replay alike, so "replay equals live" holds
by construction; what is derived (counters, queue, attempts in flight) is kept in the same breath.
Must not know: clocks, journals, effects, policies.
"""

from dataclasses import dataclass

from orch_actors.actors.core import facts as f
from orch_actors.actors.core.errors import InvalidTransition
from orch_actors.actors.core.nodes import Attempt, Graph, Task
from orch_actors.actors.core.scheduler import Scheduler
from orch_actors.actors.core.table import TASK_MOVES, TERMINAL
from orch_actors.protocol.spec.graph import Condition
from orch_actors.protocol.spec.parse import parse_graph
from orch_actors.protocol.views import TaskState


@dataclass(slots=True, eq=False)
class WorkerType:
    """What the machine knows of one worker type; not journalled."""

    limit: int
    #: A host answers.
    ready: bool = False
    #: A host was asked for.
    woken: bool = False
    running: int = 0


def satisfied(condition: Condition, state: TaskState) -> bool:
    """Whether a dependency that ended in `state` lets its dependent go."""
    return condition in ("finished", state)


def parallel_key(graph: str) -> str:
    """The capacity that stands for a graph's parallel limit."""
    return f"parallel:{graph}"


class State:
    """Graphs by id and everything derived from them."""

    def __init__(self) -> None:
        self.graphs: dict[str, Graph] = {}
        #: Number in the newest graph's id; ids are never reused.
        self.last_graph = 0
        #: Idempotency key → graph id.
        self.keys: dict[str, str] = {}
        #: Graph name → ids, oldest first.
        self.names: dict[str, list[str]] = {}
        self.workers: dict[str, WorkerType] = {}
        self.scheduler = Scheduler()
        #: Worker type → tasks with an attempt that runs. Invariant: exactly the tasks in state `running`.
        self.in_flight: dict[str, dict[str, Task]] = {}
        #: Tasks that wait for their next attempt's time.
        self.retrying: dict[str, Task] = {}
        self._ranks = 0

    # --- reading ----------------------------------------------------------------------------------------------

    def task(self, graph: str, task: str) -> Task:
        """A task that exists; facts and stimuli of our own name no others."""
        return self.graphs[graph].tasks[task]

    def find(self, graph: str, task: str) -> Task | None:
        """A task, or None."""
        found = self.graphs.get(graph)
        return found.tasks.get(task) if found else None

    def worker(self, worker: str) -> WorkerType:
        """The record of a worker type; one that was never configured has one slot."""
        return self.workers.setdefault(worker, WorkerType(limit=1))

    # --- folding ----------------------------------------------------------------------------------------------

    def fold(self, fact: f.Fact, at_utc: float) -> None:
        """Take one fact in. `at_utc` is the wall time of the decision, in seconds since the epoch.

        Raises:
            InvalidTransition: the table does not allow it; nothing was changed.
        """
        match fact:
            case f.GraphSubmitted():
                self._fold_submitted(fact, at_utc)
            case f.TaskReady(graph=graph, task=task):
                self._fold_ready(self.task(graph, task))
            case f.AttemptStarting(graph=graph, task=task):
                self._fold_starting(self.task(graph, task), fact, at_utc)
            case f.AttemptAdopted(graph=graph, task=task, pid=pid):
                node = self.task(graph, task)
                self._check(node, "attempt_adopted", "running")
                node.attempts[-1].pid = pid
            case f.AttemptStopping(graph=graph, task=task, cls=cls, why=why):
                node = self.task(graph, task)
                self._check(node, "attempt_stopping", "running")
                node.attempts[-1].stopping = (cls, why)
            case f.AttemptEnded(graph=graph, task=task):
                self._fold_attempt_ended(self.task(graph, task), fact)
            case f.RetryScheduled(graph=graph, task=task):
                self._fold_retry(self.task(graph, task), fact)
            case f.TaskEnded(graph=graph, task=task):
                self._fold_task_ended(self.task(graph, task), fact)
            case f.GraphCancelling(graph=graph, reason=reason):
                self.graphs[graph].cancelling = True
                self.graphs[graph].reason = reason
            case f.GraphEnded(graph=graph, state=state, reason=reason):
                ended = self.graphs[graph]
                ended.state, ended.reason, ended.ended_utc = state, reason, at_utc
                self.scheduler.drop_capacity(parallel_key(graph))

    def _check(self, task: Task, fact: str, to: TaskState) -> None:
        if to not in TASK_MOVES.get((task.state, fact), ()):
            raise InvalidTransition(task.ref, task.state, f"{fact} → {to}", story(task))

    def _move(self, task: Task, fact: str, to: TaskState) -> None:
        """The one place where a task's state changes."""
        self._check(task, fact, to)
        counts = task.graph.counts
        counts[task.state] -= 1
        if not counts[task.state]:
            del counts[task.state]
        counts[to] = counts.get(to, 0) + 1
        task.state = to

    def _fold_submitted(self, fact: f.GraphSubmitted, at_utc: float) -> None:
        spec = parse_graph(fact.document, base_dir="/", unsupported={})
        graph = Graph(fact.graph, spec, fact.environment, fact.client, fact.key, fact.digest, at_utc)
        for index, task_spec in enumerate(spec.tasks):
            graph.tasks[task_spec.id] = Task(graph, task_spec, index)
        for task in graph.tasks.values():
            task.unmet = len(task.spec.depends_on)
            for dependency in task.spec.depends_on:
                graph.tasks[dependency.task].dependents.append((task, dependency.on))
        graph.open_tasks = len(graph.tasks)
        graph.counts = {"pending": len(graph.tasks)}
        self.graphs[graph.id] = graph
        self.last_graph = max(self.last_graph, int(graph.id[1:]))
        self.names.setdefault(spec.name, []).append(graph.id)
        if fact.key is not None:
            self.keys[fact.key] = graph.id
        if spec.limits.parallel is not None:
            self.scheduler.set_capacity(parallel_key(graph.id), spec.limits.parallel)

    def claims(self, task: Task) -> dict[str, float]:
        """What an attempt of this task holds while it runs."""
        limited = task.graph.spec.limits.parallel is not None
        return {parallel_key(task.graph.id): 1.0} if limited else {}

    def _fold_ready(self, task: Task) -> None:
        self._move(task, "task_ready", "ready")
        self.retrying.pop(task.ref, None)
        task.retry_at_utc = None
        self._ranks += 1
        task.rank = self._ranks
        self.scheduler.add(task.ref, task.worker, (-task.spec.priority, task.rank), self.claims(task))

    def _fold_starting(self, task: Task, fact: f.AttemptStarting, at_utc: float) -> None:
        self._move(task, "attempt_starting", "running")
        self.scheduler.take(task.ref)
        task.attempts.append(Attempt(fact.attempt, fact.boot, at_utc))
        self.in_flight.setdefault(task.worker, {})[task.ref] = task
        self.worker(task.worker).running += 1

    def _fold_attempt_ended(self, task: Task, fact: f.AttemptEnded) -> None:
        self._check(task, "attempt_ended", "running")
        attempt = task.attempts[-1]
        attempt.ended_utc, attempt.duration_s = fact.ended_utc, fact.duration_s
        if fact.started_utc:
            attempt.started_utc = fact.started_utc
        attempt.exit_code, attempt.cls, attempt.message = fact.exit_code, fact.cls, fact.message
        result = bytes(fact.result)
        attempt.result = None if result == b"null" else result
        attempt.result_in_file = fact.result_in_file
        del self.in_flight[task.worker][task.ref]
        self.worker(task.worker).running -= 1
        self.scheduler.give_back(task.worker, self.claims(task))

    def _fold_retry(self, task: Task, fact: f.RetryScheduled) -> None:
        self._move(task, "retry_scheduled", "pending")
        task.retry_at_utc, task.retry_delay_s = fact.at_utc, fact.delay_s
        self.retrying[task.ref] = task

    def _fold_task_ended(self, task: Task, fact: f.TaskEnded) -> None:
        self._move(task, "task_ended", fact.state)
        self.scheduler.remove(task.ref)
        self.retrying.pop(task.ref, None)
        task.retry_at_utc = None
        task.cls, task.reason = fact.cls, fact.reason
        task.graph.open_tasks -= 1
        for dependent, condition in task.dependents:
            if satisfied(condition, task.state):
                dependent.unmet -= 1
            elif dependent.broken_by is None:
                dependent.broken_by = task

    # --- self-check -------------------------------------------------------------------------------------------

    def broken_invariants(self) -> list[str]:
        """What must never be, for tests: every derived field is worked out anew and compared. Linear."""
        found: list[str] = []
        running = 0
        for graph in self.graphs.values():
            open_tasks = sum(1 for task in graph.tasks.values() if task.state not in TERMINAL)
            if open_tasks != graph.open_tasks:
                found.append(f"{graph.id}: open_tasks {graph.open_tasks}, counted {open_tasks}")
            if (graph.ended_utc is not None) != (open_tasks == 0):
                found.append(f"{graph.id}: ended {graph.ended_utc}, with {open_tasks} open tasks")
            counts: dict[TaskState, int] = {}
            for task in graph.tasks.values():
                counts[task.state] = counts.get(task.state, 0) + 1
                found += self._broken_in_task(task)
                running += task.state == "running"
            if counts != graph.counts:
                found.append(f"{graph.id}: counts {graph.counts}, counted {counts}")
        flying = sum(len(tasks) for tasks in self.in_flight.values())
        slots = sum(worker.running for worker in self.workers.values())
        if not running == flying == slots:
            found.append(f"{running} tasks run, {flying} are in flight, {slots} slots are taken")
        return found

    def _broken_in_task(self, task: Task) -> list[str]:
        found: list[str] = []
        unmet = sum(
            not (task.graph.tasks[d.task].terminal and satisfied(d.on, task.graph.tasks[d.task].state))
            for d in task.spec.depends_on
        )
        if unmet != task.unmet:
            found.append(f"{task.ref}: unmet {task.unmet}, counted {unmet}")
        if (self.scheduler.entry(task.ref) is not None) != (task.state == "ready"):
            found.append(f"{task.ref} is {task.state}, in the queue: {self.scheduler.entry(task.ref) is not None}")
        running = bool(task.attempts) and task.attempts[-1].ended_utc is None
        if running != (task.state == "running"):
            found.append(f"{task.ref} is {task.state}, its last attempt runs: {running}")
        if task.state == "pending" and not task.unmet and task.retry_at_utc is None:
            found.append(f"{task.ref} is pending and waits for nothing")
        if task.state == "pending" and task.broken_by is not None:
            found.append(f"{task.ref} is pending and can never run")
        return found


def story(task: Task) -> list[str]:
    """What is remembered of a task's attempts, a line each."""
    return [
        f"attempt {a.number} started at {a.started_utc:.3f}"
        + (f", ended at {a.ended_utc:.3f}: {a.cls or 'done'} {a.message}" if a.ended_utc is not None else "")
        for a in task.attempts
    ]
