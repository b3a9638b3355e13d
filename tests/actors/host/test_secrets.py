"""Secrets of attempts, in real worker hosts: where values come from, whom they reach, and where they never are."""

import os
from pathlib import Path
from typing import Any

import pytest
from host_harness import FakeSupervisor, Host, alive, eventually

from orch_actors.actors.host import secrets as module
from orch_actors.actors.host.secrets import LEAST, MAX_BYTES, NoSecret, checked
from orch_actors.protocol.hostwire import AttemptEnded, Launch

CANARY = "canary-4f1d9b"
SHOW = 'printf "%s" "$TOKEN"'
SCRIPT = "import os\nprint(os.environ['TOKEN'], end='')\n"


def secret(**source: Any) -> dict[str, dict[str, Any]]:
    return {"TOKEN": source}


@pytest.fixture(params=["shell", "python"])
def host(request: pytest.FixtureRequest, supervisor: FakeSupervisor, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setenv("DAEMON_TOKEN", CANARY)
    monkeypatch.setenv("CLAUDE_TOKEN", CANARY)
    return supervisor.start_host(request.param)


def launched(supervisor: FakeSupervisor, host: Host, shell: str = SHOW, script: str = SCRIPT, **changes: Any) -> Launch:
    """A launch for the host's kind of work."""
    python = "python" in host.worker
    return supervisor.launch({"script": script} if python else shell, **changes)


def everywhere(supervisor: FakeSupervisor) -> bytes:
    """All that is on disk, but for what attempts printed themselves."""
    found = b""
    for folder, _, names in os.walk(supervisor.folder):
        for name in names:
            path = Path(folder) / name
            if path.suffix not in (".out", ".err", ".given") and path.is_file():
                found += path.read_bytes()
    return found


@pytest.mark.parametrize(
    "source",
    [
        {"env": "DAEMON_TOKEN"},
        {"env": "CLAUDE_TOKEN"},  # an agent's own variable: asked for by name
        {"file": "token.given"},
        {"file": "../token.given"},
        {"command": ["printf", CANARY]},
        {"command": f"echo {CANARY}"},
        {"command": 'printf "%s" "$PART-4f1d9b"'},
    ],
)
def test_each_source_reaches_the_attempt(supervisor: FakeSupervisor, host: Host, source: dict[str, Any]) -> None:
    for folder in (supervisor.cwd, supervisor.folder):
        (folder / "token.given").write_text(CANARY + "\n")
    launch = launched(supervisor, host, secrets=secret(**source), env={"PART": "canary"})
    ended = host.run(launch)
    assert ended.exit_code == 0, ended
    assert supervisor.out(launch) == CANARY
    assert CANARY.encode() not in everywhere(supervisor)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"env": "NO_SUCH_TOKEN"}, "the daemon has no variable NO_SUCH_TOKEN"),
        ({"file": "nowhere"}, "nowhere cannot be read: No such file"),
        ({"file": "."}, "no regular file"),
        ({"file": "pipe"}, "no regular file"),
        ({"file": "empty"}, f"fewer than {LEAST} characters"),
        ({"file": "large"}, f"more than {MAX_BYTES} bytes"),
        ({"file": "binary"}, "no UTF-8"),
        ({"file": "nul"}, "NUL"),
        ({"command": "echo said; exit 3"}, "its command exited with 3"),
        ({"command": "kill -9 $$"}, "was ended by signal 9"),
        ({"command": ["no-such-program"]}, "no-such-program"),
        ({"command": "yes canary-4f1d9b"}, f"more than {MAX_BYTES} bytes"),
        ({"command": "true"}, f"fewer than {LEAST} characters"),
    ],
)
def test_what_cannot_be_had_is_said_and_nothing_runs(
    supervisor: FakeSupervisor, host: Host, source: dict[str, Any], words: str
) -> None:
    os.mkfifo(supervisor.cwd / "pipe")
    for name, data in {
        "empty": b"\n",
        "large": b"x" * (MAX_BYTES + 1),
        "binary": b"\xff\xfe\xfd\xfc",
        "nul": b"a\0b\0c",
    }.items():
        (supervisor.cwd / name).write_bytes(data)
    launch = launched(supervisor, host, "touch ran", "open('ran', 'w')\n", secrets=secret(**source))
    ended = host.run(launch)
    assert (ended.ending, ended.cls, ended.exit_code) == ("spawn", "secret", None)
    assert ended.message.startswith("secret TOKEN: ")
    assert words in ended.message
    assert CANARY not in ended.message
    assert not (supervisor.cwd / "ran").exists()


def test_a_command_has_its_time(supervisor: FakeSupervisor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The bound itself, in this process: a host has 30 s."""
    from orch_actors.actors.host.children import Children

    monkeypatch.setattr(module, "WITHIN_S", 0.3)
    children = Children()
    children.start_reaping()
    launch = supervisor.launch("true", secrets=secret(command="echo $$ > pid; echo begun; sleep 600"))
    search = module._Search(children, {}, launch, {"PATH": os.environ["PATH"]}, str(tmp_path / "err"))
    with pytest.raises(NoSecret, match=r"TOKEN: its command was not over after 0 s"):
        search.value("TOKEN", launch.secrets["TOKEN"])
    pid = int((supervisor.cwd / "pid").read_text())
    eventually(lambda: not alive(pid))


def test_what_the_command_complains_of_is_the_attempts_own(supervisor: FakeSupervisor, host: Host) -> None:
    launch = launched(supervisor, host, secrets=secret(command="echo locked >&2; exit 1"))
    ended = host.run(launch)
    assert supervisor.err(launch) == "locked\n"
    assert (ended.tail, "locked" in ended.message) == ("", False)


def test_the_end_of_its_output_is_told_without_them(supervisor: FakeSupervisor, host: Host) -> None:
    launch = launched(
        supervisor,
        host,
        'echo "token=$TOKEN" >&2; exit 5',
        "import os, sys\nprint('token=' + os.environ['TOKEN'], file=sys.stderr)\nsys.exit(5)\n",
        secrets=secret(env="DAEMON_TOKEN"),
    )
    ended = host.run(launch)
    assert (ended.exit_code, ended.tail) == (5, "token=***")
    assert supervisor.err(launch) == f"token={CANARY}\n"  # what it prints itself stays its own


def test_a_validation_command_has_them_and_tells_them_to_nobody(supervisor: FakeSupervisor, host: Host) -> None:
    command = 'test "$TOKEN" = canary-4f1d9b && echo "wrong: $TOKEN" && exit 9'
    launch = launched(supervisor, host, secrets=secret(env="DAEMON_TOKEN"), validate={"command": command})
    ended = host.run(launch)
    assert ended.invalid == "the validation command exited with 9: wrong: ***"
    assert ended.tail == "***"


@pytest.mark.parametrize("result", ['{"a": ["%s"]}', '"x%sx"', '{"%s": 1}'])
def test_a_result_that_holds_one_is_refused(supervisor: FakeSupervisor, host: Host, result: str) -> None:
    text = result % CANARY
    launch = launched(
        supervisor,
        host,
        f"printf '%s' '{text}' > \"$ORCH_RESULT\"",
        f"import os\nopen(os.environ['ORCH_RESULT'], 'w').write({text!r})\n",
        secrets=secret(env="DAEMON_TOKEN"),
    )
    ended = host.run(launch)
    assert (ended.exit_code, ended.result) == (0, None)
    assert "holds the value of a secret" in ended.result_fault


def test_a_question_is_asked_without_them(supervisor: FakeSupervisor, host: Host) -> None:
    launch = launched(
        supervisor,
        host,
        'echo "is $TOKEN right?" > "$ORCH_QUESTION"',
        "import os\nopen(os.environ['ORCH_QUESTION'], 'w').write('is ' + os.environ['TOKEN'] + ' right?')\n",
        secrets=secret(env="DAEMON_TOKEN"),
    )
    question = host.run(launch).question
    assert question is not None
    assert question.question == "is *** right?"


def test_after_an_adoption_the_end_of_the_output_is_left_out(supervisor: FakeSupervisor, host: Host) -> None:
    go = supervisor.cwd / "go"
    os.mkfifo(go)
    launch = launched(
        supervisor,
        host,
        'echo "token=$TOKEN"; read line < go; exit 5',
        "import os, sys\nprint('token=' + os.environ['TOKEN'])\nopen('go').read()\nsys.exit(5)\n",
        secrets=secret(command=f"echo {CANARY}"),
        validate={"command": "true"},
    )
    ended = _over_a_kill(supervisor, host, launch, go)
    assert ended.exit_code == 5
    assert CANARY not in ended.tail
    assert "left out" in ended.tail
    assert CANARY in supervisor.out(launch)


def test_after_an_adoption_validation_has_them_again(supervisor: FakeSupervisor, host: Host) -> None:
    go = supervisor.cwd / "go"
    os.mkfifo(go)
    launch = launched(
        supervisor,
        host,
        'read line < go; echo "\\"$TOKEN\\"" > "$ORCH_RESULT"',
        "open('go').read()\n",
        secrets=secret(env="DAEMON_TOKEN"),
        validate={"command": 'echo "wrong: $TOKEN" && test "$TOKEN" = canary-4f1d9b && exit 9'},
    )
    ended = _over_a_kill(supervisor, host, launch, go)
    if "python" in host.worker:
        assert ended.invalid == "the validation command exited with 9: wrong: ***"
    else:
        assert "holds the value of a secret" in ended.result_fault


def _over_a_kill(supervisor: FakeSupervisor, host: Host, launch: Launch, go: Path) -> AttemptEnded:
    from orch_actors.protocol.hostwire import StartAttempt

    host.send(StartAttempt(launch=launch))
    supervisor.pid(launch)
    host.kill()
    successor = supervisor.start_host(host.worker)
    successor.adopt(launch)
    successor.adopted(launch.attempt)
    with open(go, "w") as file:
        file.write("on\n")
    return successor.ended(launch.attempt)


def test_no_log_has_them(supervisor: FakeSupervisor, host: Host) -> None:
    host.run(launched(supervisor, host, secrets=secret(env="DAEMON_TOKEN")))
    host.run(launched(supervisor, host, "exit 3", "exit(3)\n", secrets=secret(command=f"echo {CANARY}; exit 1")))
    host.process.terminate()
    host.process.wait(30)
    logs = [path for path in (supervisor.home / "logs").iterdir() if path.is_file()]
    assert logs
    assert CANARY.encode() not in everywhere(supervisor)


def test_an_attempt_has_what_it_asked_for_and_nothing_else(supervisor: FakeSupervisor, host: Host) -> None:
    launch = launched(
        supervisor,
        host,
        "env",
        "import os\nfor name in os.environ: print(name + '=')\n",
        secrets={"MINE": {"env": "DAEMON_TOKEN"}},
    )
    host.run(launch)
    names = {line.partition("=")[0] for line in supervisor.out(launch).splitlines()}
    assert "MINE" in names
    assert not names & {"DAEMON_TOKEN", "CLAUDE_TOKEN", "TOKEN"}


@pytest.mark.parametrize(
    ("data", "value"),
    [(b"word\n", "word"), (b"word\r\n", "word"), (b"a\nb\n\n", "a\nb\n"), ("grüße".encode(), "grüße")],
)
def test_a_value_is_taken_without_the_newline_at_its_end(data: bytes, value: str) -> None:
    assert checked(data) == value
