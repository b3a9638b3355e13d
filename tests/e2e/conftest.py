"""A home with a short path, the command line as a person starts it, and a check that nothing is left behind."""

import json
import os
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import time
from pathlib import Path

import pytest

PROGRAM = os.path.join(sysconfig.get_path("scripts"), "orch-actors")


class Ran:
    """What a command said and how it ended."""

    def __init__(self, code, out, err):
        self.code, self.raw, self.err = code, out, err

    @property
    def out(self):
        return self.raw.decode(errors="backslashreplace")

    @property
    def json(self):
        return json.loads(self.raw)

    @property
    def lines(self):
        return [json.loads(line) for line in self.raw.splitlines()]

    @property
    def error(self):
        """The error object; exactly the promised fields, and `problems` where a document has some."""
        error = self.json["error"]
        assert set(error) - {"problems"} == {"code", "message", "hint"}
        return error

    def __repr__(self):
        return f"Ran(code={self.code}, out={self.out!r}, err={self.err!r})"


class Cli:
    """The console script, for one home."""

    def __init__(self, home):
        self.home = str(home)
        self._started = []
        self.env = {**os.environ, "ORCH_ACTORS_HOME": self.home, "NO_COLOR": "1", "PYTHONUTF8": "1"}

    def __call__(self, *words, code=0, text=None, cwd=None, **env):
        """Run to its end; the exit code must be `code`."""
        ran = self.attempt(*words, text=text, cwd=cwd, **env)
        assert ran.code == code, ran
        return ran

    def attempt(self, *words, text=None, cwd=None, **env):
        """Run to its end, however that is; no traceback may show."""
        process = self.start(*words, cwd=cwd, **env)
        out, err = process.communicate(None if text is None else text.encode(), timeout=60)
        ran = Ran(process.returncode, out, err.decode(errors="backslashreplace"))
        assert "Traceback" not in ran.out + ran.err, ran
        return ran

    def start(self, *words, cwd=None, **env):
        """Start it, and leave the rest to the test."""
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [PROGRAM, *words], stdin=pipe, stdout=pipe, stderr=pipe, env={**self.env, **env}, cwd=cwd
        )
        self._started.append(process)
        return process

    def end_started(self):
        """End what a test that failed left running."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            for pipe in (process.stdin, process.stdout, process.stderr):
                pipe.close()
            process.wait(10)

    def pid(self):
        """The daemon's."""
        return self("status", "--json").json["supervisor"]["pid"]

    def kill_daemon(self):
        """`kill -9`, and wait until it is gone."""
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not alive(pid))
        return pid


def eventually(condition, within=20.0):
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)
    return found


def alive(pid):
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def open_fifo(path):
    """A writer for a named pipe, once somebody reads it; with a deadline, unlike a plain open."""

    def opened():
        try:
            return os.fdopen(os.open(path, os.O_WRONLY | os.O_NONBLOCK), "w")
        except OSError:
            return None

    return eventually(opened)


def say_go(path):
    """Let go who reads a line from the named pipe."""
    with open_fifo(path) as go:
        go.write("on\n")


def processes_of(home):
    """Processes that name the home in their arguments or environment, and their attempts."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid() or not alive(name):
            continue
        try:
            text = Path(f"/proc/{name}/cmdline").read_bytes() + b"\0" + Path(f"/proc/{name}/environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(str(home)) in text:
            found.append((int(name), text.split(b"\0")[:4]))
    return found


def _new_cli():
    return Cli(tempfile.mkdtemp(prefix="oa-", dir="/tmp"))


def _put_away(cli):
    down = cli.attempt("down", "--kill")
    cli.end_started()
    assert down.code == 0, down
    try:
        eventually(lambda: not processes_of(cli.home), within=10)
    finally:
        left = processes_of(cli.home)
        for pid, _arguments in left:
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(cli.home, ignore_errors=True)
    assert not left


@pytest.fixture
def cli():
    """The command line for a home of the test's own; no daemon runs yet."""
    made = _new_cli()
    yield made
    _put_away(made)


@pytest.fixture(scope="module")
def shared():
    """The command line for a home with a daemon that the tests of a module share."""
    made = _new_cli()
    made("up")
    yield made
    _put_away(made)


@pytest.fixture
def daemon_home(cli):
    """A home with a running daemon; its path."""
    cli("up")
    return cli.home


@pytest.fixture
def write(tmp_path):
    """Write a graph file; its path."""

    def put(text, name="graph.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return put
