"""When each attempt of a graph ran, folded from its view: what `timeline` shows. Pure; the clock is an argument."""

from typing import Final

from msgspec import Struct

from orch_actors.cli.render.times import stamp_of
from orch_actors.protocol.views import AttemptView, GraphView, TaskView


class Bar(Struct, frozen=True, kw_only=True):
    """One attempt; times in seconds since the graph's submission."""

    attempt: int
    state: str
    start_s: float
    duration_s: float
    exit_code: int | None = None
    message: str = ""


class Row(Struct, frozen=True, kw_only=True):
    """One task with its attempts, oldest first."""

    task: str
    worker: str
    state: str
    bars: tuple[Bar, ...]


class Timeline(Struct, frozen=True, kw_only=True):
    """`timeline --json`. Rows are in the order in which tasks began; those that never did come last."""

    graph: str
    name: str
    state: str
    submitted_utc: str
    #: From the submission to the end, or to now.
    span_s: float
    rows: tuple[Row, ...]


#: A clock that was set back can make an attempt begin before its graph: it then begins with it.
_BEGINNING: Final = 0.0


def timeline_of(view: GraphView, now_utc: float) -> Timeline:
    """The timeline of a graph as it stands at `now_utc`, in seconds since the epoch."""
    origin = stamp_of(view.submitted_utc) or now_utc
    rows = [_row(task, origin, now_utc) for task in view.tasks]
    # Stable: tasks that began together, or never, stay in the order of submission.
    rows.sort(key=lambda row: row.bars[0].start_s if row.bars else float("inf"))
    ended = stamp_of(view.ended_utc)
    ends = [bar.start_s + bar.duration_s for row in rows for bar in row.bars]
    return Timeline(
        graph=view.id,
        name=view.name,
        state=view.state,
        submitted_utc=view.submitted_utc,
        span_s=max([_BEGINNING, (now_utc if ended is None else ended) - origin, *ends]),
        rows=tuple(rows),
    )


def _row(task: TaskView, origin: float, now_utc: float) -> Row:
    bars = tuple(_bar(attempt, origin, now_utc) for attempt in task.attempts)
    return Row(task=task.id, worker=task.worker, state=task.state, bars=bars)


def _bar(attempt: AttemptView, origin: float, now_utc: float) -> Bar:
    start = stamp_of(attempt.started_utc) or origin
    if attempt.duration_s is not None:
        duration = attempt.duration_s
    else:
        end = stamp_of(attempt.ended_utc)
        duration = (now_utc if end is None else end) - start
    return Bar(
        attempt=attempt.number,
        state=attempt.state,
        start_s=round(max(_BEGINNING, start - origin), 6),
        duration_s=round(max(0.0, duration), 6),
        exit_code=attempt.exit_code,
        message=attempt.message,
    )
