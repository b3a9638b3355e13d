"""`status --watch`."""

import json
import os
import pty
import select
import signal
import time

import pytest

from .conftest import PROGRAM, say_go
from .graphs import UNTIL_GO, ended, submit, task, until


def test_in_json_a_line_for_each_change(shared, tmp_path):
    os.mkfifo(tmp_path / "go")
    graph = submit(shared, task("a", UNTIL_GO, cwd=str(tmp_path)), task("b", "true", "a"))
    until(shared, graph, a="running")
    watching = shared.start("status", graph, "--watch", "--json")
    first = json.loads(watching.stdout.readline())
    assert (first["id"], first["counts"]) == (graph, {"pending": 1, "running": 1})
    say_go(tmp_path / "go")
    while json.loads(watching.stdout.readline())["state"] != "done":
        pass
    watching.send_signal(signal.SIGINT)
    out, err = watching.communicate(timeout=20)
    assert (watching.returncode, err) == (130, b""), out


def test_in_a_pipe_text_below_text(shared):
    watching = shared.start("status", "--watch")
    assert b"orch-actors is up" in watching.stdout.readline()
    graph = submit(shared, task("a"), name="seen-by-the-watcher")
    ended(shared, graph)
    while b"seen-by-the-watcher" not in watching.stdout.readline():
        pass
    watching.send_signal(signal.SIGINT)
    _out, err = watching.communicate(timeout=20)
    assert (watching.returncode, err) == (130, b"")


def test_it_goes_on_over_a_dead_daemon(cli):
    graph = submit(cli, task("a", approve=True))
    watching = cli.start("status", graph, "--watch", "--json")
    first = json.loads(watching.stdout.readline())
    cli.kill_daemon()
    cli("up")
    cli("decide", first["tasks"][0]["decision"], "approve")
    while json.loads(watching.stdout.readline())["state"] != "done":
        pass
    watching.send_signal(signal.SIGINT)
    watching.communicate(timeout=20)
    assert watching.returncode == 130


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, cli, *words):
        self.text = ""
        self._ended = None
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            environment = {**cli.env, "TERM": "xterm"}
            del environment["NO_COLOR"]
            os.execve(PROGRAM, [PROGRAM, *words], environment)

    def read_until(self, what):
        deadline = time.monotonic() + 30
        while what not in self.text:
            assert time.monotonic() < deadline, self.text
            self._read()

    def end(self, number):
        """Send a signal; the exit code."""
        os.kill(self.pid, number)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self._read():
            pass
        self._ended = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self._fd)
        return self._ended

    def kill(self):
        """What a test that failed left running."""
        if self._ended is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self._fd)

    def _read(self):
        if select.select([self._fd], [], [], 0.1)[0]:
            try:
                self.text += os.read(self._fd, 65536).decode(errors="replace")
            except OSError:
                return False
        return True


@pytest.fixture
def terminal(shared):
    made = []

    def start(*words):
        made.append(Terminal(shared, *words))
        return made[-1]

    yield start
    for each in made:
        each.kill()


def test_on_a_terminal_it_is_drawn_over(shared, terminal):
    graph = submit(shared, task("a", approve=True), task("b", "true", "a"))
    watching = terminal("status", graph, "--watch")
    watching.read_until("waits for decision")
    ref = shared("decisions", graph, "--json").json[0]["ref"]
    assert ref in watching.text
    shared("decide", ref, "approve")
    watching.read_until("2 done")
    assert watching.end(signal.SIGINT) == 130
    assert watching.text.index("\x1b[?25l") < watching.text.index("\x1b[?25h")
    # What was seen last stays on the screen.
    assert "2 done" in watching.text.rsplit("\x1b[?25h", 1)[1]


def test_a_term_leaves_the_terminal_tidy(terminal):
    watching = terminal("status", "--watch")
    watching.read_until("orch-actors is up")
    assert watching.end(signal.SIGTERM) == 143
    assert "\x1b[?25h" in watching.text


def test_wrong(shared):
    assert shared("status", "g999", "--watch", "--json", code=4).error["code"] == "UNKNOWN_GRAPH"
    assert "takes a graph" in shared("status", "g1/a", "--watch", code=2).err


@pytest.mark.parametrize("verb", ["status", "events", "logs", "run"])
def test_who_follows_leaves_with_the_reader_although_nothing_happens(shared, tmp_path, verb):
    """`| head -1` must not wait for the next change, which may be hours away."""
    os.mkfifo(tmp_path / "go")
    graph = submit(shared, task("a", f"echo out; {UNTIL_GO}", cwd=str(tmp_path)))
    until(shared, graph, a="running")
    words = {
        "status": ("status", graph, "--watch"),
        "events": ("events", "--graph", graph, "--follow"),
        "logs": ("logs", "-f", graph),
        "run": ("run", "--", "sleep", "71"),
    }[verb]
    following = shared.start(*words)
    line = following.stdout.readline()
    assert line
    while verb in ("events", "run") and b"running" not in line:  # all that there is to be told for now
        line = following.stdout.readline()
    following.stdout.close()
    assert following.wait(20) == 141
    assert following.stderr.read() == b""
    if verb != "run":
        say_go(tmp_path / "go")
        ended(shared, graph)
    for each in shared("status", "--json").json["graphs"]:
        if each["state"] == "running":
            shared("cancel", each["id"])
