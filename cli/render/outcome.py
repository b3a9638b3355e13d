"""How a run ended: counts, how long it took, what failed and why, where the logs are."""

from collections.abc import Mapping, Sequence

from orch_actors.cli.escape import one_line
from orch_actors.cli.render.style import Style, counts_text, paint, state_text, symbol
from orch_actors.cli.render.times import elapsed_text
from orch_actors.cli.render.width import clip_painted
from orch_actors.protocol.views import GraphView, TaskView

#: Failed tasks that are told in full; the others are counted.
SHOWN_FAILURES = 5


def failures(view: GraphView) -> list[TaskView]:
    """The tasks whose failure is told in full."""
    return [task for task in view.tasks if task.state == "failed"][:SHOWN_FAILURES]


def outcome_text(
    view: GraphView, last_lines: Mapping[str, Sequence[str]], now_utc: float, style: Style, more: str
) -> str:
    """The summary.

    Args:
        view: the graph at its end.
        last_lines: task → the last lines that its latest attempt wrote.
        now_utc: seconds since the epoch.
        style: what the place can show.
        more: the command that shows all of it.
    """
    took = elapsed_text(view.submitted_utc, view.ended_utc, now_utc)
    head = (
        f"{paint(one_line(view.id), 'bold', style)}  {one_line(view.name)}  {state_text(view.state, style)} in {took}"
    )
    lines = [f"{head}: {counts_text(view.counts)}"]
    if view.reason:
        lines.append(f"why: {one_line(view.reason)}")
    shown = failures(view)
    for task in shown:
        lines += _failure(task, last_lines.get(task.id, ()), style)
    hidden = view.counts.get("failed", 0) - len(shown)
    if hidden > 0:
        lines.append(f"  … and {hidden} more failed")
    if view.state != "done":
        lines.append(f"more: {more}")
    return "\n".join(lines)


def _failure(task: TaskView, last_lines: Sequence[str], style: Style) -> list[str]:
    mark = paint(symbol("failed", style), "red", style)
    lines = [f"  {mark} {one_line(task.id)}  {one_line(task.reason)}"]
    lines += [clip_painted(paint(f"      | {one_line(line)}", "dim", style), style.width) for line in last_lines]
    if task.attempts:
        lines.append(f"      logs: {one_line(task.attempts[-1].stdout)}")
        lines.append(f"            {one_line(task.attempts[-1].stderr)}")
    return lines
