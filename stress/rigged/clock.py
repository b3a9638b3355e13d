"""A wall clock that is wrong by as much as a file says, for one process: the machine's own clock is left alone.

Whoever looks at `time.time` or `time.time_ns` sees it, so it must be put in place before others import them by name.
The monotonic clocks stay right, as they do when an administrator or NTP sets a clock. Files' time stamps stay right,
too: after a jump they and the wall clock disagree, as they really would.
"""

import os
import struct
import time
from typing import Final

_FORM: Final = struct.Struct("<d")


def set_offset(path: str, offset_s: float) -> None:
    """From now on, who follows this file has a wall clock that is wrong by so many seconds. One write: never half."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(fd, _FORM.pack(offset_s), 0)
    finally:
        os.close(fd)


def follow(path: str) -> None:
    """Make this process's wall clock wrong by what the file says, now and whenever it changes.

    Raises:
        OSError: there is no such file.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    real, real_ns = time.time, time.time_ns

    def offset_s() -> float:
        (found,) = _FORM.unpack(os.pread(fd, _FORM.size, 0))
        return float(found)

    time.time = lambda: real() + offset_s()
    time.time_ns = lambda: real_ns() + int(offset_s() * 1e9)
