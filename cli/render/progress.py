"""`run` while it runs: frames for a terminal, lines for everything else."""

from datetime import tzinfo

from orch_actors.cli.escape import one_line
from orch_actors.cli.live.progress import Progress, TaskProgress
from orch_actors.cli.render.decisions import answer_hint
from orch_actors.cli.render.style import Style, colour_of, counts_text, paint, state_text, symbol
from orch_actors.cli.render.times import clock_text, elapsed_text
from orch_actors.cli.render.width import clip_painted, pad
from orch_actors.protocol.spec.durations import format_duration
from orch_actors.protocol.views import Event

#: Columns of the bar.
_BAR = 24


def frame(progress: Progress, now_utc: float, style: Style, height: int, home: str | None = None) -> list[str]:
    """The live view: a heading, a bar, what asks and how to answer it, what failed, what runs (longest first).

    At most `height` lines; `home` stands in commands where one was named.
    """
    head = "  ".join(
        (
            paint(progress.graph, "bold", style),
            one_line(progress.name),
            state_text(progress.state, style),
            elapsed_text(progress.submitted_utc, progress.ended_utc, now_utc),
        )
    )
    lines = [head, f"{bar(progress, style)}  {counts_text(progress.counts)}"]
    rows = _rows(progress)
    room = max(1, height - len(lines) - 1)
    shown = rows if len(rows) <= room else rows[: room - 1]
    names = max((len(task.id) for task in shown), default=0)
    lines += [_row(task, names, now_utc, style, home) for task in shown]
    if len(shown) < len(rows):
        lines.append(paint(f"  … and {len(rows) - len(shown)} more", "dim", style))
    return [clip_painted(line, style.width) for line in lines]


def bar(progress: Progress, style: Style) -> str:
    """`━━━━━━──────  3/12`: what is over, good and bad in their colours, then what runs, then what is left."""
    total = len(progress.tasks) or 1
    full, empty = ("━", "─") if style.unicode else ("#", "-")
    counts = progress.counts
    bad = sum(counts.get(state, 0) for state in ("failed", "cancelled", "skipped"))
    # Cut at cumulated shares, so that the parts always add up to the bar.
    good_end = counts.get("done", 0) * _BAR // total
    bad_end = (counts.get("done", 0) + bad) * _BAR // total
    parts = (
        paint(full * good_end, "green", style),
        paint(full * (bad_end - good_end), "red", style),
        paint(empty * (_BAR - bad_end), "dim", style),
    )
    return f"{''.join(parts)}  {progress.over}/{len(progress.tasks)}"


def _rows(progress: Progress) -> list[TaskProgress]:
    """Failures and questions first, since they must not scroll away; then what runs, the longest first."""
    tasks = progress.tasks.values()
    asking = [task for task in tasks if task.state == "blocked" or task.decision is not None]
    failed = [task for task in tasks if task.state in {"failed", "cancelled"}]
    running = [task for task in tasks if task.state == "running" and task.decision is None]
    running.sort(key=lambda task: task.since_utc)
    again = [task for task in tasks if task.state in {"pending", "ready"} and task.attempt]
    return [*asking, *failed, *running, *again]


def _row(task: TaskProgress, names: int, now_utc: float, style: Style, home: str | None) -> str:
    took = elapsed_text(task.since_utc, None, now_utc) if task.state == "running" else _took(task)
    tries = f"attempt {task.attempt}" if task.attempt > 1 else ""
    again = "will be tried again" if task.state in {"pending", "ready"} else ""
    # Before the question, which may be long: how to answer must not be cut off.
    answer = "" if task.decision is None else f"[{answer_hint(task.decision, task.options, home)}]"
    rest = "  ".join(part for part in (tries, again, answer, one_line(task.message)) if part)
    mark = paint(symbol(task.state, style), colour_of(task.state), style)
    return f"  {mark} {pad(one_line(task.id), names)}  {pad(took, 6, right=True)}  {rest}".rstrip()


def _took(task: TaskProgress) -> str:
    return "" if task.took_s is None else format_duration(task.took_s)


def event_text(event: Event, progress: Progress, style: Style, zone: tzinfo | None = None) -> str | None:
    """A line for people about an event that `progress` has taken in; None: not worth one."""
    task = progress.tasks.get(event.task or "")
    if task is None:
        return None
    match event.kind, event.state:
        case "attempt_starting", _:
            said = "running" + (f"  attempt {event.attempt}" if (event.attempt or 0) > 1 else "")
        case "attempt_adopted", _:
            said = "running  adopted by a new daemon"
        case "attempt_stopping", _:
            said = f"is being ended  {event.message}"
        case "decision_asked", _:
            said = f"asks {event.data.get('ref', '')}: {event.message}"
        case "decision_answered", _:
            said = f"answered: {event.data.get('choice', '')}" + (f"  {event.message}" if event.message else "")
        case "task_revived", _:
            said = "will run again"
        case "retry_scheduled", _:
            delay = event.data.get("delay_s")
            wait = f" in {format_duration(float(delay))}" if isinstance(delay, int | float) and delay else ""
            said = f"will be tried again{wait}" + (f"  {task.message}" if task.message else "")
        case _, ("done" | "failed" | "cancelled" | "skipped") as state:
            took = f"  {_took(task)}" if task.took_s is not None else ""
            said = f"{state}{took}" + (f"  {event.message}" if event.message else "")
        case _, "blocked":
            said = "blocked" + (f"  {event.message}" if event.message else "")
        case _:
            return None
    mark = paint(symbol(task.state, style), colour_of(task.state), style)
    return f"{clock_text(event.time_utc, zone)}  {mark} {one_line(task.id)}  {one_line(said)}".rstrip()
