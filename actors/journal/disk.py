"""The journal's view of a file system: the one place that calls write, fdatasync, truncate and rename for it.

A seam for tests as well: a file system that loses what was not synced stands in for this class there.
Unbuffered descriptors only; Python's file objects would keep bytes back.
"""

import fcntl
import os
import sys
from typing import Protocol

#: More than a segment's first line has.
HEAD_BYTES = 64 * 1024

#: fallocate(2): FALLOC_FL_KEEP_SIZE.
_KEEP_SIZE = 1


class Readable(Protocol):
    """What reading a journal needs of a file system. Errors are OSError."""

    def read(self, path: str) -> bytes:
        """All of a file."""

    def head(self, path: str) -> bytes:
        """The first bytes of a file, as many as a segment's first line can have."""

    def size(self, path: str) -> int:
        """How many bytes a file has."""

    def list(self, path: str) -> list[str]:
        """Names in a folder, sorted."""


class Disk(Readable, Protocol):
    """What the journal needs of a file system. Errors are OSError."""

    def create(self, path: str) -> int:
        """Create a file that must not exist, for appending; returns a descriptor."""

    def open(self, path: str) -> int:
        """Open an existing file for appending."""

    def append(self, fd: int, data: bytes) -> None:
        """Write all of `data`."""

    def overwrite(self, path: str, offset: int, data: bytes) -> None:
        """Write `data` at `offset`, where bytes are already."""

    def sync(self, fd: int) -> None:
        """Return once data and size are on the medium."""

    def sync_folder(self, path: str) -> None:
        """Return once the folder's entries are on the medium."""

    def truncate(self, fd: int, size: int) -> None:
        """Cut the file to `size` bytes."""

    def is_linked(self, fd: int) -> bool:
        """Whether the file still has a name: one that was removed can be written as ever, and is lost."""

    def close(self, fd: int) -> None:
        """Give the descriptor back."""

    def rename(self, old: str, new: str) -> None:
        """Rename, replacing."""

    def remove(self, path: str) -> None:
        """Remove a file's entry."""

    def room(self, path: str) -> int:
        """How many bytes can still be written to the disk that has this folder."""

    def reserve(self, fd: int, size: int) -> bool:
        """Take room for so many bytes more of the file, which keeps its size; whether that was to be had."""


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]  # a write may take less than it was given


class RealDisk:
    """The operating system's."""

    def create(self, path: str) -> int:
        """See Disk."""
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def open(self, path: str) -> int:
        """See Disk."""
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def append(self, fd: int, data: bytes) -> None:
        """See Disk."""
        _write_all(fd, data)

    def overwrite(self, path: str, offset: int, data: bytes) -> None:
        """See Disk."""
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.lseek(fd, offset, os.SEEK_SET)
            _write_all(fd, data)
        finally:
            os.close(fd)

    def sync(self, fd: int) -> None:
        """See Disk."""
        if sys.platform == "darwin":  # fsync leaves the data in the drive's cache there
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
        else:
            os.fdatasync(fd)

    def sync_folder(self, path: str) -> None:
        """See Disk."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def truncate(self, fd: int, size: int) -> None:
        """See Disk."""
        os.ftruncate(fd, size)

    def is_linked(self, fd: int) -> bool:
        """See Disk."""
        return os.fstat(fd).st_nlink > 0

    def close(self, fd: int) -> None:
        """See Disk."""
        os.close(fd)

    def read(self, path: str) -> bytes:
        """See Disk."""
        with open(path, "rb", buffering=0) as file:
            return file.read()

    def head(self, path: str) -> bytes:
        """See Disk."""
        with open(path, "rb", buffering=0) as file:
            return file.read(HEAD_BYTES)

    def size(self, path: str) -> int:
        """See Disk."""
        return os.stat(path).st_size

    def list(self, path: str) -> list[str]:
        """See Disk."""
        return sorted(os.listdir(path))

    def rename(self, old: str, new: str) -> None:
        """See Disk."""
        os.rename(old, new)

    def remove(self, path: str) -> None:
        """See Disk."""
        os.unlink(path)

    def room(self, path: str) -> int:
        """See Disk."""
        found = os.statvfs(path)
        if found.f_files and not found.f_favail:
            return 0  # blocks are free, and no file can be made to have them
        return found.f_bavail * found.f_frsize

    def reserve(self, fd: int, size: int) -> bool:
        """See Disk. Linux alone: what Python offers (posix_fallocate) would make the file larger, of NULs."""
        if sys.platform != "linux":
            return False
        import ctypes  # noqa: PLC0415 (10 ms, and only where the disk is full)

        fallocate = ctypes.CDLL(None).fallocate
        fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long)
        return bool(fallocate(fd, _KEEP_SIZE, os.fstat(fd).st_size, size) == 0)
