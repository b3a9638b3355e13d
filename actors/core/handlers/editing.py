"""Editing a graph while it runs: add tasks, change what has not started, run again what is over.

Each edit is checked whole before its first fact, so it happens or it does not. `dry_run` stops in between.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.budgets import time_of
from orch_actors.actors.core.capacities import impossible_claims
from orch_actors.actors.core.handlers import asking
from orch_actors.actors.core.handlers.endings import end_graph_if_over, settle_dependents, settle_waiting
from orch_actors.actors.core.handlers.pausing import check_phase, check_version
from orch_actors.actors.core.handlers.reading import open_readers
from orch_actors.actors.core.lookup import find_graph, find_task
from orch_actors.actors.core.nodes import Graph, Task
from orch_actors.actors.core.table import GRAPH_TERMINAL, REACTIONS
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol.errors import Problem, Refused
from orch_actors.protocol.messages import Edited
from orch_actors.protocol.spec.check import MAX_TASKS
from orch_actors.protocol.spec.document import task_to_document
from orch_actors.protocol.spec.graph import TaskSpec
from orch_actors.protocol.spec.hints import did_you_mean
from orch_actors.protocol.spec.parse import parse_added, parse_changed
from orch_actors.protocol.spec.places import MAX_PROBLEMS, Finding, Findings, Path


def on_tasks_offered(turn: Turn, offer: s.TasksOffered) -> Edited:
    """Add tasks; a graph that was over runs again.

    Raises:
        Refused: with all problems of all tasks.
    """
    graph = find_graph(turn.state, offer.graph)
    check_version(graph, offer.if_version)
    check_phase(graph, "add")
    specs = _parse_new(turn, graph, offer)
    changes = tuple(f"+ {spec.id}" for spec in specs)
    if offer.dry_run:
        return Edited(graph=graph.id, version=graph.version, changes=changes, dry_run=True)
    _reopen(turn, graph)
    turn.emit(f.TasksAdded(graph=graph.id, documents=tuple(task_to_document(spec) for spec in specs)))
    _let_go(turn, [graph.tasks[spec.id] for spec in specs])
    end_graph_if_over(turn, graph)
    return Edited(graph=graph.id, version=graph.version, changes=changes)


def _parse_new(turn: Turn, graph: Graph, offer: s.TasksOffered) -> list[TaskSpec]:
    findings = Findings()
    read = parse_added(
        offer.tasks,
        findings,
        base_dir=offer.base_dir,
        known=graph.tasks,
        workers=turn.state.kinds,
        defaults=offer.defaults,
    )
    if not offer.tasks:
        findings.add(("tasks",), "there is nothing to add")
    if len(graph.tasks) + len(read) > MAX_TASKS:
        findings.add(("tasks",), f"the graph would have more than {MAX_TASKS} tasks")
    for index, spec in read:
        for path, message in impossible_claims(turn.state, spec):
            findings.add(("tasks", index, *path), message)
    _refuse(findings)
    return [spec for _, spec in read]


def _wrong_dependencies(graph: Graph, task: str, names: Iterable[str | None]) -> Iterable[Finding]:
    seen: set[str | None] = {None}
    for position, name in enumerate(names):
        path: Path = ("depends_on", position)
        if name is not None and name in seen:
            yield Finding(path, f"`{name}` is named twice")
        elif name == task:
            yield Finding(path, "the task depends on itself")
        elif name is not None and name not in graph.tasks:
            yield Finding(path, f"no task has the id {name!r}{did_you_mean(name, graph.tasks)}")
        seen.add(name)


def _refuse(findings: Findings) -> None:
    """Refuse an edit for what is wrong with it, if anything is."""
    if findings:
        raise _invalid(list(findings.problems()))


def _invalid(problems: list[Problem]) -> Refused:
    count = len(problems)
    return Refused.because(
        "INVALID_GRAPH",
        f"the edit has {count} problem{'s' if count > 1 else ''}: {problems[0]}",
        "nothing was changed; correct it and try again",
        problems=tuple(problems[:MAX_PROBLEMS]),
    )


def on_update_asked(turn: Turn, asked: s.UpdateAsked) -> Edited:
    """Change options of a task that has not started.

    Raises:
        Refused: it has started, or the outcome makes no sense.
    """
    graph = find_graph(turn.state, asked.graph)
    task = find_task(graph, asked.task)
    check_version(graph, asked.if_version)
    check_phase(graph, "update")
    if task.judged is not None:
        raise Refused.because("NOT_ALLOWED", f"{task.ref} is a judge", f"update {task.judged.ref}: its `judge`")
    only_budget = set(asked.set) == {"budget"}  # it may be raised while it is being used up
    refused = REACTIONS[task.state, "budget" if only_budget else "update"] == "refuse"
    if refused or (task.tries and not only_budget):
        started = "has started" if task.tries and not task.terminal else f"is {task.state}"
        raise Refused.because(
            "NOT_ALLOWED",
            f"{task.ref} {started}",
            "only what has not started can be changed; `retry` takes changes",
        )
    document, changes = changed_document(turn, task, asked.set, asked.base_dir)
    if asked.dry_run or not changes:
        return Edited(graph=graph.id, version=graph.version, changes=changes, dry_run=asked.dry_run)
    before = task.spec
    turn.emit(f.TaskUpdated(graph=graph.id, task=task.id, document=document, changes=changes))
    _after_update(turn, task, before)
    end_graph_if_over(turn, graph)
    return Edited(graph=graph.id, version=graph.version, changes=changes)


def changed_document(
    turn: Turn, task: Task, changes: Mapping[str, Any], base_dir: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The task's document with some fields set anew, and a line for each that differs.

    Raises:
        Refused: the id is to change, or the outcome makes no sense.
    """
    if "id" in changes:
        raise Refused.because("NOT_ALLOWED", "a task's id stays", "add a task with the new id and cancel this one")
    before = task_to_document(task.spec)
    wanted = {name: value for name, value in {**before, "kind": None, **changes}.items() if value is not None}
    findings = Findings()
    spec, names = parse_changed(wanted, findings, base_dir=base_dir, workers=turn.state.kinds)
    wrong = list(_wrong_dependencies(task.graph, task.id, names))
    wrong += impossible_claims(turn.state, spec) if spec is not None else ()
    if not wrong and (cycle := _way_to_itself(task, names)):
        wrong.append(Finding(("depends_on",), f"the tasks would wait for each other in a cycle: {cycle}"))
    for finding in wrong:
        findings.add(*finding)
    _refuse(findings)
    assert spec is not None  # noqa: S101 (or there was something to refuse it for)
    after = task_to_document(spec)
    lines = [
        f"~ {task.id}: {name} {_short(before.get(name))} → {_short(after.get(name))}"
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]
    return after, tuple(lines)


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _way_to_itself(task: Task, names: Iterable[str | None]) -> str:
    """How the task would wait for itself, over however many others; empty where it would not."""
    #: Task → who waits for it on the way that led there.
    before: dict[str, str] = {}
    open_ends = [(name, task.id) for name in names if name is not None]
    while open_ends:
        name, waiting = open_ends.pop()
        if name == task.id:
            way = [task.id, waiting]
            while way[-1] != task.id:
                way.append(before[way[-1]])
            return " → ".join(reversed(way))
        if name not in before:
            before[name] = waiting
            open_ends += [(dependency.task, name) for dependency in task.graph.tasks[name].spec.depends_on]
    return ""


def _after_update(turn: Turn, task: Task, before: TaskSpec) -> None:
    """The task's dependencies may be others now, or its gate."""
    now = task.spec
    if task.state == "blocked":  # by its gate: it has not started
        ask_anew = (now.approve, now.ask, now.title) != (before.approve, before.ask, before.title)
    else:
        ask_anew = now.approve and not task.approved
    if task.state in ("ready", "blocked") and (task.unmet or ask_anew):
        _hold(turn, task)
    if now.deadline != before.deadline and task.begun_utc is not None:
        key = s.TimerKey("deadline", task.graph.id, task.id)
        if now.deadline is None:
            turn.ask(s.DisarmTimer(key))
        else:
            turn.ask(s.ArmTimer(key, max(0.0, task.begun_utc + now.deadline - turn.now_utc)))
    if now.budget != before.budget and task.state == "running" and task.attempts[-1].stopping is None:
        _time_anew(turn, task)
    _let_go(turn, [task])


def _time_anew(turn: Turn, task: Task) -> None:
    """What its attempt may run has changed."""
    attempt, bound = task.attempts[-1], time_of(task)
    key = s.TimerKey("timeout", task.graph.id, task.id, attempt.number)
    if bound is None:
        turn.ask(s.DisarmTimer(key))
    elif turn.state.worker(task.worker).ready:  # if not, the next host will say how long it has run
        turn.ask(s.ArmTimer(key, max(0.0, bound.most_s - max(0.0, turn.now_utc - attempt.started_utc))))


def _hold(turn: Turn, task: Task) -> None:
    """Put back what was ready, or asked for its approval."""
    asking.withdraw(turn, task, "an edit")
    turn.emit(f.TaskHeld(graph=task.graph.id, task=task.id))


def on_retry_asked(turn: Turn, asked: s.RetryAsked) -> Edited:
    """Run again, in place: one task that is over, or all that failed or were cancelled.

    What depends on them is invalid: it revives with them, or waits again if it has not started. Nothing else is
    touched.

    Raises:
        Refused: nothing to run again, or something that depends on it runs.
    """
    graph = find_graph(turn.state, asked.graph)
    check_version(graph, asked.if_version)
    check_phase(graph, "retry")
    if asked.set and asked.task is None:
        raise Refused.because("INVALID_REQUEST", "changes need the one task that they are for", "name it")
    roots = _to_retry(graph, asked.task)
    revived, held = _with_descendants(graph, roots)
    document, changes = None, tuple(f"↻ {task.id}" for task in revived)
    changes += tuple(f"~ {task.id}: {task.state} → pending" for task in held)
    if asked.set:
        document, lines = changed_document(turn, roots[0], asked.set, asked.base_dir)
        changes = (*lines, *changes)
    if asked.dry_run:
        return Edited(graph=graph.id, version=graph.version, changes=changes, dry_run=True)
    _reopen(turn, graph)
    for task in revived:
        turn.emit(f.TaskRevived(graph=graph.id, task=task.id))
    for task in held:
        _hold(turn, task)
    if document is not None:
        turn.emit(f.TaskUpdated(graph=graph.id, task=roots[0].id, document=document, changes=changes))
    _let_go(turn, revived)
    end_graph_if_over(turn, graph)
    return Edited(graph=graph.id, version=graph.version, changes=changes)


def _to_retry(graph: Graph, task_id: str | None) -> list[Task]:
    if task_id is not None:
        task = find_task(graph, task_id)
        if task.judged is not None:
            raise Refused.because(
                "NOT_ALLOWED", f"{task.ref} is a judge", f"retry {task.judged.ref}: it is judged anew"
            )
        if REACTIONS[task.state, "retry"] == "refuse":
            raise Refused.because("NOT_ALLOWED", f"{task.ref} is {task.state}", "only what is over can run again")
        return [task]
    roots = [task for task in graph.tasks.values() if task.state in ("failed", "cancelled") and task.judged is None]
    if not roots:
        raise Refused.because(
            "NOT_ALLOWED", f"nothing of graph {graph.id} failed or was cancelled", "name the task to run again"
        )
    return roots


def _with_descendants(graph: Graph, roots: list[Task]) -> tuple[list[Task], list[Task]]:
    """In the order of the graph: the tasks to revive, which are the roots and all terminal tasks that depend on them;
    and those to hold, which were about to start.
    """
    reached = {task.id for task in roots}
    held: set[str] = set()
    open_ends = list(roots)
    while open_ends:
        for dependent, _ in open_ends.pop().dependents:
            if dependent.id in reached:
                continue
            if dependent.tries and not dependent.terminal:
                raise Refused.because(
                    "NOT_ALLOWED",
                    f"{dependent.ref} depends on it and has started ({dependent.state})",
                    "cancel that one first, or wait for it",
                )
            if dependent.terminal:
                reached.add(dependent.id)
                open_ends.append(dependent)
            elif dependent.state != "pending":
                held.add(dependent.id)
    tasks = graph.tasks.values()
    return [task for task in tasks if task.id in reached], [task for task in tasks if task.id in held]


def _reopen(turn: Turn, graph: Graph) -> None:
    if graph.state in GRAPH_TERMINAL:
        turn.emit(f.GraphReopened(graph=graph.id))
        open_readers(turn, graph)
        if graph.spec.limits.wall is not None:
            turn.ask(s.ArmTimer(s.TimerKey("wall", graph.id), graph.spec.limits.wall))


def _let_go(turn: Turn, tasks: list[Task]) -> None:
    skipped = [task for task in tasks if settle_waiting(turn, task)]
    settle_dependents(turn, skipped)
