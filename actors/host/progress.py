"""How far attempts say that they are: what they write into the file that ORCH_PROGRESS names.

One thread for all attempts looks every two seconds, while there are any, and tells what has changed since: however
often an attempt writes, so much is told at the most, and the newest of it. What it wrote just before its end may be
missed. The file holds `{"text", "percent"}` as JSON, or plain text, of which the last line counts.

Rejected: a request to the daemon for each word (a command in the journal, and a connection, for what the next word
makes worthless); inotify (a descriptor for each attempt, and Linux alone).
"""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from orch_actors.actors.host.leavings import read_bounded

#: Between two looks.
PERIOD_S: Final = 2.0

#: Longest text in characters, and of the file in bytes.
MAX_TEXT: Final = 200
_MAX_BYTES: Final = 4096


class Progress(Struct, frozen=True):
    """How far it is."""

    text: str = ""
    percent: Annotated[float, Meta(ge=0, le=100)] | None = None


#: Told, from the thread, what an attempt says now.
OnProgress = Callable[[Progress], None]


@dataclass(slots=True)
class _Watched:
    path: str
    tell: OnProgress
    stamp: int = 0
    told: Progress | None = None

    def look(self) -> None:
        try:
            stamp = os.stat(self.path, follow_symlinks=False).st_mtime_ns
        except OSError:
            return
        if stamp == self.stamp:
            return
        self.stamp = stamp
        said = read_progress(self.path)
        if said is not None and said != self.told:
            self.told = said
            self.tell(said)


def read_progress(path: str) -> Progress | None:
    """What the file says; None: nothing that can be told."""
    try:
        data = read_bounded(path, _MAX_BYTES)
    except OSError:
        return None
    if not data or not data.strip():
        return None
    try:
        said = msgspec.json.decode(data, type=Progress)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        lines = [line for line in data.decode(errors="replace").splitlines() if line.strip()]
        said = Progress(lines[-1] if lines else "")
    text = " ".join(said.text.replace("\0", " ").split())[:MAX_TEXT]
    return Progress(text, said.percent) if text or said.percent is not None else None


class Watch:
    """The attempts that are watched. Safe from any thread."""

    def __init__(self, period_s: float = PERIOD_S) -> None:
        self._period_s: Final = period_s
        self._changed: Final = threading.Condition()
        self._watched: Final[dict[str, _Watched]] = {}
        self._started = False

    def add(self, attempt: str, path: str, tell: OnProgress) -> None:
        """Watch an attempt, until `forget`."""
        with self._changed:
            if not self._watched:
                self._changed.notify()  # it sleeps only while there is nothing to look at
            self._watched[attempt] = _Watched(path, tell)
            if not self._started:
                self._started = True
                threading.Thread(target=self._run, name="progress", daemon=True).start()

    def forget(self, attempt: str) -> None:
        """Watch it no longer; what is being looked at just now may still be told."""
        with self._changed:
            self._watched.pop(attempt, None)

    def _run(self) -> None:
        while True:
            time.sleep(self._period_s)
            with self._changed:
                while not self._watched:
                    self._changed.wait()
                watched = list(self._watched.values())
            for each in watched:
                each.look()
