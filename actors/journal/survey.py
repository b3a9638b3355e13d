"""`journal verify`: a journal read from its first byte to its last, with every fault in it, not only the first.

Opening (opening.py) stops at the first fault, since a daemon does; who has to mend a journal wants to know them all,
and how much is whole before and behind each. So this is another reader, which shares with opening only the form of a
line; a test holds that both say the same of every damage. It reads alone: no lock, no change. Beside a daemon that
writes on it is bounded to what is durable: the end of the newest segment, as long as no line vouches for it, may be
half written, and is a tail, not damage.

Theory of operation. One walk over all lines of all segments carries the chain on. A line that does not hold is a fault;
the next one that holds is where the walk goes on, and what is missing between them is counted. D is the highest
watermark in any line that holds (see opening.py): from a first fault in the newest segment whose sequence lies after D
everything is tail, as it was never promised.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from msgspec import Struct, structs

from orch_actors.actors.journal.disk import Readable
from orch_actors.actors.journal.opening import HEADER_MOST_BYTES, numbers_in, segment_name, unbroken
from orch_actors.actors.journal.reading import JournalTooNew
from orch_actors.actors.journal.record import (
    CHAIN_START,
    RECORD_START,
    Damaged,
    Header,
    Line,
    Unfamiliar,
    decode_header,
    decode_line,
)
from orch_actors.actors.journal.snapshots import Chosen, choose

#: Faults that are told one by one; a disk that lies can have millions.
MOST_FAULTS: Final = 100

#: Beside a daemon that writes on, a segment may go between being listed and being read.
_TRIES: Final = 3

Verdict = Literal["whole", "torn", "damaged", "too_new", "none"]


class Fault(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A place that is not as it was written."""

    file: str
    #: From 1; its first byte in the file; how many bytes make no sense. 0, all: a file is missing.
    line: int = 0
    offset: int = 0
    bytes: int = 0
    #: The first sequence that cannot be read there; how many are missing until the next line that holds, if one comes.
    sequence: int
    missing: int | None = None
    #: It holds, and is of a form that this version does not know.
    newer: bool = False
    what: str


class Survey(Struct, frozen=True, kw_only=True):
    """What a journal is like. `verdict`: none, there is no journal; torn, whole but for a tail that was promised to
    nobody; too_new, whole as far as this version can tell.
    """

    folder: str
    verdict: Verdict
    #: The journal's id, empty where no header holds.
    journal: str = ""
    segments: int = 0
    bytes: int = 0
    #: Lines that hold, wherever they stand.
    lines: int = 0
    #: Highest sequence up to which nothing is missing; the highest seen; the highest that was on disk for sure.
    whole_to: int = 0
    highest: int = 0
    durable: int = 0
    #: Bytes of the tail that the next start keeps aside and cuts off.
    torn: int = 0
    #: The snapshot that the next start begins with, empty: none; what is wrong with others, by which nothing is lost.
    snapshot: str = ""
    passed_over: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    #: Faults beyond those.
    more: int = 0


class Usable(NamedTuple):
    """Where the part ends up to which nothing is missing: in the segment of this number (0: there is none)."""

    segment: int = 0
    size: int = 0


def survey(disk: Readable, folder: str, *, archive: bool = True) -> tuple[Survey, Usable]:
    """Read all of it; without `archive` only what a start needs: what comes after the snapshot that it begins with.

    Raises:
        JournalTooNew: a snapshot, or the manifest, is of a later version.
        OSError: there is no such folder, or a file in it cannot be read.
    """
    for again in range(_TRIES):
        try:
            begun = beginning(disk, folder)
            walk = _Walk(folder, begun, archive=archive)
            names = walk.named(disk.list(folder))
            for name in names:
                walk.segment(name, disk.read(os.path.join(folder, name)), newest=name == names[-1])
        except FileNotFoundError:
            if again + 1 == _TRIES:
                raise
            continue
        return walk.survey(), walk.usable
    raise AssertionError("unreachable")


def lines_of(data: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """Each line's offset, its bytes without the newline, and whether that is there."""
    offset = 0
    while offset < len(data):
        end = data.find(b"\n", offset)
        if end < 0:
            yield offset, data[offset:], False
            return
        yield offset, data[offset:end], True
        offset = end + 1


def beginning(disk: Readable, folder: str) -> Chosen:
    """The snapshot that a start begins with, if there is one.

    Raises:
        JournalTooNew, OSError: see `survey`.
    """
    try:
        return choose(disk, folder, disk.list(folder))
    except Unfamiliar as error:
        raise JournalTooNew(folder, f"of a snapshot, {error}") from error


class _Walk:
    """Carries the chain through all segments, over what is broken. `_open` is a fault behind which nothing held yet."""

    def __init__(self, folder: str, begun: Chosen, *, archive: bool) -> None:
        self._folder = folder
        self._id, self._crc, self._last = "", CHAIN_START, 0
        self._number = 0
        self._begun = begun
        #: Number of the last segment that a snapshot stands for; whether the chain before the next header is not known.
        self._covered = begun.snapshot.head.segment if begun.snapshot is not None else 0
        self._archive, self._unknown = archive, False
        if begun.snapshot is not None and not archive:
            head = begun.snapshot.head
            self._id, self._crc, self._last, self._number = head.journal, head.crc, head.last, head.segment
        self._bytes = self._lines = self._segments = self._durable = self._highest = 0
        self._faults: list[Fault] = []
        self._open: Fault | None = None
        self._size = 0
        self._torn = 0
        self._whole_to: int | None = None
        self.usable = Usable(self._number, sys.maxsize if self._number else 0)

    def named(self, names: Sequence[str]) -> list[str]:
        """The segments that are walked, oldest first: of those for which a snapshot stands the first may be gone."""
        numbers = numbers_in(names)
        if not self._archive:
            numbers = [number for number in numbers if number > self._covered]
        elif numbers and unbroken(numbers)[0] <= self._covered + 1:
            numbers = unbroken(numbers)
            self._number, self._unknown = numbers[0] - 1, numbers[0] > 1
        return [segment_name(number) for number in numbers]

    def segment(self, name: str, data: bytes, *, newest: bool) -> None:
        """Walk one."""
        number = int(name[:8])
        self._segments += 1
        self._bytes += len(data)
        self._size = len(data)
        if number != self._number + 1:
            self._missing_files(number)
        self._number = number
        if newest and _is_half_made(data):
            self._torn = len(data)
            return
        if not data:
            self._fault(name, 1, 0, b"", "the segment is empty")
        for line, (offset, raw, whole) in enumerate(lines_of(data), start=1):
            try:
                if not whole:
                    raise Damaged("the line is not whole")
                if line == 1:
                    self._header(name, raw, *decode_header(raw))
                else:
                    self._record(name, line, offset, raw, *decode_line(raw))
            except Damaged as damage:
                self._fault(name, line, offset, raw, str(damage))
            except Unfamiliar as strange:
                self._unfamiliar(name, line, offset, raw, str(strange))
            if self._whole_to is None:
                self.usable = Usable(number, offset + len(raw) + 1)

    def survey(self) -> Survey:
        """What came of it."""
        self._close()
        first = self._faults[0] if self._faults else None
        if first is not None and self._is_tail(first):
            self._torn, self._faults = self._size - first.offset, []
        return Survey(
            folder=self._folder,
            verdict=self._verdict(),
            journal=self._id,
            segments=self._segments,
            bytes=self._bytes,
            lines=self._lines,
            whole_to=self._last if self._whole_to is None else self._whole_to,
            highest=self._highest,
            durable=self._durable,
            torn=self._torn,
            snapshot=self._begun.name,
            passed_over=self._begun.faults,
            faults=tuple(self._faults[:MOST_FAULTS]),
            more=max(0, len(self._faults) - MOST_FAULTS),
        )

    def _is_tail(self, fault: Fault) -> bool:
        """Whether nobody was ever told of anything from there on."""
        newest = fault.file == segment_name(self._number) and fault.line > 1
        return newest and not fault.newer and fault.sequence > self._durable

    def _verdict(self) -> Verdict:
        if self._faults:
            return "too_new" if self._faults[0].newer else "damaged"
        if self._torn:
            return "torn"
        return "whole" if self._segments or self._covered else "none"

    def _header(self, name: str, raw: bytes, header: Header, crc: str) -> None:
        if self._id and header.id != self._id:
            self._fault(name, 1, 0, raw, f"it belongs to journal {header.id}, not {self._id}")
        elif not self._unknown and (header.first != self._last + 1 or header.prev != self._crc):
            self._gap(name, 1, 0, header.first, f"it goes on from sequence {header.first - 1}, not from {self._last}")
        self._close(header.first)
        self._id, self._unknown = self._id or header.id, False
        self._crc, self._last = crc, header.first - 1

    def _record(self, name: str, number: int, offset: int, raw: bytes, line: Line, crc: str) -> None:  # noqa: PLR0917
        if line.s != self._last + 1 or line.p != self._crc:
            what = f"sequence {line.s} does not follow on {self._last}: lines were lost or moved"
            self._gap(name, number, offset, line.s, what)
        if line.t not in ("command", "outcome"):
            self._unfamiliar(name, number, offset, raw, f"sequence {line.s} is of type {line.t!r}")
        self._close(line.s)
        self._lines += 1
        self._crc, self._last = crc, line.s
        self._durable, self._highest = max(self._durable, line.y), max(self._highest, line.s)

    def _fault(self, name: str, line: int, offset: int, raw: bytes, what: str) -> None:
        """Bytes that make no sense; what follows on others of that kind is the same fault."""
        self._break()
        self._durable = max(self._durable, _watermark_in(raw))
        size = len(raw) + 1
        if self._open is not None and self._open.file == name and not self._open.newer:
            self._open = structs.replace(self._open, bytes=offset + size - self._open.offset)
            return
        self._close()
        self._open = Fault(file=name, line=line, offset=offset, bytes=size, sequence=self._last + 1, what=what)

    def _gap(self, name: str, line: int, offset: int, sequence: int, what: str) -> None:
        """A line that holds stands where another one should: told, unless a fault before it says so already."""
        self._break()
        if self._open is None:
            self._open = Fault(file=name, line=line, offset=offset, sequence=self._last + 1, what=what)
        self._close(sequence)

    def _missing_files(self, number: int) -> None:
        self._break()
        self._close()
        first = segment_name(self._number + 1)
        last = f" to {segment_name(number - 1)}" if number - 1 > self._number + 1 else ""
        self._open = Fault(file=first, sequence=self._last + 1, what=f"segment {first}{last} is missing")

    def _unfamiliar(self, name: str, line: int, offset: int, raw: bytes, what: str) -> None:
        """It holds, and this version does not know it: damage is ruled out, but for a record in a header's place."""
        if line == 1 and RECORD_START.match(raw):
            self._fault(name, line, offset, raw, "the segment's header is missing")
            return
        self._break()
        self._close()
        self._open = Fault(
            file=name,
            line=line,
            offset=offset,
            bytes=len(raw) + 1,
            sequence=self._last + 1,
            newer=True,
            what=f"written by a newer orch-actors: {what}",
        )

    def _break(self) -> None:
        """What follows is not of the part that nothing is missing in."""
        if self._whole_to is None:
            self._whole_to = self._last

    def _close(self, sequence: int | None = None) -> None:
        """Behind the open fault stands a line that holds, of this sequence; or nothing more comes."""
        if self._open is not None:
            missing = None if sequence is None else max(0, sequence - self._open.sequence)
            self._faults.append(structs.replace(self._open, missing=missing))
            self._open = None


def _is_half_made(data: bytes) -> bool:
    """A newest segment whose creation was cut short (opening.py)."""
    if RECORD_START.search(data) is not None:
        return False
    header, newline, _ = data.partition(b"\n")
    if not newline:
        return True
    try:
        decode_header(header)
    except Damaged:
        return len(data) <= HEADER_MOST_BYTES
    except Unfamiliar:
        return False
    return False


def _watermark_in(raw: bytes) -> int:
    """The highest watermark of a record that broken bytes have run into."""
    for found in RECORD_START.finditer(raw):
        try:
            return decode_line(raw[found.start() :])[0].y
        except (Damaged, Unfamiliar):
            continue
    return 0
