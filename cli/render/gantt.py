"""A timeline as text: a task a line, its attempts as bars; and as a trace for chrome://tracing and Perfetto."""

from typing import Any, Final

from orch_actors.cli.escape import one_line
from orch_actors.cli.render.style import Style, colour_of, paint, state_text, symbol
from orch_actors.cli.render.width import clip, display_width, pad
from orch_actors.cli.timeline import Bar, Row, Timeline
from orch_actors.protocol.spec.durations import format_duration

#: Columns where the terminal does not say.
_WIDTH: Final = 100

#: Columns of the task's name at the most, and of the bars at the least.
_NAME: Final = 28
_BARS: Final = 20

#: State of an attempt → what its bar is made of, the same without Unicode.
_FILLS: Final = {
    "done": ("█", "="),
    "failed": ("▒", "x"),
    "running": ("▶", ">"),
    "stopping": ("◼", "#"),
    "cancelled": ("░", "!"),
    "unknown": ("?", "?"),
}


def gantt_text(timeline: Timeline, style: Style) -> str:
    """A heading, a ruler, the bars, and what they are made of."""
    took = format_duration(timeline.span_s)
    graph, name = paint(one_line(timeline.graph), "bold", style), one_line(timeline.name)
    head = f"{graph}  {name}  {state_text(timeline.state, style)}  {took}"
    names = min(_NAME, max((len(row.task) for row in timeline.rows), default=0))
    ends = [_end(row) for row in timeline.rows]
    room = (style.width or _WIDTH) - names - 2 - 2 - max((len(end) for end in ends), default=0) - 2
    width = max(_BARS, room)
    lines = [head, "", " " * (names + 4) + _ruler(timeline.span_s, width, style)]
    for row, end in zip(timeline.rows, ends, strict=True):
        mark = paint(symbol(row.state, style), colour_of(row.state), style)
        bars = _bars(row, timeline.span_s, width, style)
        lines.append(f"{mark} {pad(clip(one_line(row.task), names), names)}  {bars}  {end}".rstrip())
    legend = _legend(timeline, style)
    return "\n".join([*lines, *(["", legend] if legend else [])])


def _end(row: Row) -> str:
    """How long its attempts ran together; how many they were, where there was more than one."""
    if not row.bars:
        return "-"
    took = format_duration(sum(bar.duration_s for bar in row.bars))
    return took if len(row.bars) == 1 else f"{took} in {len(row.bars)}"


def _ruler(span_s: float, width: int, style: Style) -> str:
    """`0        5s       10s`: beginning, middle and end."""
    middle, end = format_duration(span_s / 2), format_duration(span_s)
    left = "0" + " " * max(1, width // 2 - 1 - len(middle) // 2) + middle
    return paint(left + " " * max(1, width - display_width(left) - len(end)) + end, "dim", style)


def _bars(row: Row, span_s: float, width: int, style: Style) -> str:
    """The line of one task, `width` columns. Of two attempts in one column the later one shows."""
    cells = [""] * width
    for bar in row.bars:
        first, last = _columns(bar, span_s, width)
        cells[first : last + 1] = [bar.state] * (last + 1 - first)
    pieces: list[str] = []
    begin = 0
    for column in range(1, width + 1):
        if column == width or cells[column] != cells[begin]:
            pieces.append(_piece(cells[begin], column - begin, style))
            begin = column
    return "".join(pieces)


def _columns(bar: Bar, span_s: float, width: int) -> tuple[int, int]:
    """First and last column; an attempt is never too short to be seen."""
    if span_s <= 0:
        return 0, 0
    first = min(width - 1, int(bar.start_s / span_s * width))
    last = min(width - 1, int((bar.start_s + bar.duration_s) / span_s * width))
    # An end that falls exactly between two columns belongs to the first of them.
    if last > first and (bar.start_s + bar.duration_s) / span_s * width == last:
        last -= 1
    return first, last


def _piece(state: str, length: int, style: Style) -> str:
    if not state:
        return " " * length
    fine, plain = _FILLS.get(state, ("?", "?"))
    return paint((fine if style.unicode else plain) * length, colour_of(state), style)


def _legend(timeline: Timeline, style: Style) -> str:
    seen = {bar.state for row in timeline.rows for bar in row.bars}
    return "  ".join(f"{_piece(state, 1, style)} {state}" for state in _FILLS if state in seen)


def chrome_trace(timeline: Timeline) -> list[dict[str, Any]]:
    """Events in Chrome's trace format: a complete one for each attempt, `ts` and `dur` in microseconds.

    `ts` counts from the graph's submission. One process, the graph; each task is a thread of it, in the order of the
    rows, and metadata say their names. (Trace Event Format, Google: "JSON Array Format", "Complete Events", "Metadata
    Events".)
    """
    names = [("process_name", 0, f"{timeline.graph} {timeline.name}")]
    names += [("thread_name", thread, row.task) for thread, row in enumerate(timeline.rows, 1)]
    return [
        {"name": kind, "ph": "M", "ts": 0, "pid": 1, "tid": thread, "args": {"name": name}}
        for kind, thread, name in names
    ] + [
        {
            "name": f"{row.task}/{bar.attempt}",
            "cat": row.worker,
            "ph": "X",
            "ts": round(bar.start_s * 1_000_000),
            "dur": round(bar.duration_s * 1_000_000),
            "pid": 1,
            "tid": thread,
            "args": {
                "graph": timeline.graph,
                "task": row.task,
                "attempt": bar.attempt,
                "state": bar.state,
                "exit_code": bar.exit_code,
                "message": bar.message,
            },
        }
        for thread, row in enumerate(timeline.rows, 1)
        for bar in row.bars
    ]
