"""How far `inbox.jsonl` was read, over restarts, and over files that take its place.

A file is known by its inode and its first line. A new one in its place (rotated by us, or put there by somebody) is the
next generation, and is read from its beginning; the one before is read to its end first, where we moved it.

A line's command id is made of generation, offset, and the time at which its batch began (the daemon knows by that
time which ids are too old to be known). Batch and time are on disk before its first line is carried out, so lines that
are read again after a crash have the ids that they had, and nothing is carried out twice.
"""

import zlib
from typing import Final

import msgspec
from msgspec import Struct

from orch_actors.actors.courier import whole

#: Of the first line, that makes its checksum.
_HEAD: Final = 256


class Place(Struct, frozen=True, kw_only=True):
    """How far one file was read."""

    generation: int
    inode: int
    #: Checksum of the first line's beginning; None: no whole line was seen yet.
    head: int | None = None
    offset: int = 0
    #: The lines up to here belong to a batch that was begun at this time, seconds since the epoch.
    until: int = 0
    stamp_utc: float = 0.0


class Cursor(Struct, frozen=True, kw_only=True):
    """The file's present place, and that of the one before it, while that is still read."""

    present: Place | None = None
    before: Place | None = None


def load(path: str) -> Cursor:
    """The cursor as it was saved; a fresh one where there is none, or where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(), type=Cursor)
    except (FileNotFoundError, msgspec.DecodeError):
        return Cursor()


def save(path: str, cursor: Cursor) -> None:
    """Put it on disk, whole or not at all."""
    whole.put(path, msgspec.json.encode(cursor), synced=True)


def head_of(data: bytes) -> int | None:
    """What tells a file by its beginning; None: its first line is not whole yet."""
    line, newline, _ = data[:_HEAD].partition(b"\n")
    return zlib.crc32(line) if newline or len(data) >= _HEAD else None


def is_same(place: Place, inode: int, size: int, head: int | None) -> bool:
    """Whether the file that is there is the one that was read so far."""
    return place.inode == inode and size >= place.offset and (place.head is None or place.head == head)
