"""Which requests are taken, in which order, and how many at once: so that no client can push out the others. Pure.

A request that fits is put into its client's own queue, as the bytes that came; one that does not
is refused at once (OVERLOADED), and nothing grows. From the queues a few at a time go on to the supervisor, one client
after the other, so that who asks for one thing waits for a few requests and not for the thousands of somebody else. A
request counts from its coming until it is answered. How many are a few is found out: as many as are answered within a
quarter of a second, so that heavy ones do not make others wait, and light ones fill the supervisor's batches.

A client is a process, or by tcp a key: not a connection, or who opens a hundred had a hundred turns; nor who it says it
is (`client`).

`offer` and `take` are the gateway's thread's; `done` may come from any. `now` is monotonic time, in seconds.
"""

import threading
from collections import deque
from typing import Final

from orch_actors.actors.gateway.letters import Letter
from orch_actors.actors.gateway.shares import Share
from orch_actors.protocol.codec import MAX_BODY_BYTES
from orch_actors.protocol.errors import ErrorInfo

#: Requests that may wait in the daemon, all together; and the bytes of their bodies.
MAX_WAITING: Final = 10_000
MAX_WAITING_BYTES: Final = 4 * MAX_BODY_BYTES
#: Requests that the supervisor may have at once: at the most two of its batches for a sender that is alone.
MAX_AT_ONCE: Final = 256
MIN_AT_ONCE: Final = 32
#: What an answer should take, once the request is with the supervisor; twice as long is too long.
TARGET_S: Final = 0.25


class WaitingRoom:
    """See the module. Invariant: what is in `_turns` are the clients whose queue is not empty, each once."""

    def __init__(
        self, *, waiting: int = MAX_WAITING, waiting_bytes: int = MAX_WAITING_BYTES, at_once: int = MAX_AT_ONCE
    ) -> None:
        self._lock = threading.Lock()
        self._waiting: Share[str] = Share(waiting)
        self._bytes: Share[str] = Share(waiting_bytes)
        self._at_once: Share[str] = Share(at_once)
        self._queues: dict[str, deque[Letter]] = {}
        self._turns: deque[str] = deque()
        self._most_at_once = at_once
        #: When `_at_once` was last made larger or smaller.
        self._paced_at = 0.0
        #: Ticket → sender and size of a request that is being handled, and since when.
        self._handled: dict[int, tuple[str, int, float]] = {}
        self._tickets = 0

    @property
    def waiting(self) -> int:
        """Requests that are not answered yet."""
        return self._waiting.used

    def offer(self, letter: Letter) -> ErrorInfo | None:
        """Take a request in; or why it cannot be taken now."""
        key, size = letter.sender, len(letter.body)
        with self._lock:
            if not self._waiting.fits(key, 1):
                return self._refusal("requests", self._waiting.of(key), self._waiting.used)
            if not self._bytes.fits(key, size):
                return self._refusal("bytes of requests", self._bytes.of(key), self._bytes.used)
            self._waiting.take(key, 1)
            self._bytes.take(key, size)
            queue = self._queues.get(key)
            if queue is None:
                queue = self._queues[key] = deque()
                self._turns.append(key)
            queue.append(letter)
        return None

    def take(self, now: float) -> tuple[Letter, int] | None:
        """The next request that is to be handled, and its ticket; None: there is none, or enough are being handled."""
        with self._lock:
            for _ in range(len(self._turns)):
                key = self._turns.popleft()
                if not self._at_once.fits(key, 1):
                    self._turns.append(key)
                    continue
                queue = self._queues[key]
                letter = queue.popleft()
                if queue:
                    self._turns.append(key)
                else:
                    del self._queues[key]
                self._at_once.take(key, 1)
                self._tickets += 1
                self._handled[self._tickets] = key, len(letter.body), now
                return letter, self._tickets
        return None

    def done(self, ticket: int, now: float) -> bool:
        """A request is answered (a second answer counts no more); whether others wait for their turn."""
        with self._lock:
            handled = self._handled.pop(ticket, None)
            if handled is not None:
                key, size, since = handled
                self._pace(now - since, now)
                for share, amount in ((self._waiting, 1), (self._bytes, size), (self._at_once, 1)):
                    share.give_back(key, amount)
            return bool(self._turns)

    def _pace(self, took_s: float, now: float) -> None:
        """Hand on more at once, or fewer, by how long one took; not again before that can have shown."""
        if now < self._paced_at + TARGET_S / 4:
            return
        room = self._at_once
        if took_s > 2 * TARGET_S:
            room.total = max(min(MIN_AT_ONCE, self._most_at_once), room.total * 3 // 4)
        elif took_s < TARGET_S and room.total < self._most_at_once:
            room.total = min(self._most_at_once, room.total + MIN_AT_ONCE // 4)
        else:
            return
        self._paced_at = now

    @staticmethod
    def _refusal(what: str, own: int, everybodys: int) -> ErrorInfo:
        return ErrorInfo(
            code="OVERLOADED",
            message=f"too much waits already: {everybodys:,} {what}, {own:,} of it your own",
            hint="take in answers, then send the same again in a moment",
            retriable=True,
        )
