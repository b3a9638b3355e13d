"""Opening a journal: what is valid, what is cut, what is refused.

D is the highest watermark `y` in any line whose crc holds: everything up to D was on disk once and may have been
acknowledged. What is broken after D, at the end of the last segment, was never promised to anybody: a copy is
kept and it is cut off. Anything broken at or before D, or in an older segment, means that something promised is
lost: the daemon refuses to start, and says where. (What D cannot tell from a torn write is damage to the very
last batch, since no later line vouches for it; its copy is kept like any other.)

What is whole after D may be read and yet not be on disk: a sync that fails leaves its pages in the cache, marked as
written, and no later sync writes them. So the writer's first act is to write that part again, the same bytes in the
same place, before anything is built on it. (Rejected: a fresh segment for it. Until that is on disk the old one must
stay, and a journal whose lines stand in two places needs rules of its own.)

A segment's header is on disk before its first record is written, so a newest segment without a whole header and
without a record never held anything: its creation was cut short, and it is put aside. What is in it may be a part of
the header, NULs, or what the disk had there before.
"""

import os
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from orch_actors.actors.journal.disk import Readable
from orch_actors.actors.journal.record import (
    CHAIN_START,
    RECORD_START,
    Damaged,
    Line,
    Unfamiliar,
    decode_header,
    decode_line,
)
from orch_actors.protocol.errors import EnvironmentFault

SEGMENT_SUFFIX = ".jsonl"
#: A segment that is larger than this has held more than a header.
HEADER_MOST_BYTES = 512
_SEGMENT_NAME = re.compile(r"[0-9]{8}\.jsonl")


def segment_name(number: int) -> str:
    """File name of the segment with this number, from 1."""
    return f"{number:08d}{SEGMENT_SUFFIX}"


def segment_names(names: list[str]) -> list[str]:
    """Those of a folder's names that are segments, oldest first."""
    return sorted(name for name in names if _SEGMENT_NAME.fullmatch(name))


class JournalCorrupt(EnvironmentFault):
    """Something that was promised cannot be read."""

    def __init__(self, path: str, line: int, sequence: int, what: str) -> None:
        super().__init__(
            f"the journal is damaged at {path}, line {line}, sequence {sequence}: {what}",
            "nothing was changed; restore the file from a copy, or set the folder aside and start a new one",
        )
        self.path = path
        self.line = line
        #: The first that cannot be read.
        self.sequence = sequence


class JournalTooNew(EnvironmentFault):
    """A newer version wrote it."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path} was written by a newer orch-actors: {what}", "install that version or a newer one")


@dataclass(frozen=True, slots=True)
class Opened:
    """A journal that was read through: what to go on from. With no segment at all, `segment` is 0."""

    lines: tuple[Line, ...] = ()
    #: Journal id.
    id: str = ""
    #: Number of the last segment, its path and how many bytes of it are valid.
    segment: int = 0
    path: str = ""
    size: int = 0
    #: Sequence and crc of the last valid line.
    last: int = 0
    crc: str = CHAIN_START
    #: The end of those bytes, for which no later line vouches: they may never have got further than the page cache.
    unproven: bytes = b""
    #: Bytes after that: to be kept apart and cut off.
    torn: bytes = b""
    #: Path of a newest segment whose creation was cut short: to be put aside. What is in it is in `torn`.
    half_made: str = ""


def open_journal(disk: Readable, folder: str) -> Opened:
    """Read all segments and check every line.

    Changes nothing on disk: putting things aside and cutting the torn tail is the writer's first act.

    Raises:
        JournalCorrupt: a promised line is broken or missing.
        JournalTooNew: a line or segment of a later version.
    """
    names = segment_names(disk.list(folder))
    lines: list[Line] = []
    reader: _SegmentReader | None = None
    torn, half_made, segment = b"", "", 0
    for name in names:
        path = os.path.join(folder, name)
        data = disk.read(path)
        newest = name == names[-1]
        if newest and _is_half_made(data) and int(name[:8]) == segment + 1:
            torn, half_made = data, path
            break
        reader = _SegmentReader(path, data, reader, newest=newest)
        reader.read(lines)
        segment = int(name[:8])
        torn = data[reader.size :]
    if reader is None:
        return Opened(torn=torn, half_made=half_made)
    return Opened(
        lines=tuple(lines),
        id=reader.id,
        segment=segment,
        path=reader.path,
        size=reader.size,
        unproven=reader.data[reader.proven : reader.size],
        last=reader.last,
        crc=reader.crc,
        torn=torn,
        half_made=half_made,
    )


def _is_half_made(data: bytes) -> bool:
    """Whether no record was ever in it, and its header is not whole."""
    if RECORD_START.search(data) is not None:
        return False
    header, newline, _ = data.partition(b"\n")
    if not newline:
        return True
    if len(data) > HEADER_MOST_BYTES:
        return False
    try:
        decode_header(header)
    except Damaged:
        return True
    except Unfamiliar:
        return False
    return False


def _split(data: bytes) -> Iterator[tuple[bytes, bool]]:
    """Each line without its newline, and whether that is there."""
    offset = 0
    while offset < len(data):
        end = data.find(b"\n", offset)
        if end < 0:
            yield data[offset:], False
            return
        yield data[offset:end], True
        offset = end + 1


def _watermark(data: bytes) -> int:
    """The highest watermark in any line whose crc holds, also in one that broken bytes have run into."""
    highest = 0
    for raw, _ in _split(data):
        starts = (found.start() for found in RECORD_START.finditer(raw))
        for start in starts:
            try:
                highest = max(highest, decode_line(raw[start:])[0].y)
            except (Damaged, Unfamiliar):
                continue
            break
    return highest


class _SegmentReader:
    """Walks one segment, carrying the chain on from the one before."""

    def __init__(self, path: str, data: bytes, before: "_SegmentReader | None", *, newest: bool) -> None:
        self.path, self.data, self.newest = path, data, newest
        self.crc: str = before.crc if before else CHAIN_START
        self.last: int = before.last if before else 0
        self.id: str = before.id if before else ""
        self.size = 0
        #: How many bytes are on disk for sure, since a later line says so.
        self.proven = 0
        #: (sequence, end) of the lines after that.
        self._unproven: deque[tuple[int, int]] = deque()

    def read(self, into: list[Line]) -> None:
        """Append the valid lines; stop at a tail that may be cut."""
        if not self.data:
            raise self._corrupt(1, "the segment is empty")
        for number, (raw, whole) in enumerate(_split(self.data), start=1):
            try:
                if not whole:
                    raise Damaged("the line is not whole")
                if number == 1:
                    self._take_header(raw)
                else:
                    into.append(self._take_line(raw))
            except Damaged as damage:
                self._must_be_cuttable(number, damage)
                return
            self.size += len(raw) + 1
            if number > 1 and self.newest:
                self._prove(into[-1])

    def _prove(self, line: Line) -> None:
        """What a line says of those before it."""
        while self._unproven and self._unproven[0][0] <= line.y:
            _, self.proven = self._unproven.popleft()
        self._unproven.append((line.s, self.size))

    def _take_header(self, raw: bytes) -> None:
        try:
            header, crc = decode_header(raw)
        except Unfamiliar as error:
            if RECORD_START.match(raw):
                raise self._corrupt(1, "the segment's header is missing") from error
            raise JournalTooNew(self.path, str(error)) from error
        if self.id and header.id != self.id:
            raise self._corrupt(1, f"it belongs to journal {header.id}, not {self.id}")
        if header.prev != self.crc or header.first != self.last + 1:
            raise self._corrupt(1, f"it goes on from sequence {header.first - 1}, not from {self.last}")
        self.id, self.crc = header.id, crc

    def _take_line(self, raw: bytes) -> Line:
        try:
            line, crc = decode_line(raw)
        except Unfamiliar as error:
            raise JournalTooNew(self.path, f"after sequence {self.last}, {error}") from error
        if line.s != self.last + 1 or line.p != self.crc:
            raise Damaged(f"sequence {line.s} does not follow on {self.last}: lines were lost or moved")
        if line.t not in ("command", "outcome"):
            raise JournalTooNew(self.path, f"sequence {line.s} is of type {line.t!r}")
        self.crc, self.last = crc, line.s
        return line

    def _must_be_cuttable(self, number: int, damage: Damaged) -> None:
        """Return if everything from here on was never promised."""
        if not self.newest or number == 1:
            raise self._corrupt(number, str(damage))
        promised = _watermark(self.data)
        if promised > self.last:
            raise self._corrupt(number, f"{damage}; it was on disk once (up to {promised} was)")

    def _corrupt(self, number: int, what: str) -> JournalCorrupt:
        return JournalCorrupt(self.path, number, self.last + 1, what)
