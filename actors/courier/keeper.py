"""The keeper of the courier: starts that process where the settings want one, and another one when it dies.

A courier that dies is followed by another after a wait that doubles, up to half a minute: nothing is lost meanwhile,
since lines stay in their file and events in the journal. It is no worker host: it decides nothing and holds nothing, so
the supervisor need not hear of it.
"""

import subprocess
import sys
import threading
import time
from typing import ClassVar, Final

from loguru import logger

from orch_actors.actors.process.leaving import let_go
from orch_actors.protocol.settings import Settings

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0
#: One that lived so long begins with the first wait again.
_SOUND_S: Final = 60.0
_LEAVES_WITHIN_S: Final = 2.0


class CourierKeeper:
    """Owns the process; its methods may be called by one thread at a time."""

    #: What the process is, but for its home, and the event after which what is new begins.
    program: ClassVar[tuple[str, ...]] = (sys.executable, "-P", "-m", "orch_actors.actors.courier")

    def __init__(self, home: str) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        #: None: nothing is to be served, whatever is wanted.
        self._settings: Settings | None = None
        self._since = ""
        #: A graph has callbacks or files.
        self._graphs = False
        #: Whether one is wanted may have changed.
        self._changed = threading.Event()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def configure(self, settings: Settings, since: int | None = None) -> None:
        """Take settings over: one that runs with others is replaced.

        `since`: what is new in them is told of events after this one; None: of those from when the courier is up.
        """
        with self._lock:
            self._since = "" if since is None else str(since)
            before, self._settings = self._settings, settings
            if before is None or _of(before) != _of(settings):
                self._let_go()
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep, name="courier-keeper", daemon=True)
                self._thread.start()
        self._changed.set()

    def wake(self) -> None:
        """A graph needs it: have one from now on. By any thread, at any time, and it never waits."""
        if not self._graphs:
            self._graphs = True
            self._changed.set()

    def stop(self) -> None:
        """Let it go, for good."""
        self._stopped = True
        with self._lock:
            self._settings = None
            self._let_go()
        self._changed.set()
        if self._thread is not None:
            self._thread.join(2 * _LEAVES_WITHIN_S)

    def _let_go(self) -> None:
        """Its stdin's end is the word."""
        process, self._process = self._process, None
        if process is not None:
            let_go(process, _LEAVES_WITHIN_S)

    def _keep(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._stopped:
            self._changed.clear()
            begun_at = time.monotonic()
            try:
                process = self._start()
            except OSError as error:
                logger.error("the courier cannot be started: {}; tried again in {:g} s", error, LONGEST_WAIT_S)
                self._changed.wait(LONGEST_WAIT_S)
                continue
            if process is None:
                self._changed.wait()
                continue
            code = process.wait()
            if process is self._process and not self._stopped:
                wait_s = FIRST_WAIT_S if time.monotonic() - begun_at > _SOUND_S else min(2 * wait_s, LONGEST_WAIT_S)
                logger.warning("the courier ended with code {}; another one starts in {:g} s", code, wait_s)
                self._changed.wait(wait_s)

    def _start(self) -> "subprocess.Popen[bytes] | None":
        """None: none is wanted.

        Raises:
            OSError: it cannot be started.
        """
        with self._lock:
            settings = self._settings
            if settings is None or self._stopped or not (settings.need_courier or self._graphs):
                return None
            self._process = subprocess.Popen(
                [*self.program, self._home, self._since], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd="/"
            )
            return self._process


def _of(settings: Settings) -> tuple[object, object]:
    return settings.callbacks, settings.files
