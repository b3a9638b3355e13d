"""The journal's order, event by event: nothing may happen before what it waits for, and no bound is ever exceeded.

A referee that keeps its own small books over the events as they were told, and holds each against the documents. Where
an event breaks a rule, it notes a foul and goes on. Nothing here knows what must come of a task (model.py says that).
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Any, Final

from orch_actors.protocol.views import Event
from orch_actors.stress.scenarios.marathon.model import delay_s, dependencies

#: What is cut off when a stamp is written in milliseconds.
STAMP_S: Final = 0.0015
TERMINAL: Final = frozenset({"done", "failed", "cancelled", "skipped"})

Document = Mapping[str, Any]


@dataclass
class _Task:
    graph: "_Graph"
    document: Document
    #: Its dependents may go on although it failed.
    forgiven: bool
    state: str = "pending"
    attempts: int = 0
    running: bool = False
    #: Refs of its open questions.
    open: set[str] = field(default_factory=set)
    approved: bool = False
    #: Attempts of this life that failed; the earliest moment of the next one.
    failures: int = 0
    not_before_utc: float = 0.0
    #: When it became ready, as a number of an event.
    ready_seq: int = 0
    ends: int = 0

    @property
    def claims(self) -> dict[str, float]:
        claims = {f"resource {name}": amount for name, amount in self.document.get("resources", {}).items()}
        claims |= {f"lock {name}": 1 for name in self.document.get("exclusive", ())}
        return claims


@dataclass
class _Graph:
    tasks: dict[str, _Task] = field(default_factory=dict)
    parallel: float = inf
    paused: bool = False
    cancelling: bool = False
    over: bool = False
    #: Attempts that run.
    running: int = 0
    #: Tasks that ended otherwise than cancelled since: only the failure that ended it may.
    others: int = 0


class Referee:
    """Books over all graphs. `fouls` is what was broken: a sentence each, with the event's number."""

    def __init__(self, resources: Mapping[str, float], slots: int) -> None:
        self.fouls: Final[list[str]] = []
        self._graphs: Final[dict[str, _Graph]] = {}
        self._total: Final = {f"resource {name}": float(amount) for name, amount in resources.items()}
        self._used: Final[defaultdict[str, float]] = defaultdict(float)
        self._slots: Final = slots
        self._limit = slots
        self._paused = False
        self._running = 0
        #: Events by kind.
        self.counts: Final[Counter[str]] = Counter()

    def expect(self, graph: str, plan: Document, documents: Mapping[str, Document], forgiven: Collection[str]) -> None:
        """A graph that will be told of: the plan's document, and those of its tasks as they stand in the end."""
        found = self._graphs[graph] = _Graph(parallel=plan.get("limits", {}).get("parallel") or inf)
        for name, document in documents.items():
            found.tasks[name] = _Task(found, document, name in forgiven)

    def watch(self, events: Iterable[Event]) -> None:
        """Go through all of them, in order."""
        for number, event in enumerate(events, 1):
            if event.seq != number:
                self._foul(event, f"number {event.seq} follows {number - 1}")
                return
            self.counts[event.kind] += 1
            if event.kind.startswith("worker_"):
                self._worker(event)
            elif event.graph in self._graphs:
                self._of_graph(event, self._graphs[event.graph])

    def ends(self, graph: str) -> dict[str, int]:
        """Task → how often it came to an end."""
        return {name: task.ends for name, task in self._graphs[graph].tasks.items()}

    def left(self) -> list[str]:
        """Who runs, waits or asks although all is over."""
        found = [
            f"{graph_id}/{name} is {task.state}{', and runs' * task.running}{', and asks' * bool(task.open)}"
            for graph_id, graph in self._graphs.items()
            for name, task in graph.tasks.items()
            if task.running or task.state not in TERMINAL
        ]
        return found + [f"{name}: {used:g} still taken" for name, used in self._used.items() if abs(used) > 1e-9]

    def _foul(self, event: Event, what: str) -> None:
        where = "/".join(str(part) for part in (event.graph, event.task, event.attempt) if part is not None)
        self.fouls.append(f"event {event.seq}, {event.kind} of {where}: {what}")

    # --- graphs and workers -----------------------------------------------------------------------------------------

    def _worker(self, event: Event) -> None:
        match event.kind:
            case "worker_paused":
                self._paused = True
            case "worker_resumed":
                self._paused = False
            case _:
                self._limit = event.data["parallel"] or self._slots

    def _of_graph(self, event: Event, graph: _Graph) -> None:
        if event.task is not None:
            if graph.over:
                self._foul(event, "the graph is over")
            self._of_task(event, graph, graph.tasks[event.task])
            return
        match event.kind:
            case "graph_paused":
                graph.paused = True
            case "graph_resumed":
                graph.paused = False
            case "graph_limited":
                graph.parallel = event.data["parallel"] or inf
            case "graph_cancelling":
                graph.cancelling = True
            case "graph_reopened":
                graph.over = graph.cancelling = False
            case "graph_ended":
                graph.over = True
                if any(task.state not in TERMINAL or task.running for task in graph.tasks.values()):
                    self._foul(event, "not every task is over")
            case _:
                pass

    # --- tasks ------------------------------------------------------------------------------------------------------

    def _of_task(self, event: Event, graph: _Graph, task: _Task) -> None:
        match event.kind:
            case "task_ready":
                self._ready(event, task)
            case "task_held":
                task.state = "pending"
            case "attempt_starting":
                self._starting(event, graph, task)
            case "attempt_ended":
                self._ended(event, graph, task)
            case "retry_scheduled":
                self._scheduled(event, task)
            case "task_ended":
                self._over(event, graph, task)
            case "task_revived":
                if task.state not in TERMINAL:
                    self._foul(event, f"it is {task.state}")
                task.state, task.failures, task.approved = "pending", 0, False
            case "decision_asked":
                task.open.add(str(event.data["ref"]))
                task.state = event.state or task.state
            case "decision_answered":
                self._answered(event, task)
            case "task_blocked":
                task.state = "blocked"
            case _:
                pass

    def _ready(self, event: Event, task: _Task) -> None:
        for name, condition in dependencies(task.document):
            other = task.graph.tasks[name]
            good = other.state in TERMINAL if condition == "finished" else other.state == condition
            if not good and not (condition == "done" and other.state == "failed" and other.forgiven):
                self._foul(event, f"it waits for {name} to be {condition}, which is {other.state}")
        if task.open:
            self._foul(event, f"it waits for an answer to {sorted(task.open)}")
        task.state, task.ready_seq = "ready", event.seq

    def _starting(self, event: Event, graph: _Graph, task: _Task) -> None:
        if task.state != "ready" or task.running:
            self._foul(event, f"it is {task.state}")
        if event.attempt != task.attempts + 1:
            self._foul(event, f"attempt {task.attempts} was the last one")
        if graph.paused or self._paused or graph.cancelling:
            self._foul(event, "nothing is to start now")
        if task.document.get("approve") and not task.approved:
            self._foul(event, "nobody has approved of it")
        if _seconds(event.time_utc) < task.not_before_utc - STAMP_S:
            self._foul(event, "it is too early for another attempt")
        better = self._better(task)
        if better is not None:
            self._foul(event, f"{better} comes first")
        task.state, task.running, task.attempts = "running", True, int(event.attempt or 0)
        graph.running += 1
        self._running += 1
        if graph.running > graph.parallel or self._running > self._limit:
            self._foul(event, f"{graph.running} of {graph.parallel} in the graph, {self._running} of {self._limit} run")
        for name, amount in task.claims.items():
            self._used[name] += amount
            if self._used[name] > self._total.get(name, 1) + 1e-9:
                self._foul(event, f"{self._used[name]:g} of {name} would be taken")

    def _better(self, task: _Task) -> str | None:
        """One of the graph that needs exactly the same, is ready, and should go before it."""
        own = _rank(task)
        for name, other in task.graph.tasks.items():
            if other.state == "ready" and other is not task and _rank(other) < own and other.claims == task.claims:
                return name
        return None

    def _ended(self, event: Event, graph: _Graph, task: _Task) -> None:
        if not task.running or event.attempt != task.attempts:
            self._foul(event, "it does not run")
            return
        task.running = False
        task.failures += event.data.get("class") is not None
        graph.running -= 1
        self._running -= 1
        for name, amount in task.claims.items():
            self._used[name] -= amount

    def _scheduled(self, event: Event, task: _Task) -> None:
        retry = task.document.get("retry", {})
        wanted, told = delay_s(retry, task.failures), event.data["delay_s"]
        if abs(told - wanted) > wanted * retry.get("jitter", 0.0) + 0.001:
            self._foul(event, f"the wait is {told} s, expected {wanted} s, ± {retry.get('jitter', 0.0)}")
        if told > retry.get("max_backoff", 300.0) + 0.001:
            self._foul(event, f"the wait is {told} s, longer than its max_backoff")
        task.state, task.not_before_utc = "pending", _seconds(event.data["at_utc"])

    def _over(self, event: Event, graph: _Graph, task: _Task) -> None:
        if task.state in TERMINAL or task.running:
            self._foul(event, f"it is {task.state}")
        task.state, task.ends = str(event.state), task.ends + 1
        task.open.clear()
        if graph.cancelling and event.state != "cancelled":
            graph.others += 1
            if event.state != "failed" or graph.others > 1:
                self._foul(event, f"it ends {event.state} in a graph that is being cancelled")

    def _answered(self, event: Event, task: _Task) -> None:
        ref = str(event.data["ref"])
        if ref not in task.open:
            self._foul(event, f"{ref} is not open")
        task.open.discard(ref)
        task.approved = task.approved or event.data["choice"] == "approve"


def _rank(task: _Task) -> tuple[int, int]:
    return -task.document.get("priority", 0), task.ready_seq


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()
