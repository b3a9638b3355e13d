"""Reading an attempt's output piece by piece, once or until the attempt ends, and writing it out.

Each stream goes to its own (stdout to stdout, stderr to stderr), so that `> file` holds exactly the bytes that the
task wrote to its stdout; a stream that was asked for alone goes to stdout. A terminal gets text that it cannot act on
(`escape.TerminalText`).

Following: which attempt is meant is settled by the first piece. While nothing new comes, the log is looked at after
20 ms, then less and less often, at most every 250 ms: log lines are no events, and have no bell.
"""

import sys
import time
from codecs import IncrementalDecoder, getincrementaldecoder
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Literal, TextIO

from msgspec import Struct

from orch_actors.cli.escape import TerminalText
from orch_actors.cli.live.audience import leave_with_the_reader, must_have_a_reader
from orch_actors.cli.output import is_terminal, say_json
from orch_actors.cli.targets import one_task
from orch_actors.protocol.errors import Refused

if TYPE_CHECKING:
    from orch_actors.protocol.client import Client

Stream = Literal["stdout", "stderr", "validation"]
BOTH: Final[tuple[Stream, ...]] = ("stdout", "stderr")

_PIECE: Final = 256 * 1024
_FIRST_LOOK_S: Final = 0.02
_LOOK_EVERY_S: Final = 0.25


class Wanted(Struct, frozen=True, kw_only=True):
    """What was asked for; attempt 0 is the latest."""

    target: str
    attempt: int = 0
    streams: tuple[Stream, ...] = BOTH
    #: Begin with so many last lines; None: from the beginning.
    tail: int | None = None
    follow: bool = False


class Piece(Struct, frozen=True, kw_only=True):
    """Some bytes of one stream."""

    stream: Stream
    offset: int
    data: bytes


class LogReader:
    """One attempt's streams, read on from where they were left."""

    def __init__(self, client: "Client", graph: str, task: str, attempt: int, streams: tuple[Stream, ...]) -> None:
        self._client = client
        self.graph = graph
        self.task = task
        self.attempt = attempt
        self.streams = streams
        #: Stream → where to read on.
        self.offsets: dict[Stream, int] = dict.fromkeys(streams, 0)
        self.paths: dict[Stream, str] = {}
        self.sizes: dict[Stream, int] = {}
        self.ended = False

    def seek_lines(self, lines: int) -> None:
        """Go to the beginning of the last `lines` lines of each stream."""
        for stream in self.streams:
            self.offsets[stream] = self._tail_offset(stream, lines)

    def read(self) -> Iterator[Piece]:
        """What is there now and was not read yet; then `ended` says whether more may come."""
        ended = True
        for stream in self.streams:
            size = None
            while size is None or self.offsets[stream] < size:
                piece = self._client.read_log(
                    self.graph,
                    self.task,
                    attempt=self.attempt,
                    stream=stream,
                    offset=self.offsets[stream],
                    limit=_PIECE,
                )
                self.attempt = piece.attempt
                self.paths[stream], self.sizes[stream] = piece.path, piece.size
                size = piece.size if size is None else size
                ended = ended and piece.ended
                if not piece.data:
                    break
                yield Piece(stream=stream, offset=piece.offset, data=piece.data)
                self.offsets[stream] = piece.offset + len(piece.data)
        self.ended = ended

    def _tail_offset(self, stream: Stream, lines: int) -> int:
        window = 64 * 1024
        while True:
            piece = self._client.read_log(
                self.graph, self.task, attempt=self.attempt, stream=stream, offset=-window, limit=window
            )
            self.attempt = piece.attempt
            if not lines:
                return piece.size
            starts = _line_starts(piece.data)
            if piece.offset == 0 or len(starts) > lines:
                return piece.offset + (starts[-lines] if len(starts) >= lines else 0)
            window *= 4


def _line_starts(data: bytes) -> list[int]:
    """Where lines begin, the first one at 0; a newline at the very end begins none."""
    starts = [0] if data else []
    at = data.find(b"\n")
    while 0 <= at < len(data) - 1:
        starts.append(at + 1)
        at = data.find(b"\n", at + 1)
    return starts


def show_logs(client: "Client", wanted: Wanted, *, as_json: bool) -> None:
    """Write out what is wanted.

    Raises:
        Refused: there is no such graph, task or attempt.
    """
    graph, task, attempt = one_task(client, wanted.target)
    reader = LogReader(client, graph, task, wanted.attempt or attempt, wanted.streams)
    if wanted.follow:
        must_have_a_reader()
        leave_with_the_reader()
        _wait_for_attempt(client, reader)
    if wanted.tail is not None:
        reader.seek_lines(wanted.tail)
    if as_json:
        _show_json(reader, follow=wanted.follow)
        return
    writers = {stream: _writer(stream if len(wanted.streams) > 1 else "stdout") for stream in wanted.streams}
    for piece in _pieces(reader, follow=wanted.follow):
        writers[piece.stream].write(piece.data)
    for writer in writers.values():
        writer.finish()


def _pieces(reader: LogReader, *, follow: bool) -> Iterator[Piece]:
    look_s = _FIRST_LOOK_S
    while True:
        came = False
        for piece in reader.read():
            came = True
            yield piece
        if not follow or (reader.ended and not came):
            return
        look_s = _FIRST_LOOK_S if came else min(look_s * 2, _LOOK_EVERY_S)
        if not reader.ended:
            time.sleep(look_s)


def _wait_for_attempt(client: "Client", reader: LogReader) -> None:
    """Until the attempt has begun; a task that ends without one says so (UNKNOWN_ATTEMPT)."""
    if reader.attempt:
        return
    found = client.summaries([reader.graph])
    reader.graph = found.graphs[0].id
    with client.follow(found.head) as events:
        while True:
            try:
                client.read_log(reader.graph, reader.task, limit=1)
            except Refused as refused:
                if refused.info.code != "UNKNOWN_ATTEMPT" or _is_over(client, reader):
                    raise
            else:
                return
            for event in events:
                if event.graph == reader.graph and event.task in {reader.task, None}:
                    break


def _is_over(client: "Client", reader: LogReader) -> bool:
    from orch_actors.cli.live.progress import TASK_ENDINGS

    return any(task.id == reader.task and task.state in TASK_ENDINGS for task in client.graph(reader.graph).tasks)


class _RawWriter:
    """Bytes as they are."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream.buffer

    def write(self, data: bytes) -> None:
        self._stream.write(data)
        self._stream.flush()

    def finish(self) -> None:
        self._stream.flush()


class _TerminalWriter:
    """Text that a terminal cannot act on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text = TerminalText()

    def write(self, data: bytes) -> None:
        self._stream.write(self._text.feed(data))
        self._stream.flush()

    def finish(self) -> None:
        self._stream.write(self._text.feed(b"", final=True))
        self._stream.flush()


def _writer(target: Stream) -> _RawWriter | _TerminalWriter:
    stream = sys.stdout if target == "stdout" else sys.stderr
    return _TerminalWriter(stream) if is_terminal(stream) else _RawWriter(stream)


def _show_json(reader: LogReader, *, follow: bool) -> None:
    """One object with both streams; when following, an object for each piece. Undecodable bytes become U+FFFD."""
    decoders: dict[Stream, IncrementalDecoder] = {
        stream: getincrementaldecoder("utf-8")(errors="replace") for stream in reader.streams
    }
    texts: dict[Stream, list[str]] = {stream: [] for stream in reader.streams}
    for piece in _pieces(reader, follow=follow):
        text = decoders[piece.stream].decode(piece.data)
        if follow:
            _say_piece(reader, piece.stream, piece.offset, text)
        else:
            texts[piece.stream].append(text)
    if follow:
        _say_rest(reader, decoders)
        return
    streams = {
        stream: {
            "text": "".join(texts[stream]) + decoders[stream].decode(b"", True),
            "size": reader.sizes.get(stream, 0),
            "path": reader.paths.get(stream, ""),
        }
        for stream in reader.streams
    }
    head = {"graph": reader.graph, "task": reader.task, "attempt": reader.attempt, "ended": reader.ended}
    say_json({**head, "streams": streams})


def _say_rest(reader: LogReader, decoders: dict[Stream, IncrementalDecoder]) -> None:
    for stream, decoder in decoders.items():
        if text := decoder.decode(b"", True):
            _say_piece(reader, stream, reader.offsets[stream], text)


def _say_piece(reader: LogReader, stream: Stream, offset: int, text: str) -> None:
    place = {"graph": reader.graph, "task": reader.task, "attempt": reader.attempt}
    say_json({**place, "stream": stream, "offset": offset, "text": text})
    sys.stdout.flush()
