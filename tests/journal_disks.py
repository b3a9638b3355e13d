"""A disk for the journal under test that records, and fails on demand. One that loses what was not synced is in
stress/powercut/disk.py.
"""

import errno
import zlib
from collections.abc import Callable

from orch_actors.actors.journal.disk import RealDisk


class FaultyDisk(RealDisk):
    """The real one, with a list of what was done, and a fault at a chosen call."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.on: dict[str, Callable[..., None]] = {}

    def fail(self, what: str, code: int = errno.EIO) -> None:
        """From now on every `what` fails."""

        def fault(*_: object) -> None:
            raise OSError(code, "injected")

        self.on[what] = fault

    def _note(self, what: str, *arguments: object) -> None:
        if what in self.on:
            self.on[what](*arguments)
        self.done.append(what)

    def create(self, path: str) -> int:
        self._note("create", path)
        return super().create(path)

    def append(self, fd: int, data: bytes) -> None:
        self._note("append", fd, data)
        super().append(fd, data)

    def overwrite(self, path: str, offset: int, data: bytes) -> None:
        self._note("overwrite", path, offset, data)
        super().overwrite(path, offset, data)

    def sync(self, fd: int) -> None:
        self._note("sync", fd)
        super().sync(fd)

    def sync_folder(self, path: str) -> None:
        self._note("sync_folder", path)
        super().sync_folder(path)

    def truncate(self, fd: int, size: int) -> None:
        self._note("truncate", fd, size)
        super().truncate(fd, size)

    def close(self, fd: int) -> None:
        self._note("close", fd)
        super().close(fd)

    def remove(self, path: str) -> None:
        self._note("remove", path)
        super().remove(path)

    def rename(self, old: str, new: str) -> None:
        self._note("rename", old, new)
        super().rename(old, new)


def reseal(line: bytes) -> bytes:
    """A line whose bytes were changed, with a checksum that holds again; without its newline."""
    body = line[: line.rindex(b',"c":"')]
    return body + b',"c":"%08x"}' % zlib.crc32(body)
