"""What was given to ZeroMQ for each client and has not gone out yet: bounded, however little a client reads. Pure.

ZeroMQ bounds the messages that wait for a peer, and not their bytes: a thousand pieces of a log are a gigabyte. It does
not tell what waits, either. But it tells when it has let go of one message (a tracker), and messages to one peer go out
in their order: so one tracked message in each 64 KiB says that all before it are gone, and what is not known to be gone
counts as waiting. A peer that has vanished counts until ZeroMQ has dropped its messages, which is soon.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final, Protocol

from orch_actors.actors.gateway.shares import Share

#: One message in so many bytes to a peer is tracked, which costs some 40 µs.
MARK_EVERY: Final = 64 * 1024
#: Bytes that may wait in ZeroMQ, for all peers together (what is not marked yet comes on top).
MAX_UNSENT_BYTES: Final = 256 * 1024 * 1024
#: Peers of which it is remembered how much was sent since their last mark.
MAX_REMEMBERED: Final = 1024


class Tracker(Protocol):
    """Tells whether ZeroMQ has let go of a message."""

    @property
    def done(self) -> bool:
        """It has."""


@dataclass(slots=True)
class _Peer:
    #: Bytes since the last mark.
    unmarked: int = 0
    #: Marks that are not gone yet, oldest first, each with the bytes that go with it.
    marks: deque[tuple[Tracker, int]] = field(default_factory=deque)


class Outflow:
    """See the module. For one thread."""

    def __init__(self, max_unsent_bytes: int = MAX_UNSENT_BYTES) -> None:
        self._peers: OrderedDict[bytes, _Peer] = OrderedDict()
        self._unsent: Share[bytes] = Share(max_unsent_bytes)

    @property
    def unsent_bytes(self) -> int:
        """What waits in ZeroMQ, as far as it is known; with what has gone since the last look."""
        return self._unsent.used

    def fits(self, peer: bytes, size: int) -> bool:
        """Whether a message of this size may be sent to it now."""
        self._look(peer)
        if not self._unsent.fits(peer, size):
            for other in tuple(self._peers):
                self._look(other)
        return self._unsent.fits(peer, size)

    def needs_mark(self, peer: bytes, size: int) -> bool:
        """Whether the message that is to be sent must be tracked."""
        found = self._peers.get(peer)
        return (found.unmarked if found else 0) + size >= MARK_EVERY

    def sent(self, peer: bytes, size: int, tracker: Tracker | None) -> None:
        """A message was given to ZeroMQ."""
        found = self._peers.setdefault(peer, _Peer())
        self._peers.move_to_end(peer)
        if tracker is None:
            found.unmarked += size
        else:
            amount = found.unmarked + size
            found.unmarked = 0
            found.marks.append((tracker, amount))
            self._unsent.take(peer, amount)
        if len(self._peers) > MAX_REMEMBERED:
            self._forget_one()

    def _look(self, peer: bytes) -> None:
        found = self._peers.get(peer)
        while found and found.marks and found.marks[0][0].done:
            _, amount = found.marks.popleft()
            self._unsent.give_back(peer, amount)

    def _forget_one(self) -> None:
        """Forget the peer that was silent longest and for which nothing is known to wait: most likely it is gone."""
        for peer in self._peers:
            self._look(peer)
            if not self._peers[peer].marks:
                del self._peers[peer]
                return
