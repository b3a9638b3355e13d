"""Waiting until a process is gone, without polling where the system can tell: pidfd (Linux), kqueue (macOS).

Opened before the process is asked to go, so that its pid cannot have been given to another one meanwhile. The lock in
the home would tell as well, but a waiter would have to take it, and could get in the way of the next daemon.
"""

import os
import select
import sys
import time
from types import TracebackType
from typing import Final, Self

#: Between two looks, where the system offers nothing better.
_LOOK_EVERY_S: Final = 0.05


class Departure:
    """Watches one process; a context manager.

    Example:
        >>> with Departure(pid) as departure:
        ...     ask_it_to_go()
        ...     gone = departure.wait(10.0)
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._fd = -1
        self._gone = pid <= 0

    def __enter__(self) -> Self:
        if self._gone or not hasattr(os, "pidfd_open"):
            return self
        try:
            self._fd = os.pidfd_open(self._pid)
        except ProcessLookupError:
            self._gone = True
        except OSError:  # an old kernel, or a sandbox that forbids it
            self._fd = -1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd >= 0:
            os.close(self._fd)

    def wait(self, timeout_s: float) -> bool:
        """Whether it is gone within `timeout_s`."""
        if self._gone:
            return True
        if self._fd >= 0:
            poller = select.poll()
            poller.register(self._fd, select.POLLIN)
            self._gone = bool(poller.poll(max(timeout_s, 0) * 1000))
        else:
            self._gone = self._wait_otherwise(timeout_s)
        return self._gone

    def _wait_otherwise(self, timeout_s: float) -> bool:
        if sys.platform == "darwin":
            queue = select.kqueue()
            exit_note = select.kevent(
                self._pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD | select.KQ_EV_ONESHOT, select.KQ_NOTE_EXIT
            )
            try:
                return bool(queue.control([exit_note], 1, timeout_s))
            except ProcessLookupError:
                return True
            finally:
                queue.close()
        deadline_at = time.monotonic() + timeout_s
        while _exists(self._pid):
            if time.monotonic() >= deadline_at:
                return False
            time.sleep(_LOOK_EVERY_S)
        return True


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
