"""Validation, end to end: what a task exits 0 with and is not valid all the same."""

import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from host_harness import FakeSupervisor, Host, alive, eventually

from orch_actors.protocol.hostwire import AttemptEnded, DescribeActors, StartAttempt, StopAttempt


@pytest.fixture
def host(supervisor: FakeSupervisor) -> Host:
    return supervisor.start_host("shell")


def run(supervisor: FakeSupervisor, host: Host, command: str, validate: dict[str, Any], **changes: Any) -> AttemptEnded:
    return host.run(supervisor.launch(command, validate=validate, **changes))


def check_output(supervisor: FakeSupervisor) -> str:
    return supervisor.file(supervisor.launches[-1], ".check").read_text()


def assert_valid(ended: AttemptEnded) -> None:
    assert (ended.ending, ended.exit_code, ended.invalid, ended.tail) == ("exit", 0, "", "")


# --- files -------------------------------------------------------------------------------------------------------


def test_files_that_are_there(supervisor: FakeSupervisor, host: Host) -> None:
    absolute = str(supervisor.folder / "absolute")
    command = f"mkdir out; echo x > out/a; ln -s out/a link; echo x > {absolute}; echo x > locked; chmod 0 locked"
    assert_valid(run(supervisor, host, command, {"files": ["out/a", "link", absolute, "locked"]}))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        ("true", "file f is not there"),
        (": > f", "file f is empty"),
        ("mkdir f", "file f is a folder"),
        ("mkfifo f", "file f is no regular file"),
        ("ln -s /dev/null f", "file f is no regular file"),
        ("ln -s f f", "file f cannot be looked at"),
        ("ln -s gone f", "file f is not there"),
    ],
)
def test_files_that_are_none(supervisor: FakeSupervisor, host: Host, make: str, says: str) -> None:
    ended = run(supervisor, host, f"{make}; echo done", {"files": ["f"]})
    assert (ended.ending, ended.exit_code) == ("exit", 0)
    assert says in ended.invalid
    assert ended.tail == "done"


def test_odd_and_many_names(supervisor: FakeSupervisor, host: Host) -> None:
    assert "cannot be looked at" in run(supervisor, host, "true", {"files": ["a\0b"]}).invalid
    assert "too long" in run(supervisor, host, "true", {"files": ["a" * 5000]}).invalid
    assert len(supervisor.launches) == 2
    many = run(supervisor, host, "true", {"files": [f"f{n}" for n in range(5000)]}).invalid
    assert "f0 is not there" in many
    assert "and 4990 more" in many
    assert len(many) <= 2000


# --- pattern -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", ["passed", "^2 passed$", r"(?i)PASSED", r"\d+ \w+ed", "", "ü", r"^ü[öä]\Z"])
def test_a_pattern_that_is_found(supervisor: FakeSupervisor, host: Host, pattern: str) -> None:
    assert_valid(run(supervisor, host, "echo start; echo 2 passed; printf üö", {"pattern": pattern}))


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("failed", "pattern 'failed' is not found in stdout"),
        ("^passed", "is not found"),
        ("on stderr", "is not found"),
        ("(", "is no regular expression: missing )"),
        ("x" * 1000, "is not found"),
        ("(?:" * 2000 + ")" * 2000, "pattern '(?:"),
    ],
)
def test_a_pattern_that_is_not_found(supervisor: FakeSupervisor, host: Host, pattern: str, says: str) -> None:
    ended = run(supervisor, host, "echo 2 passed; echo on stderr >&2", {"pattern": pattern})
    assert says in ended.invalid
    assert ended.exit_code == 0
    assert ended.tail == "on stderr"
    assert len(ended.invalid) < 500


def test_a_pattern_that_takes_for_ever_is_ended_and_stops_nobody_else(supervisor: FakeSupervisor, host: Host) -> None:
    slow = supervisor.launch(
        f"echo {'a' * 60}b", validate={"pattern": "^(a|a)*$", "timeout": 1.5, "command": "echo the rest"}, grace_s=0.1
    )
    host.send(StartAttempt(launch=slow))
    eventually(supervisor.processes, "the checker")
    assert_valid(run(supervisor, host, "echo ok", {"pattern": "^o"}))
    assert "is not decided after 1.5 s" in host.ended(slow.attempt).invalid
    assert supervisor.file(slow, ".check").read_text() == "the rest\n"
    assert supervisor.processes() == []


def test_output_that_is_no_text_or_no_file(supervisor: FakeSupervisor, host: Host) -> None:
    assert_valid(run(supervisor, host, "printf '\\377\\000\\nok\\n'", {"pattern": "^ok$"}))
    out = '"${ORCH_RESULT%.result}.out"'
    for make in ("mkfifo", "mkdir"):
        ended = run(supervisor, host, f"rm {out}; {make} {out}", {"pattern": "^ok$"})
        assert "cannot be looked for" in ended.invalid


# --- schema ------------------------------------------------------------------------------------------------------

SCHEMA = {
    "type": "object",
    "required": ["count"],
    "properties": {"count": {"type": "integer", "minimum": 1}, "name": {"pattern": "^[a-z]+$"}},
}


def with_result(text: str) -> str:
    return f"cat > $ORCH_RESULT <<'END'\n{text}\nEND"


def test_a_result_that_satisfies_its_schema(supervisor: FakeSupervisor, host: Host) -> None:
    ended = run(supervisor, host, with_result('{"count": 2, "name": "a"}'), {"schema": SCHEMA})
    assert_valid(ended)
    assert ended.result is not None
    assert_valid(run(supervisor, host, with_result("null"), {"schema": {"type": "null"}}))


@pytest.mark.parametrize(
    ("result", "says"),
    [
        ('{"count": "2"}', "at /count: '2' is not of type 'integer'"),
        ('{"count": 0, "name": "A"}', "at /count: 0 is less than the minimum of 1; at /name: 'A' does not match"),
        ("{}", "'count' is a required property"),
        ("[" + ",".join("1" * 9000) + "]", "is not of type 'object'"),
    ],
)
def test_a_result_that_does_not(supervisor: FakeSupervisor, host: Host, result: str, says: str) -> None:
    ended = run(supervisor, host, with_result(result), {"schema": SCHEMA})
    assert "schema is not satisfied by the result" in ended.invalid
    assert says in ended.invalid
    assert len(ended.invalid) < 1000
    assert ended.result is not None


def test_no_result_is_invalid_and_an_unusable_one_is_told_as_such(supervisor: FakeSupervisor, host: Host) -> None:
    assert "there is no result" in run(supervisor, host, "true", {"schema": SCHEMA}).invalid
    bad = run(supervisor, host, "echo { > $ORCH_RESULT; echo why", {"schema": SCHEMA, "files": ["missing"]})
    assert (bad.invalid, "not JSON" in bad.result_fault, bad.tail) == ("", True, "why")


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "strin"}, "is no JSON Schema"),
        ({"pattern": "("}, "is no JSON Schema"),
        ({"$ref": "#/nowhere"}, "cannot be used"),
        ({"$ref": "#"}, "cannot be decided: RecursionError"),
        ({"$schema": 5}, "schema c"),
        ({"pattern": "^(a|a)*$"}, "schema is not decided after 1.5 s"),
    ],
)
def test_a_bad_schema(supervisor: FakeSupervisor, host: Host, schema: dict[str, Any], says: str) -> None:
    result = with_result(f'"{"a" * 60}b"')
    assert says in run(supervisor, host, result, {"schema": schema, "timeout": 1.5}, grace_s=0.1).invalid


def test_no_schema_is_fetched(supervisor: FakeSupervisor, host: Host) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        reference = {"$ref": f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"}
        assert "cannot be used" in run(supervisor, host, with_result("1"), {"schema": reference}).invalid
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


# --- command -----------------------------------------------------------------------------------------------------


def test_a_command_sees_what_the_attempt_saw(supervisor: FakeSupervisor, host: Host) -> None:
    env = {"MINE": "my own", "odd.name": "kept"}
    ended = run(
        supervisor, host, "echo 5 > $ORCH_RESULT", {"command": ["env", "-0"]}, env=env, answer={"choice": "yes"}
    )
    assert_valid(ended)
    launch = supervisor.launches[-1]
    seen = dict(entry.split("=", 1) for entry in check_output(supervisor).split("\0") if entry)
    assert seen["MINE"] == "my own"
    assert seen["odd.name"] == "kept"
    assert seen["ORCH_ATTEMPT"] == f"{supervisor.journal[-12:]}:{launch.attempt}"
    assert seen["ORCH_ANSWER"] == str(supervisor.file(launch, ".answer"))
    text = 'pwd; cat $ORCH_RESULT; echo "$0 $#"; cat; umask; echo err >&2; ls /proc/self/fd | wc -l'
    assert_valid(run(supervisor, host, "echo 5 > $ORCH_RESULT", {"command": text}, umask=0o027))
    assert check_output(supervisor) == f"{supervisor.cwd}\n5\nsh 0\n0027\nerr\n4\n"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("echo one; echo two >&2; echo; exit 3", "the validation command exited with 3: two"),
        ("exit 1", "the validation command exited with 1"),
        ("kill -9 $$", "the validation command was ended by signal 9"),
        (["no-such-program"], "cannot be run: program 'no-such-program' is not found"),
        ("no-such-program", "exited with 127: "),
        ("yes | head -c 100000; exit 1", "exited with 1: y"),
        ("printf '%05000d' 1; exit 1", "exited with 1: 0000"),
        ("printf 'a\\377\\0b'; exit 1", "exited with 1: a\ufffd\ufffdb"),
    ],
)
def test_a_command_that_fails(supervisor: FakeSupervisor, host: Host, command: str | list[str], says: str) -> None:
    ended = run(supervisor, host, "true", {"command": command})
    assert (ended.ending, ended.exit_code) == ("exit", 0)
    assert says in ended.invalid
    assert len(ended.invalid) < 400


def test_the_end_of_what_it_printed_is_told(supervisor: FakeSupervisor, host: Host) -> None:
    ended = run(supervisor, host, "echo mine", {"command": "seq 2000; echo bad >&2; exit 1"})
    assert ended.checked.endswith("1999\n2000\nbad")
    assert len(ended.checked) <= 2000
    assert ended.tail == "mine"
    assert run(supervisor, host, "echo mine", {"pattern": "^never"}).checked == ""


def test_a_command_whose_folder_is_gone(supervisor: FakeSupervisor, host: Host) -> None:
    ended = run(supervisor, host, "rm -r ../cwd", {"command": "true"})
    assert "the validation command exited with" in ended.invalid


def test_a_command_that_hangs_is_ended_with_all_that_it_started(supervisor: FakeSupervisor, host: Host) -> None:
    hang = "trap 'echo told' TERM; setsid sleep 600 & echo began; sleep 600 & wait; sleep 600"
    ended = run(supervisor, host, "true", {"command": hang, "timeout": 1}, grace_s=0.3)
    assert "the validation command was not over after 1 s: told" in ended.invalid
    assert check_output(supervisor) == "began\ntold\n"
    assert supervisor.processes() == []


def test_what_the_attempt_left_in_the_background_stays(supervisor: FakeSupervisor, host: Host) -> None:
    ended = run(supervisor, host, "sleep 600 & echo $! > pid", {"command": "sleep 600", "timeout": 0.2}, grace_s=0.1)
    assert "was not over" in ended.invalid
    assert alive(int((supervisor.cwd / "pid").read_text()))


@pytest.mark.parametrize("make", ["mkfifo", "mkdir", "ln -s /dev/full"])
def test_hostile_places_for_the_commands_output(supervisor: FakeSupervisor, host: Host, make: str) -> None:
    ended = run(supervisor, host, f'{make} "${{ORCH_RESULT%.result}}.check"', {"command": "echo ran; exit 1"})
    if make == "mkdir":
        assert "output cannot be kept" in ended.invalid
    else:
        assert "exited with 1: ran" in ended.invalid
        assert check_output(supervisor) == "ran\n"


# --- together ----------------------------------------------------------------------------------------------------


def test_everything_that_does_not_hold_is_named(supervisor: FakeSupervisor, host: Host) -> None:
    validate = {
        "files": ["one", "two"],
        "pattern": "^never",
        "schema": {"type": "string"},
        "command": "echo broken; exit 9",
    }
    invalid = run(supervisor, host, "echo x > two; echo 5 > $ORCH_RESULT", validate).invalid
    assert invalid == (
        "file one is not there; pattern '^never' is not found in stdout; "
        "schema is not satisfied by the result: 5 is not of type 'string'; "
        "the validation command exited with 9: broken"
    )


def test_a_failed_attempt_and_one_that_asks_are_not_validated(supervisor: FakeSupervisor, host: Host) -> None:
    failed = run(supervisor, host, "exit 3", {"command": "touch validated; false"})
    assert (failed.exit_code, failed.invalid) == (3, "")
    asks = run(supervisor, host, "echo Which? > $ORCH_QUESTION", {"command": "touch validated; false"})
    assert (asks.exit_code, asks.invalid, asks.question is not None) == (0, "", True)
    assert not (supervisor.cwd / "validated").exists()


def test_a_form_that_is_not_known(supervisor: FakeSupervisor, host: Host) -> None:
    assert "not of the form" in run(supervisor, host, "true", {"command": 5}).invalid
    assert "not of the form" in run(supervisor, host, "true", {"no_such": 5}).invalid
    assert_valid(run(supervisor, host, "true", {}))


def test_duration_and_end_are_the_commands_own(supervisor: FakeSupervisor, host: Host) -> None:
    begun_utc = time.time()
    ended = run(supervisor, host, "true", {"command": "sleep 1.5"})
    over_utc = time.time()
    assert ended.duration_s < over_utc - begun_utc - 1.4
    assert ended.ended_utc <= over_utc - 1.4


def test_python_tasks_too(supervisor: FakeSupervisor) -> None:
    host = supervisor.start_host("python")
    launch = supervisor.launch({"script": "print('hello')"}, validate={"pattern": "^bye$"})
    assert "'^bye$' is not found" in host.run(launch).invalid
    assert_valid(host.run(supervisor.launch({"script": "print('bye')"}, validate={"pattern": "^bye$"})))


# --- stopping ----------------------------------------------------------------------------------------------------


def validating(supervisor: FakeSupervisor, host: Host, command: str, validate: str, **changes: Any) -> Any:
    launch = supervisor.launch(command, validate={"command": f"echo $$ > validator; {validate}"}, **changes)
    host.send(StartAttempt(launch=launch))
    eventually(lambda: (supervisor.cwd / "validator").exists() and (supervisor.cwd / "validator").read_text())
    return launch


@pytest.mark.parametrize(
    ("validate", "grace_s", "said"),
    [
        ("sleep 600", 20.0, ""),
        ("trap 'echo told; exit 0' TERM; sleep 600 & wait", 20.0, "told\n"),
        ("trap '' TERM; sleep 600 & wait; wait", 0.3, ""),
        ("setsid sleep 600", 0.3, ""),
        ("sleep 600", 0.0, ""),
    ],
)
def test_a_stop_ends_a_validation(
    supervisor: FakeSupervisor, host: Host, validate: str, grace_s: float, said: str
) -> None:
    launch = validating(supervisor, host, "echo result > kept", validate, grace_s=grace_s)
    host.send(DescribeActors(ticket=1))
    ended = host.stop(launch)
    assert (ended.ending, ended.exit_code, ended.invalid) == ("killed", 0, "")
    assert check_output(supervisor) == said
    assert supervisor.processes() == []
    from orch_actors.protocol.hostwire import ActorsDescribed

    described = host.wait_for(ActorsDescribed).root
    assert [child.state for child in described.children] == ["validating"]


def test_a_stop_ends_a_checker(supervisor: FakeSupervisor, host: Host) -> None:
    launch = supervisor.launch(f"echo {'a' * 60}b", validate={"pattern": "^(a|a)*$", "timeout": 600})
    host.send(StartAttempt(launch=launch))
    eventually(lambda: any(b"checker.py" in command_line(pid) for pid in supervisor.processes()), "the checker")
    assert host.stop(launch).ending == "killed"
    assert supervisor.processes() == []


def test_two_stops_are_one(supervisor: FakeSupervisor, host: Host) -> None:
    launch = validating(supervisor, host, "true", "trap '' TERM; sleep 1 & wait", grace_s=0.4)
    for _ in range(3):
        host.send(StopAttempt(attempt=launch.attempt))
    assert host.ended(launch.attempt).ending == "killed"
    host.run(supervisor.launch("true"))
    assert len([said for said in host.said if isinstance(said, AttemptEnded) and said.attempt == launch.attempt]) == 1


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_many_at_once(supervisor: FakeSupervisor, host: Host) -> None:
    launches = [
        supervisor.launch(f"echo {n}", validate={"command": f"exit {n % 3}", "pattern": f"^{n}$"}) for n in range(24)
    ]
    for launch in launches:
        host.send(StartAttempt(launch=launch))
    for number, launch in enumerate(launches):
        invalid = host.ended(launch.attempt).invalid
        assert invalid == (f"the validation command exited with {number % 3}" if number % 3 else "")
    assert set(os.listdir(supervisor.home / "logs")) <= {"host-shell.log"}  # no file of a checker is left
