"""A graph's form as text: a task a line, indented by its level, with what it waits for."""

from typing import Final

from orch_actors.cli.escape import one_line
from orch_actors.cli.layout import Layout
from orch_actors.cli.render.style import Style, colour_of, counts_text, paint, state_text, symbol
from orch_actors.cli.render.width import clip_painted
from orch_actors.protocol.views import GraphView, TaskView

#: Levels that are indented further; below that the number at the left alone tells.
_INDENTED: Final = 12

#: Dependencies that are named.
_NAMED: Final = 6


def dag_text(view: GraphView, style: Style) -> str:
    """A heading, then the levels from the tasks that wait for nothing down.

    Example:
        1  ✓ fetch
        2    ✗ build    ← fetch
        3      ▶ clean  ← build (failed)
    """
    layout = Layout(view)
    size = f"{_count(len(view.tasks), 'task')} in {_count(len(layout.levels), 'level')}"
    head = "  ".join(
        (
            paint(one_line(view.id), "bold", style),
            one_line(view.name),
            state_text(view.state, style),
            size,
            counts_text(view.counts),
        )
    )
    digits = len(str(len(layout.levels)))
    longest = max(
        (2 * _indent(number) + len(task.id) for number, level in enumerate(layout.levels) for task in level), default=0
    )
    lines = [head, ""]
    for number, level in enumerate(layout.levels):
        for task in level:
            left = f"{number + 1:>{digits}}  {'  ' * _indent(number)}"
            mark = paint(symbol(task.state, style), colour_of(task.state), style)
            name = f"{mark} {one_line(task.id)}"
            waits = _waits(task, style)
            space = " " * (longest - 2 * _indent(number) - len(task.id)) if waits else ""
            lines.append(f"{left}{name}{space}{waits}".rstrip())
    return "\n".join(clip_painted(line, style.width) for line in lines)


def _indent(number: int) -> int:
    return min(number, _INDENTED)


def _waits(task: TaskView, style: Style) -> str:
    if not task.depends_on:
        return ""
    named = [
        one_line(name) + (f" ({one_line(task.conditions[name])})" if name in task.conditions else "")
        for name in task.depends_on[:_NAMED]
    ]
    more = f" and {len(task.depends_on) - _NAMED} more" if len(task.depends_on) > _NAMED else ""
    return f"  {'←' if style.unicode else '<-'} {', '.join(named)}{more}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
