"""`doctor` asks programs for their versions, and waits for none of them for long."""

import os
import time

import pytest

from orch_actors.actors.inspection.doctor import programs
from orch_actors.protocol.homes import Home


@pytest.fixture
def home(tmp_path):
    return Home(str(tmp_path / "home"))


def program(tmp_path, script):
    path = tmp_path / "program"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text(f'[workers.claude]\nprogram = "{path}"\n')
    return path


def looked_at(home):
    (found,) = [found for found in programs.look_at_programs(home) if found.what == "worker claude"]
    return found


def test_one_that_says_it(home, tmp_path):
    path = program(tmp_path, "echo 'v2.1.197 (Claude Code)'")
    assert looked_at(home).message == f"{path} 2.1.197"


def test_one_that_hangs_and_what_it_has_started_are_ended(home, tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "_WITHIN_S", 0.5)
    program(tmp_path, f"sleep 63 & echo $! > {tmp_path}/pid; wait")
    found = looked_at(home)
    assert (found.level, "does not say its version" in found.message) == ("warning", True)
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
        time.sleep(0.02)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_one_that_leaves_something_behind_is_not_waited_for(home, tmp_path):
    program(tmp_path, "sleep 63 & echo 3.4")
    assert looked_at(home).message.endswith("program 3.4")


def test_one_that_is_no_program(home, tmp_path):
    path = program(tmp_path, "")
    path.write_bytes(b"\x7fELF nonsense")
    assert "cannot be started" in looked_at(home).message
