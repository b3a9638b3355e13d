"""The folder of a round: who leaves what, and where. A line is one write, so that a writer may die at any moment.

home/               the daemon's home, its journal within
rig.json, clock     the world that the daemon lives in (rigged/)
history.jsonl       agents: a line as each call begins, and one with what came of it
consumer-*.jsonl    consumers: each event as it was told
effects.log         tasks: a line as they begin, and one with the code with which they will exit
strikes.jsonl       what was done to the processes, and what became of them by themselves
final.json          when all is over: the graphs as they are told, the head, and what was found still running
"""

import os
import threading
from collections.abc import Mapping
from typing import Any, Final

import msgspec

HOME: Final = "home"
RIG: Final = "rig.json"
CLOCK: Final = "clock"
HISTORY: Final = "history.jsonl"
EFFECTS: Final = "effects.log"
STRIKES: Final = "strikes.jsonl"
FINAL: Final = "final.json"


class Log:
    """A file of JSON lines, for any number of threads."""

    def __init__(self, path: str) -> None:
        """Raises OSError where it cannot be opened."""
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._lock = threading.Lock()

    def write(self, line: Mapping[str, Any]) -> None:
        """Append one line.

        Raises:
            OSError: there is no room.
        """
        data = msgspec.json.encode(line) + b"\n"
        with self._lock:
            os.write(self._fd, data)

    def close(self) -> None:
        """Give it back."""
        os.close(self._fd)
