r"""`inbox.jsonl`: appended lines. Reads whole ones from where the cursor stands; knows no daemon, nor what they say.

A line without its newline is not read yet. A look at files in which nothing has changed costs two stats: there is no
portable way to be told of an append. (On Linux inotify would be; the standard library does not have it, and what a
library, or ctypes, would save is some tens of stats a second while somebody writes, and two to ten while nobody does.)
"""

import os
import stat
from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice, takewhile
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from orch_actors.actors.courier import cursor as c

#: Longest line; what goes on for longer is a bad one.
MAX_LINE: Final = 16 * 1024 * 1024
_CHUNK: Final = 1024 * 1024


class Line(Struct, frozen=True, kw_only=True):
    """One line, and where it stands."""

    generation: int
    #: Where it begins, in bytes.
    offset: int
    #: Where the next one begins.
    end: int
    data: bytes

    #: When its batch began.
    stamp_utc: float = 0.0

    @property
    def at(self) -> str:
        """Its place, in a word."""
        return f"{self.generation}-{self.offset}"

    @property
    def command_id(self) -> str:
        """A time-ordered UUID, the same whenever the line is read."""
        rest = blake2b(self.at.encode(), digest_size=10).hexdigest()
        return f"{int(self.stamp_utc * 1000):012x}7{rest[:3]}8{rest[3:18]}"


class Reader:
    """Reads one home's inbox. For one process at a time, which holds a lock."""

    def __init__(self, path: str, cursor_path: str) -> None:
        self._path, self._old, self._cursor_path = path, f"{path}.old", cursor_path
        self._cursor = c.load(cursor_path)
        #: How the files looked when nothing was left to read in them.
        self._exhausted: object = None

    def batch(self, most: int, now_utc: float) -> list[Line]:
        """The next lines that were not read, of one file; the file before the present one first.

        What was begun before a restart comes again first, as it was. On disk before it is returned; `passed` must
        follow, before the next.
        """
        looks = (_stamp(self._path), _stamp(self._old))
        if looks == self._exhausted:
            return []
        self._look()
        for path, which in ((self._old, self._cursor.before), (self._path, self._cursor.present)):
            if which is None:
                continue
            found = _lines_of(path, which)
            if which.offset < which.until:
                lines = list(takewhile(lambda line, until=which.until: line.offset < until, found))  # type: ignore[misc]
            else:
                lines = list(islice(found, most))
                if lines:
                    which = replace(which, until=lines[-1].end, stamp_utc=now_utc)  # noqa: PLW2901
                    self._put(which)
                    self.save()
            if lines:
                return [replace(line, stamp_utc=which.stamp_utc) for line in lines]
        self._exhausted = looks
        return []

    def passed(self, lines: list[Line]) -> None:
        """The batch is dealt with. Saved with the next one, or by `save`."""
        for place in (self._cursor.before, self._cursor.present):
            if place is not None and place.generation == lines[-1].generation:
                self._put(replace(place, offset=lines[-1].end))

    def _put(self, place: c.Place) -> None:
        before = self._cursor.before
        if before is not None and before.generation == place.generation:
            self._cursor = replace(self._cursor, before=place)
        else:
            self._cursor = replace(self._cursor, present=place)

    def save(self) -> None:
        """Remember how far it came."""
        c.save(self._cursor_path, self._cursor)

    def rotate(self, most_bytes: int) -> None:
        """Put a file that is large, and read to its end, aside; appenders make the next one.

        Who had it open may still append: it is read on until the next rotation.
        """
        place = self._cursor.present
        if place is None or place.offset < most_bytes:
            return
        found = _look_at(self._path)
        if found is not None and found[0] == place.inode and found[1] == place.offset:
            os.replace(self._path, self._old)
            self._cursor = c.Cursor(present=None, before=place)
            self.save()

    def _look(self) -> None:
        """Find out which file is there now."""
        found = _look_at(self._path)
        if found is None:
            return
        inode, size, head = found
        present, before = self._cursor.present, self._cursor.before
        if present is not None and c.is_same(present, inode, size, head):
            if present.head is None and head is not None:
                self._cursor = replace(self._cursor, present=replace(present, head=head))
            return
        if present is not None:
            moved = _look_at(self._old)  # we died between moving it and saving that
            before = present if moved is not None and moved[0] == present.inode else before
        known = [place.generation for place in (present, before) if place is not None]
        fresh = c.Place(generation=max(known, default=0) + 1, inode=inode, head=head)
        self._cursor = c.Cursor(present=fresh, before=before)
        self.save()


def _lines_of(path: str, place: c.Place) -> Iterator[Line]:
    """Whole lines of a file, after what was read of it."""
    found = _open(path)
    if found is None:
        return
    with open(found, "rb", buffering=0) as file:
        if os.fstat(found).st_ino != place.inode:
            return  # exchanged just now: the next look says what it is
        at, held = place.offset, bytearray()
        file.seek(at)
        while chunk := file.read(_CHUNK):
            held += chunk
            *whole, rest = held.split(b"\n")
            for data in whole:
                yield Line(generation=place.generation, offset=at, end=at + len(data) + 1, data=bytes(data))
                at += len(data) + 1
            held = bytearray(rest)
            if len(held) > MAX_LINE:  # a bad one, and so is what follows of it
                yield Line(generation=place.generation, offset=at, end=at + len(held), data=bytes(held))
                at += len(held)
                held.clear()


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _open(path: str) -> int | None:
    """Open it, if it is a file.

    Raises:
        OSError: it is a link, or somebody else's: whoever writes it has commands carried out.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    found = os.fstat(fd)
    if stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid():
        return fd
    os.close(fd)
    if stat.S_ISREG(found.st_mode):
        raise PermissionError(f"{path} belongs to user {found.st_uid}, whose lines are not carried out")
    return None


def _look_at(path: str) -> tuple[int, int, int | None] | None:
    """Inode, size and head of the file; None: there is none."""
    fd = _open(path)
    if fd is None:
        return None
    with open(fd, "rb", buffering=0) as file:
        found = os.fstat(fd)
        return found.st_ino, found.st_size, c.head_of(file.read(4096))
