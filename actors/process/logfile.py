"""A log file of bounded size; and this process's stderr, which goes along with it.

Whoever starts a daemon gives it the log as its stdout and stderr. When the file is rotated, those would go on into the
old one, which is renamed, later deleted, and from then on read by nobody and bounded by nothing. So each time the log
is opened, descriptors that were on the old file are put on the new one. A stderr that is something else (a terminal, a
service manager's journal) stays what it is.

Must not know: loguru is the caller's to import; here is only what it is told.
"""

import os
import stat
from contextlib import suppress
from typing import Any, Final

#: Sizes of one file, and how many older ones are kept beside it.
BYTES: Final = 5_000_000
OLDER: Final = 3


class LogFile:
    """What a rotated log needs to be told; `options` are keyword arguments of `logger.add(path, …)`."""

    def __init__(self, *, take_stderr: bool = False, most_bytes: int = BYTES) -> None:
        """`take_stderr`: from the first opening on, whatever it was before; otherwise only where it is the log."""
        self._take = take_stderr
        self._most_bytes = most_bytes

    def options(self) -> dict[str, Any]:
        """Rotation, retention, and how the file is opened."""
        return {"rotation": self._most_bytes, "retention": OLDER, "opener": self._open}

    def _open(self, path: str, flags: int) -> int:
        """As `open` calls it, the first time and after each rotation."""
        fd = os.open(path, flags | os.O_CLOEXEC, 0o600)
        for ours in (1, 2):
            if self._take or _is_log(ours, path):
                os.dup2(fd, ours)
        return fd


def _is_log(fd: int, path: str) -> bool:
    """Whether a descriptor is on the log: on the file itself, or on one that was it before the rotation."""
    with suppress(OSError):
        found, folder = os.fstat(fd), os.path.dirname(path)
        if not stat.S_ISREG(found.st_mode):
            return False
        stem = os.path.splitext(os.path.basename(path))[0]
        for name in os.listdir(folder):
            if name.startswith(stem) and os.path.samestat(os.stat(os.path.join(folder, name)), found):
                return True
    return False
