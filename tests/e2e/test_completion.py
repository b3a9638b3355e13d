"""`completion`: what a shell offers, with a daemon and without one."""

import contextlib
import json
import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from .conftest import PROGRAM, eventually


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
    assert offered(cli, "logs", "--tail", "3", "g1/t") == ["g1/test"]
    assert offered(cli, "logs", "--tail", "") == []
    assert offered(cli, "submit", "--", "") == []


class Terminal:
    """A shell that sits at one."""

    def __init__(self, words, env, folder):
        self.ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            words, stdin=theirs, stdout=theirs, stderr=theirs, env=env, cwd=folder, start_new_session=True
        )
        os.close(theirs)

    def write(self, keys):
        os.write(self.ours, keys.encode())

    def read_to(self, pattern):
        """What has come, up to the pattern; its group, if it has one."""
        seen = ""
        until = time.monotonic() + 60
        while (found := re.search(pattern, seen)) is None:
            assert time.monotonic() < until, seen
            if select.select([self.ours], [], [], 1)[0]:
                seen += os.read(self.ours, 65536).decode(errors="replace")
        return found[found.re.groups]

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.ours)


@pytest.fixture
def shell(cli, tmp_path):
    """Runs lines in a shell that finds our program; skips where that shell is not here."""
    path = f"{os.path.dirname(PROGRAM)}:{os.environ['PATH']}"
    env = {**cli.env, "PATH": path, "HOME": str(tmp_path), "TERM": "dumb"}

    def must_be_here(name):
        if shutil.which(name) is None:
            pytest.skip(f"there is no {name} here")

    def run(*words):
        must_be_here(words[0])
        ran = subprocess.run(words, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        return ran.stdout + ran.stderr

    def at_terminal(*words):
        must_be_here(words[0])
        return contextlib.closing(Terminal(words, env, tmp_path))

    run.at_terminal = at_terminal
    return run


def waiting(cli):
    """A graph, g1, whose second task waits for an answer, d1."""
    tasks = {"build": {"command": "true"}, "test": {"command": "true", "depends_on": "build", "approve": True}}
    cli("submit", "-", text=json.dumps({"name": "n", "tasks": tasks}))
    eventually(lambda: cli("decisions", "--json").json)


#: What is typed, and what a shell makes of it, or offers.
TYPED = {
    "subm": "submit",
    "logs --tail 3 g1/t": "g1/test",
    "decide d1 ap": "approve",
    "consumers fo": "forget",
    "submit some": "somefile",
}


def test_bash(cli, shell):
    cli("up")
    program = 'eval "$(orch-actors completion bash)"; COMP_WORDS=(orch-actors sub); COMP_CWORD=1; _orch_actors; '
    program += 'echo "${COMPREPLY[@]}"'
    assert shell("bash", "-c", program) == "submit\n"


def test_fish(cli, shell, tmp_path):
    waiting(cli)
    (tmp_path / "somefile").touch()
    lines = ["orch-actors completion fish | source"]
    lines += [f"complete -C 'orch-actors {typed}'; echo =" for typed in (*TYPED, "decide ")]
    found = shell("fish", "--no-config", "-c", "\n".join(lines))
    assert found.split() == [word for offer in (*TYPED.values(), "d1") for word in (offer, "=")]


#: Says what stands at the prompt, when ^T is pressed. The prompt is not to be found in what is typed here.
ZSH_TELLS = """\
autoload -Uz compinit; compinit -u -D; eval "$(orch-actors completion zsh)"; \
tell() { print -r "<$BUFFER>" }; zle -N tell; bindkey "^T" tell; PS1="rea""dy: "
"""


def test_zsh(cli, shell, tmp_path):
    """At a terminal, which is the only place where zsh completes anything."""
    waiting(cli)
    (tmp_path / "somefile").touch()
    with shell.at_terminal("zsh", "-f", "-i") as terminal:
        terminal.write(ZSH_TELLS)
        terminal.read_to("ready: ")
        for typed, made in (*TYPED.items(), ("decide ", "d1")):
            terminal.write(f"orch-actors {typed}\t\x14\x15")
            assert terminal.read_to(r"<([^>]*)>").split()[-1] == made


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_scripts(cli, name):
    assert "orch-actors completion words --" in cli("completion", name).out
