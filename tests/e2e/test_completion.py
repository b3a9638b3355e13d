"""`completion`: what a shell offers, with a daemon and without one."""

import json
import os
import shutil
import subprocess

import pytest

from .conftest import PROGRAM


def offered(cli, *words):
    return cli("completion", "words", "--", *words).out.split()


def test_without_a_daemon(cli):
    assert offered(cli, "su") == ["submit"]
    assert {"status", "stress"} <= set(offered(cli, "st"))
    assert offered(cli, "status", "") == []
    assert "--json" in offered(cli, "status", "--j")
    assert offered(cli, "consumers", "fo") == ["forget"]
    assert "--idle" in offered(cli, "consumers", "forget", "--i")
    assert offered(cli, "nonsense", "-") == []


def test_ids(cli):
    tasks = {"build": {"command": "true", "approve": True}, "test": {"command": "true", "depends_on": "build"}}
    cli("submit", "-", text=json.dumps({"name": "n", "tasks": tasks}), ORCH_ACTORS_SESSION="other")
    cli("run", "--", "true")
    assert offered(cli, "status", "") == ["g2", "g1"]
    assert offered(cli, "wait", "g2", "g1") == ["g1"]
    assert offered(cli, "logs", "g1/") == ["g1/build", "g1/test"]
    assert offered(cli, "why", "g1/t") == ["g1/test"]
    assert offered(cli, "logs", "g9/") == []
    assert offered(cli, "decide", "") == ["d1"]
    assert offered(cli, "decide", "d1", "a") == ["approve"]
    assert offered(cli, "submit", "") == []


def test_bash(cli):
    if shutil.which("bash") is None:
        pytest.skip("there is no bash here")
    cli("up")
    program = 'eval "$(orch-actors completion bash)"; COMP_WORDS=(orch-actors sub); COMP_CWORD=1; _orch_actors; '
    program += 'echo "${COMPREPLY[@]}"'
    env = {**cli.env, "PATH": f"{os.path.dirname(PROGRAM)}:{os.environ['PATH']}"}
    ran = subprocess.run(["bash", "-c", program], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.stdout, ran.stderr) == ("submit\n", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(cli, shell):
    assert "orch-actors completion words --" in cli("completion", shell).out
