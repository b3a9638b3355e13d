"""Warm Python processes: one zygote per interpreter and start-up environment, from which attempts are forked.

Starting an interpreter costs 20 ms and more, a fork 1 ms. The zygote (runner/runner.py, standard library alone) is
started when first needed and ends when its socket does, that is, with the host. It gets each job as JSON, with the
attempt's locked record and its two output files as descriptors. From then on the attempt's life does not depend on
it: the record's lock is in the message, then in the zygote, then in the forked keeper, without a gap. A zygote that
dies with a job in flight drops the lock, and whoever waits for that finds a record without a pid line: never ran.

Variables that an interpreter reads as it starts (PYTHONPATH, LANG, LD_LIBRARY_PATH, …) cannot be set later, so each
set of them has its own zygote: a warm start must not differ from a cold one.
"""

import array
import json
import os
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Final

from orch_actors.actors.host import logbook
from orch_actors.actors.host.adapters.plans import RunnerPlan
from orch_actors.actors.host.children import Children
from orch_actors.actors.host.place import CannotSpawn
from orch_actors.actors.host.record import Paths
from orch_actors.actors.host.runner import RUNNER
from orch_actors.actors.host.unnamed import unnamed_file

#: An interpreter that has not said hello by then is none.
_HELLO_PATIENCE_S: Final = 30.0

#: Zygotes kept; beyond that the one unused for longest goes. Each takes about 10 MB.
_MOST: Final = 8

#: How often a job is offered to a new zygote when the old one turns out to be dead.
_TRIES: Final = 3

#: What takes effect while an interpreter starts, or is read once per process.
_START_UP_PREFIXES: Final = ("PYTHON", "LC_", "LD_", "DYLD_", "MALLOC_", "GLIBC_")
_START_UP_NAMES: Final = frozenset({"LANG", "LANGUAGE", "TZ", "HOME", "PATH"})

#: A zygote's own cookie has room for an attempt's: a forked process keeps the environment block in which the sweep
#: looks, so the keeper writes the attempt's cookie over this (runner.py, `mark`).
_COOKIE_ROOM: Final = {"ORCH_ATTEMPT": "-" * 300}


class _Dead(Exception):
    """The zygote is gone; the job was not taken."""


class Zygote:
    """One warm interpreter. Safe from any thread."""

    def __init__(self, children: Children, interpreter: str, env: Mapping[str, str], log_folder: str) -> None:
        """Start it and wait for its hello.

        Raises:
            CannotSpawn: it does not start, is no Python, or too old; says so.
        """
        self._lock = threading.Lock()
        self._gone = threading.Event()
        self._interpreter = interpreter
        self._socket, theirs = socket.socketpair()
        with theirs, ExitStack() as stack:
            complaints = unnamed_file(log_folder)
            stack.callback(os.close, complaints)
            try:
                self.pid = children.spawn(
                    interpreter,
                    [interpreter, RUNNER],
                    {**env, **_COOKIE_ROOM},
                    [
                        (os.POSIX_SPAWN_DUP2, theirs.fileno(), 3),
                        (os.POSIX_SPAWN_DUP2, complaints, 2),
                        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
                        (os.POSIX_SPAWN_DUP2, 0, 1),
                    ],
                    self._on_exit,
                )
            except OSError as error:
                self._socket.close()
                raise CannotSpawn(f"interpreter {interpreter} cannot be started: {error.strerror or error}") from error
            theirs.close()  # before we wait: only its own copy may keep the connection open
            try:
                self._greet(complaints)
            except CannotSpawn:
                children.kill(self.pid)
                self._socket.close()
                raise
        logbook.info("runner {} for {}", self.pid, interpreter)

    @property
    def alive(self) -> bool:
        """As far as is known."""
        return not self._gone.is_set()

    def submit(self, job: bytes, fds: Sequence[int]) -> None:
        """Hand over a job and its descriptors; the caller still closes its own copies.

        Raises:
            _Dead: it did not get it whole, so it does not begin it.
        """
        with self._lock:
            try:
                self._socket.sendmsg(
                    [len(job).to_bytes(4, "big")],
                    [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))],
                )
                self._socket.sendall(job)
            except OSError as error:
                self._gone.set()
                raise _Dead from error

    def retire(self) -> None:
        """Let it end; what it has forked goes on."""
        with self._lock:
            self._gone.set()
            self._socket.close()

    def _on_exit(self, status: int | None) -> None:
        self._gone.set()
        if status:
            logbook.warning("runner {} for {} ended with status {}", self.pid, self._interpreter, status)

    def _greet(self, complaints: int) -> None:
        self._socket.settimeout(_HELLO_PATIENCE_S)
        try:
            hello = self._socket.recv(64)
        except TimeoutError:
            raise CannotSpawn(
                f"interpreter {self._interpreter} has not answered for {_HELLO_PATIENCE_S:.0f} s: is it Python?"
            ) from None
        except OSError:
            hello = b""
        self._socket.settimeout(None)
        if hello == b"ready\n":
            return
        said = os.pread(complaints, 4096, 0).decode(errors="replace").strip().splitlines()
        reason = said[-1] if said else "it ended without a word"
        raise CannotSpawn(f"interpreter {self._interpreter} does not run as Python 3.8 or newer: {reason}")


class Zygotes:
    """The zygotes of this host, by what they were started with."""

    def __init__(self, children: Children, log_folder: str) -> None:
        self._children = children
        self._log_folder = log_folder
        #: Held while one starts: attempts that come meanwhile want the same one.
        self._lock = threading.Lock()
        #: In the order of last use.
        self._zygotes: dict[tuple[str, frozenset[tuple[str, str]]], Zygote] = {}

    def submit(
        self,
        plan: RunnerPlan,
        *,
        cwd: str,
        env: Mapping[str, str],
        umask: int | None,
        record_fd: int,
        paths: Paths,
    ) -> None:
        """Have a job run. The descriptor stays the caller's to close. `umask` None: the host's own.

        Raises:
            CannotSpawn: there is no such interpreter, or its zygotes die.
            OSError: the output files cannot be opened, or there are no descriptors left.
        """
        mask = None if umask is None else umask & 0o777
        job = json.dumps({**plan.job, "cwd": cwd, "env": dict(env), "umask": mask}).encode()
        append = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with ExitStack() as stack:
            out = os.open(paths.out, append, 0o600)
            stack.callback(os.close, out)
            err = os.open(paths.err, append, 0o600)
            stack.callback(os.close, err)
            for _ in range(_TRIES):
                with suppress(_Dead):
                    self._zygote(plan.interpreter, env).submit(job, (record_fd, out, err))
                    return
        raise CannotSpawn(f"the runner of interpreter {plan.interpreter} keeps ending; see the host's log")

    def _zygote(self, interpreter: str, env: Mapping[str, str]) -> Zygote:
        start_up = {
            name: value for name, value in env.items() if name.startswith(_START_UP_PREFIXES) or name in _START_UP_NAMES
        }
        key = (interpreter, frozenset(start_up.items()))
        with self._lock:
            zygote = self._zygotes.pop(key, None)
            if zygote is None or not zygote.alive:
                zygote = Zygote(self._children, interpreter, start_up, self._log_folder)
            self._zygotes[key] = zygote
            while len(self._zygotes) > _MOST:
                oldest = next(iter(self._zygotes))
                self._zygotes.pop(oldest).retire()
            return zygote
