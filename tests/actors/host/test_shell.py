"""The shell worker, end to end: a real host, real shims."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from host_harness import BOOT, FakeSupervisor, Host, eventually, signal_other_thread
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orch_actors.protocol.hostwire import AttemptEnded, DescribeActors, HostReady, StartAttempt, StopHost


@pytest.fixture
def host(supervisor: FakeSupervisor) -> Host:
    return supervisor.start_host("shell")


def test_the_first_word_of_a_host_is_host_ready(supervisor: FakeSupervisor) -> None:
    host = supervisor.start_host("shell")
    assert host.said[0] == HostReady(worker="shell", pid=host.process.pid)


def test_text_runs_as_with_sh_c(supervisor: FakeSupervisor, host: Host) -> None:
    launch = supervisor.launch('echo out; echo err >&2; echo "$0 $#"; cat; exit 3')
    ended = host.run(launch)
    assert (ended.ending, ended.exit_code, ended.message) == ("exit", 3, "")
    assert supervisor.out(launch) == "out\nsh 0\n"
    assert supervisor.err(launch) == "err\n"
    assert 0 < ended.started_utc <= ended.ended_utc
    assert 0 < ended.duration_s < 30


def test_a_list_runs_without_a_shell(supervisor: FakeSupervisor, host: Host) -> None:
    launch = supervisor.launch(["printf", "[%s]", "a b", "$HOME", "*", "", "'\"\n"])
    assert host.run(launch).exit_code == 0
    assert supervisor.out(launch) == "[a b][$HOME][*][]['\"\n]"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("exit 255", 255),
        ("false", 1),
        ("set -e\nfalse\ntrue", 1),
        ("if then", 2),
        ("no-such-program-here", 127),
        ("kill -9 $$", 137),
        ("kill -TERM $$", 143),
        ("sh -c 'kill -9 $$'", 137),
        (["sh", "-c", "kill -9 $$"], 137),
        ("trap 'exit 7' TERM; kill $$; sleep 60", 7),
        ("trap 'exit 5' EXIT; false", 5),
        ("exec sh -c 'exit 9'", 9),
        ("(exit 4)", 4),
        ("return 6 2>/dev/null || exit 6", 6),
    ],
)
def test_exit_codes_are_the_commands_own(
    supervisor: FakeSupervisor, host: Host, command: str | list[str], code: int
) -> None:
    ended = host.run(supervisor.launch(command))
    assert (ended.ending, ended.exit_code) == ("exit", code)


def test_the_record_tells_the_whole_story(supervisor: FakeSupervisor, host: Host) -> None:
    launch = supervisor.launch("exit 4")
    host.run(launch)
    header, pid, end = supervisor.record(launch)
    assert header["attempt"] == launch.attempt
    assert header["boot"] == BOOT
    assert header["utc"] > 0
    assert header["mono"] > 0
    assert pid["pid"] > 1
    assert end == {"exit": 4}
    for suffix in (".jsonl", ".out", ".err"):
        assert supervisor.file(launch, suffix).stat().st_mode & 0o777 == 0o600


def test_environment_and_folder_are_exactly_what_was_asked_for(supervisor: FakeSupervisor, host: Host) -> None:
    folder = supervisor.folder / "with space 'n quote"
    folder.mkdir()
    launch = supervisor.launch(["env", "-0"], cwd=str(folder), env={"my.setting": "x=y", "EMPTY": "", "LINES": "a\nb"})
    ended = host.run(launch)
    seen = dict(entry.split("=", 1) for entry in supervisor.out(launch).split("\0") if entry)
    for of_the_shell in ("PWD", "SHLVL", "_", "OLDPWD"):
        seen.pop(of_the_shell, None)
    assert ended.exit_code == 0
    assert seen == {
        **launch.env,
        "ORCH_ATTEMPT": f"{supervisor.journal[-12:]}:{launch.attempt}",
        "ORCH_GRAPH": "g1",
        "ORCH_TASK": "t1",
        "ORCH_ATTEMPT_NUMBER": "1",
        "ORCH_RESULT": str(supervisor.file(launch, ".result")),
        "ORCH_SUMMARY": str(supervisor.file(launch, ".summary")),
        "ORCH_PROGRESS": str(supervisor.file(launch, ".progress")),
        "ORCH_QUESTION": str(supervisor.file(launch, ".question")),
        "ORCH_ACTORS_HOME": str(supervisor.home),
    }
    where = supervisor.launch('pwd; echo "$PWD ${OLDPWD-none}"', cwd=str(folder))
    host.run(where)
    assert supervisor.out(where) == f"{folder}\n{folder} none\n"


def test_nothing_of_the_shim_or_the_host_leaks_into_the_command(supervisor: FakeSupervisor, host: Host) -> None:
    text = supervisor.launch("for fd in /proc/self/fd/*; do echo ${fd##*/}; done; set; trap")
    host.run(text)
    out = supervisor.out(text)
    assert out.split("\n")[:3] == ["0", "1", "2"]
    # The shell itself has the folder open while it expands the pattern; nothing above that.
    assert not [line for line in out.split("\n") if line.isdigit() and int(line) > 3]
    assert "eval" not in out
    assert "trap" not in out.split("\n")[-1]
    listed = supervisor.launch(["ls", "/proc/self/fd"])
    host.run(listed)
    assert supervisor.out(listed).split() == ["0", "1", "2", "3"]  # 3: the folder that ls reads
    signals = supervisor.launch(["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"])
    host.run(signals)
    # The C library keeps 32 and 33 for itself; what it makes of them is not ours.
    assert {int(line.split()[1], 16) & 0x7FFFFFFF for line in supervisor.out(signals).splitlines()} == {0}


@pytest.mark.parametrize(
    ("umask", "shown", "mode"), [(0o022, "0022", 0o644), (0o077, "0077", 0o600), (0, "0000", 0o666)]
)
def test_umask(supervisor: FakeSupervisor, host: Host, umask: int, shown: str, mode: int) -> None:
    for command in ("umask; : > made", ["sh", "-c", "umask; : > made"]):
        launch = supervisor.launch(command, umask=umask)
        assert host.run(launch).exit_code == 0
        assert supervisor.out(launch) == f"{shown}\n"
        assert (supervisor.cwd / "made").stat().st_mode & 0o777 == mode
        assert supervisor.file(launch, ".out").stat().st_mode & 0o777 == 0o600
        (supervisor.cwd / "made").unlink()


def test_without_a_umask_it_is_the_hosts(supervisor: FakeSupervisor) -> None:
    before = os.umask(0o027)
    try:
        host = supervisor.start_host("shell")
    finally:
        os.umask(before)
    launch = supervisor.launch("umask")
    host.run(launch)
    assert supervisor.out(launch) == "0027\n"


def test_what_a_host_inherits_reaches_nobody(supervisor: FakeSupervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ORCH_ATTEMPT", "ORCH_OTHER", "CLAUDECODE", "CLAUDE_CODE_X", "OPENCODE_CONFIG", "LEAK"):
        monkeypatch.setenv(name, "inherited")
    source = "import os; print(sorted(name for name, value in os.environ.items() if value == 'inherited'))"
    python = supervisor.launch({"script": source})
    assert supervisor.start_host("python").run(python).exit_code == 0
    shell = supervisor.launch("env; echo 1 > $ORCH_RESULT", validate={"command": "env", "schema": {}})
    host = supervisor.start_host("shell")
    assert (host.run(shell).exit_code, host.run(shell).invalid) == (0, "")
    assert supervisor.out(python) == "[]\n"
    assert "inherited" not in supervisor.out(shell)
    assert "inherited" not in supervisor.file(shell, ".check").read_text()
    # Its own, and with it that of all that it starts without an environment of theirs.
    slow = supervisor.launch(f"echo {'a' * 60}b", validate={"pattern": "^(a|a)*$", "timeout": 600})
    host.send(StartAttempt(launch=slow))
    checker = eventually(lambda: [pid for pid in supervisor.processes() if b"checker.py" in command_line(pid)])[0]
    environ = Path(f"/proc/{checker}/environ").read_bytes().split(b"\0")
    assert [entry for entry in environ if entry.endswith(b"inherited")] == [b"LEAK=inherited"]
    host.stop(slow)


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_shells_remarks_about_signals_stay_out_of_the_tasks_stderr(supervisor: FakeSupervisor, host: Host) -> None:
    launch = supervisor.launch(["sh", "-c", "kill -9 $$"])
    assert host.run(launch).exit_code == 137
    assert supervisor.err(launch) == ""


def test_what_is_left_in_the_background_does_not_hold_the_attempt(supervisor: FakeSupervisor, host: Host) -> None:
    launch = supervisor.launch("sleep 600 & echo started")
    assert host.run(launch).exit_code == 0
    assert len(supervisor.processes()) == 1  # it stays: the command meant it to


def test_a_result_file_is_handed_over(supervisor: FakeSupervisor, host: Host) -> None:
    value = {"n": [1, 2.5, None, "ü", True], "deep": {"a": {}}}
    ended = host.run(supervisor.launch(f"cat > $ORCH_RESULT <<'END'\n{json.dumps(value)}\nEND\nexit 1"))
    assert ended.exit_code == 1
    assert ended.result is not None
    assert msgspec.msgpack.decode(ended.result) == value
    null = host.run(supervisor.launch("echo null > $ORCH_RESULT"))
    assert null.result == msgspec.msgpack.encode(None)


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("echo '{' > $ORCH_RESULT", "not JSON"),
        (": > $ORCH_RESULT", "not JSON"),
        ("printf '\\377' > $ORCH_RESULT", "not JSON"),
        ("head -c 1048577 /dev/zero | tr '\\0' 1 > $ORCH_RESULT", "larger than 1048576"),
        ("printf '%0100d' 0 | tr 0 '[' > $ORCH_RESULT; printf '%0100d' 0 | tr 0 ']' >> $ORCH_RESULT", "nested deeper"),
        (
            "printf '%050000d' 0 | tr 0 '[' > $ORCH_RESULT; printf '%050000d' 0 | tr 0 ']' >> $ORCH_RESULT",
            "nested deeper",
        ),
        ("echo 123456789012345678901234567890 > $ORCH_RESULT", "cannot travel"),
        ("mkfifo $ORCH_RESULT", "not a file"),
        ("mkdir $ORCH_RESULT", "not a file"),
    ],
)
def test_a_result_file_that_cannot_be_used_is_told(
    supervisor: FakeSupervisor, host: Host, command: str, fault: str
) -> None:
    ended = host.run(supervisor.launch(command))
    assert (ended.ending, ended.exit_code, ended.result) == ("exit", 0, None)
    assert fault in ended.result_fault


def test_a_working_directory_that_is_not_there(supervisor: FakeSupervisor, host: Host) -> None:
    ended = host.run(supervisor.launch("true", cwd=str(supervisor.folder / "missing")))
    assert ended.ending == "spawn"
    assert "working directory" in ended.message
    assert "No such file" in ended.message
    file = supervisor.folder / "file"
    file.write_text("")
    assert "not a folder" in host.run(supervisor.launch("true", cwd=str(file))).message


def test_programs_that_cannot_be_run(supervisor: FakeSupervisor, host: Host) -> None:
    missing = host.run(supervisor.launch(["no-such-program-here"]))
    assert missing.ending == "spawn"
    assert "no-such-program-here" in missing.message
    assert "PATH" in missing.message
    (supervisor.cwd / "plain").write_text("#!/bin/sh\n")
    plain = host.run(supervisor.launch(["./plain"]))
    assert "not executable" in plain.message
    (supervisor.cwd / "plain").chmod(0o700)
    assert host.run(supervisor.launch(["./plain"])).exit_code == 0
    assert "not a file" in host.run(supervisor.launch(["/"])).message


def test_programs_are_found_on_the_tasks_own_path(supervisor: FakeSupervisor, host: Host) -> None:
    tools = supervisor.folder / "tools"
    tools.mkdir()
    (tools / "greet").write_text('#!/bin/sh\necho "hello from $0"\n')
    (tools / "greet").chmod(0o700)
    launch = supervisor.launch(["greet"], env={"PATH": f"{tools}:/bin"})
    assert host.run(launch).exit_code == 0
    assert supervisor.out(launch) == f"hello from {tools}/greet\n"
    no_path = supervisor.launch(["true"], env={"X": "1"})
    no_path.env.pop("PATH")
    assert host.run(no_path).exit_code == 0


def test_too_large_and_odd_arguments_are_spawn_failures_not_crashes(supervisor: FakeSupervisor, host: Host) -> None:
    large = host.run(supervisor.launch("true", env={"LARGE": "x" * 300_000}))
    assert large.ending == "spawn"
    assert "Argument list too long" in large.message
    nul = host.run(supervisor.launch("true", env={"NUL": "a\0b"}))
    assert nul.ending == "spawn"
    work = host.run(supervisor.launch({"command": 5}))
    assert (work.ending, "form" in work.message) == ("spawn", True)
    folder = host.run(supervisor.launch("true", folder=str(supervisor.folder / "missing")))
    assert folder.ending == "spawn"
    assert "record" in folder.message
    assert host.run(supervisor.launch("true")).exit_code == 0


def test_an_output_file_that_cannot_be_made_is_a_spawn_failure(supervisor: FakeSupervisor, host: Host) -> None:
    launch = supervisor.launch("true")
    supervisor.file(launch, ".out").mkdir()
    ended = host.run(launch)
    assert ended.ending == "spawn"
    assert "directory" in ended.message


def test_a_start_that_comes_twice_runs_once(supervisor: FakeSupervisor, host: Host) -> None:
    launch = supervisor.launch("echo ran >> effect; sleep 0.1")
    for _ in range(3):
        host.send(StartAttempt(launch=launch))
    assert host.ended(launch.attempt).exit_code == 0
    host.said.clear()
    again = host.run(launch)  # after its end: found in the record
    assert (again.ending, again.exit_code) == ("exit", 0)
    assert (supervisor.cwd / "effect").read_text() == "ran\n"


def test_many_at_once(supervisor: FakeSupervisor, host: Host) -> None:
    launches = [supervisor.launch(f"sleep 0.05; exit {number % 100}") for number in range(60)]
    for launch in launches:
        host.send(StartAttempt(launch=launch))
    for number, launch in enumerate(launches):
        assert host.ended(launch.attempt).exit_code == number % 100


def test_the_tree_of_actors(supervisor: FakeSupervisor, host: Host) -> None:
    from orch_actors.protocol.hostwire import ActorsDescribed

    launch = supervisor.launch("sleep 600")
    host.send(StartAttempt(launch=launch))
    supervisor.pid(launch)
    for ticket in range(7, 200):  # its shim may write its pid before the task's actor has come that far
        host.send(DescribeActors(ticket=ticket))
        root = host.wait_for(ActorsDescribed, lambda told, ticket=ticket: told.ticket == ticket).root
        if [child.state for child in root.children] == ["running"]:
            break
    assert (root.name, root.kind, root.pid) == ("worker/shell", "worker", host.process.pid)
    assert root.handled >= 2
    assert [(child.name, child.kind, child.state) for child in root.children] == [(launch.attempt, "task", "running")]


@pytest.mark.parametrize("how", ["stop_host", "term", "eof"])
def test_a_host_leaves_and_its_attempts_go_on(supervisor: FakeSupervisor, host: Host, how: str) -> None:
    launch = supervisor.launch("sleep 0.3; echo still here")
    host.send(StartAttempt(launch=launch))
    supervisor.pid(launch)
    if how == "stop_host":
        host.send(StopHost())
    elif how == "term":
        host.process.terminate()
    else:
        assert host.process.stdin is not None
        host.process.stdin.close()
    assert host.process.wait(30) == 0
    eventually(lambda: {"exit": 0} in supervisor.record(launch))
    assert supervisor.out(launch) == "still here\n"


@pytest.mark.skipif(sys.platform != "linux", reason="signals to one thread are Linux's")
def test_a_term_that_its_main_thread_does_not_see_ends_a_host_all_the_same(host: Host) -> None:
    """It may come between that thread's last look at signals and its wait; a handler would run after the wait."""
    signal_other_thread(host.process.pid, signal.SIGTERM)
    assert host.process.wait(30) == 0


def test_ctrl_c_is_not_for_the_host(supervisor: FakeSupervisor, host: Host) -> None:
    host.process.send_signal(signal.SIGINT)
    assert host.run(supervisor.launch("true")).exit_code == 0


def test_garbage_from_the_supervisor_is_dropped(supervisor: FakeSupervisor, host: Host) -> None:
    for body in (b"", b"{", b"\xff" * 10, b'{"type":"unknown"}'):
        supervisor.router.send_multipart([host.name.encode(), body])
    assert host.run(supervisor.launch("true")).exit_code == 0
    log = supervisor.home / "logs" / "host-shell.log"
    eventually(lambda: log.exists() and "no message" in log.read_text(), "a warning in the log")


def test_a_hosts_stderr_is_its_log(supervisor: FakeSupervisor, host: Host) -> None:
    """Not the daemon's, which it was started with: that is rotated, and would be written to after its deletion."""
    supervisor.router.send_multipart([host.name.encode(), b"{"])  # something to log
    log = supervisor.home / "logs" / "host-shell.log"
    eventually(lambda: log.exists() and "no message" in log.read_text())
    assert os.path.samefile(f"/proc/{host.process.pid}/fd/2", log)
    assert host.run(supervisor.launch("true")).exit_code == 0


def test_a_host_refuses_a_configuration_that_it_does_not_know() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "orch_actors.actors.host", "{}"],
        stdin=subprocess.PIPE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 100
    assert "configuration" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_kind_of_work_that_this_version_does_not_know_is_a_spawn_failure(
    supervisor: FakeSupervisor, host: Host
) -> None:
    ended = host.run(supervisor.launch("true", kind="ray"))
    assert (ended.ending, "'ray'" in ended.message) == ("spawn", True)
    assert host.run(supervisor.launch("true")).exit_code == 0


# --- odd text survives -------------------------------------------------------------------------------------------

ODD = st.lists(
    st.sampled_from(
        [*"ab \t\n'\"\\$`*?[]{}()<>|&;!#~%^=-", "\u2028", "é", "$$", "${x}", "\\n", "'\\''", "a b;", "$(b)"]
    ),
    max_size=30,
).map("".join)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arguments=st.lists(ODD, max_size=4))
def test_arguments_arrive_as_they_were(supervisor: FakeSupervisor, arguments: list[str]) -> None:
    host = supervisor.hosts[0] if supervisor.hosts else supervisor.start_host("shell")
    launch = supervisor.launch(["printf", "%s\\0", *arguments])
    assert host.run(launch).exit_code == 0
    expected = "".join(argument + "\0" for argument in arguments) or "\0"
    assert supervisor.file(launch, ".out").read_bytes().decode() == expected


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=ODD.filter(lambda text: text.strip() and ">" not in text and "&" not in text))
def test_text_does_what_it_does_under_sh_c(supervisor: FakeSupervisor, text: str) -> None:
    """Against the shell itself: whatever the text is, the same output and exit code."""
    host = supervisor.hosts[0] if supervisor.hosts else supervisor.start_host("shell")
    text = f'a() {{ echo a "$@"; }}; b() {{ echo b; }}; echo start\n{text}'
    launch = supervisor.launch(text)
    ended = host.run(launch)
    theirs = subprocess.run(
        ["/bin/sh", "-c", text],
        cwd=supervisor.cwd,
        env={**launch.env, "PWD": launch.cwd},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    pid_free = "$$" not in text and "${$" not in text
    assert ended.exit_code == theirs.returncode
    if pid_free:
        assert supervisor.file(launch, ".out").read_bytes() == theirs.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.parametrize("command", ["exit 3", "kill -9 0", "set -e; false; true", "if then", 'echo "$0 $#"'])
def test_the_shims_script_in_both_shells(tmp_path: Path, shell: str, command: str) -> None:
    """The script itself, under the shells that are /bin/sh somewhere (macOS: bash)."""
    from orch_actors.actors.host.shim import TEXT_SCRIPT

    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    if command.startswith("kill"):
        command = "exec sh -c 'kill -9 $$'"
    argv = [shell, *(["--posix"] if shell == "bash" else []), "-c", TEXT_SCRIPT, "sh", str(tmp_path), command]
    record = os.open(tmp_path / "record", os.O_CREAT | os.O_RDWR)
    err = os.open(tmp_path / "err", os.O_CREAT | os.O_RDWR)
    pid = os.posix_spawn(
        shutil.which(shell) or shell,
        argv,
        {"PATH": os.environ["PATH"]},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, str(tmp_path / "out"), os.O_CREAT | os.O_WRONLY, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, record, 103),
            (os.POSIX_SPAWN_DUP2, err, 104),
            (os.POSIX_SPAWN_DUP2, 103, 3),
            (os.POSIX_SPAWN_DUP2, 104, 4),
        ],
    )
    os.waitpid(pid, 0)
    os.close(record)
    os.close(err)
    code = {"exit 3": 3, "set -e; false; true": 1, "if then": 2}.get(command, 137 if "exec" in command else 0)
    assert (tmp_path / "record").read_text().splitlines() == [f'{{"pid":{pid}}}', f'{{"exit":{code}}}']
    if command.startswith("echo"):
        assert (tmp_path / "out").read_text() == "sh 0\n"


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_what_cannot_write_its_pid_line_never_runs(tmp_path: Path, shell: str) -> None:
    from orch_actors.actors.host.shim import NO_RECORD, TEXT_SCRIPT

    program = shutil.which(shell)
    if program is None or not os.path.exists("/dev/full"):
        pytest.skip(f"no {shell}, or no /dev/full")
    pid = os.posix_spawn(
        program,
        [shell, "-c", TEXT_SCRIPT, "sh", str(tmp_path), "touch ran"],
        {"PATH": os.environ["PATH"]},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 3, "/dev/full", os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 4, os.devnull, os.O_WRONLY, 0),
        ],
    )
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == NO_RECORD
    assert not (tmp_path / "ran").exists()


def test_ended_is_said_once(supervisor: FakeSupervisor, host: Host) -> None:
    launch = supervisor.launch("true")
    host.run(launch)
    host.run(supervisor.launch("true"))
    assert len([m for m in host.said if isinstance(m, AttemptEnded) and m.attempt == launch.attempt]) == 1
