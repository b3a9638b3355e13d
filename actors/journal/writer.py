"""The journal's writer: one owner, one descriptor, one write and one sync for a whole batch.

After a failed write or sync nothing is trusted any more: the journal is poisoned, refuses everything from then
on, and the daemon stops; a second fsync that "succeeds" would only say that the kernel has dropped the pages.
"""

import os
import time
from collections.abc import Callable

from orch_actors.actors.journal.disk import Disk
from orch_actors.actors.journal.opening import Opened, open_journal, segment_name
from orch_actors.actors.journal.record import (
    CHAIN_START,
    FORMAT_VERSION,
    Header,
    Line,
    LineType,
    encode_header,
    encode_line,
)
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.ids import new_id
from orch_actors.protocol.version import VERSION

#: A segment is closed once it is larger than this; bytes.
SEGMENT_BYTES = 64 * 1024 * 1024


class JournalPoisoned(EnvironmentFault):
    """A write or sync failed: what is on disk is not known. Nothing is accepted any more."""

    def __init__(self, path: str, error: OSError) -> None:
        super().__init__(
            f"the journal cannot be written: {error.strerror or error} ({path})",
            "running tasks go on; see to the disk, then `orch-actors up`",
            exit_code=111,
        )


class Journal:
    """Appends lines durably. Not thread-safe: the supervisor actor is its one owner.

    Example:
        >>> journal, lines = Journal.open(RealDisk(), "/home/me/.local/state/orch-actors/journal")
        >>> seq = journal.add("outcome", b'{"facts":[]}')
        >>> journal.commit()  # durable from here on
    """

    def __init__(self, disk: Disk, folder: str, header: Header) -> None:
        self._disk = disk
        self._folder = folder
        self.id = header.id
        self._segment = 0
        self._path = ""
        self._fd = -1
        self._size = 0
        self._last = 0
        self._durable = 0
        self._crc = CHAIN_START
        self._pending: list[bytes] = []
        self._poisoned: JournalPoisoned | None = None

    @classmethod
    def open(
        cls, disk: Disk, folder: str, *, now_utc: Callable[[], float] = time.time
    ) -> tuple["Journal", tuple[Line, ...], bytes]:
        """Open or begin the journal in `folder`: (journal, its lines, the torn bytes that were cut off).

        Raises:
            EnvironmentFault: damaged, too new, or the disk does not let us.
        """
        try:
            found = open_journal(disk, folder)
            if found is None:
                journal = cls(disk, folder, _header(new_id(), 1, CHAIN_START, 1, now_utc()))
                journal._begin_segment(_header(journal.id, 1, CHAIN_START, 1, now_utc()))
                return journal, (), b""
            journal = cls(disk, folder, found.header)
            journal._continue(found, now_utc())
        except OSError as error:
            raise EnvironmentFault(
                f"cannot open the journal in {folder}: {error.strerror or error}",
                "see to the folder's permissions and the disk's space",
            ) from error
        return journal, found.lines, found.torn

    def _continue(self, found: Opened, now_utc: float) -> None:
        self._segment, self._path, self._size = found.segment, found.path, found.size
        self._last, self._crc = found.last, found.crc
        newest = [name for name in self._disk.list(self._folder) if name == segment_name(found.segment + 1)]
        if found.torn:
            kept = self._disk.create(os.path.join(self._folder, f"torn-{now_utc:.6f}"))
            self._disk.append(kept, found.torn)
            self._disk.sync(kept)
            self._disk.close(kept)
        for name in newest:  # its creation was cut short; nothing was ever in it
            self._disk.rename(
                os.path.join(self._folder, name), os.path.join(self._folder, f"torn-{now_utc:.6f}-{name}")
            )
        self._fd = self._disk.open(self._path)
        self._disk.truncate(self._fd, self._size)
        self._disk.sync(self._fd)
        self._disk.sync_folder(self._folder)
        self._durable = self._last

    @property
    def last(self) -> int:
        """Sequence of the newest line, durable or not."""
        return self._last

    def add(self, kind: LineType, data: bytes) -> int:
        """Put a line (JSON text without newlines) down for the next commit; returns its sequence.

        Raises:
            JournalPoisoned: an earlier commit failed.
        """
        if self._poisoned is not None:
            raise self._poisoned
        line, self._crc = encode_line(self._last + 1, self._durable, self._crc, kind, data)
        self._last += 1
        self._pending.append(line)
        return self._last

    def commit(self, next_event: int = 0) -> None:
        """Make everything added so far durable: one write, one sync. `next_event` goes into a new segment's header.

        Raises:
            JournalPoisoned: it failed; nothing may be acknowledged from now on.
        """
        if self._poisoned is not None:
            raise self._poisoned
        if not self._pending:
            return
        data = b"".join(self._pending)
        try:
            self._disk.append(self._fd, data)
            self._disk.sync(self._fd)
            self._pending.clear()
            self._size += len(data)
            self._durable = self._last
            if self._size >= SEGMENT_BYTES:
                self._disk.close(self._fd)
                self._begin_segment(_header(self.id, self._last + 1, self._crc, next_event, time.time()))
        except OSError as error:
            self._poisoned = JournalPoisoned(self._path, error)
            raise self._poisoned from error

    def _begin_segment(self, header: Header) -> None:
        self._segment += 1
        self._path = os.path.join(self._folder, segment_name(self._segment))
        try:
            self._fd = self._disk.create(self._path)
        except FileExistsError:  # an empty first segment whose creation was cut short
            self._fd = self._disk.open(self._path)
            self._disk.truncate(self._fd, 0)
        line, self._crc = encode_header(header)
        self._disk.append(self._fd, line)
        self._disk.sync(self._fd)
        self._disk.sync_folder(self._folder)
        self._size = len(line)

    def close(self) -> None:
        """Commit and give the file back."""
        if self._poisoned is None:
            self.commit()
        if self._fd >= 0:
            self._disk.close(self._fd)
            self._fd = -1


def _header(journal: str, first: int, prev: str, event: int, now_utc: float) -> Header:
    return Header(
        orch_journal=FORMAT_VERSION,
        id=journal,
        first=first,
        prev=prev,
        event=event,
        created_utc=round(now_utc, 3),
        version=VERSION,
    )
