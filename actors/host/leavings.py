"""What an attempt leaves in its files: its result, its question, its last words; and the answer that it finds.

What it leaves was written by somebody else's program, which may have put anything there: a pipe that nobody writes
to, a folder, gigabytes, bytes that are no text. So every read is bounded, of regular files alone, and never waits.
"""

import math
import os
import stat
from contextlib import suppress
from typing import Any, Final

import msgspec

from orch_actors.actors.host import logbook
from orch_actors.actors.host.mask import NOTHING, Mask
from orch_actors.protocol.hostwire import Question

#: Largest result file in bytes.
MAX_RESULT_BYTES: Final = 1024 * 1024

#: Deepest nesting of a result. Every reader on its way must be able to decode it, however deep its own stack.
MAX_RESULT_DEPTH: Final = 64

#: Of a question file; what is beyond is cut off.
MAX_QUESTION_BYTES: Final = 64 * 1024

#: Characters of a tail.
MAX_TAIL: Final = 2000

#: Where the longest tail begins at the latest: a character has up to four bytes.
_TAIL_BYTES: Final = 4 * MAX_TAIL


class BadResult(Exception):
    """The result file cannot be used; the text says why."""


class _NotAFile(OSError):
    """It is a folder, a pipe, a device."""


def read_result(path: str) -> bytes | None:
    """The JSON value in a result file, in msgpack as it travels; None where there is no file.

    Raises:
        BadResult: it is too large, not JSON, nested too deeply, not a file, or cannot be read.
    """
    try:
        data = read_bounded(path, MAX_RESULT_BYTES + 1)
    except _NotAFile:
        raise BadResult("it is not a file") from None
    except OSError as error:
        raise BadResult(f"it cannot be read: {error.strerror or error}") from error
    if data is None:
        return None
    if len(data) > MAX_RESULT_BYTES:
        raise BadResult(f"it is larger than {MAX_RESULT_BYTES} bytes: hand back a path instead")
    try:
        value = msgspec.json.decode(data)
        _check_depth(value)
        return msgspec.msgpack.encode(value)
    except RecursionError:
        raise BadResult(f"it is nested deeper than {MAX_RESULT_DEPTH} levels") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadResult(f"it is not JSON: {error}") from error
    except (OverflowError, UnicodeEncodeError) as error:
        raise BadResult(f"it holds a value that cannot travel: {error}") from error


def read_question(path: str) -> Question | None:
    """What the attempt asks; None where it asks nothing.

    A file that is not a Question in JSON is a question in plain text, whatever it holds: what a task wants to know is
    never dropped because of its form.
    """
    try:
        data = read_bounded(path, MAX_QUESTION_BYTES + 1)
    except OSError as error:
        logbook.warning("the question {} cannot be read: {}", path, error.strerror or "it is not a file")
        return None
    text = _text((data or b"")[:MAX_QUESTION_BYTES]).strip()
    if not text:
        return None
    try:
        question = msgspec.json.decode(data or b"", type=Question)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Question(question=text)
    return question if _makes_sense(question) else Question(question=text)


def _makes_sense(asked: Question) -> bool:
    options = asked.options
    return (
        bool(asked.question.strip())
        and "\0" not in asked.question
        and bool(options)
        and len(set(options)) == len(options)
        and all(option.strip() for option in options)
        and (asked.default is None or asked.default in options)
        and (asked.deadline is None or (math.isfinite(asked.deadline) and asked.deadline > 0))
    )


def read_tail(path: str, mask: Mask = NOTHING, most: int = MAX_TAIL) -> str:
    """The last lines of an output, whole ones where they fit; at most so many characters. Empty where there is none.

    What is no UTF-8, and NUL, is replaced (U+FFFD); other control characters stay as they are. What `mask` knows is
    blotted out before anything is cut off: half a secret would not be known again.
    """
    most_bytes = _TAIL_BYTES + 4 * mask.longest
    try:
        fd = _open(path)
    except OSError:
        return ""
    if fd is None:
        return ""
    try:
        begin = max(0, os.fstat(fd).st_size - most_bytes)
        data = os.pread(fd, most_bytes, begin)
    except OSError:
        return ""
    finally:
        os.close(fd)
    if begin:
        while data and data[0] & 0xC0 == 0x80:  # the rest of a character that began before
            data = data[1:]
    text = mask.text(_text(data)).rstrip()
    if begin and mask.longest:  # the first one may be cut itself
        text = text[mask.longest :]
    if len(text) <= most and not begin:
        return text
    text = text[-most:]
    _, newline, rest = text.partition("\n")
    return rest if newline and rest else text


def write_answer(path: str, answer: dict[str, Any]) -> None:
    """Write, before the task starts, what was answered to its question, as JSON.

    Raises:
        OSError: it cannot be written.
    """
    write_file(path, msgspec.json.encode(answer) + b"\n")


def write_file(path: str, data: bytes) -> None:
    """Write a file anew, for its owner's eyes alone.

    Raises:
        OSError: it cannot be written.
    """
    fd = fresh_file(path)
    try:
        while data:
            data = data[os.write(fd, data) :]
    finally:
        os.close(fd)


def fresh_file(path: str) -> int:
    """A descriptor, for appending, of a new file; what was there before, a pipe even, is not opened.

    Raises:
        OSError: there is a folder, or no room.
    """
    with suppress(FileNotFoundError):
        os.unlink(path)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def last_words(err: str, out: str, mask: Mask) -> str:
    """The tail of stderr; of stdout where nothing is on stderr."""
    return read_tail(err, mask) or read_tail(out, mask)


def _text(data: bytes) -> str:
    return data.decode(errors="replace").replace("\0", "\ufffd")


def read_bounded(path: str, most: int) -> bytes | None:
    """The first bytes of a file; None where there is none.

    Raises:
        OSError: it is no file, or cannot be read.
    """
    fd = _open(path)
    if fd is None:
        return None
    try:
        data = b""
        while len(data) < most and (piece := os.read(fd, most - len(data))):
            data += piece
        return data
    finally:
        os.close(fd)


def _open(path: str) -> int | None:
    try:
        # Not to wait for a writer, should it be a pipe.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise _NotAFile
    except OSError:
        os.close(fd)
        raise
    return fd


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_RESULT_DEPTH + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise RecursionError
