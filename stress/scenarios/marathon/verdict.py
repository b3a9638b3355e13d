"""The verdict on a marathon: what clients see, what the tasks really did, and the model, held against each other."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from orch_actors.protocol.views import Event, GraphView, TaskView
from orch_actors.stress.expect import Check
from orch_actors.stress.scenarios.marathon.generate import RESOURCES, SLOTS
from orch_actors.stress.scenarios.marathon.model import End, Prediction, predict, without_marks
from orch_actors.stress.scenarios.marathon.order import Referee
from orch_actors.stress.scenarios.marathon.plan import Act, GraphPlan

#: Most lines of what differs that are shown.
SHOWN: Final = 20

#: Attempts of these classes never began; of those, they may have been ended before they did.
NEVER_BEGAN: Final = frozenset({"spawn", "reference", "secret"})
MAYBE_BEGAN: Final = frozenset({"timeout", "idle_timeout", "deadline", "cancelled"})
#: Attempts of these classes end in their own time.
SEEN_TO_END: Final = frozenset({None, "exit", "validation", "result"})

#: graph, task, number
Attempt = tuple[str, str, int]


def judge(plans: Sequence[GraphPlan], views: Sequence[GraphView], events: Sequence[Event], folder: str) -> list[Check]:
    """Everything that can be said of a marathon that is over. `views` are in the order of the plans."""
    predictions = [predict(plan) for plan in plans]
    referee = Referee(RESOURCES, SLOTS)
    for plan, view, prediction in zip(plans, views, predictions, strict=True):
        referee.expect(view.id, plan.document, prediction.documents, prediction.forgiven)
    referee.watch(events)
    checks = [
        check
        for plan, view, prediction in zip(plans, views, predictions, strict=True)
        for check in _graph(plan, view, prediction, referee, events)
    ]
    return [
        *checks,
        _all("order of events", referee.fouls, f"{len(events)} events"),
        _all("nothing left over", referee.left(), "all is over"),
        _all("dependencies by times", [foul for view in views for foul in _early(view)], "none began too early"),
        _edits(plans, referee),
        *_effects(views, _read(folder)),
    ]


def _all(name: str, faults: Iterable[str], good: str) -> Check:
    """A check of many: the faults, or what is good."""
    found = list(faults)
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return Check(name, not found, "; ".join(found[:SHOWN]) + more if found else good)


# --- the model ------------------------------------------------------------------------------------------------------


def _graph(
    plan: GraphPlan, view: GraphView, prediction: Prediction, referee: Referee, events: Sequence[Event]
) -> Iterator[Check]:
    name = plan.name
    yield Check(f"{name}: outcome", view.state in prediction.states, f"{view.state}, allowed {set(prediction.states)}")
    strange = sorted({task.id for task in view.tasks} ^ set(prediction.tasks))
    yield Check(f"{name}: tasks", not strange, f"{len(view.tasks)} tasks, unexpected or missing: {strange}")
    tasks = [task for task in view.tasks if task.id in prediction.tasks]
    yield _all(
        f"{name}: ends", (fault for task in tasks for fault in _wrong(task, prediction.tasks[task.id])), "as they must"
    )
    yield _all(f"{name}: exit codes", (fault for task in tasks for fault in _codes(plan, task)), "as the tasks exited")
    yield _all(
        f"{name}: lives", _differences(referee.ends(view.id), prediction.lives), "each ended as often as it lived"
    )
    asked = Counter(event.task for event in events if event.graph == view.id and event.kind == "decision_asked")
    wanted = {task: count for task, count in prediction.questions.items() if count is not None}
    yield _all(f"{name}: questions", _differences({task: asked[task] for task in wanted}, wanted), "each asked once")


def _differences(found: Mapping[str, int], wanted: Mapping[str, int]) -> Iterator[str]:
    for name, count in wanted.items():
        if found.get(name) != count:
            yield f"{name}: {found.get(name)}, expected {count}"


def _wrong(task: TaskView, allowed: frozenset[End]) -> Iterator[str]:
    """What is not as the model says."""
    cls = task.class_ if task.state == "failed" else None
    found = End(task.state, cls, tuple(attempt.class_ for attempt in task.attempts))
    seen = {without_marks(end) for end in allowed}
    if found not in seen:
        few = sorted(map(str, seen))[:4]
        yield f"{task.id} is {found} ({task.reason}), allowed {' or '.join(few)}{' …' * (len(seen) > 4)}"
    if [attempt.number for attempt in task.attempts] != list(range(1, len(task.attempts) + 1)):
        yield f"{task.id}: its attempts have the numbers {[attempt.number for attempt in task.attempts]}"
    if any(attempt.ended_utc is None or attempt.state in ("running", "stopping") for attempt in task.attempts):
        yield f"{task.id} has an attempt that did not end"
    if task.state != "done" and not task.reason:
        yield f"{task.id} is {task.state} without a reason"


def _codes(plan: GraphPlan, task: TaskView) -> Iterator[str]:
    acts = _acts(plan, task.id)
    for attempt in task.attempts:
        code = 0 if attempt.class_ is None else acts[min(attempt.number, len(acts)) - 1].code
        if attempt.class_ in (None, "exit") and attempt.exit_code != code:
            yield f"{task.id}/{attempt.number}: {attempt.exit_code}, expected {code}"


def _acts(plan: GraphPlan, task: str) -> tuple[Act, ...]:
    """What it did in the end: an edit may have changed it; copies of a `foreach` do what the original does."""
    for cue in plan.script:
        for action in cue.actions:
            if task in action.acts:
                return action.acts[task]
    return plan.acts[task] if task in plan.acts else plan.acts[task.rpartition("-")[0]]


# --- times, edits ---------------------------------------------------------------------------------------------------


def _early(view: GraphView) -> Iterator[str]:
    """Whose last attempt began before that of what it depends on had ended; a skipped one has none of this life."""
    tasks = {task.id: task for task in view.tasks}
    for task in view.tasks:
        if task.state == "skipped":
            continue
        for name in task.depends_on:
            before = tasks[name].attempts
            if task.attempts and before and task.attempts[-1].started_utc < (before[-1].ended_utc or "~"):
                yield f"{view.id}/{task.id} before {name} had ended"


def _edits(plans: Sequence[GraphPlan], referee: Referee) -> Check:
    """Each edit of the script was carried out once: there are as many events of it as there were edits."""
    kinds = {
        "add": "tasks_added",
        "pause_graph": "graph_paused",
        "resume_graph": "graph_resumed",
        "limit_graph": "graph_limited",
        "pause_worker": "worker_paused",
        "resume_worker": "worker_resumed",
        "limit_worker": "worker_limited",
    }
    wanted: Counter[str] = Counter()
    for plan in plans:
        for cue in plan.script:
            for action in cue.actions:
                if action.refused is not None or action.dry_run:
                    continue
                changes = action.verb == "update" or (action.verb == "retry" and action.set)
                kind = "task_updated" if changes else kinds.get(action.verb)
                wanted.update([kind] if kind else [])
    kept = dict.fromkeys(["task_updated", *kinds.values()], 0)
    found = {kind: referee.counts[kind] for kind in kept}
    return _all("edits once", _differences(found, {**kept, **wanted}), f"{sum(found.values())} edits")


# --- effects --------------------------------------------------------------------------------------------------------


def _read(folder: str) -> Counter[tuple[Attempt, str]]:
    """The marks that tasks left; see act.sh."""
    marks: Counter[tuple[Attempt, str]] = Counter()
    with open(os.path.join(folder, "effects.log"), encoding="ascii") as file:
        for line in file.read().splitlines():
            where, _, mark = line.partition(" ")
            graph, task, number = where.split("/")
            marks[(graph, task, int(number)), mark] += 1
    return marks


def _effects(views: Sequence[GraphView], marks: Counter[tuple[Attempt, str]]) -> Iterator[Check]:
    """Each attempt that was told of began exactly once, and nothing else ever ran."""
    told = {
        (view.id, task.id, attempt.number): attempt.class_
        for view in views
        for task in view.tasks
        for attempt in task.attempts
    }
    begun = {where for where, mark in marks if mark == "begin"}
    ended = {where for where, mark in marks if mark == "end"}
    twice = [f"{where} {mark}: {count} times" for (where, mark), count in marks.items() if count != 1]
    must = {where for where, cls in told.items() if cls not in NEVER_BEGAN | MAYBE_BEGAN}
    may = {where for where, cls in told.items() if cls not in NEVER_BEGAN}
    whole = {where for where, cls in told.items() if cls in SEEN_TO_END}
    yield _all("effects once", twice, f"{len(begun)} attempts began")
    yield _all("effects of every attempt", map(str, sorted(must - begun)), f"{len(must)} must have begun")
    yield _all("effects of nothing else", map(str, sorted((begun | ended) - may)), "none")
    yield _all("effects whole", map(str, sorted(whole - ended)), f"{len(whole)} came to their end")
