"""`outbox.jsonl`: what is told to those who come by files: replies and events, numbered 1, 2, 3, …

Where it stands is read off its own end, so that a courier that died before it could remember tells nothing twice:
the last number, the newest event, and which of the last lines of the inbox were answered.
"""

import os
from collections import deque
from typing import Any, Final

import msgspec

#: A larger one is put aside as `outbox.jsonl.old`, in the place of the one before.
ROTATE_BYTES: Final = 16 * 1024 * 1024
#: Of its end, that is looked at; the answers to more lines than are ever unsaved.
_TAIL: Final = 4 * 1024 * 1024
_ANSWERS: Final = 10_000


class Outbox:
    """Appends; for one process at a time. Invariant: numbers are dense."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.number = 0
        #: Number of the newest event that was told.
        self.event = 0
        self._answered: deque[str] = deque(maxlen=_ANSWERS)
        for end in (f"{path}.old", path):
            self._read_end(end)
        self._fd = self._open()

    def answered(self, command_id: str) -> bool:
        """Whether the reply to this line was told."""
        return command_id in self._answered

    def reply(self, command_id: str, writer_id: str, outcome: dict[str, Any]) -> None:
        """Tell what came of a line."""
        told: dict[str, Any] = {"kind": "reply", "at": command_id}
        if writer_id:
            told["of"] = writer_id
        self._append({**told, **outcome})
        self._answered.append(command_id)

    def tell(self, event: dict[str, Any]) -> None:
        """Tell an event."""
        self._append({"kind": "event", "event": event})
        self.event = int(event["seq"])

    def all_done(self, head: int) -> None:
        """Tell that nothing goes on any more."""
        self._append({"kind": "all_done", "head": head})

    def closed(self, why: str) -> None:
        """Tell that nothing more comes."""
        self._append({"kind": "closed", "message": why})

    def close(self) -> None:
        """Let the file go."""
        os.close(self._fd)

    def sync(self) -> None:
        """Put what was told on disk; then put a large file aside."""
        os.fdatasync(self._fd)
        if os.fstat(self._fd).st_size >= ROTATE_BYTES:
            os.close(self._fd)
            os.replace(self._path, f"{self._path}.old")
            self._fd = self._open()

    def _append(self, told: dict[str, Any]) -> None:
        self.number += 1
        data = memoryview(msgspec.json.encode({"n": self.number, **told}) + b"\n")
        while data:
            data = data[os.write(self._fd, data) :]

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self._path, flags, 0o600)
        size = os.fstat(fd).st_size
        if size:  # a line that was cut by a crash is ended, so that the next one is whole
            with open(self._path, "rb") as file:
                file.seek(size - 1)
                if file.read(1) != b"\n":
                    os.write(fd, b"\n")
        return fd

    def _read_end(self, path: str) -> None:
        try:
            with open(path, "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
                lines = file.read().split(b"\n")
        except FileNotFoundError:
            return
        for line in lines:
            try:
                told = msgspec.json.decode(line)
                self.number = max(self.number, int(told["n"]))
                if told["kind"] == "event":
                    self.event = max(self.event, int(told["event"]["seq"]))
                elif told["kind"] == "reply":
                    self._answered.append(str(told["at"]))
            except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError):
                continue  # cut at the beginning of the end, or by a crash
