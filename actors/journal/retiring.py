"""Segments that nobody needs any more: which ones may go, and how they do.

A start needs the segments after the snapshot before the newest one, which is kept for a generation (`snapshots.py`);
readers of events need those with events that are kept for them. What is neither goes, oldest first: so whatever is left
of a removal that was cut short, by a death or by the power, is the journal's end without a gap in it, or lies before a
gap, where nobody looks (`opening.unbroken`), and goes with the next removal.
"""

import os
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from orch_actors.actors.journal.disk import Disk, Readable
from orch_actors.actors.journal.opening import numbers_in, segment_name
from orch_actors.actors.journal.record import Damaged, Unfamiliar, decode_header


class Begins(NamedTuple):
    """A segment, and the number of the first event that it can hold."""

    segment: int
    event: int


class Retired(NamedTuple):
    """What may go: numbers of segments, oldest first; and the oldest event that can be read then."""

    segments: tuple[int, ...]
    oldest: int


def beginnings(disk: Readable, folder: str) -> tuple[Begins, ...]:
    """Where each segment begins, oldest first; one whose header cannot be read is left out.

    Raises:
        OSError: the folder or a file cannot be read.
    """
    found: list[Begins] = []
    for number in numbers_in(disk.list(folder)):
        try:
            header = decode_header(disk.head(os.path.join(folder, segment_name(number))).partition(b"\n")[0])[0]
        except (Damaged, Unfamiliar):
            continue
        found.append(Begins(number, max(1, header.event)))
    return tuple(found)


def retired(begun: Sequence[Begins], through: int, keep_from: int) -> Retired | None:
    """What may go of the segments up to `through`, where events from number `keep_from` on are kept; None: nothing.

    Of a segment that lacks, what is before it goes, too: its events cannot be read in order.
    """
    gone: list[int] = []
    oldest = begun[0].event if begun else 1
    for one, following in pairwise(begun):
        if one.segment > through or following.event > keep_from:
            break
        gone.append(one.segment)
        oldest = following.event
    return Retired(tuple(gone), oldest) if gone else None


def remove_segments(disk: Disk, folder: str, numbers: Iterable[int]) -> None:
    """Remove them, in this order; one that is gone is gone.

    Raises:
        OSError: one cannot be removed; those after it are there.
    """
    for number in numbers:
        try:
            disk.remove(os.path.join(folder, segment_name(number)))
        except FileNotFoundError:
            continue
