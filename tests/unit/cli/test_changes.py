"""What `key=value` means, and what is refused before anybody is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch_actors.cli.changes import read_changes, read_value
from orch_actors.cli.faults import USAGE, CommandFault


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("null", None),
        ("~", None),
        ("90s", "90s"),
        ("3", 3),
        ("0.5", 0.5),
        ("true", True),
        ("on", "on"),
        ("1:30", "1:30"),
        ("[a, {task: b, on: failed}]", ["a", {"task": "b", "on": "failed"}]),
        ('{"a": [1, null]}', {"a": [1, None]}),
        ("{}", {}),
        ('"123"', "123"),
        ("'x y'", "x y"),
        ("make -j4 all", "make -j4 all"),
        ("echo hi # no comment", "echo hi # no comment"),
        ("a: b", "a: b"),
        ("[ -f x ] && make", "[ -f x ] && make"),
        ("{ make; }", "{ make; }"),
        ('"a" b', '"a" b'),
        ("two\nlines", "two\nlines"),
        ("  spaced  ", "  spaced  "),
    ],
)
def test_values(text, value):
    found = read_value(text)
    assert found == value
    assert type(found) is type(value)


@given(st.text(min_size=1))
def test_plain_text_loses_nothing(text):
    found = read_value("echo " + text)
    assert found == "echo " + text


def test_where_text_is_wanted_it_stays_text():
    words = ["command=true", "title=5", "cwd=1.5", "script=0x10", "timeout=5", "approve=true", "call=", "worker=null"]
    assert read_changes(words, None) == {
        "command": "true", "title": "5", "cwd": "1.5", "script": "0x10", "timeout": 5, "approve": True, "call": None,
        "worker": None,
    }  # fmt: skip
    assert read_changes(['command=["make", "-j4"]', "args=[1]"], None) == {"command": ["make", "-j4"], "args": [1]}


def test_words_and_json_together():
    assert read_changes(["timeout=", "title=a=b"], '{"approve": true, "env": null}') == {
        "timeout": None,
        "title": "a=b",
        "approve": True,
        "env": None,
    }
    assert read_changes([], None) == {}


@pytest.mark.parametrize(
    ("words", "json_set", "said"),
    [
        (["timeout"], None, "expected KEY=VALUE"),
        (["=3"], None, "expected KEY=VALUE"),
        (["a=1", "a=2"], None, "given twice"),
        (["a=1"], '{"a": 2}', "given twice"),
        (["retry.attempts=3"], None, "set as a whole"),
        ([], "{", "no JSON"),
        ([], "[1]", "no JSON object"),
        ([], "3", "no JSON object"),
    ],
)
def test_refused(words, json_set, said):
    with pytest.raises(CommandFault, match=said) as caught:
        read_changes(words, json_set)
    assert caught.value.fault.exit_code == USAGE
    assert caught.value.fault.hint
