"""What is used up is not started; and how a graph's budget changes. What is left is worked out in `budgets.py`."""

from typing import Any, Final

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.budgets import BOUNDS
from orch_actors.actors.core.handlers.pausing import check_phase, check_version
from orch_actors.actors.core.lookup import find_graph
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.messages import Edited

#: Most that can be given.
_MOST: Final = 10**15


def on_budget_asked(turn: Turn, asked: s.BudgetAsked) -> Edited:
    """Change what a graph may use in all, also when it is over: what failed for it can then be retried.

    Raises:
        Refused: unknown, being cancelled, stale, or no amount that makes sense.
    """
    graph = find_graph(turn.state, asked.graph)
    check_phase(graph, "budget")
    check_version(graph, asked.if_version)
    names = [bound.name for bound in BOUNDS]
    strange = [name for name in asked.set if name not in names]
    if strange or not asked.set:
        what = f"a graph has no budget of {strange[0]!r}" if strange else "nothing to change was named"
        raise Refused.because("INVALID_REQUEST", what, f"one of: {', '.join(names)}; a task has `wall`, too")
    before: dict[str, Any] = {bound.name: bound.most(graph.budget) for bound in BOUNDS}
    after = {**before, **{name: _amount(name, value) for name, value in asked.set.items()}}
    changes = tuple(
        f"limits.{bound.name} {_told(before[bound.name])} → {_told(after[bound.name])}"
        for bound in BOUNDS
        if before[bound.name] != after[bound.name]
    )
    if changes and not asked.dry_run:
        turn.emit(f.GraphBudgeted(graph=graph.id, **after))
    return Edited(graph=graph.id, version=graph.version, changes=changes, dry_run=asked.dry_run)


def _amount(name: str, value: Any) -> Any:
    if value is None:
        return None
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _MOST:
        raise Refused.because(
            "INVALID_REQUEST", f"{name}: {value!r} is no amount", "a number above 0, or null for none"
        )
    if name == "usd":
        return float(value)
    if not whole:
        raise Refused.because("INVALID_REQUEST", f"{name}: {value!r} is no whole number", "a number from 1")
    return int(value)


def _told(amount: float | None) -> str:
    return "none" if amount is None else f"{amount:.15g}"
