"""What the main thread of a daemon or a host waits for: signals, and the end.

Both come through one pipe, and Python's handlers do nothing. A handler that put its wish into a queue would run
between any two steps of the main thread, which may hold the very lock that the wish needs; and a signal that comes
just before the main thread begins to wait on a lock is seen only when that wait is over: a TERM right after the start
was lost so, about once in fifty tries. A byte in a pipe cannot be missed.

Knows no logger: what hosts load for theirs would cost as much as starting one.
"""

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress


class Ending:
    """See the module. One for each process that listens to signals."""

    def __init__(self, log_crash: Callable[[str, BaseException], None]) -> None:
        """With what writes down that an actor died, by its name and of what; called in any thread."""
        self._log_crash = log_crash
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._over = False
        self.crash: BaseException | None = None

    def listen(self, *numbers: signal.Signals) -> None:
        """Have these signals come out of `signals`; only from the main thread."""
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, lambda *_: None)

    def signals(self, tick_s: float | None = None) -> Iterator[int]:
        """Numbers of signals as they come, until the end; 0 whenever none has come for `tick_s` seconds."""
        poller = select.poll()
        poller.register(self._read, select.POLLIN)
        while not self._over:
            if not poller.poll(None if tick_s is None else tick_s * 1000):
                yield 0
                continue
            for number in os.read(self._read, 256):
                if number:
                    yield number

    def crashed(self, name: str, error: BaseException) -> None:
        """An actor died of a bug, or of the disk; from any thread. The first one counts."""
        if self.crash is None:
            self._log_crash(name, error)
            self.crash = error
        self.asked()

    def asked(self) -> None:
        """Somebody asked for the end; from any thread."""
        self._over = True
        with suppress(BlockingIOError):  # it is full: the main thread has enough to wake up for
            os.write(self._write, b"\0")
