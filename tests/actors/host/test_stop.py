"""Stopping: TERM, grace, KILL, and the sweep for what got away."""

import os
import sys
from pathlib import Path

import pytest
from host_harness import FakeSupervisor, Host, alive, eventually

from orch_actors.actors.host import stop
from orch_actors.protocol.hostwire import Launch, StartAttempt


@pytest.fixture
def host(supervisor: FakeSupervisor) -> Host:
    return supervisor.start_host("shell")


def started(supervisor: FakeSupervisor, host: Host, command: str | list[str], **changes: object) -> Launch:
    """Start it, and wait until it has said `ready`."""
    launch = supervisor.launch(command, **changes)
    host.send(StartAttempt(launch=launch))
    eventually(lambda: supervisor.file(launch, ".out").exists() and "ready" in supervisor.out(launch), "ready")
    return launch


def test_term_is_honoured(supervisor: FakeSupervisor, host: Host) -> None:
    launch = started(supervisor, host, "echo ready; exec sleep 600")
    ended = host.stop(launch)
    assert (ended.ending, ended.exit_code) == ("killed", 143)
    assert supervisor.processes() == []


def test_a_command_may_clean_up_and_end_with_a_code_of_its_own(supervisor: FakeSupervisor, host: Host) -> None:
    launch = started(supervisor, host, "trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.01; done")
    ended = host.stop(launch)
    assert (ended.ending, ended.exit_code) == ("killed", 9)
    assert supervisor.out(launch) == "ready\nbye\n"


def test_who_does_not_heed_term_is_killed_after_the_grace(supervisor: FakeSupervisor, host: Host) -> None:
    launch = started(supervisor, host, "trap '' TERM; echo ready; while :; do sleep 1; done", grace_s=0.2)
    ended = host.stop(launch)
    assert (ended.ending, ended.exit_code) == ("killed", None)
    assert ended.duration_s >= 0.2
    assert supervisor.processes() == []


def test_without_grace_there_is_no_term(supervisor: FakeSupervisor, host: Host) -> None:
    launch = started(supervisor, host, "trap 'echo term' TERM; echo ready; while :; do sleep 1; done", grace_s=0.0)
    assert host.stop(launch).ending == "killed"
    assert supervisor.out(launch) == "ready\n"


def test_an_escapee_is_swept(supervisor: FakeSupervisor, host: Host) -> None:
    """It has left session and group, and ignores TERM."""
    escape = "setsid sh -c 'trap \"\" TERM; echo $$ > pid; while :; do sleep 1; done' &"
    launch = started(
        supervisor, host, f"{escape} while [ ! -s pid ]; do sleep 0.01; done; echo ready; wait", grace_s=0.3
    )
    escapee = int((supervisor.cwd / "pid").read_text())
    assert os.getsid(escapee) != os.getsid(supervisor.pid(launch))
    assert host.stop(launch).ending == "killed"
    assert not alive(escapee)
    assert supervisor.processes() == []


def test_the_background_gets_the_grace_too(supervisor: FakeSupervisor, host: Host) -> None:
    """The main command ends at once; what it left in its group may still put things in order."""
    tidy = "(trap 'sleep 0.2; echo tidy; exit' TERM; touch up; while :; do sleep 0.01; done) &"
    launch = started(supervisor, host, f"{tidy} while [ ! -e up ]; do sleep 0.01; done; echo ready; sleep 600")
    assert host.stop(launch).ending == "killed"
    assert supervisor.out(launch) == "ready\ntidy\n"


def test_stopping_twice_and_stopping_what_is_over(supervisor: FakeSupervisor, host: Host) -> None:
    launch = started(supervisor, host, "trap 'echo term' TERM; echo ready; sleep 0.5; sleep 0.5; exit 3")
    from orch_actors.protocol.hostwire import StopAttempt

    for _ in range(3):
        host.send(StopAttempt(attempt=launch.attempt))
    assert host.ended(launch.attempt).ending == "killed"
    assert supervisor.out(launch).count("term") == 1
    host.send(StopAttempt(attempt=launch.attempt))
    host.send(StopAttempt(attempt="g1/unheard-of/1"))
    assert host.run(supervisor.launch("true")).exit_code == 0


def test_stop_right_behind_start(supervisor: FakeSupervisor, host: Host) -> None:
    """It may hit before the shim has written its pid line: whatever it hits, the attempt ends killed."""
    for _ in range(20):
        launch = supervisor.launch("sleep 600", grace_s=0.2)
        host.send(StartAttempt(launch=launch))
        assert host.stop(launch).ending == "killed"
    assert supervisor.processes() == []


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_the_sweep_takes_nobody_elses_processes() -> None:
    mine = os.posix_spawn("/bin/sleep", ["sleep", "600"], {"ORCH_ATTEMPT": "j:g1/a/1"})
    other = os.posix_spawn("/bin/sleep", ["sleep", "600"], {"ORCH_ATTEMPT": "j:g1/a/12"})
    try:
        eventually(lambda: b"ORCH_ATTEMPT" in Path(f"/proc/{mine}/environ").read_bytes())
        assert stop.sweep("ORCH_ATTEMPT=j:g1/a/1", None, 10.0) == 1
        assert not alive(mine)
        assert alive(other)
        assert stop.sweep("ORCH_ATTEMPT=j:g1/a/1", None, 10.0) == 0
    finally:
        os.kill(other, 9)
        os.waitpid(other, 0)
        os.waitpid(mine, 0)
