"""Whatever happens ends as a message and an exit code."""

import json
import os

import pytest

from orch_actors.cli import entry


def _raise(error):
    def run(words):
        raise error

    return run


def test_a_bug_is_one_line_and_a_file(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(entry, "_run", _raise(ZeroDivisionError("by zero")))
    assert entry.main(["status", "--home", str(tmp_path), "--reason", "secret"]) == 70
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert "ZeroDivisionError: by zero" in err
    log = tmp_path / "crash.log"
    assert str(log) in err
    text = log.read_text()
    assert "Traceback" in text
    assert "secret" not in text
    assert os.stat(log).st_mode & 0o777 == 0o600


def test_a_bug_where_the_home_cannot_be_written(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(entry, "_run", _raise(ZeroDivisionError()))
    assert entry.main(["status", f"--home={tmp_path}/none", "--json"]) == 70
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "BUG"
    (crash,) = tmp_path.glob("orch-actors-crash-*")
    assert str(crash) in error["hint"]


def test_a_bug_shows_its_traceback_on_demand(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("ORCH_ACTORS_DEBUG", "1")
    monkeypatch.setattr(entry, "_run", _raise(ZeroDivisionError()))
    assert entry.main(["status", "--home", str(tmp_path)]) == 70
    assert "Traceback" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_interrupted(monkeypatch, capsys):
    monkeypatch.setattr(entry, "_run", _raise(KeyboardInterrupt()))
    assert entry.main(["wait", "g1"]) == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert entry.main(["wait", "g1", "--json"]) == 130
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "INTERRUPTED"


def test_the_environment(monkeypatch, capsys):
    monkeypatch.setattr(entry, "_run", _raise(OSError(28, "No space left on device", "/x")))
    assert entry.main(["status"]) == 111
    assert capsys.readouterr().err == "error: /x: No space left on device\n"


@pytest.mark.parametrize(
    ("words", "wanted"),
    [(["status", "--json"], True), (["submit", "--", "x", "--json"], False), (["--json", "submit", "--", "x"], True)],
)
def test_json_behind_the_dashes_belongs_to_the_command(words, wanted):
    assert entry.wants_json(words) is wanted


def test_messages_are_safe_to_show(monkeypatch, capsys):
    monkeypatch.setattr(entry, "_run", _raise(OSError(2, "no \x1b[2J", "/x\n")))
    entry.main(["status"])
    assert "\x1b" not in capsys.readouterr().err
