"""When attempts ran: folded from a view, as text, and as a trace."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orch_actors.cli.render.gantt import chrome_trace, gantt_text
from orch_actors.cli.render.style import PLAIN, Style
from orch_actors.cli.render.width import display_width
from orch_actors.cli.timeline import Bar, Row, Timeline, timeline_of

from . import sample_views as sample

NARROW = Style(width=50)


def test_folded_from_a_view():
    timeline = timeline_of(sample.graph("running", None), sample.NOW)
    assert [(row.task, row.state) for row in timeline.rows] == [
        ("fetch", "done"),
        ("build", "failed"),
        ("slow", "running"),
        ("test", "skipped"),
    ]
    assert [[(bar.attempt, bar.state, bar.start_s, bar.duration_s) for bar in row.bars] for row in timeline.rows] == [
        [(1, "done", 0.0, 2.0)],
        [(1, "failed", 2.0, 1.0), (2, "failed", 4.0, 1.5)],
        [(1, "running", 4.0, 8.0)],
        [],
    ]
    assert timeline.span_s == 12.0


def test_it_ends_with_the_graph():
    assert timeline_of(sample.graph(), sample.NOW).span_s == 12.0  # a task still ran, as the sample has it
    tasks = sample.graph().tasks[:2]
    ended = msgspec.structs.replace(sample.graph(), tasks=tasks)
    assert timeline_of(ended, sample.NOW).span_s == 10.0


def test_text():
    assert gantt_text(timeline_of(sample.graph("running", None), sample.NOW), NARROW).splitlines() == [
        "g7  nightly  ▶ running  12s",
        "",
        "         0            6.0s          12s",
        "✓ fetch  █████                           2.0s",
        "✗ build       ▒▒▒  ▒▒▒▒                  2.5s in 2",
        "▶ slow             ▶▶▶▶▶▶▶▶▶▶▶▶▶▶▶▶▶▶▶▶  8.0s",
        "– test                                   -",
        "",
        "█ done  ▒ failed  ▶ running",
    ]


def test_text_without_unicode():
    text = gantt_text(timeline_of(sample.graph("running", None), sample.NOW), Style(unicode=False, width=50))
    assert text.isascii()
    assert text.splitlines()[-1] == "= done  x failed  > running"


def test_trace():
    whole = chrome_trace(timeline_of(sample.graph(), sample.NOW))
    names, trace = whole[:-4], whole[-4:]
    assert {event["ph"] for event in names} == {"M"}
    assert {(event["name"], event["tid"], event["args"]["name"]) for event in names} > {
        ("process_name", 0, "g7 nightly"),
        ("thread_name", 2, "build"),
    }
    assert trace[2] == {
        "name": "build/2", "cat": "shell", "ph": "X", "ts": 4_000_000, "dur": 1_500_000, "pid": 1, "tid": 2,
        "args": {"graph": "g7", "task": "build", "attempt": 2, "state": "failed", "exit_code": 2, "message": ""},
    }  # fmt: skip
    assert {event["ph"] for event in trace} == {"X"}
    assert all(type(event[field]) is int for event in trace for field in ("ts", "dur", "pid", "tid"))
    assert {event["tid"] for event in trace} <= {event["tid"] for event in names}


def test_a_graph_of_which_nothing_has_begun():
    view = msgspec.structs.replace(sample.graph("running", None), tasks=sample.graph().tasks[3:])
    text = gantt_text(timeline_of(view, sample.NOW), PLAIN)
    assert text.splitlines()[-1].endswith("-")
    assert {event["ph"] for event in chrome_trace(timeline_of(view, sample.NOW))} == {"M"}


def test_a_clock_that_was_set_back():
    view = sample.graph("running", None)
    timeline = timeline_of(view, sample.NOW - 3600)
    assert all(bar.start_s >= 0 and bar.duration_s >= 0 for row in timeline.rows for bar in row.bars)
    assert gantt_text(timeline, NARROW)


times = st.floats(min_value=0, max_value=1e6, allow_nan=False)


@settings(deadline=None)
@given(
    st.lists(st.lists(st.tuples(times, times, st.sampled_from(["done", "failed", "running"])), max_size=4), max_size=5),
    st.integers(min_value=40, max_value=200),
)
def test_it_fits_and_shows_every_attempt(rows, width):
    made = tuple(
        Row(
            task=f"task-{number}-{'x' * 10 * number}",
            worker="shell",
            state="done",
            bars=tuple(
                Bar(attempt=n, state=state, start_s=start, duration_s=took)
                for n, (start, took, state) in enumerate(bars)
            ),
        )
        for number, bars in enumerate(rows)
    )
    span = max([bar.start_s + bar.duration_s for row in made for bar in row.bars], default=0.0)
    timeline = Timeline(graph="g1", name="n", state="done", submitted_utc=sample.at(0), span_s=span, rows=made)
    text = gantt_text(timeline, Style(width=width))
    lines = text.splitlines()
    assert all(display_width(line) <= max(width, 70) for line in lines)
    for line, row in zip(lines[3 : 3 + len(made)], made, strict=True):
        assert any(fill in line.partition("  ")[2] for fill in "█▒▶") == bool(row.bars)


@pytest.mark.parametrize("width", [0, 60, 100, 180])
def test_the_ruler_ends_where_the_bars_end(width):
    bar = Bar(attempt=1, state="done", start_s=0, duration_s=60)
    row = Row(task="a", worker="shell", state="done", bars=(bar,))
    timeline = Timeline(graph="g1", name="n", state="done", submitted_utc=sample.at(0), span_s=60, rows=(row,))
    ruler, line = gantt_text(timeline, Style(width=width)).splitlines()[2:4]
    assert ruler.endswith("1m00s")
    assert len(ruler) == line.rindex("█") + 1
