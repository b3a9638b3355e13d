"""The app: lazily loaded verbs, near misses, help, options before and after the verb."""

import importlib
import json

import pytest

from orch_actors.cli import app, entry
from orch_actors.cli.faults import CommandFault


@pytest.mark.parametrize("verb", app.VERBS)
def test_every_verb_has_help_with_examples(verb, capsys):
    assert entry.main([verb, "--help"]) == 0
    text = capsys.readouterr().out
    assert "Usage: orch-actors" in text
    assert "--json" in text
    assert ("--home DIR" in text) == (verb != "progress")  # which talks to no daemon
    assert f"orch-actors {verb}" in text.partition("Examples:")[2]
    module = importlib.import_module(f"orch_actors.cli.verbs.{verb}")
    for line in module.EXAMPLES.strip().splitlines():
        assert line in text


def test_the_help_lists_all_verbs(capsys):
    assert entry.main(["--help"]) == 0
    listed = capsys.readouterr().out
    for verb in (*app.VERBS, *app.MOUNTED):
        assert f"\n  {verb} " in listed
    assert entry.main([]) == 0
    assert capsys.readouterr().out == listed


@pytest.mark.parametrize(
    ("typo", "meant"),
    [("statsu", "status"), ("sbumit", "submit"), ("log", "logs"), ("STATUS", "status"), ("evnts", "events")],
)
def test_a_typo_suggests_the_nearest(typo, meant):
    with pytest.raises(CommandFault) as caught:
        app.run_typer([typo])
    assert repr(meant) in caught.value.fault.hint
    assert caught.value.fault.exit_code == 2


def test_something_else_entirely_lists_the_verbs():
    hint = app.unknown_verb("python3").fault.hint
    assert "submit, run, status" in hint
    assert "submit -- python3" in hint


@pytest.mark.parametrize(
    "words",
    [["--json", "status", "--jsno"], ["status", "--json", "--jsno"], ["--json", "nope"], ["wait", "--json", "--nope"]],
)
def test_usage_faults_are_json_where_asked(words, capsys):
    assert entry.main(words) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert set(error) == {"code", "message", "hint"}
    assert error["code"] == "USAGE"
    assert error["hint"]


def test_usage_faults_for_people_go_to_stderr(capsys):
    assert entry.main(["status", "a", "b"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert "hint: see: orch-actors status --help" in err


@pytest.mark.parametrize("words", [["--home", "{h}", "status", "--json"], ["--json", "status", "--home={h}"]])
def test_shared_options_stand_before_or_after(words, tmp_path, capsys):
    home = str(tmp_path / "home")
    assert entry.main([word.format(h=home) for word in words]) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "UNAVAILABLE"
    assert home in error["message"]
    assert error["hint"].endswith(f"orch-actors up --home {home}")


@pytest.mark.parametrize(
    "words", [["version"], ["--version"], ["--home", "/x", "--version"], ["version", "--home", "/x"]]
)
def test_version(words, capsys):
    assert entry.main(words) == 0
    assert capsys.readouterr().out == f"orch-actors {importlib.import_module('orch_actors.protocol.version').VERSION}\n"


def test_version_json(capsys):
    for words in (["version", "--json"], ["--json", "version"], ["version", "--json", "--home", "/x"]):
        assert entry.main(words) == 0
        told = json.loads(capsys.readouterr().out)
        assert set(told) == {"version", "protocol", "python", "daemon"}
        assert told["daemon"] is None
