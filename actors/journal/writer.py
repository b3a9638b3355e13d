"""The journal's writer: one owner, one descriptor, one write and one sync for a whole batch.

After a failed write or sync nothing is trusted any more: the journal is poisoned, refuses everything from then
on, and the daemon stops; a second fsync that "succeeds" would only say that the kernel has dropped the pages. The next
start writes again what nobody vouches for (opening.py).

Where a write finds no room, nothing is in doubt: the file is cut back to its last whole line, the batch goes into the
room of the ballast, and `full` says so until there is room again. Only when that is used up, too, it is poisoned.
"""

import errno
import itertools
import os
import time
from collections.abc import Callable
from typing import NamedTuple

from orch_actors.actors.journal.ballast import BALLAST_BYTES, Ballast
from orch_actors.actors.journal.disk import Disk
from orch_actors.actors.journal.opening import Ahead, Opened, open_journal, segment_name
from orch_actors.actors.journal.reading import Lines, Sink
from orch_actors.actors.journal.record import (
    FORMAT_VERSION,
    Header,
    Line,
    LineType,
    encode_header,
    encode_line,
)
from orch_actors.actors.process.no_room import is_no_room
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.ids import new_id
from orch_actors.protocol.version import VERSION

#: A segment is closed once it has this size, or more; bytes. What is in the newest one is folded anew at every start,
#: and each that is closed has a snapshot made: a start takes longer with larger ones, and a snapshot is made more often
#: with smaller ones.
SEGMENT_BYTES = 16 * 1024 * 1024


#: How the system says that a folder above the home cannot be synced by us: then it was not made by us either.
NOT_OURS_TO_SYNC = frozenset({errno.EACCES, errno.EPERM, errno.EINVAL, errno.EROFS})


class JournalPoisoned(EnvironmentFault):
    """A write or sync failed: what is on disk is not known. Nothing is accepted any more."""

    def __init__(self, path: str, error: OSError) -> None:
        super().__init__(
            f"the journal cannot be written: {error.strerror or error} ({path})",
            "running tasks go on; see to the disk, then `orch-actors up`",
            exit_code=111,
        )


class _Segment(NamedTuple):
    """One that was created, with nothing but its header."""

    fd: int
    path: str
    size: int
    crc: str


class Journal:
    """Appends lines durably. Not thread-safe: the supervisor actor is its one owner.

    Example:
        >>> journal, lines, torn = Journal.open(RealDisk(), "/home/me/.local/state/orch-actors/journal")
        >>> seq = journal.add("outcome", b'{"facts":[]}')
        >>> journal.commit()  # durable from here on
    """

    def __init__(
        self,
        disk: Disk,
        folder: str,
        found: Opened,
        *,
        now_utc: Callable[[], float],
        segment_bytes: int,
        ballast_bytes: int,
    ) -> None:
        self._disk, self._folder, self._now_utc, self._segment_bytes = disk, folder, now_utc, segment_bytes
        self.id = found.id or new_id()
        self._segment, self._path, self._size = found.segment, found.path, found.size
        self._last = self._durable = found.last
        #: Sequence of the first line that the segment can hold.
        self._first = found.first
        self._crc = found.crc
        self._fd = -1
        self._pending: list[bytes] = []
        self._poisoned: JournalPoisoned | None = None
        self._ballast = Ballast(disk, folder, ballast_bytes)
        #: Why there is no room on the disk, in the system's words; empty: there is. What is committed meanwhile goes
        #: into the room of the ballast: little, and all that there is.
        self.full = ""

    @classmethod
    def open(
        cls,
        disk: Disk,
        folder: str,
        *,
        now_utc: Callable[[], float] = time.time,
        segment_bytes: int = SEGMENT_BYTES,
        ballast_bytes: int = BALLAST_BYTES,
    ) -> tuple["Journal", tuple[Line, ...], bytes]:
        """Open or begin the journal in `folder`: (journal, its lines, the torn bytes that were cut off).

        The lines are those after the newest snapshot, if there is any. For who looks at them; see `resume`.

        Raises:
            EnvironmentFault: damaged, too new, or the disk does not let us.
        """
        lines = Lines()
        journal, found = cls.resume(
            disk, folder, lines, now_utc=now_utc, segment_bytes=segment_bytes, ballast_bytes=ballast_bytes
        )
        return journal, tuple(lines.lines), found.torn

    @classmethod
    def resume(
        cls,
        disk: Disk,
        folder: str,
        sink: Sink,
        *,
        ahead: Ahead | None = None,
        now_utc: Callable[[], float] = time.time,
        segment_bytes: int = SEGMENT_BYTES,
        ballast_bytes: int = BALLAST_BYTES,
    ) -> tuple["Journal", Opened]:
        """Open or begin the journal in `folder`; what a start needs of it goes to the sink as it is read.

        `ahead`: somebody who reads some of it meanwhile.

        Raises:
            EnvironmentFault: damaged, too new, or the disk does not let us.
        """
        try:
            found = open_journal(disk, folder, sink, ahead=ahead)
            journal = cls(
                disk, folder, found, now_utc=now_utc, segment_bytes=segment_bytes, ballast_bytes=ballast_bytes
            )
            journal._keep_torn(found)
            if found.segment:
                journal._continue(found)
            else:
                journal._sync_ancestors()
                journal._go_on_in(journal._create_segment(1))
        except OSError as error:
            raise EnvironmentFault(
                f"cannot open the journal in {folder}: {error.strerror or error}",
                "see to the folder's permissions and the disk's space",
                exit_code=111 if is_no_room(error) else 100,
            ) from error
        if not journal.look_for_room():
            journal.full = journal._ballast.missing or os.strerror(errno.ENOSPC)
            journal._ballast.reserve(journal._fd)
        return journal, found

    def _keep_torn(self, found: Opened) -> None:
        try:
            self._put_aside(found)
        except OSError as error:
            if not is_no_room(error):
                raise
            self._note_no_room(error)
            self._ballast.give_up()
            self._put_aside(found)

    def _put_aside(self, found: Opened) -> None:
        """Keep what is about to be cut, on disk before anything is."""
        stamp, there = f"torn-{self._now_utc():.6f}", self._disk.list(self._folder)
        free = next(name for number in itertools.count() if (name := f"{stamp}{'+' * number}") not in there)
        kept = os.path.join(self._folder, free)
        if found.half_made:
            self._disk.rename(found.half_made, kept)
        elif found.torn:
            fd = self._create(kept, found.torn)
            self._disk.sync(fd)
            self._disk.close(fd)
        else:
            return
        self._disk.sync_folder(self._folder)

    def _create(self, path: str, data: bytes) -> int:
        """Create a file that holds `data`, or none; not on disk yet. Its descriptor."""
        fd = self._disk.create(path)
        try:
            self._disk.append(fd, data)
        except OSError:
            self._disk.close(fd)
            self._disk.remove(path)
            raise
        return fd

    def _sync_ancestors(self) -> None:
        """The folder may be as new as the journal, and so may be the home that it is in, and what that is in."""
        path = self._folder
        while path != os.path.dirname(path):
            path = os.path.dirname(path)
            try:
                self._disk.sync_folder(path)
            except OSError as error:
                if path == os.path.dirname(self._folder) or error.errno not in NOT_OURS_TO_SYNC:
                    raise

    def _continue(self, found: Opened) -> None:
        self._fd = self._disk.open(self._path)
        self._disk.overwrite(self._path, self._size - len(found.unproven), found.unproven)
        if found.torn or self._has_room():  # without room it would give away what is reserved beyond the end
            self._disk.truncate(self._fd, self._size)
        self._disk.sync(self._fd)
        self._disk.sync_folder(self._folder)

    @property
    def folder(self) -> str:
        """Where it is."""
        return self._folder

    @property
    def last(self) -> int:
        """Sequence of the newest line, durable or not."""
        return self._last

    @property
    def closed(self) -> int:
        """Number of the newest segment to which nothing is added any more; 0: there is none."""
        return self._segment - 1

    def look_for_room(self) -> bool:
        """Make the ballast again, if it is missing and there is room for it; whether there is room now."""
        found = self._ballast.make() and self._has_room()
        if found:
            self.full = ""
        return found

    def _has_room(self) -> bool:
        return self._disk.room(self._folder) >= self._ballast.size

    def _note_no_room(self, error: OSError) -> None:
        self.full = error.strerror or str(error)

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
        try:
            self._flush()
            if self._size >= self._segment_bytes and not self.full:
                self._rotate(next_event)
        except OSError as error:
            self._poisoned = JournalPoisoned(self._path, error)
            raise self._poisoned from error

    def close_segment(self, next_event: int) -> None:
        """Go on in a new segment now, if there is a line in this one, and room; nothing may wait for a commit.

        Raises:
            JournalPoisoned: it failed; nothing may be acknowledged from now on.
        """
        if self._poisoned is not None:
            raise self._poisoned
        assert not self._pending, "lines wait for a commit"  # noqa: S101 (our invariant)
        if self._last < self._first or self.full:
            return
        try:
            self._rotate(next_event)
        except OSError as error:
            self._poisoned = JournalPoisoned(self._path, error)
            raise self._poisoned from error

    def _flush(self) -> None:
        data = b"".join(self._pending)
        try:
            self._append(data)
        except OSError as error:
            if not is_no_room(error):
                raise
            self._note_no_room(error)
            self._ballast.give_up(self._fd)
            self._append(data)
        self._disk.sync(self._fd)
        if not self._disk.is_linked(self._fd):
            raise FileNotFoundError(errno.ENOENT, "somebody has removed its file")
        self._pending.clear()
        self._size += len(data)
        self._durable = self._last

    def _append(self, data: bytes) -> None:
        """Write all of it; where there is no room, leave the file as it was."""
        try:
            self._disk.append(self._fd, data)
        except OSError as error:
            if is_no_room(error):
                self._disk.truncate(self._fd, self._size)  # a part of it may have got in
            raise

    def _rotate(self, next_event: int) -> None:
        """Go on in the next segment; where there is no room for one, in this one."""
        try:
            begun = self._create_segment(next_event)
        except OSError as error:
            if not is_no_room(error):
                raise
            self._note_no_room(error)
        else:
            self._go_on_in(begun)

    def _create_segment(self, next_event: int) -> _Segment:
        """Create the next segment with its header, or nothing; neither is on disk yet."""
        path = os.path.join(self._folder, segment_name(self._segment + 1))
        header = Header(
            orch_journal=FORMAT_VERSION,
            id=self.id,
            first=self._last + 1,
            prev=self._crc,
            event=next_event,
            created_utc=round(self._now_utc(), 3),
            version=VERSION,
        )
        line, crc = encode_header(header)
        return _Segment(self._create(path, line), path, len(line), crc)

    def _go_on_in(self, begun: _Segment) -> None:
        """Make a created segment durable, and the one that is written."""
        before, self._fd = self._fd, begun.fd
        if before >= 0:
            self._disk.close(before)
        self._segment, self._path, self._size, self._crc = self._segment + 1, begun.path, begun.size, begun.crc
        self._first = self._last + 1
        self._disk.sync(self._fd)
        self._disk.sync_folder(self._folder)

    def close(self) -> None:
        """Make durable what was added, if nothing failed so far, and give the file back.

        Raises:
            JournalPoisoned: that failed.
        """
        try:
            if self._poisoned is None and self._pending:
                self._flush()
        except OSError as error:
            self._poisoned = JournalPoisoned(self._path, error)
            raise self._poisoned from error
        finally:
            if self._fd >= 0:
                fd, self._fd = self._fd, -1
                self._disk.close(fd)
