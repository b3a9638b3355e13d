"""Why a task is where it is: a sentence, a reason for programs, and the command that would help. Pure."""

from itertools import islice
from typing import Any

from orch_actors.actors.core.budgets import BOUNDS, BUDGET, UsedUp, used_up, whose
from orch_actors.actors.core.nodes import Task, WorkerType
from orch_actors.actors.core.state import State, lock_key, resource_key, unmet_dependencies
from orch_actors.protocol.views import WhyView, utc_text

_Reason = tuple[str, dict[str, Any], str]


def why(state: State, task: Task) -> WhyView:
    """The whole answer, but for the story, which is in the journal."""
    sentence, reason, help_ = explain(state, task)
    if reason["kind"] in ("lock", "resource") and reason.get("ahead") is None:
        key = (lock_key if reason["kind"] == "lock" else resource_key)(reason["name"])
        reason["holders"] = _holders(state, key)
        if reason["kind"] == "lock" and reason["holders"]:
            sentence = f"waits for the lock {reason['name']!r}, which {reason['holders'][0]} holds"
        help_ = help_ or "".join(f"orch-actors why {holder}" for holder in reason["holders"][:1])
    return WhyView(graph=task.graph.id, task=task.id, state=task.state, sentence=sentence, reason=reason, help=help_)


def explain(state: State, task: Task) -> _Reason:
    """(sentence, reason, helping command); the sentence is empty where there is nothing to say."""
    match task.state:
        case "pending" if task.retry_at_utc is not None:
            return _retry(task)
        case "pending":
            return _dependencies(task)
        case "ready":
            return _waiting(state, task)
        case "running":
            return _running(state, task)
        case "judging":
            return _judging(task)
        case "blocked":
            return _blocked(task)
        case _:
            return _over(task)


def _retry(task: Task) -> _Reason:
    at_utc = utc_text(task.retry_at_utc or 0.0)
    number, tries = task.tries + 1, task.spec.retry.attempts
    sentence = f"waits until {at_utc[11:19]} UTC for attempt {number} of {tries}"
    last = task.attempts[-1]
    reason = {"kind": "retry", "at_utc": at_utc, "attempt": number, "of": tries, "class": last.cls}
    return sentence, reason, f"orch-actors logs {task.ref}"


def _dependencies(task: Task) -> _Reason:
    names = unmet_dependencies(task)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    conditions = {dependency.task: dependency.on for dependency in task.spec.depends_on}
    shown = [name if conditions[name] == "done" else f"{name} ({conditions[name]})" for name in names[:3]]
    first = task.graph.tasks[names[0]]
    # The first step of the way: what it waits for may itself wait.
    help_ = f"orch-actors why {first.ref}" if not first.terminal else ""
    return "waits for " + ", ".join(shown) + more, {"kind": "dependency", "tasks": names[:100]}, help_


def _waiting(state: State, task: Task) -> _Reason:
    graph, worker = task.graph, state.worker(task.worker)
    entry = state.scheduler.entry(task.ref)
    held = entry.held_by if entry is not None else None
    if state.full:
        return "waits: the disk is full", {"kind": "disk_full"}, "orch-actors prune --dry-run"
    if graph.state == "paused":
        return (
            f"its graph is paused ({graph.reason})",
            {"kind": "paused", "graph": graph.id},
            f"orch-actors resume {graph.id}",
        )
    impossible = _impossible(state, task)
    if impossible is not None:
        return impossible
    if worker.parked:
        return _parked(worker)
    if worker.paused:
        until = None if worker.paused_until_utc is None else utc_text(worker.paused_until_utc)
        sentence = f"the {task.worker} worker is paused" + (f" until {until[11:19]} UTC" if until else "")
        reason = {"kind": "worker_paused", "worker": task.worker, "until_utc": until, "why": worker.pause_reason}
        return f"{sentence} ({worker.pause_reason})", reason, f"orch-actors resume --worker {task.worker}"
    if held is not None:
        return _held(state, task, held)
    if not worker.ready:
        reason = {"kind": "worker_down", "worker": task.worker}
        return f"waits for the {task.worker} worker to come up", reason, "orch-actors actors"
    sentence = f"waits for a free {task.worker} slot ({worker.running} of {worker.limit} taken)"
    slot: dict[str, Any] = {"kind": "slot", "worker": task.worker, "running": worker.running, "limit": worker.limit}
    return sentence, slot, f"orch-actors limit --worker {task.worker} {worker.limit + 1}"


def _parked(worker: WorkerType) -> _Reason:
    decision = worker.decision
    until = None if decision is None or decision.due_utc is None else utc_text(decision.due_utc)
    reason: dict[str, Any] = {"kind": "worker_parked", "worker": worker.name, "why": worker.park_reason}
    reason |= {"until_utc": until, "ref": None if decision is None else decision.ref}
    ends = f"until {until[11:19]} UTC" if until else "until it is resumed"
    return (
        f"the {worker.name} worker is parked {ends}: {worker.park_reason}",
        reason,
        f"orch-actors resume --worker {worker.name}",
    )


def _held(state: State, task: Task, held: str) -> _Reason:
    kind, _, name = held.partition(":")
    if kind == "graph":
        limit = task.graph.parallel
        sentence = f"waits for a place among the {limit} that its graph may run at once"
        return sentence, {"kind": "graph_limit", "limit": limit}, f"orch-actors limit {name} {(limit or 0) + 1}"
    scheduler = state.scheduler
    entry, free = scheduler.entry(task.ref), max(0.0, scheduler.free(held))
    wanted = scheduler.needed(held, task.claims.get(held, 0.0))
    ahead = scheduler.ahead_of(entry) if entry is not None and wanted <= free else None
    kept = f", kept for {ahead}, which is before it" if ahead is not None else ""
    help_ = f"orch-actors why {ahead}" if ahead is not None else ""
    if kind == "lock":
        sentence = f"waits for the lock {name!r}{kept or ', which another task holds'}"
        return sentence, {"kind": "lock", "name": name, "ahead": ahead}, help_
    total = scheduler.capacity(held)
    if kind in ("usd", "tokens"):
        # There is some left of its graph's budget, but others may still use it.
        written = next(bound.written for bound in BOUNDS if bound.name == kind)
        taken = f"of the {written(total)} that are left, {written(total - free)} are kept for what runs"
        sentence = f"waits for {written(wanted)} of the graph's budget: {taken}" + kept.replace(", kept", ", the rest")
        reason = {"kind": "budget", "name": kind, "wanted": wanted, "free": free, "left": total, "ahead": ahead}
        return sentence, reason, help_ or f"orch-actors limit {name} --{kind} N"
    sentence = f"waits for {wanted:g} of {name}: {free:g} of {total:g} are free{kept}"
    reason = {"kind": "resource", "name": name, "wanted": wanted, "free": free, "total": total, "ahead": ahead}
    return sentence, reason, help_


def _impossible(state: State, task: Task) -> _Reason | None:
    """It was taken, and the configuration has been changed since: there is less than it asks for."""
    totals = {name: state.resources.get(name, 0.0) for name in task.spec.resources}
    name = next((name for name, wanted in task.spec.resources.items() if wanted > totals[name]), None)
    if name is None:
        return None
    wanted, total = task.spec.resources[name], totals[name]
    sentence = f"asks for {wanted:g} of {name}, of which there are {total:g} now: it cannot start"
    reason = {"kind": "impossible", "name": name, "wanted": wanted, "total": total}
    less = {other: min(amount, totals[other]) for other, amount in task.spec.resources.items() if totals[other]}
    written = ", ".join(f"{other}: {amount:g}" for other, amount in less.items())
    help_ = f"orch-actors update {task.ref} " + (f"'resources={{{written}}}'" if less else "resources=")
    return f"{sentence} until config.toml says more", reason, help_ if not task.tries else "orch-actors config path"


def _holders(state: State, key: str) -> list[str]:
    """Who has some of a capacity, the first ten; linear in what runs."""
    running = (task for tasks in state.in_flight.values() for task in tasks.values() if key in task.claims)
    return [task.ref for task in islice(running, 10)]


def _running(state: State, task: Task) -> _Reason:
    worker = state.worker(task.worker)
    if worker.parked:  # what becomes of it is seen by the next host
        parked, why_parked, help_ = _parked(worker)
        ending = task.attempts[-1].stopping
        begin = f"is to be ended ({ending[1]}), and" if ending else "runs on, but nobody watches it:"
        return f"{begin} {parked}", {**why_parked, "attempt": task.attempts[-1].number}, help_
    attempt, tries = task.attempts[-1], task.spec.retry.attempts
    reason: dict[str, Any] = {"kind": "running", "attempt": attempt.number}
    if attempt.stopping is not None:
        return (
            f"is being ended: {attempt.stopping[1]}",
            {**reason, "kind": "stopping", "class": attempt.stopping[0]},
            "",
        )
    if task.decision is not None:
        sentence = f"runs, and asks {task.decision.ref}: {task.decision.question}"
        reason = {**reason, "kind": "decision", "ref": task.decision.ref}
        return sentence, reason, f"orch-actors decide {task.decision.ref} {task.decision.options[0]}"
    sentence = f"runs, attempt {task.tries} of {tries}" if tries > 1 else ""
    said = progress_text(attempt.progress, attempt.percent)
    if said:
        sentence = f"{sentence or 'runs'}: {said}"
        reason |= {"progress": attempt.progress, "percent": attempt.percent}
    return sentence, reason, f"orch-actors logs -f {task.ref}"


def progress_text(text: str, percent: float | None) -> str:
    """`40 %, half of the files`."""
    return ", ".join(part for part in ("" if percent is None else f"{percent:g} %", text) if part)


def _judging(task: Task) -> _Reason:
    judge = task.judge
    if judge is None:
        return "is being judged", {"kind": "judging"}, ""
    sentence = f"is being judged by {judge.ref} ({judge.state})"
    return sentence, {"kind": "judging", "judge": judge.id, "state": judge.state}, f"orch-actors why {judge.ref}"


def _blocked(task: Task) -> _Reason:
    decision = task.decision
    if decision is None:
        return "is blocked", {"kind": "decision"}, ""
    sentence = f"waits for decision {decision.ref}: {decision.question}"
    reason = {"kind": "decision", "ref": decision.ref, "options": list(decision.options)}
    return sentence, reason, f"orch-actors decide {decision.ref} {decision.options[0]}"


def _more_for(task: Task, short: UsedUp) -> str:
    """How to give more of what is used up, and try again."""
    if short.whose == "graph":
        more = f"orch-actors limit {task.graph.id} --{short.bound} N"
        return f"{more}; then orch-actors retry {task.ref}"
    return f"orch-actors retry {whose(task).ref} --set 'budget={{{short.bound}: N}}'"


def _over(task: Task) -> _Reason:
    reason: dict[str, Any] = {"kind": task.state}
    if task.cls is not None and task.state == "failed":
        reason["class"] = task.cls
    help_ = ""
    short = used_up(task) if task.cls == BUDGET else None
    if short is not None:
        reason |= {"whose": short.whose, "bound": short.bound}
        help_ = _more_for(task, short)
    elif task.state == "failed":
        help_ = f"orch-actors logs {task.ref}; then orch-actors retry {task.ref}"
    elif task.state == "skipped" and task.broken_by is not None:
        help_ = f"orch-actors why {task.broken_by.ref}"
    elif task.state == "cancelled":
        help_ = f"orch-actors retry {task.ref}"
    return task.reason, reason, help_
