"""Folding events into what the live view shows, and showing it."""

from datetime import UTC

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from orch_actors.cli.live.progress import TASK_ENDINGS, Progress
from orch_actors.cli.render.progress import bar, event_text, frame
from orch_actors.cli.render.style import PLAIN, Style
from orch_actors.cli.render.width import display_width

from . import sample_views as sample

ASCII = Style(unicode=False)


def story():
    event = sample.event
    return [
        event(1, "graph_submitted", state="running", message="nightly"),
        event(2, "task_ready", "fetch", "ready"),
        event(3, "attempt_starting", "fetch", "running", 1),
        event(4, "attempt_ended", "fetch", attempt=1, data={"exit_code": 0, "duration_s": 2.0}, second=2),
        event(5, "task_ended", "fetch", "done", second=2),
        event(6, "attempt_starting", "build", "running", 1, second=2),
        event(7, "attempt_starting", "slow", "running", 1, second=4),
        event(8, "attempt_ended", "build", None, 1, "exit code 2", {"exit_code": 2, "duration_s": 1.0}, second=3),
        event(9, "retry_scheduled", "build", "pending", 2, data={"delay_s": 1.0}, second=3),
        event(10, "attempt_starting", "build", "running", 2, second=4),
        event(11, "attempt_ended", "build", None, 2, "exit code 2", {"exit_code": 2, "duration_s": 1.5}, second=5),
        event(12, "task_ended", "build", "failed", message="exit code 2, after 2 attempts", second=5),
        event(13, "task_ended", "test", "skipped", message="build failed", second=5),
    ]


def test_from_the_start():
    progress = Progress(sample.graph("running", None), from_the_start=True)
    assert progress.counts == {"pending": 4}
    assert all(progress.apply(event) for event in story())
    assert {state: n for state, n in progress.counts.items() if n} == {
        "done": 1,
        "failed": 1,
        "skipped": 1,
        "running": 1,
    }
    assert (progress.over, progress.ended) == (3, False)
    assert progress.tasks["build"].attempt == 2
    assert not progress.apply(sample.event(14, "graph_ended", state="done", graph="g8"))
    assert progress.apply(sample.event(15, "graph_ended", state="failed", second=10))
    assert progress.ended
    assert progress.ended_utc == sample.at(10)


def test_from_where_it_stands():
    progress = Progress(sample.graph("running", None), from_the_start=False)
    assert progress.counts == {"done": 1, "failed": 1, "running": 1, "skipped": 1}
    assert progress.tasks["build"].attempt == 2
    assert progress.tasks["build"].message.startswith("exit code 2")


def test_an_unknown_task_does_no_harm():
    progress = Progress(sample.graph("running", None), from_the_start=True)
    progress.apply(sample.event(1, "task_ready", "added-later", "ready"))
    assert progress.counts == {"pending": 4}


STATES = ["pending", "ready", "running", *sorted(TASK_ENDINGS)]


@given(st.lists(st.tuples(st.sampled_from(["fetch", "build", "slow", "test"]), st.sampled_from(STATES)), max_size=30))
def test_counts_are_those_of_the_tasks(changes):
    progress = Progress(sample.graph("running", None), from_the_start=True)
    for seq, (task, state) in enumerate(changes, 1):
        progress.apply(sample.event(seq, "any", task, state, 1))
        states = [task.state for task in progress.tasks.values()]
        assert {state: n for state, n in progress.counts.items() if n} == {s: states.count(s) for s in states}
        assert len(bar(progress, ASCII).split("  ")[0]) == 24
        for height in (1, 2, 3, 5, 24):
            assert len(frame(progress, sample.NOW, ASCII, height)) <= max(3, height - 1)


def test_frame():
    progress = Progress(sample.graph("running", None), from_the_start=True)
    for event in story():
        progress.apply(event)
    assert frame(progress, sample.NOW, PLAIN, 24) == [
        "g7  nightly  ▶ running  12s",
        "━━━━━━━━━━━━━━━━━━──────  3/4  1 done, 1 failed, 1 skipped, 1 running",
        "  ✗ build    1.5s  attempt 2  exit code 2, after 2 attempts",
        "  ▶ slow     8.0s",
    ]
    assert frame(progress, sample.NOW, ASCII, 4)[2:] == ["  … and 2 more"]
    assert all(display_width(line) <= 20 for line in frame(progress, sample.NOW, Style(width=20, colour=True), 24))


def test_a_question_is_told():
    progress = Progress(sample.graph("running", None), from_the_start=True)
    asked = sample.event(1, "decision_asked", "build", "blocked", message="What now?")
    asked = msgspec.structs.replace(asked, data={"ref": "d7", "options": ["retry", "fail"]})
    progress.apply(asked)
    assert event_text(asked, progress, PLAIN, UTC) == "09:05:00  ? build  asks d7: What now?"
    assert frame(progress, sample.NOW, PLAIN, 24)[2] == (
        "  ? build          [orch-actors decide d7 retry|fail]  What now?"
    )
    assert "decide d7 retry|fail --home /h]" in frame(progress, sample.NOW, PLAIN, 24, "/h")[2]
    answered = sample.event(2, "decision_answered", "build", message="again", data={"ref": "d7", "choice": "retry"})
    progress.apply(answered)
    assert event_text(answered, progress, PLAIN, UTC) == "09:05:00  ? build  answered: retry  again"
    assert progress.tasks["build"].decision is None


def test_a_running_task_that_asks_stands_first():
    progress = Progress(sample.graph("running", None), from_the_start=False)
    progress.apply(
        sample.event(1, "decision_asked", "slow", None, message="Go on?", data={"ref": "d8", "options": ["a b"]})
    )
    assert frame(progress, sample.NOW, PLAIN, 24)[2].startswith(
        "  ▶ slow     8.0s  [orch-actors decide d8 'a b']  Go on?"
    )


def test_lines():
    progress = Progress(sample.graph("running", None), from_the_start=True)
    lines = []
    for event in story():
        progress.apply(event)
        lines.append(event_text(event, progress, PLAIN, UTC))
    assert [line for line in lines if line] == [
        "09:05:00  ▶ fetch  running",
        "09:05:02  ✓ fetch  done  2.0s",
        "09:05:02  ▶ build  running",
        "09:05:04  ▶ slow  running",
        "09:05:03  · build  will be tried again in 1.0s  exit code 2",
        "09:05:04  ▶ build  running  attempt 2",
        "09:05:05  ✗ build  failed  1.5s  exit code 2, after 2 attempts",
        "09:05:05  – test  skipped  build failed",
    ]
