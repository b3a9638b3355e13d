"""`run`."""

import os
import pty
import re
import select
import signal
import time

from .conftest import PROGRAM, eventually, say_go

GRAPH = """
name: demo
tasks:
  - {id: good, command: "echo fine"}
  - {id: bad, command: "echo why >&2; exit 3", depends_on: [good]}
  - {id: after, command: "true", depends_on: [bad]}
"""


def test_good(cli):
    ran = cli("run", "--", "echo", "hi")
    assert re.search(r"^g\w*  echo  1 task$", ran.out, re.MULTILINE)
    assert re.search(r"▶ echo  running$", ran.out, re.MULTILINE)
    assert re.search(r"✓ echo  done  \S+$", ran.out, re.MULTILINE)
    assert re.search(r"✓ done in \S+: 1 done$", ran.out, re.MULTILINE)
    assert "\x1b" not in ran.out


def test_bad(shared, write):
    ran = shared("run", write(GRAPH), code=1)
    assert "✗ bad  failed" in ran.out
    assert "– after  skipped" in ran.out
    summary = ran.out[ran.out.index("failed in") :]
    assert "1 done, 1 failed, 1 skipped" in summary
    assert "exit code 3" in summary
    assert "      | why\n" in summary
    assert ".err\n" in summary
    assert "more: orch-actors status g" in summary


def test_json_is_the_graph(shared, write):
    view = shared("run", write(GRAPH), "--json", code=1).json
    assert {"id", "name", "state", "tasks"} <= set(view)
    assert [task["state"] for task in view["tasks"]] == ["done", "failed", "skipped"]
    assert view == shared("status", view["id"], "--json").json


def test_a_key_that_has_run_already(shared, write):
    path = write(GRAPH)
    first = shared("run", path, "--key", "once", code=1)
    again = shared("run", path, "--key", "once", code=1)
    assert "submitted before" in again.out
    assert (
        again.out.splitlines()[1:] == first.out[first.out.index("failed in") :].splitlines() or "failed in" in again.out
    )
    assert "running" not in again.out


def test_ctrl_c_detaches(cli):
    os.mkfifo(os.path.join(cli.home, "go"))
    process = cli.start("run", "--", "sh", "-c", "read x < go", cwd=cli.home)
    graph = process.stdout.readline().split()[0].decode()
    eventually(lambda: cli("status", graph, "--json").json["tasks"][0]["state"] == "running")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"Traceback" not in out + err
    assert f"detached; {graph} goes on" in err.decode()
    for verb in ("wait", "status", "cancel"):
        assert f"orch-actors {verb} {graph}" in err.decode()
    say_go(os.path.join(cli.home, "go"))
    assert cli("wait", graph, "--timeout", "20s").code == 0


def test_ctrl_c_in_json(cli):
    process = cli.start("run", "--json", "--", "sleep", "64")
    eventually(lambda: process.poll() is not None or _graphs(cli))
    graph = eventually(lambda: _graphs(cli))[0]["id"]
    eventually(lambda: cli("status", graph, "--json").json["tasks"][0]["state"] == "running")
    process.send_signal(signal.SIGINT)
    out, _err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b'"INTERRUPTED"' in out
    assert f"orch-actors wait {graph}".encode() in out


def _graphs(cli):
    ran = cli.attempt("status", "--json")
    return [] if ran.code else ran.json["graphs"]


def test_it_goes_on_over_a_dead_daemon(cli):
    os.mkfifo(os.path.join(cli.home, "go"))
    process = cli.start("run", "--", "sh", "-c", "read x < go; exit 7", cwd=cli.home)
    graph = process.stdout.readline().split()[0].decode()
    eventually(lambda: cli("status", graph, "--json").json["tasks"][0]["state"] == "running")
    cli.kill_daemon()
    cli("up")
    say_go(os.path.join(cli.home, "go"))
    out, err = process.communicate(timeout=30)
    assert process.returncode == 1, (out, err)
    assert b"exit code 7" in out


def test_on_a_terminal_it_is_live(shared, write):
    pid, terminal = pty.fork()
    if pid == 0:
        environment = {**shared.env, "TERM": "xterm"}
        del environment["NO_COLOR"]
        os.execve(PROGRAM, [PROGRAM, "run", write(GRAPH)], environment)
    out = b""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                out += os.read(terminal, 65536)
            except OSError:
                break
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    text = out.decode()
    assert os.waitstatus_to_exitcode(status) == 1, text
    assert "\x1b[?25l" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    assert "1 done, 1 failed, 1 skipped" in text.rsplit("\x1b[?25h", 1)[1]


def test_a_task_that_writes_to_the_terminal(shared):
    graph = '{"name": "x", "tasks": [{"id": "a", "command": "printf \'\\\\033[31m\' >&2; exit 1"}]}'
    ran = shared("run", "-", text=graph, code=1)
    assert "\x1b" not in ran.out + ran.err
