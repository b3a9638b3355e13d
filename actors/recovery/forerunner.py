"""Has the later part of a long journal read by a second process, while this one reads the earlier part.

Theory of operation. Of a start from the first line on, most is decoding and checking lines, which goes for each segment
alone once it is known which graphs are forgotten anywhere. So another process does that for the later segments, and
hands over what is left of each (`digest.py`), in order; here they only have to be put one after the other, where the
chain says that they follow. Whatever it does not deliver, for whatever reason, is read here like everything else:
whether a journal is damaged, too new or senseless, and where, is never decided on its word.

It is not asked where a snapshot stands for the past (little is left then), of a journal that is short, or where there
is but one processor. The last two segments are never its: what may be cut off is, and what the newest events are, is
seen here. Its stdin is a pipe that this process holds: it leaves with us, however we go.

Rejected: threads (decoding holds the interpreter's lock); a fork (the daemon has threads, and would be copied); having
only checksums looked at elsewhere (they are a sixth of it).
"""

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import BinaryIO, ClassVar, Final, Self

import msgspec

from orch_actors.actors.journal.disk import Disk, RealDisk
from orch_actors.actors.journal.opening import segment_name
from orch_actors.actors.journal.reading import Begun
from orch_actors.actors.process.leaving import let_go
from orch_actors.actors.recovery.digest import Digest
from orch_actors.actors.recovery.replaying import Replay

#: Its part of the segments. It is the larger one: what those come to that are kept is folded here.
SHARE: Final = 0.6
#: Bytes of digests that wait here; beyond that it waits.
HELD_BYTES: Final = 128 * 1024 * 1024
#: For it to leave; and for the next digest, before it is done without. Seconds.
LEAVE_WITHIN_S: Final = 2.0
PATIENCE_S: Final = 60.0
#: A length comes before each digest, in so many bytes; one that is longer is none.
LENGTH_BYTES: Final = 8
MOST_BYTES: Final = 1024 * 1024 * 1024

_decode: Final = msgspec.msgpack.Decoder(Digest).decode


class Forerunner:
    """See the module. To be entered and left, so that the process goes."""

    #: Bytes of segments from which on it is worth its while.
    least_bytes: ClassVar[int] = 64 * 1024 * 1024
    #: What its process is, but for its options.
    program: ClassVar[Sequence[str]] = (sys.executable, "-P", "-m", "orch_actors.actors.recovery")

    def __init__(self, disk: Disk, folder: str, replay: Replay) -> None:
        self._disk, self._folder, self._replay = disk, folder, replay
        self._process: subprocess.Popen[bytes] | None = None
        self._listener: threading.Thread | None = None
        self._change: Final = threading.Condition()
        self._waiting: Final[deque[bytes]] = deque()
        self._held = 0
        #: Nothing more comes.
        self._over = True
        #: Its segments.
        self._theirs: Sequence[int] = ()
        #: How many of its digests were taken in.
        self.taken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._give_up()

    def begin(self, numbers: Sequence[int]) -> None:
        """These segments are about to be read, from the first line of the journal on; the last one is written."""
        first = len(numbers) - 2 - int((len(numbers) - 2) * SHARE)
        theirs = numbers[first:-2]
        if not theirs or not isinstance(self._disk, RealDisk) or not _more_than_one_processor():
            return
        paths = [os.path.join(self._folder, segment_name(number)) for number in numbers]
        if sum(self._disk.size(path) for path in paths) < self.least_bytes:
            return
        words = [self._folder, str(theirs[0]), str(theirs[-1]), str(numbers[-2])]
        try:
            process = subprocess.Popen(
                [*self.program, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
            )
        except OSError:
            return  # it goes without
        assert process.stdout is not None  # noqa: S101 (it was asked for)
        self._process, self._over, self._theirs = process, False, theirs
        self._listener = threading.Thread(target=self._listen, args=(process.stdout,), name="forerunner", daemon=True)
        self._listener.start()

    def take(self, number: int, at: Begun) -> Begun | None:
        """Have the replay take in the segment of this number, which follows on `at`; where the chain stands then.

        None: it has to be read. A number that is asked for is the one after the last one, or the first.

        Raises:
            JournalUnreadable: a line makes no sense to the replay.
        """
        if number not in self._theirs:
            return None
        digest = self._next()
        if digest is None or digest.number != number or digest.before != at:
            self._give_up()
            return None
        self._replay.take_in(digest)
        self.taken += 1
        return digest.after

    def _next(self) -> Digest | None:
        """The next digest, once it is there; None: none comes any more."""
        with self._change:
            while not self._waiting:
                if self._over or not self._change.wait(PATIENCE_S):
                    return None
            data = self._waiting.popleft()
            self._held -= len(data)
            self._change.notify_all()
        try:
            return _decode(data)
        except msgspec.DecodeError:
            return None

    def _listen(self, said: BinaryIO) -> None:
        """Take what it says, so that it need not wait for us; but not without bounds."""
        with said:
            while not self._over and len(head := said.read(LENGTH_BYTES)) == LENGTH_BYTES:
                length = int.from_bytes(head)
                if length > MOST_BYTES or len(data := said.read(length)) < length:
                    break
                with self._change:
                    self._waiting.append(data)
                    self._held += length
                    self._change.notify_all()
                    while self._held > HELD_BYTES and not self._over:
                        self._change.wait()
        with self._change:
            self._over = True
            self._change.notify_all()

    def _give_up(self) -> None:
        """Have it go; nothing more is taken from it."""
        with self._change:
            self._over = True
            self._waiting.clear()
            self._held = 0
            self._change.notify_all()
        process, self._process, self._theirs = self._process, None, ()
        if process is not None and self._listener is not None:
            let_go(process, LEAVE_WITHIN_S)
            self._listener.join()


def _more_than_one_processor() -> bool:
    allowed = getattr(os, "sched_getaffinity", None)  # Linux
    return (len(allowed(0)) if allowed else os.cpu_count() or 1) > 1
