"""The fast path either declines, or means what typer means."""

import contextlib
import importlib

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from orch_actors.cli import app
from orch_actors.cli.fast import read_submission
from orch_actors.cli.faults import CommandFault

_SUBMIT = importlib.import_module("orch_actors.cli.verbs.submit")


def _by_typer(words, monkeypatch):
    """The Submission that typer's verb would carry out, or None where it refuses or shows help."""
    caught = []
    monkeypatch.setattr(_SUBMIT, "submit", lambda submission: caught.append(submission) or 0)
    with contextlib.suppress(app._PARSER_ERROR, CommandFault):
        app.run_typer(words)
    return caught[0] if caught else None


PLAIN = [
    ["submit", "g.yaml"],
    ["submit", "-"],
    ["submit", "--json", "g.yaml", "--key", "k", "--param", "a=1", "--param=b=2", "--dry-run"],
    ["--home", "/h", "--json", "submit", "g.yaml"],
    ["--home=/h", "submit", "g.yaml"],
    ["submit", "--home", "/h", "g.yaml", "--no-start", "--name", "n"],
    ["submit", "--", "sleep", "60"],
    ["submit", "--timeout", "5m", "--retry", "3", "--env", "A=b", "--cwd", "/", "--", "make", "--", "-j", "--json"],
    ["submit", "--"],
    ["submit"],
]


@pytest.mark.parametrize("words", PLAIN)
def test_plain_lists_are_read(words, monkeypatch):
    read = read_submission(words)
    assert read is not None
    assert read == _by_typer(words, monkeypatch)


DECLINED = [
    ["submit", "--help"],
    ["submit", "--kay", "k", "g.yaml"],
    ["submit", "a", "b"],
    ["submit", "--key"],
    ["submit", "--key", "--json", "g.yaml"],
    ["submit", "--key", "a", "--key", "b", "g.yaml"],
    ["submit", "--retry", "many", "--", "x"],
    ["submit", "--json=1", "g.yaml"],
    ["submit", ""],
    ["--dry-run", "submit", "g.yaml"],
    ["status"],
    ["sub", "g.yaml"],
    ["--", "submit", "g.yaml"],
    ["g.yaml", "submit"],
    ["-", "submit"],
]


@pytest.mark.parametrize("words", DECLINED)
def test_the_rest_is_declined(words):
    assert read_submission(words) is None


_SHELF = """
submit g.yaml - -- --json --no-start --dry-run --home --key --name --timeout --retry --cwd --param --env a=1 3 03 -1
--json=x --home=/h --key= --key=k --retry=2 --help -h run status --version -x --no-json é ٣ 1_0 +1
"""
_WORDS = st.sampled_from([*_SHELF.split(), "", " "])


#: Pieces that make sense by themselves, so that most lists are nearly right.
_PIECES = st.sampled_from(
    [
        *(["submit"], ["g.yaml"], ["-"], ["--json"], ["--no-start"], ["--dry-run"], ["--home", "/h"], ["--key", "k"]),
        *(["--name=n"], ["--timeout", "5m"], ["--retry", "3"], ["--param", "a=1"], ["--env=A=b"], ["--cwd", "/"]),
        *(["--", "make", "--json"], ["--"]),
    ]
)
_NEARLY = st.lists(_PIECES, max_size=6).map(lambda pieces: [word for piece in pieces for word in piece])


@settings(max_examples=600, deadline=None)
@given(
    st.lists(_WORDS, max_size=7).map(lambda words: ["submit", *words])
    | st.lists(_WORDS, max_size=8)
    | _NEARLY
    | _NEARLY.map(lambda words: ["submit", *words])
)
def test_declines_or_agrees(words):
    read = read_submission(words)
    if read is None:
        return
    with pytest.MonkeyPatch.context() as patch:
        assert read == _by_typer(words, patch)


def test_typer_is_what_refuses():
    with pytest.raises(Exception) as caught:  # noqa: PT011 (the parser's own class has no public name)
        app.run_typer(["submit", "--retry", "many", "--", "x"])
    fault = app.fault_of_parser(caught.value)
    assert fault is not None
    assert fault.exit_code == 2
    assert "--retry" in fault.message
    assert isinstance(caught.value, typer.BadParameter)
