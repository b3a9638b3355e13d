"""A few lines at the bottom of a terminal that are drawn over and over.

A thread draws: when something changed, though at most ten times a second (or as said), and once a second for the
clocks. What is drawn is read under `lock`, which whoever changes it holds too. The terminal is left tidy, whatever
ends the block.
No rich: it would cost more import than all the rest, and its progress bars know tasks, not graphs.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Final, NoReturn, Self, TextIO

#: Of a terminal that does not tell.
_COLUMNS: Final = 80
_ROWS: Final = 24

_NOT_BEFORE_S: Final = 0.1
_AT_LEAST_EVERY_S: Final = 1.0

#: Given columns and rows, the lines to show.
Draw = Callable[[int, int], list[str]]


class LiveArea:
    """Draws while its `with` block runs; at its end the area is cleared."""

    def __init__(self, stream: TextIO, draw: Draw, *, not_before_s: float = _NOT_BEFORE_S) -> None:
        self.lock: Final = threading.Lock()
        self._stream = stream
        self._draw = draw
        self._not_before_s = not_before_s
        self._changed = threading.Event()
        self._stop = threading.Event()
        self._drawn = 0
        self._thread = threading.Thread(target=self._run, name="live-area", daemon=True)

    def __enter__(self) -> Self:
        try:
            self._write("\x1b[?25l")
            self._thread.start()
        except BaseException:  # a TERM while it starts, too: the `with` would not come to its end
            self._tidy()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tidy()

    def _tidy(self) -> None:
        self._stop.set()
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join()
        self._write(f"{self._rewind()}\x1b[J\x1b[?25h")

    def touch(self) -> None:
        """Something changed."""
        self._changed.set()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._paint()
                self._stop.wait(self._not_before_s)
                self._changed.wait(_AT_LEAST_EVERY_S - self._not_before_s)
                self._changed.clear()
        except OSError:
            return  # the terminal is gone; the main thread will find out where it matters

    def _paint(self) -> None:
        columns, rows = os.get_terminal_size(self._stream.fileno())
        with self.lock:
            lines = self._draw(columns or _COLUMNS, rows or _ROWS)
        # Each line clears what is right of it and the last one what is below: nothing flickers.
        text = "".join(f"{line}\x1b[K\n" for line in lines)
        self._write(f"{self._rewind()}{text}\x1b[J")
        self._drawn = len(lines)

    def _rewind(self) -> str:
        """To the first line of what was drawn last."""
        return f"\r\x1b[{self._drawn}A" if self._drawn else "\r"

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def leave_on_term() -> None:
    """Let SIGTERM pass through the area's end as well: it would leave the cursor hidden otherwise."""
    signal.signal(signal.SIGTERM, _leave)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)
