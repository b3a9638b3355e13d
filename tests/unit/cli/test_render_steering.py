"""Golden texts of decisions, reasons, edits and settings."""

from datetime import UTC

import msgspec
import pytest

from orch_actors.cli.configuring import _document
from orch_actors.cli.documents import put
from orch_actors.cli.faults import CommandFault
from orch_actors.cli.live.viewing import frame
from orch_actors.cli.render.config import config_text
from orch_actors.cli.render.decisions import answer_hint, decisions_text
from orch_actors.cli.render.edited import edited_text
from orch_actors.cli.render.style import PLAIN, Style
from orch_actors.cli.render.why import why_text
from orch_actors.protocol.messages import Edited
from orch_actors.protocol.settings import Settings, load_settings
from orch_actors.protocol.views import DecisionView, StoryLine, WhyView

from . import sample_views as sample


def decision(**more):
    fields = {
        "ref": "d7", "graph": "g7", "task": "build", "kind": "failure", "question": "build failed\x1b[2J. What now?",
        "options": ("retry", "fail", "cancel_graph"), "default": "fail", "deadline_utc": "2026-01-31T10:05:12.000Z",
        "asked_utc": sample.at(2), "evidence": {"class": "exit", "tail": "1\n2\n3\n4\n5\nlast \x07\n"},
    }  # fmt: skip
    return DecisionView(**{**fields, **more})


def test_an_open_decision():
    assert decisions_text([decision()], sample.NOW, PLAIN).splitlines() == [
        "d7  g7/build  failure  asked 10s ago",
        "  build failed\\x1b[2J. What now?",
        "  | 2",
        "  | 3",
        "  | 4",
        "  | 5",
        "  | last \\x07",
        "  options: retry | fail | cancel_graph  (fail in 1h00m)",
        "  answer: orch-actors decide d7 retry|fail|cancel_graph",
    ]


def test_what_the_validation_printed():
    evidence = {"class": "validation", "tail": "all good", "validation": "1\n2\ntest 3 failed\n"}
    assert decisions_text([decision(evidence=evidence)], sample.NOW, PLAIN).splitlines()[2:6] == [
        "  validation | 1",
        "  validation | 2",
        "  validation | test 3 failed",
        "  | all good",
    ]


def test_an_answered_decision():
    answered = decision(choice="retry", note="again", by="py-1", answered_utc=sample.at(7), evidence={})
    assert decisions_text([answered], sample.NOW, PLAIN).splitlines()[-1] == (
        "  answered retry: again  (by py-1, 5.0s ago)"
    )


def test_several_and_none():
    assert decisions_text([decision(), decision(ref="d8")], sample.NOW, PLAIN).count("\n\n") == 1
    assert decisions_text([], sample.NOW, PLAIN) == "no open decisions"


@pytest.mark.parametrize(
    ("options", "home", "hint"),
    [
        (["yes", "no"], None, "orch-actors decide d7 yes|no"),
        (["yes", "no"], "/a b", "orch-actors decide d7 yes|no --home '/a b'"),
        (["keep it", "no"], None, "orch-actors decide d7 'keep it'"),
        (["a;b"], None, "orch-actors decide d7 'a;b'"),
        ([], None, "orch-actors decide d7 CHOICE"),
    ],
)
def test_how_to_answer(options, home, hint):
    assert answer_hint("d7", options, home) == hint


def test_why():
    view = WhyView(
        graph="g7", task="test", state="pending", sentence="waits for build \x1b", reason={"kind": "dependency"},
        story=(
            StoryLine(time_utc=sample.at(1), kind="task_revived", message=""),
            StoryLine(time_utc=sample.at(2), kind="task_held", message="edited"),
        ),
        help="orch-actors why g7/build",
    )  # fmt: skip
    assert why_text(view, PLAIN, view.help, UTC).splitlines() == [
        "g7/test  · pending  waits for build \\x1b",
        "",
        "  09:05:01  task_revived",
        "  09:05:02  task_held     edited",
        "",
        "try: orch-actors why g7/build",
    ]
    bare = msgspec.structs.replace(view, story=(), sentence="", help="")
    assert why_text(bare, PLAIN, "", UTC) == "g7/test  · pending"


def test_edits():
    edited = Edited(graph="g7", version=4, changes=("+ deploy", "~ test: timeout 60 → 120", "↻ build\x07"))
    assert edited_text(edited, PLAIN).splitlines() == [
        "+ deploy",
        "~ test: timeout 60 → 120",
        "↻ build\\x07",
        "g7 is at version 4",
    ]
    assert edited_text(edited, Style(unicode=False)).isascii()
    assert "\x1b[32m+ deploy" in edited_text(edited, Style(colour=True))
    dry = msgspec.structs.replace(edited, dry_run=True)
    assert edited_text(dry, PLAIN).splitlines()[-1] == "dry run: nothing was changed"
    assert edited_text(Edited(graph="", version=0, changes=("worker shell paused",)), PLAIN) == "worker shell paused"
    assert edited_text(Edited(graph="g7", version=4, changes=()), PLAIN) == "g7: nothing to change"


CONFIG = """
output_limit = "1MB"
[workers.shell]
limit = 3
[resources]
gpu = 1.5
"memory gb" = 4
[defaults]
timeout = "1h"
retry = {attempts = 2, on = ["exit", "timeout"]}
env = {WHO = "me \\"x\\""}
[retention]
keep = 5
older_than = "2d"
"""


def test_settings_can_be_read_again(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    settings = load_settings(str(path))
    text = config_text(_document(str(path), settings))
    assert text.startswith(
        f"# {path}\noutput_limit = 1000000\ncopies_limit = 1073741824\n\n[workers.shell]\nlimit = 3\n"
    )
    assert "older_than = 172800  # seconds: 2d00h" in text
    path.write_text(text)
    again = load_settings(str(path))
    assert again.limits() == settings.limits()
    assert msgspec.structs.replace(again, workers=settings.workers) == settings


def test_settings_by_default_can_be_read_again(tmp_path):
    path = tmp_path / "config.toml"
    text = config_text(_document(str(path), Settings()))
    assert text.startswith(f"# {path} is not there: these are the defaults")
    path.write_text(text)
    assert load_settings(str(path)).limits() == Settings().limits()


def test_a_document_goes_into_a_file_whole(tmp_path, capsys):
    path = tmp_path / "out.txt"
    path.write_text("before")
    put("text", str(path), "it was")
    assert path.read_text() == "text\n"
    assert list(tmp_path.iterdir()) == [path]
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"it was written to {path}\n")
    put("text", None, "it was")
    assert capsys.readouterr().out == "text\n"


def test_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(CommandFault, match="cannot write"):
        put("text", str(tmp_path / "none" / "out.txt"), "it was")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CommandFault, match="cannot write"):
        put("text", str(tmp_path / "folder"), "it was")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_what_is_watched_fits_the_screen():
    view = sample.graph("running", None)
    whole = frame(view, PLAIN, 40, show_all=False, now_utc=sample.NOW)
    assert len(whole) == 8
    few = frame(view, PLAIN, 9, show_all=False, now_utc=sample.NOW)
    assert len(few) < 9
    assert few[-1] == "… and 2 more tasks"
    assert [line.split()[0] for line in few[4:-1]] == ["build", "slow"]  # what failed and what runs, not what is done
    for rows in range(3, 12):
        assert len(frame(view, PLAIN, rows, show_all=False, now_utc=sample.NOW)) < rows
        assert len(frame(sample.status(40), PLAIN, rows, show_all=True, now_utc=sample.NOW)) < rows
