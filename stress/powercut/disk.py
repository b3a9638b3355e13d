"""A file system in memory that loses what was not synced: the journal's Disk, for when the power goes.

Theory of operation. A file is the list of its contents since its last sync: the first is on the medium, the last is
what is read. When the power goes, each sector (512 bytes, written whole or not at all) becomes that of any of these
contents, independently of every other sector; the size becomes any between the smallest and the largest; a sector
that never was on the medium may also hold what lay there before, which is NULs or anything. A folder is what its
last sync left and the changes since: each change (create, rename, remove) may be on the medium or not, independently
of the others; a rename may have made its new name and not yet removed the old one. So a synced file may be gone with
the entry that names it, and an entry may name a file without its bytes. A folder's own entry stands in its parent.

That is harsher than real file systems, which order some of this: a journal that survives here needs none of that
order. What it takes for granted, as the journal does: a sector that was synced is not harmed by a neighbour that is
being written, and a flush is honoured.

A sync that fails (`fail_sync_in`) is as on Linux: the pages that were not written count as clean from then on, are
read as if they were there, and no later sync writes them. `capacity` makes it full. `lies` makes it skip operations
in silence, to see that whoever looks would find out.

The idea is that of SQLite's test VFS and of ALICE (Pillai and others, OSDI 2014).
"""

import errno
import posixpath
import random
from collections.abc import Callable, Iterator
from typing import Final, Literal, TypeVar

from msgspec import Struct

from orch_actors.actors.journal.disk import HEAD_BYTES

SECTOR: Final = 512

#: How likely a change that was not synced is on the medium all the same: chosen anew for each cut, so that
#: "everything", "nothing" and every mixture come up.
_LUCK: Final = (0.0, 0.1, 0.5, 0.9, 1.0)

T = TypeVar("T")


class PowerCut(BaseException):
    """The machine is gone; nothing of ours catches this."""


class File:
    """A file's contents since it was last synced."""

    def __init__(self) -> None:
        #: Oldest first, at least one. The first is on the medium, the last is what is read.
        self.contents = [b""]
        #: Sector → what the cache has there and takes for written, although a failed sync did not write it.
        self.unwritten: dict[int, bytes] = {}

    @property
    def now(self) -> bytes:
        """What is read."""
        return self.contents[-1]

    def change(self, content: bytes) -> None:
        """It has this content from now on; not on the medium yet."""
        self.contents.append(content)

    def overwrite(self, offset: int, data: bytes) -> None:
        """A change in place: its sectors will be written, whatever was taken for written before."""
        self.change(self.now[:offset] + data + self.now[offset + len(data) :])
        for sector in range(offset // SECTOR, _sectors(self.now[: offset + len(data)])):
            self.unwritten.pop(sector, None)

    def sync(self) -> None:
        """All of it is on the medium, but for what an earlier, failed sync has made the cache forget."""
        medium = bytearray(self.now)
        for sector, cached in list(self.unwritten.items()):
            if _sector(self.now, sector) != cached:
                del self.unwritten[sector]  # it was changed since, and so is written now
                continue
            begin = sector * SECTOR
            size = max(0, min(SECTOR, len(medium) - begin))
            medium[begin : begin + size] = _sector(self.contents[0], sector)[:size]
        self.contents = [bytes(medium)] if medium == self.now else [bytes(medium), self.now]

    def sync_in_vain(self, rng: random.Random) -> None:
        """A sync that fails: of what was to be written some was, and all counts as clean."""
        before, now = self.contents[0], self.now
        for sector in range(_sectors(now)):
            if _sector(before, sector) != _sector(now, sector) and rng.random() < 0.7:
                self.unwritten[sector] = _sector(now, sector)
        self.sync()

    def settle(self, rng: random.Random, luck: float) -> None:
        """The power goes: it has any content that the medium may have."""
        if len(self.contents) > 1:
            self.contents = [self._survivor(rng, luck)]
        self.unwritten.clear()

    def _survivor(self, rng: random.Random, luck: float) -> bytes:
        sizes = [len(content) for content in self.contents]
        size = sizes[-1] if rng.random() < luck else rng.choice([*sizes, rng.randint(min(sizes), max(sizes))])
        kept = bytearray()
        for sector in range(-(-size // SECTOR)):
            possible = list(dict.fromkeys(_sector(content, sector) for content in self.contents))
            new = sector * SECTOR >= sizes[0]
            if self.unwritten.get(sector) == possible[-1]:
                kept += possible[0]  # nothing will ever write it
            elif len(possible) == 1 or rng.random() < luck:
                kept += possible[-1]
            elif new and rng.random() < 0.2:
                kept += rng.randbytes(SECTOR)  # what the medium had there before
            else:
                kept += rng.choice(possible[:-1])
        return bytes(kept[:size])


def _sector(content: bytes, number: int) -> bytes:
    """A sector of a file; NULs beyond its end."""
    return content[number * SECTOR : (number + 1) * SECTOR].ljust(SECTOR, b"\0")


def _sectors(content: bytes) -> int:
    return -(-len(content) // SECTOR)


class Change(Struct, frozen=True):
    """A change of a folder's entries: `node` is at `name` from now on (None: nothing is), and at `gone` no more."""

    name: str
    node: "File | Folder | None"
    gone: str = ""


class Folder:
    """A folder's entries."""

    def __init__(self) -> None:
        self.synced: dict[str, File | Folder] = {}
        self.now: dict[str, File | Folder] = {}
        #: Since the last sync, oldest first.
        self.changes: list[Change] = []

    def change(self, change: Change) -> None:
        """Do it; not on the medium yet."""
        _apply(self.now, change)
        self.changes.append(change)

    def sync(self) -> None:
        """All entries are on the medium."""
        self.synced = dict(self.now)
        self.changes.clear()

    def settle(self, rng: random.Random, luck: float) -> None:
        """The power goes: it has any entries that the medium may have, and so has everything in it."""
        found = dict(self.synced)
        for change in self.changes:
            if rng.random() >= luck:
                continue
            halfway = change.gone and rng.random() < 0.3
            _apply(found, Change(change.name, change.node) if halfway else change)
        self.synced, self.now = found, dict(found)
        self.changes.clear()
        for node in {id(node): node for node in found.values()}.values():
            node.settle(rng, luck)

    def files(self) -> Iterator[File]:
        """Every file in it and below."""
        for node in self.now.values():
            if isinstance(node, File):
                yield node
            else:
                yield from node.files()


def _nothing() -> None:
    """What an operation that lies does."""


def _apply(entries: dict[str, File | Folder], change: Change) -> None:
    if change.gone:
        entries.pop(change.gone, None)
    if change.node is None:
        entries.pop(change.name, None)
    else:
        entries[change.name] = change.node


class CrashDisk:
    """See the module. Implements the journal's Disk; paths are absolute, the root folder is always there."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._root = Folder()
        self._open: dict[int, File] = {}
        self._fds = 100
        self._off = False
        #: Operations that were asked for so far.
        self.operations = 0
        #: The power goes in the operation after so many more; None: it does not.
        self.cut_in: int | None = None
        #: The operation in which it went.
        self.cut_at = ""
        #: The sync of a file after so many more fails with EIO; None: none does.
        self.fail_sync_in: int | None = None
        self.failed_syncs = 0
        #: Bytes that all files together may have; None: any number.
        self.capacity: int | None = None
        #: Operations that do nothing and say that they did.
        self.lies: set[Literal["sync", "sync_folder"]] = set()

    # --- Disk -----------------------------------------------------------------------------------------------------

    def create(self, path: str) -> int:
        """See Disk."""
        folder, name = self._folder_of(path)
        if name in folder.now:
            raise FileExistsError(errno.EEXIST, "File exists", path)
        file = File()
        self._do("create", lambda: folder.change(Change(name, file)))
        return self._opened(file)

    def open(self, path: str) -> int:
        """See Disk."""
        return self._do("open", lambda: self._opened(self._file(path)))

    def append(self, fd: int, data: bytes) -> None:
        """See Disk. In a power cut, and where the disk is full, a part of `data` has got into the file."""
        file = self._opened_as(fd)
        free = len(data) if self.capacity is None else self._free()
        if self._is_cut("append"):
            file.change(file.now + data[: self._rng.randint(0, min(len(data), max(free, 0)))])
            raise PowerCut
        if free < len(data):
            file.change(file.now + data[: max(free, 0)])
            raise OSError(errno.ENOSPC, "No space left on device")
        file.change(file.now + data)

    def overwrite(self, path: str, offset: int, data: bytes) -> None:
        """See Disk."""
        file = self._file(path)
        self._do("overwrite", lambda: file.overwrite(offset, data))

    def sync(self, fd: int) -> None:
        """See Disk."""
        file = self._opened_as(fd)
        if self.fail_sync_in is not None:
            self.fail_sync_in -= 1
            if self.fail_sync_in < 0:
                self.fail_sync_in = None
                self.failed_syncs += 1
                self._do("sync", lambda: file.sync_in_vain(self._rng))
                raise OSError(errno.EIO, "Input/output error")
        self._do("sync", file.sync if "sync" not in self.lies else _nothing)

    def sync_folder(self, path: str) -> None:
        """See Disk."""
        folder = self._folder(path)
        self._do("sync of a folder", folder.sync if "sync_folder" not in self.lies else _nothing)

    def truncate(self, fd: int, size: int) -> None:
        """See Disk."""
        file = self._opened_as(fd)
        self._do("truncate", lambda: file.change(file.now[:size].ljust(size, b"\0")))

    def is_linked(self, fd: int) -> bool:
        """See Disk. Nobody else removes anything here."""
        self._opened_as(fd)
        return True

    def close(self, fd: int) -> None:
        """See Disk."""
        self._opened_as(fd)
        self._do("close", lambda: self._open.pop(fd))

    def read(self, path: str) -> bytes:
        """See Disk."""
        return self._file(path).now

    def head(self, path: str) -> bytes:
        """See Disk."""
        return self._file(path).now[:HEAD_BYTES]

    def size(self, path: str) -> int:
        """See Disk."""
        return len(self._file(path).now)

    def list(self, path: str) -> list[str]:
        """See Disk."""
        return sorted(self._folder(path).now)

    def rename(self, old: str, new: str) -> None:
        """See Disk. Both in one folder."""
        folder, name = self._folder_of(old)
        target, new_name = self._folder_of(new)
        if target is not folder:
            raise OSError(errno.EXDEV, "this disk renames within one folder", new)
        node = self._node(folder, name, old)
        self._do("rename", lambda: folder.change(Change(new_name, node, gone=name)))

    def remove(self, path: str) -> None:
        """See Disk."""
        folder, name = self._folder_of(path)
        self._node(folder, name, path)
        self._do("remove", lambda: folder.change(Change(name, None)))

    def room(self, path: str) -> int:
        """See Disk."""
        self._folder(path)
        return 1 << 60 if self.capacity is None else max(0, self._free())

    def reserve(self, fd: int, size: int) -> bool:
        """See Disk. Nobody else writes to this disk."""
        self._opened_as(fd)
        return size >= 0

    def make_folder(self, path: str) -> None:
        """Make a folder, where there is none; its entry is its parent's to sync."""
        parent, name = self._folder_of(path)
        if name not in parent.now:
            self._do("make folder", lambda: parent.change(Change(name, Folder())))

    def used(self) -> int:
        """Bytes that all files together have."""
        return sum(len(one.now) for one in self._root.files())

    # --- what may happen to it ------------------------------------------------------------------------------------

    def kill(self) -> None:
        """The process is gone, the machine is not: nothing is lost, and nothing more is synced."""
        self._open.clear()

    def restart(self) -> None:
        """The power went, and is back: there is what may be there."""
        self._off, self.cut_in, self.fail_sync_in = False, None, None
        self._open.clear()
        self._root.settle(self._rng, self._rng.choice(_LUCK))

    # --- inside ---------------------------------------------------------------------------------------------------

    def _free(self) -> int:
        assert self.capacity is not None  # noqa: S101 (whoever asks has looked)
        return self.capacity - self.used()

    def _is_cut(self, what: str) -> bool:
        if self._off:
            raise PowerCut
        self.operations += 1
        if self.cut_in is not None:
            self.cut_in -= 1
            self._off = self.cut_in < 0
            self.cut_at = what if self._off else ""
        return self._off

    def _do(self, what: str, operation: Callable[[], T]) -> T:
        """Carry an operation out, unless the power goes: then it was done or not, and nobody learns of it."""
        if self._is_cut(what):
            if self._rng.random() < 0.5:
                operation()
            raise PowerCut
        return operation()

    def _opened(self, file: File) -> int:
        self._fds += 1
        self._open[self._fds] = file
        return self._fds

    def _opened_as(self, fd: int) -> File:
        if self._off:
            raise PowerCut
        if fd not in self._open:
            raise OSError(errno.EBADF, "Bad file descriptor")
        return self._open[fd]

    def _folder(self, path: str) -> Folder:
        found = self._root
        for name in path.strip("/").split("/") if path.strip("/") else ():
            node = self._node(found, name, path)
            if not isinstance(node, Folder):
                raise NotADirectoryError(errno.ENOTDIR, "Not a directory", path)
            found = node
        return found

    def _folder_of(self, path: str) -> tuple[Folder, str]:
        folder, name = posixpath.split(path)
        return self._folder(folder), name

    def _file(self, path: str) -> File:
        folder, name = self._folder_of(path)
        node = self._node(folder, name, path)
        if not isinstance(node, File):
            raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
        return node

    @staticmethod
    def _node(folder: Folder, name: str, path: str) -> File | Folder:
        if name not in folder.now:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return folder.now[name]
