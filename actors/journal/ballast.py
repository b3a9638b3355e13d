"""The ballast: room on the journal's disk that is taken in good days, and given up when there is none.

A full disk must not keep the daemon from writing down what the world does: a running task that exits, a timer. So a
file of some MiB lies in the journal's folder, on the same disk by construction. When an append finds no room, the
ballast is removed and its room goes to the journal (`Disk.reserve`), before whoever filled the disk takes that, too.
While it is missing, the daemon takes no new work (`Journal.full`).

It holds random bytes: file systems that compress would keep zeros for nothing. It is made again only when twice its
size is free, so that the room which it proves is not the last, and not at every start: a whole one is left alone.

Rejected: a segment that is allocated ahead instead, which no append could outgrow: not every file system can, and a
cut of the segment at each start would give that room away, just when it is needed.
"""

import errno
import os
from contextlib import suppress
from typing import Final

from orch_actors.actors.journal.disk import Disk

#: Bytes. About six thousand ends of tasks.
BALLAST_BYTES: Final = 4 * 1024 * 1024

BALLAST_NAME: Final = "ballast"

_PIECE_BYTES: Final = 1024 * 1024

_LEAST_RESERVED: Final = 4096


class Ballast:
    """See the module. Not thread-safe; the journal's."""

    def __init__(self, disk: Disk, folder: str, size: int) -> None:
        self._disk, self._folder, self.size = disk, folder, size
        self._path = os.path.join(folder, BALLAST_NAME)
        #: Why it could not be made, in the system's words.
        self.missing = ""

    def make(self) -> bool:
        """Make it, unless it is there; whether it is. One of no size always is."""
        if not self.size:
            return True
        try:
            if self._is_whole():
                return True
            if self._disk.room(self._folder) < 2 * self.size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._write()
        except OSError as error:
            self.missing = error.strerror or str(error)
            self._remove()
            return False
        return True

    def give_up(self, fd: int | None = None) -> None:
        """Remove it; what it held goes to the file `fd`, as far as may be."""
        self._remove()
        if fd is not None:
            self.reserve(fd)

    def reserve(self, fd: int) -> None:
        """Take for the file `fd` what room there is, up to the size of the ballast."""
        size = self.size
        while size >= _LEAST_RESERVED and not self._disk.reserve(fd, size):
            size //= 2

    def _is_whole(self) -> bool:
        return BALLAST_NAME in self._disk.list(self._folder) and self._disk.size(self._path) == self.size

    def _write(self) -> None:
        self._remove()  # what a daemon that died in the middle of it left
        fd = self._disk.create(self._path)
        try:
            piece = os.urandom(min(_PIECE_BYTES, self.size))
            for start in range(0, self.size, _PIECE_BYTES):
                self._disk.append(fd, piece[: self.size - start])
            self._disk.sync(fd)
        finally:
            self._disk.close(fd)

    def _remove(self) -> None:
        with suppress(OSError):  # it is not there; or it cannot be helped
            self._disk.remove(self._path)
