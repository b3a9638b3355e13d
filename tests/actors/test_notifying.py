"""What a service manager hears, on a socket of the test's own; and that nobody else hears where to speak."""

import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest
from daemon_harness import DEADLINE_S, Place, eventually

from orch_actors.actors.process.notifying import VARIABLE, ServiceManager


@pytest.fixture(params=["path", "abstract"])
def wire(request, tmp_path):
    """A manager's socket: itself and the address that it is known by."""
    address = str(tmp_path / "notify") if request.param == "path" else f"@orch-actors-test-{os.getpid()}"
    if request.param == "abstract" and sys.platform != "linux":
        pytest.skip("abstract addresses are Linux's")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        made.settimeout(DEADLINE_S)
        yield made, address


def heard(wire):
    return dict(line.split("=", 1) for line in wire.recv(4096).decode().split("\n"))


def test_what_is_told(wire):
    listener, address = wire
    manager = ServiceManager(address)
    manager.ready("serves /h")
    assert heard(listener) == {"READY": "1", "MAINPID": str(os.getpid()), "STATUS": "serves /h"}
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    manager.reloading()
    told = heard(listener)
    assert told.keys() == {"RELOADING", "MONOTONIC_USEC"}
    assert before <= int(told["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    manager.stopping("bye\nREADY=1")
    assert heard(listener) == {"STOPPING": "1", "STATUS": "bye READY=1"}


def test_nobody_to_hear_it(tmp_path, monkeypatch):
    ServiceManager(None).ready("x")
    ServiceManager("").ready("x")
    ServiceManager(str(tmp_path / "nobody")).ready("x")
    ServiceManager("@nobody-listens-here").stopping("x")
    monkeypatch.setenv(VARIABLE, "/somewhere")
    ServiceManager.from_environment()
    assert VARIABLE not in os.environ


def test_a_daemon_tells_and_hands_the_address_to_nobody(wire, monkeypatch):
    listener, address = wire
    place = Place()
    try:
        monkeypatch.setenv(VARIABLE, address)
        daemon = place.start()
        told = heard(listener)
        assert (told["READY"], told["MAINPID"]) == ("1", str(daemon.pid))
        daemon.ready()
        with place.client() as client:
            client.submit({"name": "g", "tasks": [{"id": "t", "worker": "shell", "command": "env"}]})
            log = eventually(lambda: client.graph("g1").tasks[0].attempts and client.wait(["g1"], timeout_s=DEADLINE_S))
            assert log
            assert VARIABLE not in Path(client.graph("g1").tasks[0].attempts[0].stdout).read_text()
        (host,) = daemon.hosts()
        assert VARIABLE.encode() not in Path(f"/proc/{host}/environ").read_bytes()
        os.kill(daemon.pid, signal.SIGHUP)
        assert "RELOADING" in heard(listener)
        assert heard(listener)["READY"] == "1"
        Path(place.home.config).write_text("nonsense = 1\n")
        os.kill(daemon.pid, signal.SIGHUP)
        assert "RELOADING" in heard(listener)
        assert "its settings stayed as they were" in heard(listener)["STATUS"]
        daemon.process.terminate()
        assert heard(listener)["STOPPING"] == "1"
        assert daemon.wait() == 0
    finally:
        place.close()
