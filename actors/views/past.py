"""Events that are too old to be in memory, read from the journal's segments while the supervisor writes on.

Must not write, and must not know of clients. What is half written is not durable and so not there yet.

Where a number begins is found by halving the segment: lines stand in the order of their numbers. A reader that takes
page after page therefore costs what its pages hold, not what lies before them. Rejected: an index, or a remembered
place for each reader; both have to be kept right while segments come and go, and neither is faster by much.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO, Final, NamedTuple

import msgspec
from msgspec import Struct

from orch_actors.actors.journal.opening import numbers_in, segment_name, unbroken
from orch_actors.actors.journal.record import Damaged, Header, decode_header, decode_line
from orch_actors.actors.recovery.history import Told, decode_outcome, numbered

#: Halving ends where reading on is as quick; bytes.
NEAR: Final = 64 * 1024


class _Numbered(Struct, frozen=True):
    """All of an outcome that tells where it stands."""

    e: int


_numbered_decoder: Final = msgspec.json.Decoder(_Numbered)


class EventsGone(Exception):
    """The segments with those events were removed; `oldest` is the number of the first that is still there."""

    def __init__(self, oldest: int) -> None:
        super().__init__(f"events before {oldest} are gone")
        self.oldest = oldest


class Archive(NamedTuple):
    """Where what is kept begins: the number of the oldest event, and when its segment was begun."""

    oldest: int
    begun_utc: float


def archive(folder: str) -> Archive:
    """Where what is kept in `folder` begins."""
    while True:
        for path in _segments(folder):
            try:
                header = _header(path)
            except FileNotFoundError:
                break  # removed just now: look again
            if header is not None:
                return Archive(max(1, header.event), header.created_utc)
        else:
            return Archive(1, 0.0)


def events_after(folder: str, since: int, needle: bytes = b"") -> Iterator[Told]:
    """Events from the journal in `folder` after number `since`, in order; with a needle only those of lines with it.

    Raises:
        EventsGone: those that come next are not kept any more, or are being removed at this moment.
    """
    try:
        yield from _read_on(_segments(folder), since, needle)
    except FileNotFoundError:
        raise EventsGone(archive(folder).oldest) from None


def _read_on(paths: list[str], since: int, needle: bytes) -> Iterator[Told]:
    first = _header(paths[0]) if paths else None
    if first is not None and first.event > since + 1:
        raise EventsGone(first.event)
    for path, following in zip(paths, [*paths[1:], None], strict=True):
        after = _header(following) if following else None
        if after is None or after.event > since + 1:
            yield from _events_in(path, since, needle)


def _segments(folder: str) -> list[str]:
    """Paths of the segments, oldest first; of those before a gap, which are about to go, none."""
    return [os.path.join(folder, segment_name(number)) for number in unbroken(numbers_in(os.listdir(folder)))]


def _header(path: str) -> Header | None:
    """A segment's header; None while it is being made."""
    with open(path, "rb") as file:
        try:
            return decode_header(file.readline().rstrip(b"\n"))[0]
        except Damaged:
            return None


def _events_in(path: str, since: int, needle: bytes) -> Iterator[Told]:
    with open(path, "rb") as file:
        file.seek(_place_of(file, since + 1))
        for raw in file:
            if not raw.endswith(b"\n"):
                return  # the writer is in the middle of it: not durable, so not to be told
            if needle not in raw:
                continue
            try:
                line, _ = decode_line(raw[:-1])
            except Damaged:
                return  # so may this be, where bytes of the end came before those of the middle
            if line.t == "outcome":
                for told in numbered(decode_outcome(line.d)):
                    if told.seq > since:
                        yield told


def _place_of(file: BinaryIO, event: int) -> int:
    """Where a line begins behind which, not far, the event of this number is told of."""
    begin = len(file.readline())
    end = os.fstat(file.fileno()).st_size
    while end - begin > NEAR:
        middle = (begin + end) // 2
        file.seek(middle)
        file.readline()  # the rest of a line
        place, number = _next_outcome(file, end)
        if number is None or number > event:
            end = middle
        else:
            begin = place
    return begin


def _next_outcome(file: BinaryIO, end: int) -> tuple[int, int | None]:
    """The first outcome from here on that begins before `end`: its place, and the number of its first event."""
    while (place := file.tell()) < end:
        raw = file.readline()
        with suppress(Damaged):  # it is being written: as good as the end
            line, _ = decode_line(raw.rstrip(b"\n"))
            if line.t == "outcome":
                return place, _numbered_decoder.decode(line.d).e
            continue
        break
    return end, None
