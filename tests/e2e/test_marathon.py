"""`stress run marathon`, bounded: random graphs against the model, undisturbed and while everything is killed."""

import contextlib
import json
import os
import signal
import subprocess

import pytest

from orch_actors.stress.daemon import command_line, processes_of

LIMIT_S = 240


@pytest.fixture
def marathon(tmp_path):
    """Runs it in an empty folder, with temporary files of its own; nothing of it may be left afterwards."""
    temporary = tmp_path / "t"
    temporary.mkdir()
    env = {**os.environ, "TMPDIR": str(temporary)}
    env.pop("ORCH_ACTORS_HOME", None)

    def run(*words, code=0):
        command = [*command_line(), "stress", "run", "marathon", "--out", str(tmp_path / "out"), *words]
        done = subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
        assert done.returncode == code, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    yield run
    left, files = processes_of(str(temporary)), os.listdir(temporary)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert (left, files) == ((), [])


@pytest.mark.parametrize(("seed", "kills"), [(1, 0), (2, 3)])
def test_what_must_happen_happens(marathon, seed, kills):
    report = json.loads(marathon("--tasks", "150", "--seed", str(seed), "--kills", str(kills), "--json"))
    assert (report["ok"], report["failed"]) == (True, [])
    assert report["tasks"] == sum(sum(graph["counts"].values()) for graph in report["graphs"]) == 150
    assert len(report["kills"]) == kills
    # For each graph what the model says; and what is said of all of them.
    assert len(report["checks"]) == 6 * len(report["graphs"]) + 11 + bool(kills)
    assert {graph["state"] for graph in report["graphs"]} == {"done", "failed", "cancelled"}


def test_people_see_the_graphs(marathon):
    told = marathon("--tasks", "40", "--seed", "4")
    assert "marathon-1" in told
    assert "40 tasks in 2 graphs" in told
    assert "checks hold" in told


def test_a_size_means_nothing_to_others(tmp_path):
    command = [*command_line(), "stress", "run", "stress", "--tasks", "50", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 2
    assert "--tasks" in json.loads(done.stdout)["error"]["message"]
