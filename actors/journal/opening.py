"""Opening a journal: what is valid, what is cut, what is refused.

It begins with the newest snapshot that is whole, and reads the segments after it; those before it are an archive, which
a start does not need. A snapshot that is broken is passed over, and said so, as long as the segments since the one
before it (or all segments) are there.

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
the header, NULs, or what the disk had there before. (Behind a snapshot it cannot be: the segment after it was there
before the snapshot was begun.)
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from orch_actors.actors.journal.disk import Readable
from orch_actors.actors.journal.reading import Begun, JournalTooNew, SegmentReader, Sink
from orch_actors.actors.journal.record import CHAIN_START, RECORD_START, Damaged, Unfamiliar, decode_header
from orch_actors.actors.journal.snapshots import Chosen, Entry, choose
from orch_actors.protocol.errors import EnvironmentFault

SEGMENT_SUFFIX = ".jsonl"
#: A segment that is larger than this has held more than a header.
HEADER_MOST_BYTES = 512
_SEGMENT_NAME = re.compile(r"[0-9]{8}\.jsonl")


def segment_name(number: int) -> str:
    """File name of the segment with this number, from 1."""
    return f"{number:08d}{SEGMENT_SUFFIX}"


def segment_names(names: Iterable[str]) -> list[str]:
    """Those of a folder's names that are segments, oldest first."""
    return sorted(name for name in names if _SEGMENT_NAME.fullmatch(name))


def numbers_in(names: Iterable[str]) -> list[int]:
    """Numbers of a folder's segments, oldest first."""
    return [int(name[:8]) for name in segment_names(names)]


def unbroken(numbers: Sequence[int]) -> list[int]:
    """Those segments up to the newest of which none between is missing."""
    first = len(numbers) - 1
    while first > 0 and numbers[first - 1] == numbers[first] - 1:
        first -= 1
    return list(numbers[max(first, 0) :])


class SnapshotUnreadable(EnvironmentFault):
    """A whole snapshot that this version cannot make sense of."""

    def __init__(self, name: str, version: str, what: str) -> None:
        super().__init__(
            f"{name} cannot be understood: {what}", f"it was written by orch-actors {version}: start that version"
        )


class SegmentsMissing(EnvironmentFault):
    """Neither a snapshot nor the segments from the first one on say what the state is."""

    def __init__(self, folder: str, missing: int, faults: Sequence[str]) -> None:
        why = f" ({'; '.join(faults)})" if faults else ""
        super().__init__(
            f"the journal in {folder} lacks segment {segment_name(missing)}, and no snapshot stands for it{why}",
            "restore the file or the snapshot from a copy (`orch-actors journal files` shows what is there), "
            "or see what `orch-actors journal salvage` can save",
        )


@dataclass(frozen=True, slots=True)
class Opened:
    """A journal that was read through: what to go on from. With no segment at all, `segment` is 0."""

    #: Journal id.
    id: str = ""
    #: Number of the last segment, its path and how many bytes of it are valid.
    segment: int = 0
    path: str = ""
    size: int = 0
    #: Sequence of the first line that it can hold; sequence and crc of the last valid one.
    first: int = 1
    last: int = 0
    crc: str = CHAIN_START
    #: The end of those bytes, for which no later line vouches: they may never have got further than the page cache.
    unproven: bytes = b""
    #: Bytes after that: to be kept apart and cut off.
    torn: bytes = b""
    #: Path of a newest segment whose creation was cut short: to be put aside. What is in it is in `torn`.
    half_made: str = ""
    #: The snapshot that it began with; what was passed over, and why.
    snapshot: Entry | None = None
    faults: tuple[str, ...] = ()
    #: Number of the oldest event that is still in a segment.
    oldest: int = 1


class Ahead(Protocol):
    """Somebody who may have read closed segments already, and hands them on to the sink himself."""

    def begin(self, numbers: Sequence[int]) -> None:
        """These segments are about to be read, from the first line of the journal on; the last one is written."""

    def take(self, number: int, at: Begun) -> Begun | None:
        """Hand this segment on, which follows on `at`; where the chain stands then. None: it has to be read.

        Neither the last segment nor the one before it may be his.
        """


def open_journal(
    disk: Readable, folder: str, sink: Sink, through: int | None = None, ahead: Ahead | None = None
) -> Opened:
    """Read what a start needs, check all of it, and give it to the sink.

    Changes nothing on disk: putting things aside and cutting the torn tail is the writer's first act.

    Args:
        disk: where it is.
        folder: the journal's.
        sink: where the snapshot and the lines go.
        through: number of the last segment to be read, which is closed, as are all before it: nothing of them may be
            cut off, and what stands behind them is not looked at. None: all, of which the newest is written.
        ahead: somebody who reads some of them meanwhile.

    Raises:
        JournalCorrupt, SegmentsMissing: something promised is broken or missing.
        JournalTooNew: a line, segment or snapshot of a later version.
        JournalUnreadable, SnapshotUnreadable: it makes no sense to the sink.
    """
    names = disk.list(folder)
    numbers = [number for number in numbers_in(names) if through is None or number <= through]
    chosen = _choose(disk, folder, names)
    begun = _restore(chosen, sink)
    covered = chosen.snapshot.head.segment if chosen.snapshot is not None else 0
    numbered = _after(folder, numbers, covered, chosen)
    paths = [os.path.join(folder, segment_name(number)) for number in numbered]
    if ahead is not None and not covered and through is None:
        ahead.begin(numbered)
    for path in paths if through is not None else paths[:-1]:  # of the newest one something may yet be cut off
        sink.foresee(disk.read(path))
    reader: SegmentReader | None = None
    before: SegmentReader | Begun = begun
    torn, half_made = b"", ""
    for number, path in zip(numbered, paths, strict=True):
        there = Begun(id=before.id, last=before.last, crc=before.crc)
        if ahead is not None and (after := ahead.take(number, there)) is not None:
            before = after
            continue
        data = disk.read(path)
        newest = path == paths[-1] and through is None
        if newest and _is_half_made(data) and not (covered and reader is None):
            torn, half_made = data, path
            break
        before = reader = SegmentReader(path, data, before, newest=newest)
        reader.read(sink)
        torn = data[reader.size :]
    if reader is None:
        return Opened(torn=torn, half_made=half_made, faults=chosen.faults)
    return Opened(
        id=reader.id,
        segment=int(os.path.basename(reader.path)[:8]),
        path=reader.path,
        size=reader.size,
        unproven=reader.unproven,
        first=reader.first,
        last=reader.last,
        crc=reader.crc,
        torn=torn,
        half_made=half_made,
        snapshot=None if chosen.snapshot is None else chosen.snapshot.entry,
        faults=chosen.faults,
        oldest=oldest_event(disk, folder, numbers),
    )


def oldest_event(disk: Readable, folder: str, numbers: Sequence[int]) -> int:
    """Number of the first event in the oldest segment that readers of events can begin with."""
    for number in unbroken(numbers):
        path = os.path.join(folder, segment_name(number))
        try:
            return max(1, decode_header(disk.head(path).partition(b"\n")[0])[0].event)
        except (Damaged, Unfamiliar):
            continue
    return 1


def _choose(disk: Readable, folder: str, names: Sequence[str]) -> Chosen:
    try:
        return choose(disk, folder, names)
    except Unfamiliar as error:
        raise JournalTooNew(folder, f"of a snapshot, {error}") from error


def _restore(chosen: Chosen, sink: Sink) -> Begun:
    """Give the snapshot to the sink; where the segments go on."""
    snapshot = chosen.snapshot
    if snapshot is None:
        return Begun()
    try:
        for part in snapshot.parts:
            sink.restore(part.t, part.d)
        sink.restored()
    except (ValueError, LookupError, msgspec.DecodeError) as error:
        raise SnapshotUnreadable(chosen.name, snapshot.head.version, f"{type(error).__name__}: {error}") from error
    return Begun(id=snapshot.head.journal, last=snapshot.head.last, crc=snapshot.head.crc)


def _after(folder: str, numbers: Sequence[int], covered: int, chosen: Chosen) -> list[int]:
    """Segments after the snapshot, none missing."""
    after = [number for number in numbers if number > covered]
    expected = list(range(covered + 1, covered + 1 + len(after)))
    if covered and not after:
        raise SegmentsMissing(folder, covered + 1, chosen.faults)
    for number, wanted in zip(after, expected, strict=True):
        if number != wanted:
            raise SegmentsMissing(folder, wanted, chosen.faults)
    return after


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
