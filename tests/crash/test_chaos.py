"""A small campaign, from the command line; its round judged again; and a daemon's world with a wrong clock."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orch_actors.stress.chaos.plan import strikes
from orch_actors.stress.chaos.round import has_small_disk
from orch_actors.stress.chaos.smalldisk import possible
from orch_actors.stress.daemon import command_line, processes_of
from orch_actors.stress.rigged.clock import set_offset

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the campaign finds its victims in /proc")


def chaos(*words):
    """The command's exit code, and its JSON."""
    done = subprocess.run(
        [*command_line(), "stress", "chaos", *words, "--json"], capture_output=True, text=True, check=False, timeout=240
    )
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


@pytest.fixture
def rounds():
    """Folders that campaigns keep; gone afterwards, and no process with them."""
    kept = []
    yield kept
    for folder in kept:
        shutil.rmtree(folder, ignore_errors=True)
        assert processes_of(folder) == ()


def spoil(folder, name, old, new):
    """Change what a round wrote, once."""
    path = Path(folder) / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_ten_kills_and_the_verdict_again(rounds):
    code, found, errors = chaos("--kills", "10", "--seed", "20", "--keep")
    rounds += [one["folder"] for one in found["rounds"]]
    assert (code, found["violations"]) == (0, dict.fromkeys(found["violations"], 0)), (found["rounds"], errors)
    assert found["ok"] is True
    assert found["kills"] >= 10
    assert found["counts"]["accepted"] > 10
    assert found["counts"]["attempts"] > 10
    (folder,) = rounds
    code, again, _ = chaos("--check", folder)
    assert code == 0
    assert again["counts"] == found["counts"]

    attempt = next(line for line in (Path(folder) / "effects.log").read_text().splitlines() if " end 0" in line)
    spoil(folder, "effects.log", attempt, attempt.replace(" end 0", " end 99"))
    code, again, _ = chaos("--check", folder)
    assert code == 1
    assert again["violations"]["wrong exit codes"] == 1
    assert again["ok"] is False


def test_shims_are_killed_too(rounds):
    code, found, errors = chaos("--kills", "4", "--seed", "21", "--shims")
    rounds += [one["folder"] for one in found["rounds"] if one["folder"]]
    assert (code, found["violations"]) == (0, dict.fromkeys(found["violations"], 0)), (found["rounds"], errors)
    assert found["kills"] >= 4


def test_the_disk_fills(rounds):
    if not possible():
        pytest.skip("a file system of one's own cannot be mounted here")
    seeds = (seed for seed in itertools.count(22) if has_small_disk(seed))
    full = (seed for seed in seeds if "disk" in [strike.act for strike in itertools.islice(strikes(seed), 1)])
    code, found, errors = chaos("--kills", "4", "--seed", str(next(full)), "--keep")
    rounds += [one["folder"] for one in found["rounds"]]
    assert (code, found["violations"]) == (0, dict.fromkeys(found["violations"], 0)), (found["rounds"], errors)
    lines = [json.loads(line) for line in (Path(rounds[0]) / "strikes.jsonl").read_text().splitlines()]
    assert any(line.get("filled", 0) > 10_000_000 for line in lines)


def test_what_is_no_round_is_refused(tmp_path):
    code, found, _ = chaos("--check", str(tmp_path))
    assert code == 4
    assert "is no round of a campaign" in found["error"]["message"]


@pytest.mark.parametrize("words", [("--kills", "3", "--minutes", "1"), ("--home", "/nowhere")])
def test_words_that_make_no_sense_are_refused(words):
    code, found, _ = chaos(*words)
    assert code == 2
    assert found["error"]["hint"]


def test_the_wall_clock_is_wrong_for_one_process_and_changes_while_it_runs(tmp_path):
    path = str(tmp_path / "clock")
    set_offset(path, 3600.0)
    code = (
        "import sys, time\n"
        "from orch_actors.stress.rigged import clock\n"
        "clock.follow(sys.argv[1])\n"
        "for _ in sys.stdin:\n"
        "    print(time.time(), time.time_ns(), time.monotonic(), flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:

        def look():
            process.stdin.write("\n")
            return [float(text) for text in process.stdout.readline().split()]

        wall, wall_ns, monotonic = look()
        assert 3590 < wall - time.time() <= 3600
        assert abs(wall_ns / 1e9 - wall) < 10
        assert abs(monotonic - time.monotonic()) < 10
        set_offset(path, -60.0)
        assert -70 < look()[0] - time.time() <= -60
        process.stdin.close()
    assert os.stat(path).st_size == 8
