"""Opening a journal: what is valid, what is cut, what is refused.

D is the highest watermark `y` in any line whose crc holds: everything up to D was on disk once and may have been
acknowledged. What is broken after D, at the end of the last segment, was never promised to anybody: a copy is
kept and it is cut off. Anything broken at or before D, or in an older segment, means that something promised is
lost: the daemon refuses to start, and says where.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from orch_actors.actors.journal.disk import Disk
from orch_actors.actors.journal.record import (
    CHAIN_START,
    FORMAT_VERSION,
    Damaged,
    Header,
    Line,
    decode_header,
    decode_line,
)
from orch_actors.protocol.errors import EnvironmentFault

SEGMENT_SUFFIX = ".jsonl"


def segment_name(number: int) -> str:
    """File name of the segment with this number, from 1."""
    return f"{number:08d}{SEGMENT_SUFFIX}"


class JournalCorrupt(EnvironmentFault):
    """Something that was promised cannot be read."""

    def __init__(self, path: str, line: int, what: str) -> None:
        super().__init__(
            f"the journal is damaged at {path}, line {line}: {what}",
            "nothing was changed; restore the file from a copy, or set the folder aside and start a new one",
        )
        self.path = path
        self.line = line


class JournalTooNew(EnvironmentFault):
    """A newer version wrote it."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path} was written by a newer orch-actors: {what}", "install that version or a newer one")


@dataclass(frozen=True, slots=True)
class Opened:
    """A journal that was read through: what to go on from."""

    header: Header
    lines: tuple[Line, ...]
    #: Number of the last segment, its path and how many bytes of it are valid.
    segment: int
    path: str
    size: int
    #: Sequence and crc of the last valid line.
    last: int
    crc: str
    #: Bytes after that: to be kept apart and cut off.
    torn: bytes


def _split(data: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """(offset, line, whether its newline is there) for each line."""
    offset = 0
    while offset < len(data):
        end = data.find(b"\n", offset)
        if end < 0:
            yield offset, data[offset:], False
            return
        yield offset, data[offset:end], True
        offset = end + 1


def _watermark(data: bytes) -> int:
    """The highest watermark in any whole line, broken ones in between or not."""
    highest = 0
    for _, raw, whole in _split(data):
        if whole:
            try:
                highest = max(highest, decode_line(raw)[0].y)
            except Damaged:
                continue
    return highest


def open_journal(disk: Disk, folder: str) -> Opened | None:
    """Read all segments and check every line; None where there is no journal yet.

    Changes nothing on disk: cutting the torn tail is the writer's first act.

    Raises:
        JournalCorrupt: a promised line is broken or missing.
        JournalTooNew: a line or segment of a later version.
    """
    names = [name for name in disk.list(folder) if name.endswith(SEGMENT_SUFFIX) and name[:8].isdigit()]
    if not names:
        return None
    lines: list[Line] = []
    crc, last, header = CHAIN_START, 0, None
    size, torn, path = 0, b"", ""
    for position, name in enumerate(names):
        path = os.path.join(folder, name)
        newest = position == len(names) - 1
        data = disk.read(path)
        reader = _SegmentReader(path, data, crc, last, header, newest=newest)
        reader.read(lines)
        if reader.header is None:  # a newest segment whose creation was cut short: it never held anything
            if position == 0:
                return None
            return _before_empty(disk, folder, names, lines, crc, last, header, data)
        header, crc, last, size, torn = reader.header, reader.crc, reader.last, reader.size, data[reader.size :]
    if header is None:
        return None
    return Opened(header, tuple(lines), int(names[-1][:8]), path, size, last, crc, torn)


def _before_empty(
    disk: Disk,
    folder: str,
    names: list[str],
    lines: list[Line],
    crc: str,
    last: int,
    header: Header | None,
    data: bytes,
) -> Opened | None:
    if header is None:
        return None
    path = os.path.join(folder, names[-2])
    return Opened(header, tuple(lines), int(names[-2][:8]), path, len(disk.read(path)), last, crc, data)


class _SegmentReader:
    """Walks one segment, carrying the chain on from the one before."""

    def __init__(self, path: str, data: bytes, crc: str, last: int, before: Header | None, *, newest: bool) -> None:
        self.path, self.data, self.crc, self.last, self.newest = path, data, crc, last, newest
        self.before = before
        self.header: Header | None = None
        self.size = 0

    def read(self, into: list[Line]) -> None:
        """Append the valid lines; stop at a tail that may be cut."""
        for number, (offset, raw, whole) in enumerate(_split(self.data), start=1):
            try:
                if not whole:
                    raise Damaged("the line is not whole")
                if self.header is None:
                    self._take_header(raw)
                else:
                    into.append(self._take_line(raw))
            except Damaged as damage:
                self._may_be_cut(number, offset, damage)
                return
            self.size = offset + len(raw) + 1
        if self.header is None and not self.newest:
            raise JournalCorrupt(self.path, 1, "the segment is empty, and not the newest")

    def _take_header(self, raw: bytes) -> None:
        header, crc = decode_header(raw)
        if header.orch_journal > FORMAT_VERSION:
            raise JournalTooNew(self.path, f"its format is {header.orch_journal}, this version knows {FORMAT_VERSION}")
        if self.before is not None and header.id != self.before.id:
            raise JournalCorrupt(self.path, 1, f"it belongs to journal {header.id}, not {self.before.id}")
        if self.before is not None and (header.prev != self.crc or header.first != self.last + 1):
            raise JournalCorrupt(self.path, 1, "it does not follow on the segment before")
        self.header, self.crc, self.last = header, crc, header.first - 1

    def _take_line(self, raw: bytes) -> Line:
        line, crc = decode_line(raw)
        if line.s != self.last + 1 or line.p != self.crc:
            raise Damaged(f"sequence {line.s} does not follow on {self.last}: lines were lost or moved")
        if line.t not in ("command", "outcome"):
            raise JournalTooNew(self.path, f"sequence {line.s} is of type {line.t!r}")
        self.crc, self.last = crc, line.s
        return line

    def _may_be_cut(self, number: int, offset: int, damage: Damaged) -> None:
        """Return if everything from here on was never promised."""
        if not self.newest:
            raise JournalCorrupt(self.path, number, str(damage))
        promised = _watermark(self.data)
        if promised > self.last or (self.header is None and promised):
            raise JournalCorrupt(
                self.path, number, f"{damage}; sequence {self.last + 1} was on disk once (up to {promised} was)"
            )
        del offset
