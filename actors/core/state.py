"""All that the machine remembers: graphs, decisions, worker types, consumers, and what is derived from them.

Reading only; what changes it is `fold.py` (facts) and, for what is not journalled, the worker handlers.
Must not know: clocks, journals, effects, policies.
"""

from collections.abc import Iterator, Mapping

from orch_actors.actors.core.nodes import Consumer, Decision, Graph, Quarantined, Task, WorkerType
from orch_actors.actors.core.scheduler import Scheduler
from orch_actors.protocol.spec.graph import Condition
from orch_actors.protocol.spec.work import BUILT_IN


def satisfied(condition: Condition, task: Task) -> bool:
    """Whether a dependency that is terminal lets its dependent go."""
    if condition in ("finished", task.state):
        return True
    return condition == "done" and task.forgiven


def graph_key(graph: str) -> str:
    """The capacity that stands for a graph's parallel limit, and for its pause."""
    return f"graph:{graph}"


def resource_key(name: str) -> str:
    """The capacity that stands for a named resource."""
    return f"resource:{name}"


def lock_key(name: str) -> str:
    """The capacity, of one, that stands for an exclusive name."""
    return f"lock:{name}"


def usd_key(graph: str) -> str:
    """The capacity that stands for what is left of a graph's dollars."""
    return f"usd:{graph}"


def tokens_key(graph: str) -> str:
    """The capacity that stands for what is left of a graph's tokens."""
    return f"tokens:{graph}"


class State:
    """Graphs by id and everything derived from them."""

    def __init__(self) -> None:
        self.graphs: dict[str, Graph] = {}
        #: Number in the newest graph's id; ids are never reused.
        self.last_graph = 0
        #: Idempotency key → graph id.
        self.keys: dict[str, str] = {}
        #: Derived: graphs that are over → how many tasks each has, in the order in which they ended; and their sum. So
        #: what a retention does not keep is found without a look at what it keeps.
        self.over: dict[str, int] = {}
        self.over_tasks = 0
        #: Graph name → ids, oldest first.
        self.names: dict[str, list[str]] = {}
        #: Every decision that is remembered, by ref, oldest first.
        self.decisions: dict[str, Decision] = {}
        self.last_decision = 0
        self.workers: dict[str, WorkerType] = {}
        #: Worker type → its kind, as configured; not journalled.
        self.kinds: Mapping[str, str] = BUILT_IN
        #: Named readers of events, oldest first. What comes after the lowest cursor must be kept.
        self.consumers: dict[str, Consumer] = {}
        #: Named capacity → how much there is, as configured; not journalled.
        self.resources: dict[str, float] = {}
        #: Of a resource that no configuration names there is nothing; a lock is one.
        self.scheduler = Scheduler({"resource": 0.0, "lock": 1.0}, elastic=("usd", "tokens"))
        #: Worker type → tasks with an attempt that runs. Invariant: exactly those whose last attempt has not ended.
        self.in_flight: dict[str, dict[str, Task]] = {}
        #: Tasks that wait for their next attempt's time.
        self.retrying: dict[str, Task] = {}
        #: Facts that were ever folded, but for silent ones: also the number of the newest event. A task's rank is the
        #: number of the fact that made it ready.
        self.told = 0
        #: Tasks in quarantine, by ref; not journalled, and empty once a life has begun.
        self.quarantine: dict[str, Quarantined] = {}
        #: How deep graphs may submit graphs, and how many in all from inside one; as configured, not journalled.
        self.nesting = (3, 100)
        #: The daemon goes down: nothing starts any more; not journalled.
        self.closing = False
        #: The disk is full: nothing starts until there is room; not journalled.
        self.full = False

    def task(self, graph: str, task: str) -> Task:
        """A task that exists; facts and stimuli of our own name no others."""
        return self.graphs[graph].tasks[task]

    def find(self, graph: str, task: str) -> Task | None:
        """A task, or None."""
        found = self.graphs.get(graph)
        return found.tasks.get(task) if found else None

    def worker(self, worker: str) -> WorkerType:
        """The record of a worker type; one that was never configured has one slot."""
        record = self.workers.get(worker)
        if record is None:
            record = self.workers[worker] = WorkerType(worker)
        return record

    def open_decisions(self) -> Iterator[Decision]:
        """Those that wait for an answer, oldest first."""
        return (decision for decision in self.decisions.values() if decision.open)


def unmet_dependencies(task: Task) -> list[str]:
    """Ids of the dependencies whose condition does not hold (yet), in the task's order."""
    tasks = task.graph.tasks
    return [
        dependency.task
        for dependency in task.spec.depends_on
        if not (tasks[dependency.task].terminal and satisfied(dependency.on, tasks[dependency.task]))
    ]


def story(task: Task) -> list[str]:
    """What is remembered of a task's attempts, a line each."""
    return [
        f"attempt {a.number} started at {a.started_utc:.3f}"
        + (f", ended at {a.ended_utc:.3f}: {a.cls or 'done'} {a.message}" if a.ended_utc is not None else "")
        for a in task.attempts
    ]
