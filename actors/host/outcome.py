"""How an attempt ended, in the supervisor's words: made from its record and its result file."""

import os
import stat
from typing import Any, Final

import msgspec

from orch_actors.actors.host.clock import boot_clock, wall_clock
from orch_actors.actors.host.record import Seen
from orch_actors.protocol.hostwire import AttemptEnded, Ending

#: Largest result file in bytes.
MAX_RESULT_BYTES: Final = 1024 * 1024

#: Deepest nesting of a result. Every reader on its way must be able to decode it, however deep its own stack.
MAX_RESULT_DEPTH: Final = 64


class BadResult(Exception):
    """The result file cannot be used; the text says why."""


def ended(
    attempt: str,
    ending: Ending,
    seen: Seen,
    result_path: str,
    *,
    message: str = "",
    watched: bool,
    same_boot: bool = True,
) -> AttemptEnded:
    """The message about an end.

    Args:
        attempt: its id.
        ending: how, as the Task actor decided.
        seen: what the record says.
        result_path: where it may have left a result.
        message: why, for people.
        watched: it ended just now; otherwise while nobody looked, and the record's last write is its end.
        same_boot: the record's `mono` can be compared with now.
    """
    result, fault = None, ""
    try:
        result = read_result(result_path)
    except BadResult as error:
        fault = str(error)
    started_utc, ended_utc, duration_s = _times(seen, watched=watched, same_boot=same_boot)
    return AttemptEnded(
        attempt=attempt,
        ending=ending,
        exit_code=seen.exit_code,
        message=message,
        started_utc=started_utc,
        ended_utc=ended_utc,
        duration_s=duration_s,
        result=result,
        result_fault=fault,
    )


def _times(seen: Seen, *, watched: bool, same_boot: bool) -> tuple[float, float, float]:
    now_utc = wall_clock()
    ended_utc = now_utc if watched else seen.changed_utc or now_utc
    if seen.header is None:
        return ended_utc, ended_utc, 0.0
    if not same_boot:
        return seen.header.utc, ended_utc, max(0.0, ended_utc - seen.header.utc)
    # However long ago it ended by the wall clock, it is the same by the monotonic one.
    return seen.header.utc, ended_utc, max(0.0, boot_clock() - (now_utc - ended_utc) - seen.header.mono)


def read_result(path: str) -> bytes | None:
    """The JSON value in a result file, in msgpack as it travels; None where there is no file.

    Raises:
        BadResult: it is too large, not JSON, nested too deeply, not a file, or cannot be read.
    """
    data = _read_bounded(path)
    if data is None:
        return None
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


def _read_bounded(path: str) -> bytes | None:
    try:
        # Not to wait for a writer, should it be a pipe.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadResult(f"it cannot be read: {error.strerror or error}") from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise BadResult("it is not a file")
        data = b""
        while len(data) <= MAX_RESULT_BYTES and (piece := os.read(fd, MAX_RESULT_BYTES + 1 - len(data))):
            data += piece
    except OSError as error:
        raise BadResult(f"it cannot be read: {error.strerror or error}") from error
    finally:
        os.close(fd)
    if len(data) > MAX_RESULT_BYTES:
        raise BadResult(f"it is larger than {MAX_RESULT_BYTES} bytes: hand back a path instead")
    return data


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
