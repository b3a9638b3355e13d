"""Real daemons for tests: start one on a home with a short path, break it on purpose, and leave nothing behind."""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import zmq

from orch_actors.protocol import codec, messages
from orch_actors.protocol.client import Client
from orch_actors.protocol.homes import Home
from orch_actors.protocol.ids import new_id

DEADLINE_S = 30.0


def eventually(condition, why=""):
    """The first true value of `condition`."""
    until = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        assert time.monotonic() < until, f"not within {DEADLINE_S} s: {why or condition}"
        time.sleep(0.005)
    return found


def alive(pid):
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1] not in b"ZX"
    except OSError:
        return False


class Daemon:
    """One daemon process. `prelude` is Python that runs in it first, to break something; `within`: around it."""

    def __init__(self, home, prelude="", within=(), more=()):
        read, write = os.pipe()
        arguments = ["--home", home, "--ready-fd", str(write), *more]
        program = ["-m", "orch_actors.actors", *arguments]
        if prelude:
            code = f"{prelude}\nimport runpy\nrunpy.run_module('orch_actors.actors', run_name='__main__')"
            program = ["-c", code, *arguments]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the daemon)
        self.process = subprocess.Popen(
            [*within, sys.executable, *program], pass_fds=[write], stdin=subprocess.DEVNULL, stderr=self._errors
        )
        os.close(write)
        self._ready = read
        self.pid = self.process.pid
        self._said = None

    def said(self):
        """What it told its starter; {} if it went without a word."""
        if self._said is None:
            until, text = time.monotonic() + DEADLINE_S, b""
            while not text.endswith(b"\n"):
                readable, _, _ = select.select([self._ready], [], [], max(0, until - time.monotonic()))
                assert readable, f"the daemon says nothing: {self.errors()}"
                piece = os.read(self._ready, 65536)
                if not piece:
                    break
                text += piece
            self._said = json.loads(text or b"{}")
        return self._said

    def ready(self):
        """Itself, once it serves."""
        assert self.said() == {"pid": self.pid}, (self.said(), self.errors())
        return self

    def errors(self):
        """Its stderr so far."""
        self._errors.seek(0)
        return self._errors.read().decode()

    def hosts(self):
        """Pids of its living children."""
        found = []
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                found += [int(pid) for pid in (task / "children").read_text().split()]
        return [pid for pid in found if alive(pid)]

    def wait(self):
        """Its exit code."""
        code = self.process.wait(DEADLINE_S)
        self._errors.seek(0)
        return code

    def kill(self):
        self.process.kill()
        return self.wait()

    def term(self):
        self.process.terminate()
        return self.wait()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._ready)
        self._errors.close()


class Place:
    """A home and the daemons on it."""

    #: A command around each daemon.
    within = ()

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="oa-", dir="/tmp")
        self.home = Home(self.path)
        self._daemons = []
        self.context = zmq.Context()

    def start(self, prelude="", more=()):
        self._daemons.append(Daemon(self.home.path, prelude, self.within, more))
        return self._daemons[-1]

    def client(self, **options):
        return Client(self.home.path, **({"timeout_s": DEADLINE_S} | options))

    def ask(self, body, patience_s=DEADLINE_S, try_s=1.0):
        """Send these bytes over fresh sockets until there is an answer that is none of `try again`; its bytes."""
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            with self.context.socket(zmq.DEALER) as socket:
                socket.linger, socket.immediate = 0, 1
                socket.connect(self.home.commands)
                if not socket.poll(try_s * 1000, zmq.POLLOUT):
                    continue
                with contextlib.suppress(zmq.Again):
                    socket.send(body, zmq.NOBLOCK)
                    if socket.poll(try_s * 1000):
                        reply = socket.recv()
                        error = codec.REPLY.decode(reply).error
                        if error is None or not error.retriable:
                            return reply
        return None

    def segments(self):
        return [Path(self.home.journal) / name for name in sorted(os.listdir(self.home.journal)) if name[0].isdigit()]

    def processes(self):
        """Those that name the home in their arguments or environment."""
        needle, found = os.fsencode(self.path), []
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid() and alive(name):
                with contextlib.suppress(OSError):
                    text = Path(f"/proc/{name}/cmdline").read_bytes() + Path(f"/proc/{name}/environ").read_bytes()
                    if needle in text:
                        found.append(int(name))
        return found

    def close(self):
        for daemon in self._daemons:
            daemon.close()
        self.context.term()
        try:
            eventually(lambda: not self.processes(), "hosts and attempts are gone")
        finally:
            for pid in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self.path, ignore_errors=True)


def command(do, client="c", command_id=None):
    """A command's id and bytes."""
    request = messages.Request(id=command_id or new_id(), client=client, do=do)
    return request.id, codec.encode(request, "json")


def one_task(name, line="true", **options):
    """A graph of one shell task."""
    return messages.SubmitGraph(graph={"name": name, "tasks": [{"id": "t", "command": line, **options}]})
