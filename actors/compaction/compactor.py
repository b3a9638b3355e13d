"""The Compactor: has snapshots made of the journal's closed segments, one at a time, by a process of its own.

It decides nothing about what is kept: once a snapshot counts, it tells the supervisor (SnapshotMade), which alone knows
for whom events are kept, and removes what that one gives back to it (RetireSegments).

A compactor that fails, or is killed, changes nothing: what that was is said in the log and by `status`, and the next
closed segment, or the next start, is the occasion for another try. It takes what there is to take with it, however
much has come together meanwhile.

Its process's stdin is a pipe that this process holds open: when the daemon dies, however it dies, the kernel closes it
and the compactor leaves. Rejected: a thread here (it would hold up everybody else for as long as it folds), and a fork
(of a process with threads and sockets; and as large as the daemon).
"""

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

import msgspec
import pykka
from loguru import logger

from orch_actors.actors.actor import Actor
from orch_actors.actors.compaction.compacting import Compacted
from orch_actors.actors.inside import CompactorEnded, RetireSegments, SegmentsClosed, SnapshotMade
from orch_actors.actors.journal.disk import RealDisk
from orch_actors.actors.journal.retiring import beginnings, remove_segments
from orch_actors.actors.journal.snapshots import Entry
from orch_actors.actors.process.leaving import let_go
from orch_actors.protocol.homes import Home
from orch_actors.protocol.views import CompactionView, utc_text

#: For its process to leave when it is asked to; seconds.
LEAVE_WITHIN_S: Final = 2.0


class Progress:
    """How far compaction has come. Written by the actor, and by the desk that something is to be done; any thread may
    look at `view`.
    """

    def __init__(self, begun: Entry | None) -> None:
        """`begun`: the snapshot that this life began with."""
        self.view: CompactionView = CompactionView()
        if begun is not None:
            self.view = CompactionView(snapshot=begun.name, segment=begun.segment, bytes=begun.bytes)

    def change(self, **fields: Any) -> None:
        """Some of it is otherwise now."""
        self.view = msgspec.structs.replace(self.view, **fields)


class Compactor(Actor):
    """See the module."""

    kind = "compactor"
    #: What its process is, but for its options. `-P`: the current folder is not a place to import from.
    program: ClassVar[Sequence[str]] = (sys.executable, "-P", "-m", "orch_actors.actors.compaction")

    def __init__(
        self,
        home: Home,
        progress: Progress,
        tell_supervisor: Callable[[SnapshotMade], None],
        on_crash: Callable[[str, BaseException], None],
    ) -> None:
        super().__init__("compactor", on_crash=on_crash)
        self._home, self._progress, self._tell_supervisor = home, progress, tell_supervisor
        self._disk: Final = RealDisk()
        self._process: subprocess.Popen[bytes] | None = None
        #: Number of the newest closed segment; and of the last one that is being taken in.
        self._closed = 0
        self._through = 0

    def _on_segments_closed(self, message: SegmentsClosed) -> None:
        self._closed = max(self._closed, message.through)
        if self._process is None:
            self._start()

    def _start(self) -> None:
        self._through = self._closed
        words = ["--home", self._home.path, "--through", str(self._through)]
        try:
            process = subprocess.Popen(
                [*self.program, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/"
            )
        except OSError as error:
            self._failed(f"it cannot be started: {error.strerror or error}")
            return
        self._process = process
        self._progress.change(running=True)
        threading.Thread(target=self._watch, args=(process,), name="watch-compactor", daemon=True).start()

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        """Hear it out. Not `communicate`: that would close its stdin, which is the word to leave."""
        assert process.stdout is not None  # noqa: S101 (it was asked for)
        assert process.stderr is not None  # noqa: S101 (the same)
        last_words: list[bytes] = []
        stderr = process.stderr
        listener = threading.Thread(target=lambda: last_words.append(stderr.read()[-2000:]), daemon=True)
        listener.start()
        said = process.stdout.read()
        listener.join()
        code = process.wait()
        with suppress(pykka.ActorDeadError):  # it is on its way out
            self.actor_ref.tell(CompactorEnded(code, said, b"".join(last_words)))

    def _on_compactor_ended(self, message: CompactorEnded) -> None:
        self._close()
        self._progress.change(running=False)
        try:
            made = msgspec.json.decode(message.said, type=Compacted) if message.code == 0 else None
        except msgspec.DecodeError:
            made = None
        if made is None:
            self._failed(_why(message))
        else:
            self._succeeded(made)
        if self._closed > self._through:  # the same again would fail again
            self._start()

    def _succeeded(self, made: Compacted) -> None:
        for fault in made.faults:
            logger.error("the journal: {}; it was passed over, and nothing is lost by it", fault)
        if made.segment > self._progress.view.segment:
            logger.info("{}: segments up to {}, {} bytes", made.name, made.segment, made.bytes)
        self._progress.change(
            snapshot=made.name,
            segment=made.segment,
            bytes=made.bytes,
            made_utc=utc_text(made.created_utc) if made.created_utc else self._progress.view.made_utc,
            fault="",
            tried=made.segment,
        )
        try:
            begun = beginnings(self._disk, self._home.journal)
        except OSError as error:
            logger.warning("cannot look which segments may go: {}", error)
            return
        self._tell_supervisor(SnapshotMade(before=made.before, begun=begun))

    def _failed(self, why: str) -> None:
        logger.error("no snapshot of the journal's segments up to {} was made: {}", self._through, why)
        self._progress.change(fault=why, tried=self._through, running=False)

    def _on_retire_segments(self, message: RetireSegments) -> None:
        try:
            remove_segments(self._disk, self._home.journal, message.segments)
        except OSError as error:  # they stay until the next snapshot
            logger.warning("segments that nobody needs cannot be removed: {}", error)
            return
        logger.info("removed segments {} to {}: nobody needs them", message.segments[0], message.segments[-1])

    def _close(self) -> None:
        process, self._process = self._process, None
        for pipe in (process.stdin, process.stdout, process.stderr) if process is not None else ():
            if pipe is not None:
                pipe.close()

    def on_stop(self) -> None:
        """Have the process leave; what it was at is tried again by the next life."""
        if self._process is not None:
            let_go(self._process, LEAVE_WITHIN_S)


class _Fault(msgspec.Struct, frozen=True):
    """What it says when it could not."""

    error: dict[str, str]


def _why(ended: CompactorEnded) -> str:
    try:
        return msgspec.json.decode(ended.said, type=_Fault).error["message"]
    except (msgspec.DecodeError, KeyError):
        words = ended.last_words.decode(errors="replace").strip().splitlines()[-1:]
        how = f"was ended by signal {-ended.code}" if ended.code < 0 else f"ended with code {ended.code}"
        return f"its process {how}{': ' + words[0] if words else ''}"
