"""The Archivist: reads files for clients, so that the supervisor never waits for a disk on a reader's account.

Logs, large results, and events too old to be in memory. It writes nothing.
"""

import os
import shutil
import stat
from collections import deque
from collections.abc import Callable

import msgspec
from loguru import logger

from orch_actors.actors.actor import Actor
from orch_actors.actors.clearing import clear_worktrees
from orch_actors.actors.context.parts import assemble
from orch_actors.actors.context.reading import read_some
from orch_actors.actors.inside import (
    Origin,
    ReadContext,
    ReadLogFile,
    ReadOldEvents,
    ReadResultFile,
    ReadStory,
    RemoveFiles,
    SweepFiles,
)
from orch_actors.actors.views.past import EventsGone, archive, events_after
from orch_actors.actors.views.queries import events_gone
from orch_actors.actors.views.telling import event_of
from orch_actors.actors.worktrees import worktrees_of
from orch_actors.protocol.codec import MAX_BODY_BYTES
from orch_actors.protocol.errors import ErrorCode, ErrorInfo
from orch_actors.protocol.messages import Because, Context, Events, LogPiece, Result, TaskResult
from orch_actors.protocol.views import Event, StoryLine

MAX_PIECE_BYTES = 1024 * 1024
#: Newest lines of a task's story that are told.
MAX_STORY = 200
#: Events that are looked at for one page: the next reader waits that long.
MAX_LOOK = 20_000

#: Sends a result or an error to where the request came from.
Answer = Callable[[Origin, Result | ErrorInfo], None]


class Archivist(Actor):
    """See the module."""

    kind = "archivist"

    def __init__(self, journal: str, answer: Answer, on_crash: Callable[[str, BaseException], None]) -> None:
        super().__init__("archivist", on_crash=on_crash, inbox_limit=10_000)
        self._journal = journal
        self._answer = answer

    def _on_read_log_file(self, asked: ReadLogFile) -> None:
        try:
            data, offset, size = _read_piece(asked.path, asked.offset, max(0, min(asked.limit, MAX_PIECE_BYTES)))
        except FileNotFoundError:
            data, offset, size = b"", max(0, asked.offset), 0  # not begun yet
        except OSError as error:
            self._answer(asked.origin, _unreadable("INTERNAL", asked.path, error))
            return
        piece = LogPiece(attempt=asked.attempt, offset=offset, data=data, size=size, ended=asked.ended, path=asked.path)
        self._answer(asked.origin, piece)

    def _on_read_result_file(self, asked: ReadResultFile) -> None:
        try:
            data, _, _ = _read_piece(asked.path, 0, MAX_BODY_BYTES)
            value = msgspec.json.decode(data)
            msgspec.msgpack.encode(value)  # its owner may have changed it since it was checked
        except (OSError, msgspec.DecodeError, ValueError, OverflowError, RecursionError) as error:
            self._answer(asked.origin, _unreadable("NO_RESULT", asked.path, error))
            return
        found = TaskResult(
            graph=asked.graph,
            task=asked.task,
            attempt=asked.attempt,
            value=value,
            usage=asked.usage,
            artifacts=asked.artifacts,
            worktree=asked.own.path,
            branch=asked.own.branch,
        )
        self._answer(asked.origin, found)

    def _on_read_old_events(self, asked: ReadOldEvents) -> None:
        """A page of those that are wanted; after MAX_LOOK that are not, it says how far it has looked."""
        found: list[Event] = []
        through = asked.since
        try:
            for told in events_after(self._journal, asked.since):
                if len(found) >= asked.limit or told.seq > asked.head or through - asked.since >= MAX_LOOK:
                    break
                through = told.seq
                if asked.wanted.takes(told.fact):
                    found.append(event_of(told.fact, told.seq, told.at_utc))
        except EventsGone as gone:  # between the question and now
            self._answer(asked.origin, events_gone(asked.since, gone.oldest, asked.consumer))
            return
        self._answer(asked.origin, Events(events=tuple(found), head=asked.head, through=through))

    def _on_read_context(self, asked: ReadContext) -> None:
        text, cut = assemble(asked.parts, asked.budget, read_some)
        self._answer(asked.origin, Context(graph=asked.graph, task=asked.task, layer=asked.layer, text=text, cut=cut))

    def _on_read_story(self, asked: ReadStory) -> None:
        """Facts of one task, from all segments; a line is only decoded if it names the task."""
        why, found = asked.why, archive(self._journal)
        try:
            story = self._story(asked, found.oldest)
        except EventsGone as gone:  # some were removed just now; the next ones are not at once
            found, story = archive(self._journal), self._story(asked, gone.oldest)
        cut = found.oldest > 1 and asked.since_utc < found.begun_utc
        self._answer(asked.origin, Because(why=msgspec.structs.replace(why, story=story, cut=cut)))

    def _story(self, asked: ReadStory, oldest: int) -> tuple[StoryLine, ...]:
        why, story = asked.why, deque[StoryLine](maxlen=MAX_STORY)
        needle = b'"task":"%s"' % why.task.encode()
        for told in events_after(self._journal, oldest - 1, needle):
            if told.seq > asked.head:
                break
            event = event_of(told.fact, told.seq, told.at_utc)
            if event.graph == why.graph and event.task == why.task:
                story.append(StoryLine(time_utc=event.time_utc, kind=event.kind, message=_in_words(event)))
        return tuple(story)

    def _on_remove_files(self, asked: RemoveFiles) -> None:
        shutil.rmtree(asked.folder, ignore_errors=True)
        clear_worktrees([asked.folder])

    def _on_sweep_files(self, asked: SweepFiles) -> None:
        for name in _forgotten(asked.folder, asked):
            logger.info("removing the files of {}, which was forgotten", name)
            shutil.rmtree(os.path.join(asked.folder, name), ignore_errors=True)
        worktrees = os.path.dirname(worktrees_of(os.path.join(asked.folder, "g0")).path)
        clear_worktrees([os.path.join(asked.folder, name) for name in _forgotten(worktrees, asked)])


def _forgotten(folder: str, asked: SweepFiles) -> list[str]:
    """Of the folders of graphs in it, those of graphs that are not known any more."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return [
        name
        for name in names
        if name[:1] == "g" and name[1:].isascii() and name[1:].isdecimal() and int(name[1:]) <= asked.last
        if name not in asked.known
    ]


def _in_words(event: Event) -> str:
    """What a line of a story says: what was chosen or became of it, and why; otherwise which attempt."""
    outcome = event.data.get("choice") or (event.state if event.kind == "task_ended" else None)
    if outcome:
        return f"{outcome}: {event.message}" if event.message else str(outcome)
    return event.message or (f"attempt {event.attempt}" if event.attempt is not None else "")


def _read_piece(path: str, offset: int, limit: int) -> tuple[bytes, int, int]:
    """At most `limit` bytes from `offset` (negative: from the end): the bytes, the offset, the file's size.

    Raises:
        OSError: there is no such file, or none that can be read.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe in its place would have us wait
    with open(fd, "rb", buffering=0) as file:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise OSError("it is no longer a file")
        size = found.st_size
        offset = max(0, size + offset) if offset < 0 else offset
        if offset >= size:
            return b"", offset, size
        file.seek(offset)
        return file.read(limit), offset, size


def _unreadable(code: ErrorCode, path: str, error: Exception) -> ErrorInfo:
    what = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return ErrorInfo(code=code, message=f"{path}: {what}", hint="the file was changed or taken away since the attempt")
