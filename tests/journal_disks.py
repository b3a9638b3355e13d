"""Disks for the journal under test: one that records and fails on demand, and one that loses what was not synced.

CrashDisk is harsher than real file systems: after a power cut each folder entry that was not synced may be there or
not, independently of the others; of a file's unsynced bytes each sector may be there or be NULs, and its size may
be any in between.
"""

import errno
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from orch_actors.actors.journal.disk import RealDisk

SECTOR = 512


class PowerCut(BaseException):
    """The machine is gone; nothing of ours catches this."""


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

    def rename(self, old: str, new: str) -> None:
        self._note("rename", old, new)
        super().rename(old, new)


@dataclass
class Inode:
    synced: bytes = b""
    now: bytes = b""


class CrashDisk:
    """A file system in memory with one folder. `cut_in` operations from now, the power goes."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.cut_in: int | None = None
        self.operations = 0
        self._durable: dict[str, Inode] = {}
        self._now: dict[str, Inode] = {}
        #: Changes of folder entries since the last sync of the folder.
        self._entries: list[tuple[str, str, str]] = []
        #: Path → what was created there last.
        self._made: dict[str, Inode] = {}
        self._open: dict[int, Inode] = {}
        self._fds = 100
        #: Break it on purpose: these operations do nothing.
        self.skip: set[str] = set()

    # --- Disk -------------------------------------------------------------------------------------------------

    def create(self, path: str) -> int:
        self._tick()
        if path in self._now:
            raise FileExistsError(errno.EEXIST, "exists", path)
        self._now[path] = Inode()
        self._made[path] = self._now[path]
        self._entries.append(("create", path, ""))
        return self._opened(path)

    def open(self, path: str) -> int:
        self._tick()
        if path not in self._now:
            raise FileNotFoundError(errno.ENOENT, "not there", path)
        return self._opened(path)

    def _opened(self, path: str) -> int:
        self._fds += 1
        self._open[self._fds] = self._now[path]
        return self._fds

    def append(self, fd: int, data: bytes) -> None:
        inode = self._open[fd]
        if self._is_cut():  # in the middle of it
            inode.now += data[: self._rng.randint(0, len(data))]
            raise PowerCut
        inode.now += data

    def sync(self, fd: int) -> None:
        self._tick()
        if "sync" not in self.skip:
            self._open[fd].synced = self._open[fd].now

    def sync_folder(self, path: str) -> None:
        self._tick()
        if "sync_folder" not in self.skip:
            self._durable = dict(self._now)
            self._entries.clear()

    def truncate(self, fd: int, size: int) -> None:
        self._tick()
        self._open[fd].now = self._open[fd].now[:size].ljust(size, b"\0")

    def close(self, fd: int) -> None:
        self._tick()
        del self._open[fd]

    def read(self, path: str) -> bytes:
        return self._now[path].now

    def head(self, path: str) -> bytes:
        return self._now[path].now[:65536]

    def size(self, path: str) -> int:
        return len(self._now[path].now)

    def list(self, path: str) -> list[str]:
        return sorted(name.rpartition("/")[2] for name in self._now)

    def rename(self, old: str, new: str) -> None:
        self._tick()
        self._now[new] = self._now.pop(old)
        self._entries.append(("rename", old, new))

    # --- power ------------------------------------------------------------------------------------------------

    def _is_cut(self) -> bool:
        self.operations += 1
        if self.cut_in is None:
            return False
        self.cut_in -= 1
        return self.cut_in < 0

    def _tick(self) -> None:
        if self._is_cut():
            raise PowerCut

    def restart(self) -> None:
        """What is there after the power came back: in any combination that was possible."""
        self.cut_in = None
        self._open.clear()
        found = dict(self._durable)
        for kind, old, new in self._entries:
            if self._rng.random() < 0.5:
                continue
            if kind == "create":
                found[old] = self._made[old]
            elif old in found:
                found[new] = found.pop(old)
        self._entries.clear()
        for inode in {id(inode): inode for inode in found.values()}.values():
            inode.now = inode.synced = self._survivor(inode)
        self._now, self._durable = found, dict(found)

    def _survivor(self, inode: Inode) -> bytes:
        shared = min(len(inode.synced), len(inode.now))
        size = self._rng.randint(shared, max(len(inode.synced), len(inode.now)))
        kept = bytearray(inode.synced[:size] if len(inode.synced) > len(inode.now) else inode.now[:size])
        if len(inode.now) > len(inode.synced):
            for start in range(shared - shared % SECTOR, size, SECTOR):
                if self._rng.random() < 0.4:
                    begin, end = max(start, shared), min(start + SECTOR, size)
                    kept[begin:end] = bytes(end - begin)
        return bytes(kept)


def reseal(line: bytes) -> bytes:
    """A line whose bytes were changed, with a checksum that holds again; without its newline."""
    body = line[: line.rindex(b',"c":"')]
    return body + b',"c":"%08x"}' % zlib.crc32(body)
