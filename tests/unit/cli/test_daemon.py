"""What `start` makes of the daemon's first word, or of its silence."""

import os
import socket
import sys
import tempfile

import pytest

from orch_actors.cli.daemon import daemon
from orch_actors.cli.daemon import launch as launching
from orch_actors.cli.faults import CommandFault
from orch_actors.protocol.homes import Home

SAY = "import os, sys; os.write(int(sys.argv[sys.argv.index('--ready-fd') + 1]), {!r})"


@pytest.fixture
def home():
    with tempfile.TemporaryDirectory(prefix="oa-", dir="/tmp") as path:
        yield Home(path)


@pytest.fixture
def program(monkeypatch):
    monkeypatch.setattr(daemon, "_RIVAL_TIMEOUT_S", 0.2)

    def use(code):
        monkeypatch.setattr(launching, "DAEMON", (sys.executable, "-c", code))

    return use


def _fault(home):
    with pytest.raises(CommandFault) as caught:
        daemon.start(home)
    return caught.value.fault


def test_it_is_ready(home, program):
    program(SAY.format(b'{"pid": 12}\n'))
    assert daemon.start(home) is True


def test_it_says_why_not(home, program):
    program(SAY.format(b'{"error": {"code": "ENVIRONMENT", "message": "torn", "hint": "mend it"}, "exit_code": 100}\n'))
    fault = _fault(home)
    assert (fault.code, fault.message, fault.hint, fault.exit_code) == ("ENVIRONMENT", "torn", "mend it", 100)


def test_it_has_a_bug(home, program):
    program(SAY.format(b'{"error": {"code": "INTERNAL", "message": "KeyError"}, "exit_code": 70}\n'))
    fault = _fault(home)
    assert (fault.code, fault.exit_code) == ("INTERNAL", 70)
    assert home.log in fault.hint


@pytest.mark.parametrize("line", [b"", b"rubbish\n", b"\xff\n", b"[]\n", b'{"pid": 0}\n'])
def test_it_dies_without_a_word(home, program, line):
    program("import os; os.write(1, b'first\\nthe last word\\n'); " + SAY.format(line))
    fault = _fault(home)
    assert fault.message == "the daemon ended before it answered: the last word"
    assert fault.exit_code == 111
    assert home.log in fault.hint


def test_it_is_slow(home, program, monkeypatch):
    monkeypatch.setattr(daemon, "START_TIMEOUT_S", 0.2)
    program("import sys, os; os.read(os.open(sys.argv[2] + '/wait', os.O_RDONLY), 1)")

    os.mkfifo(home.path + "/wait")
    fault = _fault(home)
    os.close(os.open(home.path + "/wait", os.O_WRONLY))
    assert "did not answer within" in fault.message
    assert fault.exit_code == 111


def test_nobody_listens(home):
    assert daemon.listener(home) is None


def test_who_listens(home):
    home.prepare()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(home.commands.removeprefix("ipc://"))
        assert daemon.listener(home) is None
        server.listen()

        assert daemon.listener(home) == os.getpid()
    assert daemon.listener(home) is None  # the file is still there
