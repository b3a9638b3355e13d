"""`version`, and verbs that there are not."""

import subprocess

import pytest

from .conftest import PROGRAM


def test_version(cli):
    assert cli("version").out.startswith("orch-actors 0.")
    found = cli("version", "--json").json
    assert set(found) == {"version", "protocol", "python", "daemon"}
    assert found["daemon"] is None
    assert cli("--version").out == cli("version").out


@pytest.mark.parametrize("words", [("statsu",), ("--json", "statsu"), ("ver",), ("--jsno", "status")])
def test_typos(cli, words):
    ran = cli(*words, code=2)
    assert "status" in ran.out + ran.err or "version" in ran.out + ran.err or "--json" in ran.err


@pytest.mark.parametrize("verb", ["status", "wait", "logs", "result", "cancel", "events", "actors"])
def test_without_a_daemon(cli, verb):
    words = [verb, *(["g1/a"] if verb in {"wait", "logs", "result", "cancel"} else [])]
    ran = cli(*words, code=3)
    assert ran.err == f"error: no daemon is running for {cli.home}\nhint: start it: orch-actors up\n"
    assert cli(*words, "--json", code=3).error["code"] == "UNAVAILABLE"


@pytest.mark.parametrize("script", ["{} status >&-", "{} status 2>&-", "{} status >&- 2>&-", "{} status <&- >&- 2>&-"])
def test_closed_streams(cli, script):
    ran = subprocess.run(
        ["sh", "-c", script.format(PROGRAM)], env=cli.env, capture_output=True, check=False, timeout=60
    )
    assert (ran.returncode, b"Traceback" in ran.stderr) == (3, False)


def test_help_into_a_pipe_that_closes(cli):
    script = f"{PROGRAM} --help | true"
    ran = subprocess.run(["sh", "-c", script], env=cli.env, capture_output=True, check=False, timeout=60)
    assert ran.stderr == b""
