"""`orch_wait`: blocks in short turns, so that progress is told, and a caller that has gone is noticed."""

import time
from typing import TYPE_CHECKING, Final

from orch_actors.cli.mcp import bounds
from orch_actors.cli.mcp import forms as f
from orch_actors.cli.mine import mine_of
from orch_actors.protocol.views import GRAPH_ENDINGS, GraphSummary

if TYPE_CHECKING:
    from orch_actors.cli.mcp.tools import Desk, Tell

#: The longest turn, and so the longest that a caller who has gone keeps a thread.
_TURN_S: Final = 1.0


def wait(desk: "Desk", takes: f.Wait, tell: "Tell") -> f.WaitTold:
    """Wait for the graphs that are named, or all of mine that go on."""
    until = time.monotonic() + takes.timeout
    refs = list(takes.graphs) or [
        graph.id for graph in mine_of(desk.client.status()).graphs if graph.state not in GRAPH_ENDINGS
    ]
    if not refs:
        return f.WaitTold(next="nothing that was submitted from here goes on; orch_inbox says what ended")
    summaries = desk.client.summaries(refs).graphs
    while True:
        tell(*_progress(summaries))
        turn_s = min(_TURN_S, until - time.monotonic())
        if turn_s <= 0 or _met(summaries, any_=takes.any):
            return _told(summaries, met=_met(summaries, any_=takes.any))
        ids = [summary.id for summary in summaries]
        try:
            summaries = desk.client.wait(ids, any_=takes.any, timeout_s=turn_s)
        except TimeoutError:
            summaries = desk.client.summaries(ids).graphs


def _met(summaries: tuple[GraphSummary, ...], *, any_: bool) -> bool:
    ended = [summary.state in GRAPH_ENDINGS for summary in summaries]
    return any(ended) if any_ else all(ended)


def _progress(summaries: tuple[GraphSummary, ...]) -> tuple[float, float, str]:
    """Tasks that are over, of all, and in words."""
    counts: dict[str, int] = {}
    for summary in summaries:
        for state, count in summary.counts.items():
            counts[state] = counts.get(state, 0) + count
    over = sum(counts.get(state, 0) for state in ("done", "failed", "cancelled", "skipped"))
    return over, sum(counts.values()), ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))


def _told(summaries: tuple[GraphSummary, ...], *, met: bool) -> f.WaitTold:
    from orch_actors.cli.mcp.tools import lines

    ended = [summary for summary in summaries if summary.state in GRAPH_ENDINGS]
    running = [summary for summary in summaries if summary.state not in GRAPH_ENDINGS]
    bad = [summary.id for summary in ended if summary.state != "done"]
    if not met:
        next_ = "still going on, which is no error: do something else, and look at orch_inbox later, or wait again"
    elif bad:
        next_ = bounds.line(f"orch_status says why {', '.join(bad[:5])} did not end well")
    else:
        next_ = "orch_result has what a task handed back"
    more = max(0, len(ended) - bounds.ITEMS) + max(0, len(running) - bounds.ITEMS)
    return f.WaitTold(
        ended=lines(ended[: bounds.ITEMS]),
        running=lines(running[: bounds.ITEMS]),
        more=more,
        timed_out=not met,
        next=next_,
    )
