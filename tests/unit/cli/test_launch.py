"""Starting a program that outlives us: what it inherits, and what its starter hears."""

import json
import os
import sys

import pytest

from orch_actors.cli.daemon import launch as launching
from orch_actors.cli.daemon.departure import Departure

_TELL = """
import json, os, sys
fd = int(sys.argv[sys.argv.index("--ready-fd") + 1])
mask = os.umask(0)
told = {
    "pid": os.getpid(), "sid": os.getsid(0), "cwd": os.getcwd(), "umask": mask, "args": sys.argv[1:],
    "fds": sorted(int(name) for name in os.listdir("/dev/fd")), "stdin": os.readlink("/proc/self/fd/0"),
    "parent": os.getppid(),
}
print("to the log")
os.write(fd, json.dumps(told).encode() + b"\\n")
"""


@pytest.fixture
def program(monkeypatch):
    def use(code):
        monkeypatch.setattr(launching, "DAEMON", (sys.executable, "-c", code))

    return use


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_it_inherits_nothing(program, tmp_path):
    program(_TELL)
    extra = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(extra, True)
    try:
        told = json.loads(launching.launch("/some/home", str(tmp_path / "log"), 20))
    finally:
        os.close(extra)
    with Departure(told["pid"]) as departure:
        assert departure.wait(10)
    assert told["args"][:2] == ["--home", "/some/home"]
    assert told["sid"] == told["pid"] != os.getsid(0)
    assert told["cwd"] == "/"
    mine = os.umask(0)
    os.umask(mine)
    assert told["umask"] == mine  # its attempts run with it
    assert told["stdin"] == "/dev/null"
    assert told["parent"] != os.getpid()
    ready = int(told["args"][-1])
    # One more for the listing itself.
    assert len([fd for fd in told["fds"] if fd > 2 and fd != ready]) == 1
    assert (tmp_path / "log").read_text() == "to the log\n"
    assert os.stat(tmp_path / "log").st_mode & 0o777 == 0o600


def test_dead_before_its_line(program, tmp_path):
    program("raise SystemExit('cannot')")
    assert launching.launch("/h", str(tmp_path / "log"), 20) == b""
    assert (tmp_path / "log").read_text() == "cannot\n"


def test_silent_for_too_long(program, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    program(f"open({str(fifo)!r}).read()")
    assert launching.launch("/h", str(tmp_path / "log"), 0.2) is None
    with open(fifo, "w"):
        pass  # lets it go


def test_a_program_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setattr(launching, "DAEMON", ("/nonexistent/python",))
    assert launching.launch("/h", str(tmp_path / "log"), 20) == b""


def test_no_place_for_the_log(tmp_path):
    with pytest.raises(FileNotFoundError):
        launching.launch("/h", str(tmp_path / "none" / "log"), 20)
