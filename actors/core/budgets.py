"""Budgets: what was used, what may be, and whether one more attempt may start.

Looked at when an attempt is about to start and at no other time: what is used up by then is not started. What runs is
bounded by what was left when it started (`left_usd`, `left_tokens`, `time_of`), as far as its program can be bounded.

Attempts that run beside each other: one with a bound of its own keeps that much of its graph's dollars and tokens for
as long as it runs (`reserved`: claims on capacities, see scheduler.py), so that together they stay within the graph's.
One that has no bound of its own keeps nothing, and is told the same rest as its neighbours: with such ones a graph may
go beyond its bound. (Rejected: to keep all of the rest for it, so that agents without bounds run one by one.)

A judge's attempts count as its task's. Dollars and tokens are spent by agents alone, so where those are used up other
tasks go on. A task's own sums are worked out when they are needed, over its own attempts; a graph's are kept
(`Graph.spent`), so that no step costs more in a large graph.
"""

from collections.abc import Callable, Iterator
from math import inf
from typing import Final, NamedTuple

from orch_actors.actors.core.nodes import NO_TRIES, Attempt, Graph, Spent, Task
from orch_actors.actors.core.state import tokens_key, usd_key
from orch_actors.protocol.spec.durations import format_duration
from orch_actors.protocol.spec.graph import Budget, Limits
from orch_actors.protocol.spec.work import AGENTS, AgentWork

#: Failure class of what is not started, or is ended, since its budget is used up.
BUDGET: Final = "budget"


class Bound(NamedTuple):
    """One thing that is bounded."""

    name: str
    #: Nobody else spends it.
    by_agents: bool
    used: Callable[[Spent], float]
    most: Callable[[Budget], float | None]
    #: How an amount is written.
    written: Callable[[float], str]


BOUNDS: Final = (
    Bound("usd", True, lambda spent: spent.usd, lambda budget: budget.usd, lambda of: f"${round(of, 4):g}"),
    Bound("tokens", True, lambda spent: spent.tokens, lambda budget: budget.tokens, lambda of: f"{of:.0f} tokens"),
    Bound(
        "attempts", False, lambda spent: spent.attempts, lambda budget: budget.attempts, lambda of: f"{of:.0f} attempts"
    ),
)


class UsedUp(NamedTuple):
    """Why nothing more may start."""

    #: `task` or `graph`: whose budget it is.
    whose: str
    #: Which bound; the sentence says how much of how much.
    bound: str
    sentence: str


def budget_of(limits: Limits) -> Budget:
    """What a graph may use by its document."""
    return Budget(usd=limits.usd, tokens=limits.tokens, attempts=limits.attempts)


def is_try(attempt: Attempt) -> bool:
    """Whether it counts among the attempts: not where it could not begin, or found no quota."""
    return attempt.cls not in NO_TRIES


def whose(task: Task) -> Task:
    """The task whose budget it is: a judge spends that of what it judges."""
    return task if task.judged is None else task.judged


def judges_of(task: Task) -> Iterator[Task]:
    """Those that judge, or judged, its attempts or its decisions."""
    for name in task.judges:
        judge = task.graph.tasks.get(name)  # one that is only named stands in a quarantined task
        if judge is not None:
            yield judge


def attempts_of(task: Task) -> Iterator[Attempt]:
    """A task's attempts and those of its judges."""
    yield from task.attempts
    for judge in judges_of(task):
        yield from judge.attempts


def spent_by(task: Task) -> Spent:
    """What a task has used, its judges included; linear in their attempts."""
    spent = Spent()
    for attempt in attempts_of(task):
        spent.attempts += is_try(attempt)
        spent.add(attempt.usage)
    return spent


def run_time_s(task: Task) -> float:
    """How long its attempts, and those of its judges, have run together; what still runs not counted."""
    return sum(attempt.duration_s or 0.0 for attempt in attempts_of(task))


def used_up(task: Task) -> UsedUp | None:
    """What keeps the next attempt of this task, or judge, from being started."""
    owner, agent = whose(task), (task.spec.kind or task.worker) in AGENTS
    if owner.spec.budget != _NONE:
        found = _over("task", owner.spec.budget, spent_by(owner), agent=agent) or _over_time(owner)
        if found is not None:
            return found
    return _over("graph", task.graph.budget, task.graph.spent, agent=agent)


_NONE: Final = Budget()


def _over(whose_: str, budget: Budget, spent: Spent, *, agent: bool) -> UsedUp | None:
    for bound in BOUNDS:
        most = bound.most(budget)
        if most is not None and (agent or not bound.by_agents) and bound.used(spent) >= most:
            of = "its budget" if whose_ == "task" else "the graph's budget"
            said = f"{bound.written(bound.used(spent))} of {bound.written(most)}"
            return UsedUp(whose_, bound.name, f"{of} is used up: {said}")
    return None


def _over_time(owner: Task) -> UsedUp | None:
    most = owner.spec.budget.wall
    if most is None or run_time_s(owner) < most:
        return None
    said = f"{format_duration(round(run_time_s(owner), 1))} of {format_duration(most)} run time"
    return UsedUp("task", "wall", f"its budget is used up: {said}")


def left_usd(task: Task) -> float | None:
    """Dollars that an attempt which starts now may still use; None: there is no bound."""
    owner = whose(task)
    return _least(
        (owner.spec.budget.usd, lambda: spent_by(owner).usd), (task.graph.budget.usd, lambda: task.graph.spent.usd)
    )


def left_tokens(task: Task) -> int | None:
    """The same of tokens."""
    owner = whose(task)
    left = _least(
        (owner.spec.budget.tokens, lambda: spent_by(owner).tokens),
        (task.graph.budget.tokens, lambda: task.graph.spent.tokens),
    )
    return None if left is None else int(left)


def _least(*bounds: tuple[float | None, Callable[[], float]]) -> float | None:
    left = [most - used() for most, used in bounds if most is not None]
    return max(0.0, min(left)) if left else None


def reserved(task: Task) -> dict[str, float]:
    """What an attempt of this task keeps of its graph's budget while it runs: capacity → how much."""
    work, own = task.spec.work, whose(task).spec.budget
    if not isinstance(work, AgentWork):
        return {}
    usd = [most for most in (work.budget_usd, own.usd) if most is not None]
    kept = {usd_key(task.graph.id): min(usd)} if usd else {}
    return kept if own.tokens is None else {**kept, tokens_key(task.graph.id): float(own.tokens)}


def left_of_graph(graph: Graph) -> dict[str, float]:
    """Capacity → how much of a graph's budget is not spent yet."""
    budget, spent = graph.budget, graph.spent
    return {
        usd_key(graph.id): inf if budget.usd is None else max(0.0, budget.usd - spent.usd),
        tokens_key(graph.id): inf if budget.tokens is None else max(0.0, float(budget.tokens - spent.tokens)),
    }


class TimeOf(NamedTuple):
    """How long an attempt may run, and as what it fails then."""

    most_s: float
    cls: str
    sentence: str


def time_of(task: Task) -> TimeOf | None:
    """What ends an attempt of this task that runs, or starts, now: its `timeout`, or what is left of `budget.wall`."""
    timeout, wall = task.spec.timeout, whose(task).spec.budget.wall
    left_s = None if wall is None else max(0.0, wall - run_time_s(whose(task)))
    if left_s is not None and wall is not None and (timeout is None or left_s < timeout):
        return TimeOf(left_s, BUDGET, f"its attempts ran longer than the {format_duration(wall)} of its budget")
    if timeout is None:
        return None
    return TimeOf(timeout, "timeout", f"ran longer than its {format_duration(timeout)}")


def recounted(graph: Graph) -> Spent:
    """A graph's sums made anew; linear."""
    spent = Spent()
    for task in graph.tasks.values():
        for attempt in task.attempts:
            spent.attempts += is_try(attempt)
            spent.add(attempt.usage)
    return spent
