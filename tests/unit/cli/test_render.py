"""Golden texts: what people see."""

import re
from datetime import UTC

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch_actors.cli.render.accepted import accepted_line
from orch_actors.cli.render.actors import actors_table
from orch_actors.cli.render.events import event_line
from orch_actors.cli.render.graphs import graph_line, graph_text, graphs_table
from orch_actors.cli.render.outcome import outcome_text
from orch_actors.cli.render.overview import SHOWN_GRAPHS, daemon_line, overview_text
from orch_actors.cli.render.style import PLAIN, Style, counts_text, symbol
from orch_actors.cli.render.table import table
from orch_actors.cli.render.times import ago_text, clock_text, elapsed_text
from orch_actors.cli.render.width import clip, clip_painted, display_width, pad
from orch_actors.protocol.views import GRAPH_ENDINGS

from . import sample_views as sample

ASCII = Style(unicode=False)


def golden(text):
    return text.strip("\n")


def test_graph_text():
    assert graph_text(sample.graph(), sample.NOW, PLAIN) == golden(
        """
g7  nightly  ✗ failed  10s  1 done, 1 failed, 1 skipped, 1 running
goal: all green
why: 1 of 4 tasks failed

TASK   WORKER  STATE      TRIES  TOOK  EXIT  WHY
fetch  shell   ✓ done         1  2.0s     0
build  shell   ✗ failed       2  1.5s     2  exit code 2, after 2 attempts \\x1b[2J
slow   python  ▶ running      1  8.0s     -
test   shell   – skipped      -     -     -  build failed
"""
    )


def test_where_a_graph_has_its_inbox():
    view = msgspec.structs.replace(sample.graph(), files="/w/mail\x1b/g7")
    assert r"files: /w/mail\x1b/g7" in graph_text(view, sample.NOW, PLAIN).splitlines()


def test_what_stands_in_a_notebook():
    lines = repr(sample.graph()).splitlines()
    assert lines[0] == "<graph g7 nightly failed: 1 done, 1 failed, 1 running, 1 skipped>"
    assert lines[2] == r"  build  failed  exit code 2, after 2 attempts \x1b[2J"
    assert len(lines) == 5
    many = msgspec.structs.replace(sample.graph(), tasks=sample.graph().tasks * 10)
    assert repr(many).splitlines()[-1] == "  … and 20 more"
    assert repr(sample.status()) == "<orch-actors pid 123: 2 graphs, 1 running>"


def test_a_full_disk_comes_first():
    view = sample.status()
    full = msgspec.structs.replace(view, supervisor=msgspec.structs.replace(view.supervisor, disk="No space\x1b left"))
    assert overview_text(full, sample.NOW, ASCII).split("\n\n")[1] == (
        r"the disk is full (No space\x1b left): nothing new is taken or started until there is room"
    )


def test_overview_text():
    assert overview_text(sample.status(), sample.NOW, ASCII) == golden(
        """
orch-actors is up: pid 123, home /h, 2 running attempts adopted, version 0.1.0, for 12s

WORKER  STATE     RUNNING  PID  RESTARTS  WHY
shell   o ready       1/4  124         0
python  = parked      0/2    -         5  died too often

GRAPH  NAME  STATE      TASKS      TOOK  SUBMITTED
g1     old   > running  1 running   12s  12s ago
g2     日本  + done     3 done     3.0s  11s ago
"""
    )


def test_overview_shows_what_is_open_and_new():
    many = sample.status(SHOWN_GRAPHS + 11)
    text = overview_text(many, sample.NOW, PLAIN)
    assert "g1 " in text  # runs, though it is old
    assert "g2 " not in text
    assert f"g{SHOWN_GRAPHS + 11} " in text
    assert text.endswith("… and 10 that have ended; --all shows them")
    assert "g2 " in overview_text(many, sample.NOW, PLAIN, show_all=True)


def test_overview_without_graphs():
    assert overview_text(sample.status(1), sample.NOW, PLAIN)
    empty = sample.status(1)
    text = overview_text(type(empty)(supervisor=empty.supervisor, workers=(), graphs=()), sample.NOW, PLAIN)
    assert text.splitlines()[-1] == "no graphs yet; try: orch-actors run -- echo hello"


def test_daemon_line():
    assert daemon_line(sample.status().supervisor) == "orch-actors is up: pid 123, home /h, 2 running attempts adopted"


def test_actors_table():
    assert actors_table(sample.actors(), PLAIN) == golden(
        """
ACTOR               KIND        STATE  PID  MAILBOX  HANDLED  RESTARTS
supervisor          supervisor  idle     9        0        4         0
├─ gateway          gateway     idle     9        0        4         0
└─ workforce        workforce   idle     9        0        4         0
   └─ worker/shell  worker      idle     9        0        4         0
      └─ g1/a/1     task        idle     9        2        4         0
"""
    )
    assert "`- workforce" in actors_table(sample.actors(), ASCII)


def test_outcome_text():
    text = outcome_text(sample.graph(), {"build": ["make: *** [all]", "bad \x07"]}, sample.NOW, PLAIN, "orch-actors …")
    assert text == golden(
        """
g7  nightly  ✗ failed in 10s: 1 done, 1 failed, 1 skipped, 1 running
why: 1 of 4 tasks failed
  ✗ build  exit code 2, after 2 attempts \\x1b[2J
      | make: *** [all]
      | bad \\x07
      logs: /h/b.out
            /h/b.err
more: orch-actors …
"""
    )


def test_event_lines():
    line = event_line(sample.event(42, "task_ended", "build", "failed", message="exit\n2"), PLAIN, UTC)
    assert line == "    42  09:05:00  g7/build  task_ended  failed  exit\\n2"
    ended = sample.event(7, "attempt_ended", "build", attempt=1, data={"exit_code": 0, "duration_s": 1.5})
    assert event_line(ended, PLAIN, UTC) == "     7  09:05:00  g7/build/1  attempt_ended  exit 0  1.5s"
    assert event_line(sample.event(1, "odd", graph=None), PLAIN, UTC) == "     1  09:05:00  -  odd"


def test_lines_of_graphs():
    running, done = sample.summaries()
    assert graph_line(done, sample.NOW, PLAIN) == "g2  日本  ✓ done  3.0s  3 done"
    assert graph_line(running, sample.NOW, ASCII) == "g1  old  > running  12s  1 running"
    assert graphs_table((), sample.NOW, PLAIN) == "GRAPH  NAME  STATE  TASKS  TOOK  SUBMITTED"
    assert accepted_line("g7", "x\x1b", 1, existing=False) == "g7  x\\x1b  1 task"
    assert accepted_line("g7", "x", 2, existing=True) == "g7  x  2 tasks  (submitted before with this key)"
    assert accepted_line(None, "x", 2, existing=False) == "x  2 tasks  good (dry run: nothing was begun)"


def test_colour_changes_nothing_but_colour():
    coloured = graph_text(sample.graph(), sample.NOW, Style(colour=True))
    assert "\x1b[31m✗ failed\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == graph_text(sample.graph(), sample.NOW, PLAIN)


def test_tables_end_where_the_terminal_ends():
    narrow = graph_text(sample.graph(), sample.NOW, Style(width=40, colour=True))
    table_lines = narrow.split("\n\n")[1].splitlines()
    assert all(display_width(line) <= 40 for line in table_lines)
    assert any("…" in line for line in table_lines)


def test_every_state_has_a_look():
    for state in {"pending", "ready", "running", "blocked", "skipped", *GRAPH_ENDINGS}:
        assert symbol(state, PLAIN).strip()
        assert symbol(state, ASCII).isascii()
    assert symbol("a state of the future", PLAIN) == " "
    assert counts_text({"pending": 1, "novel": 2, "done": 3, "failed": 0}) == "3 done, 1 pending, 2 novel"


def test_times():
    assert clock_text("2026-01-31T09:05:00.250Z", UTC) == "09:05:00"
    assert clock_text("whenever", UTC) == "whenever"
    assert elapsed_text(None, None, sample.NOW) == "-"
    assert elapsed_text(sample.at(0), None, sample.NOW - 3600) == "0.0s"
    assert ago_text(sample.at(0), sample.NOW) == "12s ago"
    assert ago_text(None, sample.NOW) == "-"


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("\x1b[31mx\x1b[0m", 1), ("", 0)]
)
def test_display_width(text, columns):
    assert display_width(text) == columns


@given(st.text(st.characters(categories=["L", "M", "N", "P", "Zs"])), st.integers(1, 20))
def test_clipping_fits(text, width):
    for cut in (clip(text, width), clip_painted(f"\x1b[31m{text}\x1b[0m", width)):
        assert display_width(cut) <= width
    if display_width(text) <= width:
        assert clip(text, width) == text


def test_padding_and_tables():
    assert pad("日", 4) == "日  "
    assert pad("7", 3, right=True) == "  7"
    assert table(("A", "N"), [("x", "1"), ("yy", "22")], PLAIN, right=(1,)) == "A    N\nx    1\nyy  22"
