"""A daemon to try things on: in a home of its own that nobody else knows, or in one that was named.

What is started here is ended here, by its pid, and looked for afterwards: a run that leaves a process behind is not a
good run. A named home is a person's own: its daemon is started where it does not run, and left as it was found.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

from orch_actors.cli.daemon.daemon import listener, start
from orch_actors.cli.daemon.departure import Departure
from orch_actors.cli.output import note
from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import EnvironmentFault, Refused, Unavailable
from orch_actors.protocol.homes import Home

#: What a daemon may take to go, its tasks ended; and what its processes may take to be gone from the system's list.
STOP_S: Final = 30.0
GONE_S: Final = 10.0
#: What `up` may take, after `kill -9`.
UP_S: Final = 90.0


@contextmanager
def undisturbed() -> Iterator[None]:
    """Signals that end us wait for the end of the block: a daemon half started or half ended would be left behind."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def fresh_folder(prefix: str) -> str:
    """A path for a temporary folder that nobody else will choose; not created yet."""
    return os.path.join(tempfile.gettempdir(), prefix + secrets.token_hex(6))


class TrialDaemon:
    """A running daemon, from `with` to its end.

    Invariant: with a home of its own, nothing of it runs and (unless `keep`) nothing of it is on disk afterwards.
    """

    def __init__(
        self,
        home: str | None = None,
        *,
        keep: bool = False,
        remove_at_end: bool = True,
        settings: str = "",
    ) -> None:
        """Nothing is started yet.

        Args:
            home: a named home, otherwise a fresh one that is removed at the end.
            keep: do not remove it, and say where it is.
            remove_at_end: False: whoever started it removes it later (`remove`).
            settings: the text of its config.toml, in a home of its own.
        """
        self.own: Final = home is None
        self._settings: Final = settings
        self._remove_at_end: Final = remove_at_end
        #: Set by whoever finds that the run failed: then the home stays, to be looked into.
        self.keep = keep
        self.home: Final = Home(home if home is not None else fresh_folder("oas-"))
        self._started = False
        #: Processes that were still there when all should have been gone, after `stop`.
        self.left: tuple[int, ...] = ()

    def __enter__(self) -> Self:
        if listener(self.home) is not None:
            return self
        try:
            with undisturbed():
                if self.own:
                    os.mkdir(self.home.path, 0o700)
                if self.own and self._settings:
                    with open(self.home.config, "w", encoding="utf-8") as file:
                        file.write(self._settings)
                self._started = start(self.home)
        except BaseException:
            self.stop()
            self.remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # An exception is worth a look at the home; ctrl-C is none.
        self.keep = self.keep or isinstance(error, Exception)
        self.stop()
        if self.own and self.keep:
            note(f"the daemon's home was kept: {self.home.path}")

    def client(self, timeout_s: float = 30.0) -> Client:
        """A client of it, patient enough for a restart."""
        return Client(self.home.path, timeout_s=timeout_s)

    @property
    def pid(self) -> int:
        """The supervisor's pid.

        Raises:
            EnvironmentFault: nobody listens, or the system does not tell who.
        """
        pid = listener(self.home)
        if not pid:
            raise EnvironmentFault(f"no daemon listens for {self.home.path}", f"see {self.home.log}", 111)
        return pid

    def kill_supervisor(self) -> int:
        """`kill -9` the supervisor, wait until it is gone, and bring it up again. Returns the pid that died."""
        pid = self.pid
        with Departure(pid) as departure:
            os.kill(pid, signal.SIGKILL)
            if not departure.wait(GONE_S):
                raise EnvironmentFault(f"process {pid} does not die of SIGKILL", "is the disk hanging?", 111)
        self._up()
        return pid

    def _up(self) -> None:
        """As a person would, by the command: a fork of this process, which has threads by now, could hang."""
        command = [*command_line(), "up", "--home", self.home.path, "--json"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=UP_S, check=False)
        if done.returncode != 0:
            said = (done.stdout + done.stderr).decode(errors="replace").strip()
            raise EnvironmentFault(f"the daemon does not come up again: {said}", f"see {self.home.log}", 111)

    def stop(self) -> None:
        """End what was started here, with its tasks; then look whether anything is left. Twice is once."""
        with undisturbed():
            if self._started:
                self._started = False
                self._shut_down()
                if self.own:
                    self.left = self._wait_until_gone()
            self.keep = self.keep or bool(self.left)
            if self.own and not self.keep and self._remove_at_end:
                self.remove()

    def _shut_down(self) -> None:
        pid = listener(self.home)
        if not pid:
            return
        with Departure(pid) as departure:
            try:
                with self.client(STOP_S) as client:
                    client.shutdown(kill=True)
            except (Unavailable, Refused):
                if not departure.wait(0):  # it may have gone before its answer was out
                    os.kill(pid, signal.SIGTERM)
            if not departure.wait(STOP_S):
                os.kill(pid, signal.SIGKILL)
                departure.wait(GONE_S)

    def _wait_until_gone(self) -> tuple[int, ...]:
        until_at = time.monotonic() + GONE_S
        while (left := processes_of(self.home.path)) and time.monotonic() < until_at:
            time.sleep(0.05)
        return left

    def remove(self) -> None:
        """Delete a home of its own, now that nothing runs in it. A named home is never deleted."""
        if self.own:
            shutil.rmtree(self.home.path, ignore_errors=True)
            if not self.home.run.startswith(self.home.path + os.sep):
                shutil.rmtree(self.home.run, ignore_errors=True)


def command_line() -> list[str]:
    """How `orch-actors` is started: the script beside this interpreter, otherwise through the interpreter."""
    script = os.path.join(os.path.dirname(sys.executable), "orch-actors")
    if os.access(script, os.X_OK):
        return [script]
    return [sys.executable, "-c", "import sys; from orch_actors.cli.entry import main; sys.exit(main())"]


def processes_of(home: str) -> tuple[int, ...]:
    """Living processes that have this home in their command line or (where the system shows it) their environment."""
    needle = os.fsencode(home)
    own = {os.getpid(), os.getppid()}
    if sys.platform != "linux":
        listing = subprocess.run(["ps", "-axww", "-o", "pid=,command="], capture_output=True, check=False).stdout
        lines = [line.strip().split(b" ", 1) for line in listing.splitlines() if needle in line]
        return tuple(pid for line in lines if (pid := int(line[0])) not in own)
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return tuple(pid for pid in pids if pid not in own and any(needle in _read(pid, part) for part in _TELLING))


_TELLING: Final = ("cmdline", "environ")


def _read(pid: int, part: str) -> bytes:
    """A file of a process; empty where it is gone, a zombie, or not ours."""
    try:
        with open(f"/proc/{pid}/{part}", "rb") as file:
            return file.read()
    except OSError:
        return b""
