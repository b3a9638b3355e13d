"""What agents used, and of how much, in a few words."""

from collections.abc import Mapping

from orch_actors.protocol.spec.durations import format_duration
from orch_actors.protocol.views import Usage


def usage_text(usage: Usage | None, budget: Mapping[str, float], attempts: int) -> str:
    """`$0.42 of $5, 12,300 tokens, 4 of 10 attempts`; empty where no agent was at it and nothing is bounded."""
    if usage is None and not budget:
        return ""
    cost = 0.0 if usage is None else usage.cost_usd
    tokens = 0 if usage is None else (usage.input_tokens or 0) + (usage.output_tokens or 0)
    parts = []
    if cost is not None or "usd" in budget:
        parts.append(cost_text(cost or 0.0) + (f" of {cost_text(budget['usd'])}" if "usd" in budget else ""))
    of_tokens = f" of {budget['tokens']:,.0f}" if "tokens" in budget else ""
    parts.append(f"{tokens:,}{of_tokens} tokens")
    if "attempts" in budget:
        parts.append(f"{attempts} of {budget['attempts']:.0f} attempts")
    if "wall" in budget:
        parts.append(f"{format_duration(budget['wall'])} of run time")
    return ", ".join(parts)


def cost_text(usd: float) -> str:
    """`$1.25`; small amounts with as many digits as they need."""
    return f"${usd:.2f}" if usd >= 1 or usd == 0 else f"${usd:.4f}"
