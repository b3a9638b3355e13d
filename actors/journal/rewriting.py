"""A damaged journal up to the place where it is damaged: read as if it ended there, and written anew under another id.

Another id, since clients go by it: numbers of events come again. Its last twelve digits stay, since the attempts' files
are found by them (`launching.graph_folder`), and what ran must be found, or it would run twice. The same bytes of data
stand in the same segments under the same sequences; only the ids, and so the chain, are others.
"""

import os
from collections.abc import Iterable
from typing import cast

from msgspec import structs

from orch_actors.actors.journal.disk import Disk, Readable
from orch_actors.actors.journal.opening import segment_name, segment_names
from orch_actors.actors.journal.record import (
    CHAIN_START,
    FORMAT_VERSION,
    Header,
    LineType,
    decode_header,
    decode_line,
    encode_header,
    encode_line,
)
from orch_actors.actors.journal.snapshots import Chosen, write_snapshot
from orch_actors.actors.journal.survey import Usable, lines_of
from orch_actors.protocol.ids import new_id
from orch_actors.protocol.version import VERSION

#: So many of the last digits of an id stay.
KEPT_DIGITS = 12


def heir_of(journal: str) -> str:
    """An id for what comes of this journal; of one whose id nobody knows, any."""
    fresh = new_id()
    return fresh[:-KEPT_DIGITS] + journal[-KEPT_DIGITS:] if len(journal) >= KEPT_DIGITS else fresh


class Cut:
    """A folder's journal as if it ended at a place; for reading alone."""

    def __init__(self, disk: Readable, end: Usable, begun: Chosen) -> None:
        """`begun`: the snapshot that it begins with, if any."""
        self._disk, self._end, self.snapshot, self._begun = disk, end, begun.snapshot, begun.name
        self._first = segment_name(1 if begun.snapshot is None else begun.snapshot.head.segment + 1)
        self._last = segment_name(end.segment)

    def segments(self, path: str) -> list[str]:
        """The segments after the snapshot and up to the place."""
        return [name for name in segment_names(self._disk.list(path)) if self._first <= name <= self._last]

    def list(self, path: str) -> list[str]:
        """See Readable: those, and the snapshot."""
        return [*self.segments(path), *([self._begun] if self.snapshot is not None else [])]

    def read(self, path: str) -> bytes:
        """See Readable."""
        data = self._disk.read(path)
        return data[: self._end.size] if os.path.basename(path) == self._last else data

    def head(self, path: str) -> bytes:
        """See Readable."""
        return self._disk.head(path)

    def size(self, path: str) -> int:
        """See Readable."""
        return self._end.size if os.path.basename(path) == self._last else self._disk.size(path)


def rewrite(  # noqa: PLR0917 (from where, to where, as what)
    disk: Disk, cut: Cut, folder: str, target: str, journal: str, more: Iterable[tuple[LineType, bytes]], now_utc: float
) -> None:
    """Write what `folder` holds into `target`, and `more` behind it, durably but for the folder itself.

    Raises:
        OSError: no room, or the disk's fault.
    """
    crc, last, number, event = CHAIN_START, 0, 1, 1
    if cut.snapshot is not None:
        head = structs.replace(cut.snapshot.head, journal=journal)
        crc, last, number, event = head.crc, head.last, head.segment + 1, head.event
        write_snapshot(disk, target, head, ((part.t, bytes(part.d)) for part in cut.snapshot.parts))
    names = cut.segments(folder)
    for name in names or [segment_name(number)]:
        if names:
            out, crc, last = _rewritten(cut.read(os.path.join(folder, name)), journal, crc)
        else:
            header = Header(
                orch_journal=FORMAT_VERSION,
                id=journal,
                first=last + 1,
                prev=crc,
                event=event,
                created_utc=round(now_utc, 3),
                version=VERSION,
            )
            line, crc = encode_header(header)
            out = [line]
        if not names or name == names[-1]:
            vouched = last
            for kind, data in more:
                last += 1
                line, crc = encode_line(last, vouched, crc, kind, data)
                out.append(line)
        fd = disk.create(os.path.join(target, name))
        try:
            disk.append(fd, b"".join(out))
            disk.sync(fd)
        finally:
            disk.close(fd)


def _rewritten(data: bytes, journal: str, crc: str) -> tuple[list[bytes], str, int]:
    """A segment's lines, the crc of the last one, and its sequence."""
    out: list[bytes] = []
    last = 0
    for _, raw, _ in lines_of(data):
        if out:
            record, _ = decode_line(raw)
            line, crc = encode_line(record.s, record.y, crc, cast("LineType", record.t), bytes(record.d))
            last = record.s
        else:
            header, _ = decode_header(raw)
            line, crc = encode_header(structs.replace(header, id=journal, prev=crc))
            last = header.first - 1
        out.append(line)
    return out, crc, last
