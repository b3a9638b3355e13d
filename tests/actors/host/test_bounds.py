"""Bounds that only the host sees: silence and the amount of output."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from host_harness import FakeSupervisor, Host, eventually

from orch_actors.actors.host import bounds
from orch_actors.actors.host.bounds import Bounds, Kind
from orch_actors.actors.host.record import paths_of
from orch_actors.protocol.hostwire import AttemptEnded, AttemptExceeded, Launch, StartAttempt


@pytest.fixture
def host(supervisor: FakeSupervisor) -> Host:
    return supervisor.start_host("shell")


def exceeded(host: Host, launch: Launch, kind: Kind) -> AttemptExceeded:
    return host.wait_for(AttemptExceeded, lambda told: (told.attempt, told.kind) == (launch.attempt, kind))


def begin(supervisor: FakeSupervisor, host: Host, command: str, **bounds: Any) -> Launch:
    launch = supervisor.launch(command, **bounds)
    host.send(StartAttempt(launch=launch))
    return launch


def told(host: Host, launch: Launch) -> list[AttemptExceeded]:
    return [said for said in host.said if isinstance(said, AttemptExceeded) and said.attempt == launch.attempt]


@pytest.mark.parametrize("command", ["sleep 600", "echo once; echo once >&2; sleep 600"])
def test_silence_is_told_and_the_attempt_runs_on(supervisor: FakeSupervisor, host: Host, command: str) -> None:
    launch = begin(supervisor, host, command, idle_timeout_s=0.4)
    said = exceeded(host, launch, "idle_timeout")
    assert said.message.startswith("it has printed nothing for ")
    assert said.message.endswith(" s; 0.4 s are allowed")
    assert supervisor.processes()
    assert host.stop(launch).ending == "killed"
    assert len(told(host, launch)) == 1


@pytest.mark.parametrize("stream", [1, 2])
def test_who_prints_is_not_silent(supervisor: FakeSupervisor, host: Host, stream: int) -> None:
    """Longer than the bound, in steps that are shorter."""
    command = f"for n in 1 2 3 4 5 6; do sleep 0.25; echo $n >&{stream}; done"
    launch = begin(supervisor, host, command, idle_timeout_s=1.2)
    assert host.ended(launch.attempt).exit_code == 0
    assert told(host, launch) == []


def test_silence_after_words(supervisor: FakeSupervisor, host: Host) -> None:
    launch = begin(supervisor, host, "for n in 1 2 3; do sleep 0.2; echo $n; done; sleep 600", idle_timeout_s=1.0)
    exceeded(host, launch, "idle_timeout")
    assert supervisor.out(launch) == "1\n2\n3\n"
    host.stop(launch)


def test_too_much_output(supervisor: FakeSupervisor, host: Host) -> None:
    command = "head -c 600 /dev/zero; head -c 600 /dev/zero >&2; sleep 600"
    launch = begin(supervisor, host, command, output_limit=1000)
    assert exceeded(host, launch, "output_limit").message == "it has printed 1200 bytes; 1000 are allowed"
    assert host.stop(launch).ending == "killed"
    assert len(told(host, launch)) == 1


def test_both_are_told_once_each(supervisor: FakeSupervisor, host: Host) -> None:
    launch = begin(supervisor, host, "echo much; sleep 600", output_limit=1, idle_timeout_s=0.3)
    exceeded(host, launch, "output_limit")
    exceeded(host, launch, "idle_timeout")
    other = begin(supervisor, host, "sleep 600", idle_timeout_s=1.5)  # the watch goes on meanwhile
    exceeded(host, other, "idle_timeout")
    host.stop(launch)
    host.stop(other)
    assert [len(told(host, launch)), len(told(host, other))] == [2, 1]


def test_within_its_bounds(supervisor: FakeSupervisor, host: Host) -> None:
    launch = begin(supervisor, host, "echo abc; sleep 1.3", output_limit=4, idle_timeout_s=20)
    assert host.ended(launch.attempt).exit_code == 0
    assert told(host, launch) == []


def test_a_silence_goes_on_through_the_death_of_the_host(supervisor: FakeSupervisor, host: Host) -> None:
    launch = begin(supervisor, host, "echo word; while [ ! -e go ]; do sleep 0.01; done", idle_timeout_s=600.0)
    eventually(lambda: supervisor.file(launch, ".out").exists() and supervisor.out(launch))
    host.kill()
    # Ten minutes ago, if one believes the files: but it has not run for so long.
    old = supervisor.file(launch, ".out").stat().st_mtime - 600
    for suffix in (".out", ".err"):
        os.utime(supervisor.file(launch, suffix), (old, old))
    second = supervisor.start_host()
    second.adopt(launch)
    second.adopted(launch.attempt)
    second.run(supervisor.launch("sleep 0.2"))
    assert told(second, launch) == []
    second.kill()
    # And now it has.
    record = supervisor.file(launch, ".jsonl")
    lines = record.read_text().split("\n")
    mono = supervisor.record(launch)[0]["mono"]
    lines[0] = lines[0].replace(repr(mono), repr(mono - 700))
    with record.open("r+") as file:
        file.write("\n".join(lines))
    third = supervisor.start_host()
    third.adopt(launch)
    assert "600 s are allowed" in exceeded(third, launch, "idle_timeout").message
    (supervisor.cwd / "go").touch()
    assert third.ended(launch.attempt).exit_code == 0


def test_an_output_that_was_too_large_before(supervisor: FakeSupervisor, host: Host) -> None:
    launch = begin(supervisor, host, "echo much; sleep 600", output_limit=1)
    exceeded(host, launch, "output_limit")
    host.kill()
    second = supervisor.start_host()
    second.adopt(launch)
    exceeded(second, launch, "output_limit")
    second.stop(launch)


def test_python_tasks_too(supervisor: FakeSupervisor) -> None:
    host = supervisor.start_host("python")
    launch = supervisor.launch({"script": "import time; print('x' * 50); time.sleep(600)"})
    launch = supervisor.launch(launch.work, idle_timeout_s=0.5, output_limit=20)
    host.send(StartAttempt(launch=launch))
    exceeded(host, launch, "output_limit")
    exceeded(host, launch, "idle_timeout")
    assert host.stop(launch).ending == "killed"


def test_an_attempt_that_ended_is_forgotten(supervisor: FakeSupervisor, host: Host) -> None:
    launch = supervisor.launch("true", idle_timeout_s=0.5, output_limit=10, validate={"command": "sleep 1"})
    host.run(launch)
    host.run(supervisor.launch("sleep 0.2", idle_timeout_s=5.0))
    assert told(host, launch) == []
    assert [said.attempt for said in host.said if isinstance(said, AttemptEnded)] == ["g1/t1/1", "g1/t2/1"]


# --- the watch itself --------------------------------------------------------------------------------------------


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now_at = 1000.0
        self.now_utc = 5000.0


@pytest.fixture
def watched(tmp_path: Path) -> Any:
    paths = paths_of(
        Launch(attempt="g/a/1", folder=str(tmp_path), stem="a", work={}, cwd="", env={}, grace_s=0, boot="")
    )
    said: list[tuple[Kind, str]] = []
    made = bounds._Watched(
        paths=paths,
        idle_timeout_s=10.0,
        output_limit=None,
        tell=lambda kind, message: said.append((kind, message)),
        looked_at=1000.0,
        silent_at=1000.0,
    )
    return made, said, tmp_path / "a.out"


def write(path: Path, utc: float) -> None:
    with path.open("a") as file:
        file.write("x")
    os.utime(path, (utc, utc))


def test_the_stamp_says_when_between_two_looks(watched: Any) -> None:
    made, said, out = watched
    write(out, 5000.4)
    made.look(1001.0, 5001.0)
    assert made.silent_at == pytest.approx(1000.4)
    for step in range(1, 10):
        assert made.next_look_at() == pytest.approx(min(1001.0 + step, 1010.4))
        made.look(1001.0 + step, 5001.0 + step)
    assert made.next_look_at() == pytest.approx(1010.4)
    assert said == []
    made.look(1010.4001, 5010.4)
    assert [kind for kind, _ in said] == ["idle_timeout"]
    assert made.next_look_at() is None


@pytest.mark.parametrize("jump_s", [-3600.0, 3600.0])
def test_a_jump_of_the_wall_clock_makes_nobody_silent(watched: Any, jump_s: float) -> None:
    made, said, out = watched
    for step in range(1, 30):
        utc = 5000.0 + step + (jump_s if step == 15 else 0)
        write(out, 5000.0 + step - 0.5 + step / 1000)
        made.look(1000.0 + step, utc)
        assert 1000.0 + step - 1.0 <= made.silent_at <= 1000.0 + step
    assert said == []


def test_no_thread_without_bounds_and_one_for_all(tmp_path: Path) -> None:
    def threads() -> int:
        return sum(thread.name == "bounds" for thread in threading.enumerate())

    before = threads()
    watch = Bounds()
    assert threads() == before
    done = threading.Event()
    launches = [
        Launch(
            attempt=f"g/a/{n}", folder=str(tmp_path), stem=f"a{n}", work={}, cwd="", env={}, grace_s=0, boot="",
            idle_timeout_s=0.05,
        )
        for n in range(3)
    ]  # fmt: skip
    for launch in launches:
        watch.watch(launch, paths_of(launch), 0.0, lambda _kind, _message: done.set())
    assert done.wait(10)
    assert threads() == before + 1
    for launch in launches:
        watch.forget(launch.attempt)
