"""Reading targets, pairs and durations; every refusal is a usage fault that says what was expected."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch_actors.cli.faults import USAGE, CommandFault
from orch_actors.cli.words import id_from, quote, read_duration, read_pairs, split_target, typed
from orch_actors.protocol.ids import is_id


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("g7", ("g7", None, 0)),
        ("g7/build", ("g7", "build", 0)),
        ("g7/build/2", ("g7", "build", 2)),
        ("nightly/build", ("nightly", "build", 0)),
        ("a/b/c", ("a/b", "c", 0)),
        ("nightly run", ("nightly run", None, 0)),
    ],
)
def test_targets(text, target):
    assert split_target(text) == target


@pytest.mark.parametrize(
    ("text", "part"),
    [("", "names no graph"), ("/build", "names no graph"), ("g7/", "names no task"), ("g7/Bad Id", "cannot be a task")],
)
def test_wrong_targets(text, part):
    with pytest.raises(CommandFault, match=part) as caught:
        split_target(text)
    assert caught.value.fault.exit_code == USAGE
    assert caught.value.fault.hint


def test_pairs():
    assert read_pairs(["a=1", "b=x=y", "c="], "--param") == {"a": "1", "b": "x=y", "c": ""}
    for wrong in (["a"], ["=1"], ["a=1", "a=2"]):
        with pytest.raises(CommandFault, match="--param"):
            read_pairs(wrong, "--param")


def test_durations():
    assert read_duration("1h30m", "--timeout") == 5400
    with pytest.raises(CommandFault, match=r"--timeout.*soon"):
        read_duration("soon", "--timeout")


@given(st.text())
def test_an_id_from_any_text_is_an_id(text):
    assert is_id(id_from(text, "task"))


def test_ids_resemble_their_text():
    assert id_from("My Tool.SH", "task") == "my-tool.sh"
    assert id_from("...", "task") == "task"


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_quoting_is_undone_by_a_shell(text):
    assert shlex.split(quote(text)) == [text]


def test_commands_name_the_home_that_was_named():
    assert typed("wait", "g7") == "orch-actors wait g7"
    assert typed("wait", "g7", home="/my home") == "orch-actors wait g7 --home '/my home'"
