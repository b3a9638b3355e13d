"""Logs are of bounded size, and what is written to stderr goes along with them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orch_actors.actors.process.logfile import BYTES, OLDER, LogFile

SCRIPT = """
import sys
from loguru import logger
from orch_actors.actors.process.logfile import LogFile
path, take = sys.argv[1:]
logger.remove()
logger.add(path, **LogFile(take_stderr=bool(int(take)), most_bytes=5000).options())
for number in range(2000):
    logger.info("line {}", number)
    if number % 100 == 0:
        sys.stderr.write(f"stderr {number}\\n")
sys.stderr.write("last words\\n")
print("last print", flush=True)
"""


def run(log, stderr, *, take=False):
    with open(stderr, "ab") as file:
        program = [sys.executable, "-c", SCRIPT, str(log), str(int(take))]
        subprocess.run(program, stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=True)


def files(folder):
    return sorted(folder.glob("daemon*"))


def test_a_daemons_stderr_that_is_its_log_stays_it(tmp_path):
    log = tmp_path / "daemon.log"
    run(log, log)
    assert log.read_text().endswith("last words\nlast print\n")
    kept = files(tmp_path)
    assert len(kept) == OLDER + 1
    # What comes in between rotations beside the log's own lines is little here.
    assert all(path.stat().st_size < 8000 for path in kept)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in kept[1:])


def test_a_stderr_that_is_something_else_is_left_alone(tmp_path):
    log, other = tmp_path / "daemon.log", tmp_path / "terminal"
    run(log, other)
    assert other.read_text().endswith("last words\nlast print\n")
    assert other.read_text().count("stderr") == 20
    assert "stderr" not in log.read_text()
    assert len(files(tmp_path)) == OLDER + 1


def test_a_host_takes_it_over(tmp_path):
    log, other = tmp_path / "daemon-host.log", tmp_path / "inherited"
    run(log, other, take=True)
    assert other.read_text() == ""
    assert log.read_text().endswith("last words\nlast print\n")


def test_sizes_are_bounded():
    assert LogFile().options()["rotation"] * (OLDER + 1) == BYTES * 4 == 20_000_000


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no /proc")
def test_no_descriptor_is_left_open(tmp_path):
    log = LogFile(most_bytes=10)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        os.close(log.options()["opener"](str(tmp_path / "daemon.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    assert len(os.listdir("/proc/self/fd")) == before
    assert Path(tmp_path, "daemon.log").exists()
