"""What the courier cannot do at present, as a file for whoever asks what is wrong (`doctor`): a log is read by few.

Written anew whenever a trouble comes, changes or goes, whole or not at all; it is not synced, as a new courier begins
with none. A file that cannot be written is no trouble of its own: the log has it all.
"""

import os
import threading
import time
from contextlib import suppress
from typing import Final

import msgspec
from msgspec import Struct

from orch_actors.actors.courier import whole

#: Most that are named; a broken disk breaks everything.
_MOST: Final = 100


class Trouble(Struct, frozen=True, kw_only=True):
    """One thing that does not work."""

    #: "callback mail", "files of g1".
    of: str
    fault: str
    #: Since when it has not worked, seconds since the epoch; and how often it was tried.
    since_utc: float
    tries: int = 1


class Troubles:
    """See the module. From any thread."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._found: dict[str, Trouble] = {}
        self._write()

    def tell(self, of: str, fault: str) -> None:
        """It did not work, once more."""
        with self._lock:
            before = self._found.get(of)
            if before is None and len(self._found) >= _MOST:
                return
            since_utc, tries = (time.time(), 0) if before is None else (before.since_utc, before.tries)
            self._found[of] = Trouble(of=of, fault=fault, since_utc=since_utc, tries=tries + 1)
            self._write()

    def over(self, of: str) -> None:
        """It works, or is not wanted any more."""
        if of in self._found:
            with self._lock:
                if self._found.pop(of, None) is not None:
                    self._write()

    def _write(self) -> None:
        with suppress(OSError):
            whole.put(self._path, msgspec.json.encode(list(self._found.values())), synced=False)


def troubles_of(path: str) -> list[Trouble]:
    """What a courier that runs has written down.

    Raises:
        OSError, ValueError: there is no such file, or it is none of ours.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(fd, "rb") as file:
        return msgspec.json.decode(file.read(), type=list[Trouble])
