"""Expectations: what a scenario says must have come of it, held against what clients see and what tasks did.

Pure: views, events and effects in, a list of Checks out. Each check names one property; one that does not hold says
what was expected and what is. A check never stops the others: a run is judged whole.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from orch_actors.protocol.views import Event, GraphState, GraphView, TaskState, TaskView
from orch_actors.stress.effects import Effect, most_at_once


class Check(Struct, frozen=True):
    """One property that was looked at."""

    name: str
    ok: bool
    #: What was found; where it does not hold, also what was expected.
    detail: str = ""


class Expected(Struct, frozen=True, kw_only=True):
    """What one task must come to."""

    state: TaskState
    #: Attempts that it must have had, no more and no less.
    attempts: int = 1
    #: Failure class of each attempt, None for success; not given: the last one like the task, none before it.
    classes: tuple[str | None, ...] | None = None
    #: Exit code of each attempt; not given: 0 where the class is None, anything otherwise.
    exit_codes: tuple[int | None, ...] | None = None
    #: Text that the task's reason must hold.
    reason: str = ""
    #: What it handed back; not given: not looked at.
    result: Any | UnsetType = UNSET
    #: Attempts that never began, so left no effect (class `spawn`, or killed at once).
    without_effect: bool = False

    def attempt_classes(self) -> tuple[str | None, ...]:
        """The classes that are expected, one for each attempt."""
        if self.classes is not None:
            return self.classes
        last = {"done": None, "failed": "exit", "cancelled": "cancelled", "skipped": None}[self.state]
        return (last,) * self.attempts


def check_graph(view: GraphView, state: GraphState, expected: Mapping[str, Expected]) -> list[Check]:
    """The graph's outcome, its counts, and that it has the tasks that are expected."""
    tally = dict(Counter(task.state for task in view.tasks))
    ids = [task.id for task in view.tasks]
    strange = sorted(set(ids) ^ set(expected))
    return [
        _equal("graph state", view.state, state),
        _equal("graph counts", {k: v for k, v in view.counts.items() if v}, tally),
        Check("graph tasks", not strange and len(ids) == len(set(ids)), f"unexpected or missing: {strange}"),
        Check("graph ended", view.ended_utc is not None, f"ended_utc is {view.ended_utc}"),
    ]


def check_tasks(view: GraphView, expected: Mapping[str, Expected]) -> list[Check]:
    """Each task: state, attempts, classes, exit codes and reason; one check a task."""
    return [check_task(task, expected[task.id]) for task in view.tasks if task.id in expected]


def check_task(task: TaskView, expected: Expected) -> Check:
    """One task against what is expected of it; the detail lists all that differs."""
    wrong: list[str] = []
    if task.state != expected.state:
        wrong.append(f"state {task.state}, expected {expected.state}")
    numbers = [attempt.number for attempt in task.attempts]
    if numbers != list(range(1, expected.attempts + 1)):
        wrong.append(f"attempts {numbers}, expected {expected.attempts}")
    classes = tuple(attempt.class_ for attempt in task.attempts)
    if classes != expected.attempt_classes():
        wrong.append(f"classes {list(classes)}, expected {list(expected.attempt_classes())}")
    codes = tuple(attempt.exit_code for attempt in task.attempts)
    if expected.exit_codes is not None and codes != expected.exit_codes:
        wrong.append(f"exit codes {list(codes)}, expected {list(expected.exit_codes)}")
    wrong += [
        f"attempt {attempt.number} succeeded with exit code {attempt.exit_code}"
        for attempt in task.attempts
        if attempt.class_ is None and attempt.exit_code != 0
    ]
    wrong += [
        f"attempt {attempt.number} is {attempt.state} after the graph's end"
        for attempt in task.attempts
        if attempt.ended_utc is None or attempt.state in ("running", "stopping")
    ]
    if expected.reason not in task.reason:
        wrong.append(f"reason {task.reason!r}, expected it to say {expected.reason!r}")
    return Check(f"task {task.id}", not wrong, "; ".join(wrong) or f"{task.state}, {len(numbers)} attempts")


def check_results(results: Mapping[str, Any], expected: Mapping[str, Expected]) -> list[Check]:
    """What tasks handed back, task → value; a task that is not in `results` has none."""
    return [
        _equal(f"result {name}", results.get(name, "(none)"), want.result)
        for name, want in expected.items()
        if want.result is not UNSET
    ]


def check_once(effects: Sequence[Effect], view: GraphView, expected: Mapping[str, Expected]) -> list[Check]:
    """Each attempt that was told of began exactly once, and nothing else ever ran."""
    told = {
        (task.id, attempt.number)
        for task in view.tasks
        for attempt in task.attempts
        if not (task.id in expected and expected[task.id].without_effect)
    }
    begun = Counter((e.task, e.attempt) for e in effects if e.mark == "begin")
    ended = Counter((e.task, e.attempt) for e in effects if e.mark == "end")
    twice = sorted(f"{task}/{number}" for (task, number), times in (begun | ended).items() if times > 1)
    good = {
        (task.id, attempt.number) for task in view.tasks for attempt in task.attempts if attempt.class_ is None
    } & told
    return [
        Check("effects once", not twice, f"ran more than once: {twice}"),
        _equal("effects of every attempt", sorted(told - set(begun)), []),
        _equal("effects of nothing else", sorted(set(begun) - told), []),
        _equal("effects whole where done", sorted(good - set(ended)), []),
    ]


def check_order(effects: Sequence[Effect], view: GraphView) -> list[Check]:
    """No task began before its dependencies had ended, by the tasks' own account."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for place, effect in enumerate(effects):
        first.setdefault(effect.task, place)
        last[effect.task] = place
    early = [
        f"{task.id} before {before}"
        for task in view.tasks
        for before in task.depends_on
        if task.id in first and before in last and first[task.id] < last[before]
    ]
    return [Check("order of effects", not early, f"began too early: {early}" if early else f"{len(effects)} lines")]


def check_events(events: Sequence[Event], view: GraphView) -> list[Check]:
    """Events without gap or double, one end for each task in the state that the view tells, the graph's end once,
    and no attempt before the ends of what its task depends on.
    """
    numbers = [event.seq for event in events]
    ours = [event for event in events if event.graph == view.id]
    ends: dict[str, list[Event]] = defaultdict(list)
    first_start: dict[str, int] = {}
    for event in ours:
        if event.kind == "task_ended" and event.task:
            ends[event.task].append(event)
        if event.kind == "attempt_starting" and event.task:
            first_start.setdefault(event.task, event.seq)
    told = {name: [event.state for event in found] for name, found in ends.items()}
    early = [
        f"{task.id} before {before}"
        for task in view.tasks
        for before in task.depends_on
        if task.id in first_start and (before not in ends or first_start[task.id] < ends[before][0].seq)
    ]
    over = [event.seq for event in ours if event.kind == "graph_ended"]
    return [
        Check("events dense", numbers == list(range(1, len(numbers) + 1)), f"{len(numbers)} events"),
        _equal("events of tasks' ends", told, {task.id: [task.state] for task in view.tasks}),
        Check("events in order", not early, f"began too early: {early}" if early else f"{len(first_start)} starts"),
        Check("event of the graph's end", len(over) == 1 and over[0] == ours[-1].seq, f"at {over}"),
    ]


def check_parallel(effects: Iterable[Effect], view: GraphView, limit: int) -> list[Check]:
    """Never more than `limit` attempts at once: by the attempts' times, and by the tasks' own account."""
    moments: list[tuple[str, int]] = []
    for task in view.tasks:
        for attempt in task.attempts:
            if attempt.ended_utc is not None and attempt.ended_utc > attempt.started_utc:
                moments += [(attempt.started_utc, 1), (attempt.ended_utc, -1)]
    now = most = 0
    # At the same millisecond ends come first: stamps are cut, not rounded.
    for _, change in sorted(moments):
        now += change
        most = max(most, now)
    real = most_at_once(effects)
    detail = f"at most {most} by their times, {real} by their effects; the limit is {limit}"
    return [Check("parallel limit", most <= limit and real <= limit, detail)]


def check_priority(events: Iterable[Event], graph: str, by_priority: Sequence[str]) -> list[Check]:
    """Tasks that became ready together were started in this order, highest priority first."""
    order = [
        event.task
        for event in events
        if event.graph == graph and event.kind == "attempt_starting" and event.task in by_priority
    ]
    return [_equal("priority order", list(dict.fromkeys(order)), list(by_priority))]


def _equal(name: str, found: object, wanted: object) -> Check:
    return Check(name, found == wanted, f"{found}" if found == wanted else f"{found}, expected {wanted}")
