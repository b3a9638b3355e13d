"""Artifacts, end to end in a host: collected from what succeeded and is valid, and told to who comes after."""

import hashlib
import json
from pathlib import Path

import pytest
from host_harness import FakeSupervisor, Host, eventually

from orch_actors.protocol.hostwire import AttemptEnded, StartAttempt

GIVEN = {"tasks": {"build": [{"path": "/srv/ä", "sha256": 64 * "0", "size": 3}]}, "left_out": ["other"]}


@pytest.fixture
def host(supervisor: FakeSupervisor) -> Host:
    return supervisor.start_host("shell")


def test_what_was_promised_is_told_with_the_end(supervisor: FakeSupervisor, host: Host) -> None:
    ended = host.run(supervisor.launch("mkdir d; echo 1 > d/a; echo 2 > d/b; echo no > c", artifacts=("d/*",)))
    assert (ended.ending, ended.exit_code, ended.invalid, ended.tail) == ("exit", 0, "", "")
    digests = [hashlib.sha256(text).hexdigest() for text in (b"1\n", b"2\n")]
    assert [(Path(file.path).name, file.sha256, file.size) for file in ended.artifacts] == [
        ("a", digests[0], 2),
        ("b", digests[1], 2),
    ]
    assert Path(ended.artifacts[0].path) == supervisor.cwd / "d/a"


def test_what_is_missing_makes_it_invalid(supervisor: FakeSupervisor, host: Host) -> None:
    ended = host.run(supervisor.launch("echo x > a; echo nothing made", artifacts=("a", "b")))
    assert (ended.exit_code, ended.invalid, ended.artifacts) == (0, "artifact b is not there", ())
    assert ended.tail == "nothing made"


def test_of_what_failed_or_asks_nothing_is_collected(supervisor: FakeSupervisor, host: Host) -> None:
    assert host.run(supervisor.launch("echo x > a; exit 3", artifacts=("a",))).artifacts == ()
    asking = host.run(supervisor.launch('echo x > a; echo "which?" > "$ORCH_QUESTION"', artifacts=("a", "b")))
    assert (asking.artifacts, asking.invalid) == ((), "")


def test_a_validation_comes_first_and_may_still_write(supervisor: FakeSupervisor, host: Host) -> None:
    signed = host.run(supervisor.launch("echo x > a", artifacts=("a",), validate={"command": "echo signed >> a"}))
    assert signed.artifacts[0].sha256 == hashlib.sha256(b"x\nsigned\n").hexdigest()
    refused = host.run(supervisor.launch("echo x > a", artifacts=("gone",), validate={"command": "exit 4"}))
    assert refused.invalid == "the validation command exited with 4"


def test_a_secret_in_a_path_is_not_handed_on(supervisor: FakeSupervisor, host: Host) -> None:
    launch = supervisor.launch(
        'echo x > "at-$TOKEN"', artifacts=("at-*",), secrets={"TOKEN": {"command": "echo hunter22"}}
    )
    ended = host.run(launch)
    assert ended.invalid == "the path of an artifact holds the value of a secret, and paths are written down"
    assert ended.artifacts == ()


def test_copies_are_what_is_handed_on(supervisor: FakeSupervisor, host: Host) -> None:
    launch = supervisor.launch("mkdir d; echo 1 > d/a", artifacts=("d/a",), copies_limit=100)
    (left,) = host.run(launch).artifacts
    (supervisor.cwd / "d/a").write_text("another")
    assert left.source == str(supervisor.cwd / "d/a")
    assert Path(left.path) == Path(launch.folder, f"{launch.stem}.left", "d/a")
    assert hashlib.sha256(Path(left.path).read_bytes()).hexdigest() == left.sha256
    too_much = supervisor.launch("echo 1 > a", artifacts=("a",), copies_limit=1)
    assert "at most 1 are copied" in host.run(too_much).invalid
    secret = supervisor.launch(
        'echo x > "at-$TOKEN"', artifacts=("at-*",), copies_limit=9, secrets={"TOKEN": {"command": "echo hunter22"}}
    )
    assert "holds the value of a secret" in host.run(secret).invalid
    assert not Path(secret.folder, f"{secret.stem}.left").exists()


def test_who_comes_after_finds_them_in_a_file(supervisor: FakeSupervisor, host: Host) -> None:
    launch = supervisor.launch('cat "$ORCH_ARTIFACTS"', given=GIVEN)
    assert host.run(launch).exit_code == 0
    assert json.loads(supervisor.out(launch)) == GIVEN
    without = supervisor.launch('echo "${ORCH_ARTIFACTS-none}"')
    host.run(without)
    assert supervisor.out(without) == "none\n"


def test_a_stop_does_not_wait_for_a_large_file(supervisor: FakeSupervisor, host: Host) -> None:
    launch = supervisor.launch("truncate -s 15G large", artifacts=("large",))
    host.send(StartAttempt(launch=launch))
    eventually(lambda: reads(host, supervisor.cwd / "large"), "the host reads it")
    assert host.stop(launch).ending == "killed"


def test_the_host_dies_while_it_reads(supervisor: FakeSupervisor) -> None:
    """The next one reads it again, from the beginning; the command does not run again."""
    first = supervisor.start_host("shell")
    large = supervisor.cwd / "large"
    launch = supervisor.launch("truncate -s 300M large; echo ran >> effect", artifacts=("large",))
    first.send(StartAttempt(launch=launch))
    eventually(lambda: reads(first, large) or ended_of(first), "the host reads it")
    first.kill()
    second = supervisor.start_host("shell")
    second.adopt(launch)
    ended = second.ended(launch.attempt)
    assert (ended.ending, ended.exit_code, ended.invalid) == ("exit", 0, "")
    assert [(Path(file.path), file.size) for file in ended.artifacts] == [(large, 300 * 1024**2)]
    assert (supervisor.cwd / "effect").read_text() == "ran\n"


def reads(host: Host, path: Path) -> bool:
    """Whether the host has it open."""
    for link in Path(f"/proc/{host.process.pid}/fd").iterdir():
        try:
            if link.readlink() == path:
                return True
        except FileNotFoundError:
            continue
    return False


def ended_of(host: Host) -> bool:
    host.supervisor.receive(0.0)
    return any(isinstance(said, AttemptEnded) for said in host.said)
