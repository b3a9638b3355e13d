"""The daemon under a campaign: started, killed, stopped, continued; one at a time, each a child of this process.

Every death that nobody here caused is noted: our processes die when they are killed, and never by themselves.
"""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Final

from orch_actors.cli.daemon.daemon import listener_at
from orch_actors.protocol.environment import outside_attempts
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.homes import Home
from orch_actors.stress.chaos import processes
from orch_actors.stress.chaos.record import HOME, RIG, Log
from orch_actors.stress.rigged.rig import RIGGED

#: What a daemon may take to answer, and to be gone.
UP_S: Final = 60.0
GONE_S: Final = 20.0
LOOK_S: Final = 0.02
#: How often a start is tried that finds the home's lock still held: a dead daemon's child has it from fork to exec.
MOST_TRIES: Final = 5


class Keeper:
    """See the module. Invariant: at most one daemon of ours lives."""

    def __init__(
        self,
        folder: str,
        log: Log,
        may_die: Callable[[int], bool] = lambda _code: False,
        *,
        home: str = "",
        within: tuple[str, ...] = (),
    ) -> None:
        """Nothing is started yet.

        Args:
            folder: the round's.
            log: where deaths are noted.
            may_die: whether a death by itself with this exit code is what is being tried out; by default never.
            home: instead of the one in the folder.
            within: what the daemon's command is begun with.
        """
        self._may_die: Final = may_die
        self._within: Final = within
        self.home: Final = home or os.path.join(folder, HOME)
        self._commands: Final = Home(self.home).commands
        self._rig: Final = os.path.join(folder, RIG)
        self._errors: Final = os.path.join(folder, "daemon.err")
        self._log: Final = log
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = -1

    @property
    def pid(self) -> int:
        """Of the daemon that lives; 0: none."""
        return self._process.pid if self._process is not None else 0

    def begin(self) -> None:
        """Start a daemon; it is not waited for."""
        assert self._process is None  # noqa: S101 (see the class)
        read, write = os.pipe()
        command = [*self._within, *RIGGED, self._rig, "daemon", "--home", self.home, "--ready-fd", str(write)]
        with open(self._errors, "ab") as errors:
            self._process = subprocess.Popen(
                command,
                pass_fds=[write],
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                env=outside_attempts(os.environ),
                start_new_session=True,
            )
        os.close(write)
        self._ready = read

    def up(self) -> None:
        """A daemon lives and answers, whatever was before.

        Raises:
            EnvironmentFault: it does not come up.
        """
        said = b""
        for _ in range(MOST_TRIES):
            if self._process is None:
                self.begin()
            said = self._said()
            if said.startswith(b'{"pid":') or (not said and self._answers()):
                return
            code = self._take_leave()
            if b"another daemon serves" in said:
                continue
            if not self._note_death(code, said):
                break
        raise EnvironmentFault(
            f"the daemon does not come up: {said.decode(errors='replace').strip()}", f"see {self._errors}", 111
        )

    def _answers(self) -> bool:
        """Whether one that has closed its pipe without a word serves all the same."""
        until_at = time.monotonic() + UP_S
        while self._process is not None and self._process.poll() is None and time.monotonic() < until_at:
            if listener_at(self._commands) == self._process.pid:
                return True
            time.sleep(LOOK_S)
        return False

    def kill(self) -> int:
        """`kill -9`, and wait until it is gone. Its pid; 0 where it had died by itself, which is noted."""
        process = self._process
        assert process is not None  # noqa: S101 (there is one between begin and this)
        if (code := process.poll()) is not None:
            self._take_leave()
            self._note_death(code, b"")
            return 0
        process.kill()
        self._take_leave()
        return process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the daemon, where one lives."""
        if self._process is not None:
            self._process.send_signal(number)

    def hosts(self) -> dict[str, int]:
        """Worker type → pid of its host, of those that live."""
        return processes.hosts(self.pid) if self.pid else {}

    def went_by_itself(self) -> bool:
        """Whether the daemon has died and nobody here has killed it; noted, once."""
        if self._process is None or self._process.poll() is None:
            return False
        self._note_death(self._take_leave(), b"")
        return True

    def end(self) -> int:
        """TERM, and its exit code; -9 where that did not help. None lives afterwards."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(GONE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        return self._take_leave()

    def _take_leave(self) -> int:
        assert self._process is not None  # noqa: S101 (callers have one)
        code = self._process.wait(GONE_S)
        self._process = None
        os.close(self._ready)
        return code

    def _note_death(self, code: int, said: bytes) -> bool:
        """Whether it was to be expected."""
        with open(self._errors, "rb") as errors:
            words = errors.read()[-2000:]
        planned = self._may_die(code)
        what = "died as planned" if planned else "died"
        self._log.write({what: "supervisor", "code": code, "words": (said + words).decode(errors="replace")})
        return planned

    def _said(self) -> bytes:
        """Its line; what there is of it where it died; empty after `UP_S`."""
        until_at, line = time.monotonic() + UP_S, b""
        while not line.endswith(b"\n"):
            with contextlib.suppress(InterruptedError):
                left_s = until_at - time.monotonic()
                if left_s <= 0 or not select.select([self._ready], [], [], left_s)[0]:
                    return line
                piece = os.read(self._ready, 65536)
                if not piece:
                    return line
                line += piece
        return line
