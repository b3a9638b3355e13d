"""What other threads hand the gateway to be sent: bounded queues, and a pipe that wakes its poll.

Replies and events have bounds, and what does not fit is left out and counted: a client asks again, and a subscriber
sees the gap by the numbers. Messages to worker hosts have none: one that is lost is a task that never starts, and there
are no more of them than attempts.
"""

import os
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from orch_actors.actors.inside import Origin
from orch_actors.actors.recovery.history import Told
from orch_actors.protocol import codec

#: Bytes of replies that wait for the gateway.
MAX_REPLY_BYTES = codec.MAX_BODY_BYTES
#: Events that wait for it.
MAX_TOLD = 20_000


class Outbox:
    """See the module. `put_…` are for any thread, everything else is the gateway's."""

    def __init__(self, dropped: Counter[str]) -> None:
        """`dropped` counts what was left out."""
        self._dropped = dropped
        self._replies: deque[tuple[Origin, bytes]] = deque()
        #: Bytes in `_replies`; changed under `_lock`.
        self.reply_bytes = 0
        self._lock = threading.Lock()
        self._to_hosts: deque[list[bytes]] = deque()
        self.told: Final[deque[Told]] = deque()
        self.wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else _pipe()
        self._woken = False
        #: Held while the pipe is written or closed: its number may be another file's afterwards.
        self._pipe = threading.Lock()
        self._piped = True

    def __len__(self) -> int:
        return len(self._replies) + len(self._to_hosts) + len(self.told)

    def put_reply(self, origin: Origin, body: bytes) -> None:
        """To a client. One that waits alone always fits."""
        with self._lock:
            fits = self.reply_bytes + len(body) <= MAX_REPLY_BYTES or not self._replies
            if fits:
                self._replies.append((origin, body))
                self.reply_bytes += len(body)
        if not fits:
            self._dropped["too many replies at once"] += 1
        self.wake()

    def put_host(self, frames: list[bytes]) -> None:
        """To a worker host."""
        self._to_hosts.append(frames)
        self.wake()

    def put_told(self, told: Sequence[Told]) -> None:
        """To all who listen."""
        if len(self.told) + len(told) <= MAX_TOLD:
            self.told.extend(told)
        else:
            self._dropped["too many events at once"] += len(told)
        self.wake()

    def wake(self) -> None:
        """Have the gateway look."""
        if not self._woken:
            self._woken = True
            with self._pipe, suppress(BlockingIOError):  # full: the thread is awake already
                if self._piped:
                    os.write(self._wake_write, b"!")

    # --- the gateway's side -----------------------------------------------------------------------------------------

    def awake(self) -> None:
        """It is about to look: what is put down after this wakes it again."""
        self._woken = False

    def empty_pipe(self) -> None:
        """Take in what woke it."""
        os.read(self.wake_read, 64)

    def take_hosts(self) -> Iterator[list[bytes]]:
        """What is for hosts, in order."""
        while self._to_hosts:
            yield self._to_hosts.popleft()

    def take_replies(self) -> Iterator[tuple[Origin, bytes]]:
        """What is for clients, in order."""
        while self._replies:
            with self._lock:
                origin, body = self._replies.popleft()
                self.reply_bytes -= len(body)
            yield origin, body

    def close(self) -> None:
        """Nobody reads it any more."""
        with self._pipe:
            self._piped = False
            os.close(self.wake_read)
            os.close(self._wake_write)


def _pipe() -> tuple[int, int]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    return read, write
