"""Attempts survive their host: every row of the crash matrix, and the races around it."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from host_harness import BOOT, DEADLINE_S, FakeSupervisor, Host, alive, eventually

from orch_actors.protocol.hostwire import AttemptAdopted, AttemptEnded, Launch, StartAttempt


@pytest.fixture(params=["shell", "python"])
def supervisor(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[FakeSupervisor]:
    made = FakeSupervisor(tmp_path, request.param)
    yield made
    made.close()


EFFECT = "echo ran >> effect"


def effects(supervisor: FakeSupervisor) -> int:
    """How often a command with EFFECT has run."""
    path = supervisor.cwd / "effect"
    return path.read_text().count("ran") if path.exists() else 0


def header(launch: Launch, **changes: Any) -> str:
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    line = {"attempt": launch.attempt, "boot": BOOT, "utc": time.time() - 5, "mono": now - 5}
    return json.dumps(line | changes) + "\n"


def write_record(supervisor: FakeSupervisor, launch: Launch, text: str) -> None:
    supervisor.file(launch, ".jsonl").write_text(text)


def begin(supervisor: FakeSupervisor, host: Host, command: str, **changes: Any) -> tuple[Launch, int]:
    launch = supervisor.launch(command, **changes)
    host.send(StartAttempt(launch=launch))
    return launch, supervisor.pid(launch)


# --- the host dies -----------------------------------------------------------------------------------------------


def test_a_running_attempt_is_adopted_with_its_real_exit_code(supervisor: FakeSupervisor) -> None:
    first = supervisor.start_host()
    command = f"{EFFECT}; echo before; while [ ! -e go ]; do sleep 0.01; done; echo after; exit 42"
    launch, pid = begin(supervisor, first, command)
    first.kill()
    assert alive(pid)
    second = supervisor.start_host()
    second.adopt(launch)
    adopted = second.adopted(launch.attempt)
    assert adopted.pid == pid
    assert 0 <= adopted.elapsed_s < 30
    (supervisor.cwd / "go").touch()
    ended = second.ended(launch.attempt)
    assert (ended.ending, ended.exit_code) == ("exit", 42)
    assert ended.started_utc == supervisor.record(launch)[0]["utc"]
    assert ended.duration_s >= adopted.elapsed_s
    assert supervisor.out(launch) == "before\nafter\n"
    assert effects(supervisor) == 1


def test_it_ended_while_nobody_watched(supervisor: FakeSupervisor) -> None:
    first = supervisor.start_host()
    launch, _ = begin(supervisor, first, f"{EFFECT}; sleep 0.2; echo 5 > $ORCH_RESULT; exit 3")
    first.kill()
    eventually(lambda: {"exit": 3} in supervisor.record(launch))
    changed = supervisor.file(launch, ".jsonl").stat().st_mtime
    second = supervisor.start_host()
    second.adopt(launch)
    ended = second.ended(launch.attempt)
    assert (ended.ending, ended.exit_code, ended.result) == ("exit", 3, b"\x05")
    assert ended.ended_utc == pytest.approx(changed)
    assert ended.duration_s == pytest.approx(changed - ended.started_utc, abs=0.1)
    assert effects(supervisor) == 1
    assert not [said for said in second.said if isinstance(said, AttemptAdopted)]


def test_many_die_with_their_host_and_none_is_lost_or_run_twice(supervisor: FakeSupervisor) -> None:
    """Killed in the middle of starting many: some run, some are claimed, some were never heard of."""
    launches = [supervisor.launch(f"echo {n} >> effects; sleep 0.2; exit {n % 90}") for n in range(40)]
    host = supervisor.start_host()
    for launch in launches:
        host.send(StartAttempt(launch=launch))
    for generation in range(3):
        eventually(lambda at_least=generation: len(list(supervisor.attempts.glob("*.jsonl"))) > 8 * at_least)
        host.kill()
        host = supervisor.start_host()
        for launch in launches:
            host.adopt(launch)
    for number, launch in enumerate(launches):
        ended = host.ended(launch.attempt)
        assert (ended.ending, ended.exit_code) == ("exit", number % 90)
    assert sorted(map(int, (supervisor.cwd / "effects").read_text().split())) == list(range(40))


def test_stopping_an_adopted_attempt(supervisor: FakeSupervisor) -> None:
    first = supervisor.start_host()
    launch, pid = begin(supervisor, first, "sleep 600")
    first.kill()
    second = supervisor.start_host()
    second.adopt(launch)
    second.adopted(launch.attempt)
    ended = second.stop(launch)
    assert (ended.ending, ended.exit_code) == ("killed", 143)
    assert not alive(pid)


def test_a_kill_that_was_decided_is_carried_on(supervisor: FakeSupervisor) -> None:
    first = supervisor.start_host()
    launch, pid = begin(supervisor, first, "trap '' TERM; while :; do sleep 1; done", grace_s=0.2)
    first.kill()
    second = supervisor.start_host()
    second.adopt(launch, stopping=True)
    assert second.ended(launch.attempt).ending == "killed"
    assert not alive(pid)
    assert supervisor.processes() == []


# --- the matrix, from the state on disk ------------------------------------------------------------------------


def test_no_record_it_starts_now(supervisor: FakeSupervisor) -> None:
    host = supervisor.start_host()
    launch = supervisor.launch(f"{EFFECT}; exit 5")
    host.adopt(launch)
    assert host.ended(launch.attempt).exit_code == 5
    assert effects(supervisor) == 1


@pytest.mark.parametrize("left", ["nothing", "half a header", "a header", "half a pid line"])
def test_a_record_without_a_pid_line_it_starts_now(supervisor: FakeSupervisor, left: str) -> None:
    host = supervisor.start_host()
    launch = supervisor.launch(f"{EFFECT}; exit 5")
    whole = header(launch)
    write_record(
        supervisor,
        launch,
        {
            "nothing": "",
            "half a header": whole[:20],
            "a header": whole,
            "half a pid line": whole + '{"pid":1',
        }[left],
    )
    host.adopt(launch)
    ended = host.ended(launch.attempt)
    assert (ended.ending, ended.exit_code) == ("exit", 5)
    assert effects(supervisor) == 1
    assert [sorted(line) for line in supervisor.record(launch)] == [
        ["attempt", "boot", "mono", "utc"],
        ["pid"],
        ["exit"],
    ]


@pytest.mark.parametrize("code", [0, 7, 137])
def test_an_exit_line_is_the_real_code(supervisor: FakeSupervisor, code: int) -> None:
    host = supervisor.start_host()
    launch = supervisor.launch(EFFECT)
    write_record(supervisor, launch, header(launch) + f'{{"pid":1}}\n{{"exit":{code}}}\n')
    host.adopt(launch)
    ended = host.ended(launch.attempt)
    assert (ended.ending, ended.exit_code) == ("exit", code)
    assert effects(supervisor) == 0


@pytest.mark.parametrize("tail", ["", '{"exit":', '{"exit":0}', "\0\0\0"])
def test_a_pid_line_and_no_whole_exit_line_is_lost(supervisor: FakeSupervisor, tail: str) -> None:
    host = supervisor.start_host()
    launch = supervisor.launch(EFFECT)
    write_record(supervisor, launch, header(launch) + f'{{"pid":{os.getpid()}}}\n{tail}')
    host.adopt(launch)
    ended = host.ended(launch.attempt)
    assert (ended.ending, ended.exit_code) == ("lost", None)
    assert "cannot be known" in ended.message
    assert effects(supervisor) == 0


def test_the_shim_is_killed_too_and_what_it_ran_is_swept(supervisor: FakeSupervisor) -> None:
    host = supervisor.start_host()
    launch, pid = begin(supervisor, host, "echo $PPID > /dev/null; sleep 600")
    eventually(lambda: len(supervisor.processes()) >= 2, "shim and command")
    host.kill()
    os.kill(pid, 9)
    eventually(lambda: not alive(pid))
    assert supervisor.processes()
    second = supervisor.start_host()
    second.adopt(launch)
    assert second.ended(launch.attempt).ending == "lost"
    assert supervisor.processes() == []


def test_the_shim_is_killed_under_a_living_host(supervisor: FakeSupervisor) -> None:
    host = supervisor.start_host()
    launch, pid = begin(supervisor, host, "sleep 600")
    eventually(lambda: len(supervisor.processes()) >= 2, "shim and command")
    os.kill(pid, 9)
    assert host.ended(launch.attempt).ending == "lost"
    assert supervisor.processes() == []


def test_killed_was_decided_and_nothing_runs(supervisor: FakeSupervisor) -> None:
    """A KILL takes the shim with it: no exit line, and yet it is known how it ended."""
    host = supervisor.start_host()
    over = supervisor.launch(EFFECT)
    write_record(supervisor, over, header(over) + '{"pid":1}\n')
    host.adopt(over, stopping=True)
    assert host.ended(over.attempt).ending == "killed"
    exited = supervisor.launch(EFFECT)
    write_record(supervisor, exited, header(exited) + '{"pid":1}\n{"exit":143}\n')
    host.adopt(exited, stopping=True)
    assert (host.ended(exited.attempt).ending, host.ended(exited.attempt).exit_code) == ("killed", 143)
    never = supervisor.launch(EFFECT)
    host.adopt(never, stopping=True)
    assert host.ended(never.attempt).ending == "killed"
    assert effects(supervisor) == 0


@pytest.mark.parametrize(
    ("left", "stopping", "ending"),
    [
        ("nothing", False, "lost"),
        ("header", False, "lost"),
        ("pid", False, "lost"),
        ("pid", True, "killed"),
        ("exit", False, "exit"),
        ("exit", True, "killed"),
    ],
)
def test_the_machine_restarted(supervisor: FakeSupervisor, left: str, stopping: bool, ending: str) -> None:
    """The pid is another's now, and a record that is missing may have gone with the power: nothing is started."""
    bystander = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        host = supervisor.start_host()
        launch = supervisor.launch(EFFECT, boot="boot-before")
        text = header(launch, boot="boot-before")
        if left in ("pid", "exit"):
            text += f'{{"pid":{bystander.pid}}}\n'
        if left == "exit":
            text += '{"exit":6}\n'
        if left != "nothing":
            write_record(supervisor, launch, text)
        host.adopt(launch, stopping=stopping)
        ended = host.ended(launch.attempt)
        assert (ended.ending, ended.exit_code) == (ending, 6 if left == "exit" else None)
        assert effects(supervisor) == 0
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


# --- it was claimed, and will never run ------------------------------------------------------------------------------


@pytest.mark.parametrize("stopping", [False, True])
@pytest.mark.parametrize("boot", [BOOT, "boot-before"])
@pytest.mark.parametrize("never", ["killed", "spawn"])
def test_a_never_line_is_an_end(supervisor: FakeSupervisor, never: str, boot: str, stopping: bool) -> None:
    """Whoever claimed it has said so; the supervisor may not have heard of it."""
    host = supervisor.start_host()
    launch = supervisor.launch(EFFECT, boot=boot)
    write_record(supervisor, launch, json.dumps({"never": never, "why": "for a reason", "cls": "reference"}) + "\n")
    host.adopt(launch, stopping=stopping)
    ended = host.ended(launch.attempt)
    assert (ended.ending, ended.message) == ("killed" if stopping else never, "for a reason")
    assert ended.cls == "reference"
    assert effects(supervisor) == 0


def test_what_never_began_is_not_begun_later(supervisor: FakeSupervisor) -> None:
    """Its host told, its supervisor died before it had written that down: the next one hears the same."""
    host = supervisor.start_host()
    stopped = supervisor.launch(EFFECT)
    host.adopt(stopped, stopping=True)
    missing = supervisor.launch(["no-such-program-here"])
    host.send(StartAttempt(launch=missing))
    told = [host.ended(launch.attempt) for launch in (stopped, missing)]
    (supervisor.cwd / "no-such-program-here").write_text("#!/bin/sh\n" + EFFECT)
    (supervisor.cwd / "no-such-program-here").chmod(0o700)
    second = supervisor.start_host()
    second.adopt(stopped)
    second.adopt(msgspec.structs.replace(missing, env=missing.env | {"PATH": str(supervisor.cwd)}))
    again = [second.ended(launch.attempt) for launch in (stopped, missing)]
    assert [(end.ending, end.message) for end in again] == [(end.ending, end.message) for end in told]
    assert effects(supervisor) == 0


@pytest.mark.parametrize("after", ["it was started", "it was stopped"])
def test_a_host_that_was_stopped_comes_back_after_its_successor(supervisor: FakeSupervisor, after: str) -> None:
    """It acts on what it was told before: the record keeps it from running anything twice, or after its end."""
    first, second = supervisor.start_host(), supervisor.start_host()
    launches = [supervisor.launch(EFFECT) for _ in range(5)]
    os.kill(first.process.pid, signal.SIGSTOP)
    for launch in launches:
        first.send(StartAttempt(launch=launch))
        second.adopt(launch, stopping=after == "it was stopped")
    expected = ("exit", 0) if after == "it was started" else ("killed", None)
    for launch in launches:
        assert (second.ended(launch.attempt).ending, second.ended(launch.attempt).exit_code) == expected
    os.kill(first.process.pid, signal.SIGCONT)
    for launch in launches:
        assert (first.ended(launch.attempt).ending, first.ended(launch.attempt).exit_code) == expected
    assert effects(supervisor) == (5 if after == "it was started" else 0)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends hosts on Linux alone")
def test_a_stopped_host_goes_with_its_supervisor(supervisor: FakeSupervisor, tmp_path: Path) -> None:
    """Its closed stdin would be no news to it before it is continued, and then it would be too late."""
    config = msgspec.json.encode(supervisor.config("shell")).decode()
    code = (
        "import subprocess, sys\n"
        "program = [sys.executable, '-m', 'orch_actors.actors.host', sys.argv[1]]\n"
        "host = subprocess.Popen(program, stdin=subprocess.PIPE)\n"
        "print(host.pid, flush=True)\n"
        "host.wait()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, config], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert supervisor.router.poll(DEADLINE_S * 1000), "it is ready"
    try:
        os.kill(pid, signal.SIGSTOP)
        parent.kill()
        parent.wait(DEADLINE_S)
        parent.stdout.close()  # the host has it, too: its end would come with the host's
        eventually(lambda: not alive(pid), "the host is gone")
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


# --- races -------------------------------------------------------------------------------------------------------


def test_two_hosts_race_and_it_runs_once(supervisor: FakeSupervisor) -> None:
    one, two = supervisor.start_host(), supervisor.start_host()
    launches = [supervisor.launch(f"echo {n} >> effects; exit {n % 90}") for n in range(60)]
    for launch in launches:
        one.send(StartAttempt(launch=launch))
        two.adopt(launch)
    for number, launch in enumerate(launches):
        for host in (one, two):
            ended = host.ended(launch.attempt)
            assert (ended.ending, ended.exit_code) == ("exit", number % 90)
    assert sorted(map(int, (supervisor.cwd / "effects").read_text().split())) == list(range(60))


def test_a_dying_host_still_holds_the_claim(supervisor: FakeSupervisor) -> None:
    """Claimed by somebody who dies before the spawn: the new host waits for the lock, then starts it."""
    host = supervisor.start_host()
    launch = supervisor.launch(f"{EFFECT}; exit 8")
    write_record(supervisor, launch, header(launch))
    fd = os.open(supervisor.file(launch, ".jsonl"), os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    host.adopt(launch)
    other = supervisor.launch("true")
    assert host.run(other).exit_code == 0  # it is not stuck with the first
    assert effects(supervisor) == 0
    os.close(fd)
    assert host.ended(launch.attempt).exit_code == 8
    assert effects(supervisor) == 1


def test_a_dying_host_holds_the_claim_and_a_kill_comes(supervisor: FakeSupervisor) -> None:
    host = supervisor.start_host()
    launch = supervisor.launch(EFFECT, grace_s=0.1)
    write_record(supervisor, launch, header(launch))
    fd = os.open(supervisor.file(launch, ".jsonl"), os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    host.adopt(launch, stopping=True)
    assert host.run(supervisor.launch("true")).exit_code == 0
    os.close(fd)
    assert host.ended(launch.attempt).ending == "killed"
    assert effects(supervisor) == 0


def test_the_pid_line_comes_late(supervisor: FakeSupervisor) -> None:
    """Adopted between the claim and the shim's first line: announced as soon as the pid is there."""
    host = supervisor.start_host()
    launch = supervisor.launch(EFFECT)
    write_record(supervisor, launch, header(launch))
    fd = os.open(supervisor.file(launch, ".jsonl"), os.O_RDWR | os.O_APPEND)
    fcntl.flock(fd, fcntl.LOCK_EX)
    host.adopt(launch)
    assert host.run(supervisor.launch("true")).exit_code == 0
    os.write(fd, b'{"pid":4711}\n')
    assert host.adopted(launch.attempt).pid == 4711
    os.write(fd, b'{"exit":2}\n')
    os.close(fd)
    assert host.ended(launch.attempt).exit_code == 2


def test_a_record_that_vanishes_is_lost_and_never_run_again(supervisor: FakeSupervisor) -> None:
    host = supervisor.start_host()
    launch, _ = begin(supervisor, host, f"{EFFECT}; while [ ! -e go ]; do sleep 0.01; done")
    eventually(lambda: effects(supervisor) == 1)
    supervisor.file(launch, ".jsonl").unlink()
    (supervisor.cwd / "go").touch()
    ended = host.ended(launch.attempt)
    assert ended.ending == "lost"
    assert "record" in ended.message
    assert effects(supervisor) == 1


def test_adopting_what_this_host_runs_changes_nothing(supervisor: FakeSupervisor) -> None:
    host = supervisor.start_host()
    launch, _ = begin(supervisor, host, f"{EFFECT}; while [ ! -e go ]; do sleep 0.01; done; exit 4")
    host.adopt(launch)
    host.run(supervisor.launch("true"))  # it has heard of the adoption: what is over by then would be told again
    (supervisor.cwd / "go").touch()
    assert host.ended(launch.attempt).exit_code == 4
    host.run(supervisor.launch("true"))
    assert len([said for said in host.said if isinstance(said, AttemptEnded)]) == 3
    assert effects(supervisor) == 1


# --- validation --------------------------------------------------------------------------------------------------


def text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_the_host_dies_while_it_validates(supervisor: FakeSupervisor) -> None:
    """The next one ends what was left of the validation, and validates anew; the command does not run again."""
    first = supervisor.start_host()
    validators = supervisor.cwd / "validators"
    validate = "echo $$ >> validators; trap '' TERM; while [ ! -e go ]; do sleep 0.01; done; echo checked"
    launch = supervisor.launch(f"{EFFECT}; sleep 600 & echo $! > kept", validate={"command": validate}, grace_s=0.2)
    first.send(StartAttempt(launch=launch))
    before = int(eventually(lambda: text_of(validators), "a validator"))
    first.kill()
    assert alive(before)
    second = supervisor.start_host()
    second.adopt(launch)
    eventually(lambda: text_of(validators).count("\n") == 2, "a second validator")
    assert not alive(before)
    (supervisor.cwd / "go").touch()
    ended = second.ended(launch.attempt)
    assert (ended.ending, ended.exit_code, ended.invalid) == ("exit", 0, "")
    assert supervisor.file(launch, ".check").read_text() == "checked\n"
    assert effects(supervisor) == 1
    # What the command itself left on purpose is no validator.
    assert alive(int((supervisor.cwd / "kept").read_text()))
    assert not [said for said in second.said if isinstance(said, AttemptAdopted)]


def test_the_host_dies_while_a_checker_works(supervisor: FakeSupervisor) -> None:
    first = supervisor.start_host()
    launch = supervisor.launch(f"echo {'a' * 60}b", validate={"pattern": "^(a|a)*$", "timeout": 600}, grace_s=0.1)
    first.send(StartAttempt(launch=launch))
    checker = eventually(lambda: {"exit": 0} in supervisor.record(launch) and supervisor.processes(), "a checker")[0]
    first.kill()
    second = supervisor.start_host()
    second.adopt(launch)
    eventually(lambda: not alive(checker), "its end")
    assert second.stop(launch).ending == "killed"
    assert supervisor.processes() == []


def test_a_kill_was_decided_while_it_was_validated(supervisor: FakeSupervisor) -> None:
    first = supervisor.start_host()
    launch = supervisor.launch(EFFECT, validate={"command": "echo $$ > validator; sleep 600"})
    first.send(StartAttempt(launch=launch))
    validator = int(eventually(lambda: text_of(supervisor.cwd / "validator")))
    first.kill()
    second = supervisor.start_host()
    second.adopt(launch, stopping=True)
    assert second.ended(launch.attempt).ending == "killed"
    assert not alive(validator)
    assert supervisor.processes() == []


@pytest.mark.parametrize("boot", [BOOT, "boot-before"])
@pytest.mark.parametrize("valid", [True, False])
def test_it_ended_while_nobody_watched_and_was_not_validated(
    supervisor: FakeSupervisor, boot: str, valid: bool
) -> None:
    host = supervisor.start_host()
    validate = {"command": f"echo checked >> effect; exit {0 if valid else 4}"}
    launch = supervisor.launch(EFFECT, validate=validate, boot=boot)
    write_record(supervisor, launch, header(launch, boot=boot) + '{"pid":1}\n{"exit":0}\n')
    host.adopt(launch)
    ended = host.ended(launch.attempt)
    assert (ended.ending, ended.exit_code) == ("exit", 0)
    assert ended.invalid == ("" if valid else "the validation command exited with 4")
    assert (supervisor.cwd / "effect").read_text() == "checked\n"


def test_an_exit_code_other_than_0_is_not_validated_on_adoption(supervisor: FakeSupervisor) -> None:
    host = supervisor.start_host()
    launch = supervisor.launch(EFFECT, validate={"command": EFFECT})
    write_record(supervisor, launch, header(launch) + '{"pid":1}\n{"exit":7}\n')
    host.adopt(launch)
    assert (host.ended(launch.attempt).exit_code, effects(supervisor)) == (7, 0)


def test_adopted_while_it_runs_and_validated_at_its_end(supervisor: FakeSupervisor) -> None:
    first = supervisor.start_host()
    command = f"{EFFECT}; while [ ! -e go ]; do sleep 0.01; done; echo Really? > $ORCH_QUESTION; exit $(cat go)"
    launches = [begin(supervisor, first, command, validate={"files": ["missing"]})[0]]
    launches.append(begin(supervisor, first, command.replace("echo Really?", ":"), validate={"files": ["missing"]})[0])
    first.kill()
    second = supervisor.start_host()
    for launch in launches:
        second.adopt(launch)
        second.adopted(launch.attempt)
    (supervisor.cwd / "part").write_text("0")
    (supervisor.cwd / "part").rename(supervisor.cwd / "go")
    asks, does_not = [second.ended(launch.attempt) for launch in launches]
    assert (asks.invalid, asks.question and asks.question.question) == ("", "Really?")
    assert (does_not.invalid, does_not.question) == ("file missing is not there", None)
