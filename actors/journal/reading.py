"""Reading one segment: every line's checksum and place in the chain is checked, and what is valid is handed on.

Theory of operation. A restart reads a million lines, so they go by the block: one call of msgspec decodes all its
lines, in the form that the sink wants of their data; checksums, chain and sequence are compared as lists. A block in
which anything is not as it must be is gone through once more, line by line, by code that takes nothing for granted and
says what it is; that code alone decides what is damage. Blocks are small enough to stay in the processor's cache: in
one piece a segment takes three times as long.
"""

import sys
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol
from zlib import crc32

import msgspec

from orch_actors.actors.journal.record import (
    CHAIN_START,
    RECORD_START,
    TAIL_BYTES,
    Damaged,
    Line,
    Unfamiliar,
    Whole,
    decode_header,
    decode_line,
)
from orch_actors.protocol.errors import EnvironmentFault

#: Bytes of a block, about.
BLOCK_BYTES: Final = 256 * 1024


class JournalCorrupt(EnvironmentFault):
    """Something that was promised cannot be read."""

    def __init__(self, path: str, line: int, sequence: int, what: str) -> None:
        super().__init__(
            f"the journal is damaged at {path}, line {line}, sequence {sequence}: {what}",
            "nothing was changed; `orch-actors journal verify` shows all that is damaged; restore that from a copy, "
            "or see what `orch-actors journal salvage` can save",
        )
        self.path = path
        self.line = line
        #: The first that cannot be read.
        self.sequence = sequence


class JournalTooNew(EnvironmentFault):
    """A newer version wrote it."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path} was written by a newer orch-actors: {what}", "install that version or a newer one")


class JournalUnreadable(EnvironmentFault):
    """A whole line that this version cannot make sense of."""

    def __init__(self, sequence: int, what: str) -> None:
        super().__init__(
            f"the journal's sequence {sequence} cannot be understood: {what}",
            "it was written by another version: start that one",
        )


class Sink(Protocol):
    """Where what a journal holds goes as it is read. Whatever it raises ends the reading."""

    @property
    def decoder(self) -> "msgspec.json.Decoder[Whole[Any]]":
        """Decodes lines, their data in the form that is wanted."""

    def restore(self, kind: str, data: msgspec.Raw) -> None:
        """One piece of a snapshot, which comes before all lines. ValueError, LookupError, DecodeError: it is none."""

    def restored(self) -> None:
        """That was the last piece."""

    def foresee(self, segment: bytes) -> None:
        """A segment that is not written any more, unchecked: all of them, in order, before any line comes."""

    def take(self, lines: Sequence[Whole[Any]], raws: Sequence[bytes]) -> None:
        """Lines that were checked, in order, and their bytes without the newline."""


class SegmentReader:
    """Walks one segment, carrying the chain on from the one before."""

    def __init__(self, path: str, data: bytes, before: "SegmentReader | Begun", *, newest: bool) -> None:
        self.path, self.data, self.newest = path, data, newest
        self.crc: str = before.crc
        self.last: int = before.last
        self.id: str = before.id
        #: Number of the first event that it can hold.
        self.event = 0
        #: How many bytes are valid, and what their lines say was on disk when they were written.
        self.size = 0
        self._watermark = 0
        #: Sequence of the first line that it can hold.
        self.first = 0

    def read(self, sink: Sink) -> None:
        """Hand on the valid lines; stop at a tail that may be cut.

        Raises:
            JournalCorrupt, JournalTooNew, JournalUnreadable.
        """
        if not self.data:
            raise self._corrupt(1, "the segment is empty")
        number = 1
        for block in _blocks(self.data):
            found = self._quickly(block, sink) if number > 1 else None
            if found is not None:
                number += found
                continue
            for raw, whole in _split(block):
                try:
                    if not whole:
                        raise Damaged("the line is not whole")
                    if number == 1:
                        self._take_header(raw)
                    else:
                        self._take_line(raw, sink)
                except Damaged as damage:
                    self._must_be_cuttable(number, damage)
                    return
                self.size += len(raw) + 1
                number += 1

    @property
    def unproven(self) -> bytes:
        """The end of the valid bytes, for which no later line vouches: perhaps they never got to the medium."""
        if self._watermark < self.first:
            return self.data[: self.size]
        begin = self.size
        for _ in range(self.last - self._watermark):
            begin = self.data.rfind(b"\n", 0, begin - 1) + 1
        return self.data[begin : self.size]

    def _quickly(self, block: bytes, sink: Sink) -> int | None:
        """Check a block and hand it on: how many lines; None: something in it is not as it must be."""
        raws = block.split(b"\n")
        if raws.pop():
            return None
        try:
            lines = sink.decoder.decode_lines(block)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        crcs = [line.c for line in lines]
        if (
            "".join(crcs) != _summed_up(raws)
            or [line.p for line in lines] != [self.crc, *crcs[:-1]]
            or [line.s for line in lines] != list(range(self.last + 1, self.last + 1 + len(raws)))
        ):
            return None
        self.crc, self.last = crcs[-1], lines[-1].s
        self._watermark = max(self._watermark, *[line.y for line in lines])
        self.size += len(block)
        sink.take(lines, raws)
        return len(lines)

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
        self.id, self.crc, self.event, self.first = header.id, crc, header.event, header.first

    def _take_line(self, raw: bytes, sink: Sink) -> None:
        try:
            line, crc = decode_line(raw)
        except Unfamiliar as error:
            raise JournalTooNew(self.path, f"after sequence {self.last}, {error}") from error
        if line.s != self.last + 1 or line.p != self.crc:
            raise Damaged(f"sequence {line.s} does not follow on {self.last}: lines were lost or moved")
        if line.t not in ("command", "outcome"):
            raise JournalTooNew(self.path, f"sequence {line.s} is of type {line.t!r}")
        try:
            whole = sink.decoder.decode(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            raise JournalUnreadable(line.s, str(error)) from error
        self.crc, self.last = crc, line.s
        self._watermark = max(self._watermark, line.y)
        sink.take((whole,), (raw,))

    def _must_be_cuttable(self, number: int, damage: Damaged) -> None:
        """Return if everything from here on was never promised."""
        if not self.newest or number == 1:
            raise self._corrupt(number, str(damage))
        promised = highest_watermark(self.data)
        if promised > self.last:
            raise self._corrupt(number, f"{damage}; it was on disk once (up to {promised} was)")

    def _corrupt(self, number: int, what: str) -> JournalCorrupt:
        return JournalCorrupt(self.path, number, self.last + 1, what)


class Begun(msgspec.Struct, frozen=True):
    """Where reading begins: after nothing, or after a snapshot."""

    id: str = ""
    last: int = 0
    crc: str = CHAIN_START


class Lines:
    """A sink that keeps every line as it is; for who looks at a journal rather than carries on with it."""

    decoder: Final = msgspec.json.Decoder(Whole[msgspec.Raw])

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def restore(self, kind: str, data: msgspec.Raw) -> None:
        """See Sink: it keeps lines only."""

    def restored(self) -> None:
        """See Sink."""

    def foresee(self, segment: bytes) -> None:
        """See Sink."""

    def take(self, lines: Sequence[Whole[msgspec.Raw]], raws: Sequence[bytes]) -> None:
        """See Sink."""
        del raws
        self.lines += [Line(s=one.s, y=one.y, p=one.p, t=one.t, d=msgspec.Raw(bytes(one.d))) for one in lines]


def _summed_up(raws: Sequence[bytes]) -> str:
    """The crc of each line, eight digits after eight, as one text: a quarter faster than a text for each."""
    sums = array("I", [crc32(raw[:-TAIL_BYTES]) for raw in raws])
    if sys.byteorder == "little":
        sums.byteswap()
    return sums.tobytes().hex()


def highest_watermark(data: bytes) -> int:
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


def _blocks(data: bytes) -> Iterator[bytes]:
    """The first line by itself, then blocks of whole lines; the last one may end in a part of a line."""
    begin, end = 0, data.find(b"\n") + 1
    while begin < len(data):
        if end <= begin:
            end = len(data)
        yield data[begin:end]
        begin = end
        end = data.find(b"\n", min(begin + BLOCK_BYTES, len(data))) + 1


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
