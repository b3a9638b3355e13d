"""`logs`."""

import os
import pty
import select
import subprocess
from pathlib import Path

import pytest

from .conftest import PROGRAM, say_go
from .graphs import submit, task

SCRIPT = "printf 'out\\377\\n'; printf 'err\\033[31m\\n' >&2"


@pytest.fixture(scope="module")
def graph(shared):
    view = shared(
        "run",
        "--json",
        "--retry",
        "2",
        "--",
        "sh",
        "-c",
        SCRIPT + "; echo x >> $0; test $(wc -l < $0) = 2",
        shared.home + "/count",
        code=0,
    ).json
    return view["id"]


def test_bytes_as_they_are(shared, graph):
    ran = shared("logs", f"{graph}/sh")
    assert ran.raw == b"out\xff\n"
    assert ran.err == "err\x1b[31m\n"
    assert shared("logs", graph).raw == b"out\xff\n"  # its only task


def test_one_stream(shared, graph):
    assert shared("logs", graph, "--stdout").err == ""
    ran = shared("logs", graph, "--stderr")
    assert (ran.raw, ran.err) == (b"err\x1b[31m\n", "")


def test_what_the_validation_wrote(shared):
    graph = submit(shared, task("a", "echo out", validate={"command": "echo one; echo two >&2; exit 1"}), task("b"))
    shared("wait", graph, code=1)
    assert shared("logs", f"{graph}/a", "--validation").raw == b"one\ntwo\n"
    assert shared("logs", f"{graph}/a", "--validation", "--tail", "1").raw == b"two\n"
    assert shared("logs", f"{graph}/a", "--validation", "--json").json["streams"]["validation"]["text"] == "one\ntwo\n"
    assert shared("logs", f"{graph}/a").raw == b"out\n"
    assert shared("logs", f"{graph}/b", "--validation").raw == b""
    assert "instead" in shared("logs", f"{graph}/a", "--validation", "--stderr", code=2).err


def test_attempts(shared, graph):
    assert shared("logs", graph, "--attempt", "1").raw == b"out\xff\n"
    assert shared("logs", f"{graph}/sh/2").raw == b"out\xff\n"
    assert shared("logs", graph, "--attempt", "3", "--json", code=4).error["code"] == "UNKNOWN_ATTEMPT"
    assert "from 1" in shared("logs", graph, "--attempt", "0", code=2).err


def test_json(shared, graph):
    found = shared("logs", graph, "--json").json
    assert set(found) == {"graph", "task", "attempt", "ended", "streams"}
    assert (found["graph"], found["task"], found["attempt"], found["ended"]) == (graph, "sh", 2, True)
    assert found["streams"]["stdout"]["text"] == "out\ufffd\n"
    assert found["streams"]["stderr"]["text"] == "err\x1b[31m\n"
    assert Path(found["streams"]["stdout"]["path"]).read_bytes() == b"out\xff\n"
    assert list(shared("logs", graph, "--json", "--stderr").json["streams"]) == ["stderr"]


def test_tail(shared):
    graph = shared("run", "--json", "--", "seq", "100000").json["id"]
    assert shared("logs", graph, "--tail", "2").raw == b"99999\n100000\n"
    assert shared("logs", graph, "--tail", "0").raw == b""
    whole = shared("logs", graph).raw
    assert whole == b"".join(b"%d\n" % number for number in range(1, 100001))
    assert shared("logs", graph, "-n", "100001").raw == whole


def test_follow(cli):
    for name in ("go1", "go2"):
        os.mkfifo(os.path.join(cli.home, name))
    script = "echo first; read x < go1; echo second; read x < go2; echo last"
    graph = cli("submit", "--json", "--", "sh", "-c", script, cwd=cli.home).json["graph"]
    process = cli.start("logs", graph, "-f")
    assert process.stdout.readline() == b"first\n"
    for name, line in (("go1", b"second\n"), ("go2", b"last\n")):
        say_go(os.path.join(cli.home, name))
        assert process.stdout.readline() == line
    assert process.communicate(timeout=20) == (b"", b"")
    assert process.returncode == 0


def test_follow_waits_for_the_attempt(cli, write):
    os.mkfifo(os.path.join(cli.home, "go"))
    path = write(
        "name: x\ntasks:\n"
        f"  - {{id: a, command: 'read x < {cli.home}/go'}}\n"
        "  - {id: b, command: 'echo now', depends_on: [a]}\n"
        "  - {id: c, command: 'false', depends_on: [a]}\n"
        "  - {id: d, command: 'true', depends_on: [c]}\n"
    )
    graph = cli("submit", "--json", path).json["graph"]
    assert cli("logs", f"{graph}/b", "--json", code=4).error["code"] == "UNKNOWN_ATTEMPT"
    runs, never = cli.start("logs", f"{graph}/b", "-f", "--json"), cli.start("logs", f"{graph}/d", "-f", "--json")
    say_go(os.path.join(cli.home, "go"))
    out, _ = runs.communicate(timeout=20)
    assert runs.returncode == 0
    assert b'"stream":"stdout","offset":0,"text":"now\\n"' in out
    out, _ = never.communicate(timeout=20)
    assert never.returncode == 4
    assert b"UNKNOWN_ATTEMPT" in out


def test_a_terminal_is_not_harmed(shared, graph):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(PROGRAM, [PROGRAM, "logs", graph], shared.env)
    out = b""
    while select.select([terminal], [], [], 20)[0]:
        try:
            out += os.read(terminal, 65536)
        except OSError:
            break
    os.waitpid(pid, 0)
    os.close(terminal)
    assert out.replace(b"\r\n", b"\n") == b"out\\xff\nerr\\x1b[31m\n"


def test_a_reader_that_goes(shared):
    graph = shared("run", "--json", "--", "seq", "300000").json["id"]
    for words in (["logs", graph], ["events", "--json"], ["status"]):
        process = subprocess.Popen([PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=shared.env)
        process.stdout.close()
        err = process.stderr.read()
        process.stderr.close()
        assert (process.wait(20), err) == (141, b"")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk(shared, graph, unbuffered):
    env = {**shared.env, "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "wb") as full:
        ran = subprocess.run([PROGRAM, "status"], stdout=full, stderr=subprocess.PIPE, env=env, check=False)
    assert ran.returncode == 111
    assert ran.stderr == b"error: No space left on device\n"


def test_wrong(shared, graph):
    assert shared("logs", f"{graph}/nope", "--json", code=4).error["code"] == "UNKNOWN_TASK"
    assert shared("logs", "g999/x", "--json", code=4).error["code"] == "UNKNOWN_GRAPH"
    assert shared("logs", code=2).err
    assert shared("logs", f"{graph}/", code=2).err
    two = shared(
        "submit",
        "-",
        "--json",
        text='{"name": "n", "tasks": [{"id": "a", "command": "true"}, {"id": "b", "command": "true"}]}',
    )
    ran = shared("logs", two.json["graph"], code=2)
    assert "has 2 tasks: a, b" in ran.err
