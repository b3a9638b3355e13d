"""How many may be connected: what the sockets' monitors tell, counted. Pure.

So many connections are served, those that came first. Whoever comes then is let in too and told so (OVERLOADED), since
one who is only turned away cannot tell a full daemon from none; it is served as soon as an earlier one has gone. Far
beyond that, connections are turned away: each costs a descriptor, and the journal needs some.

Connections are known by their descriptors. libzmq speaks of an accepted connection before it asks about it (ZAP) and
before anything comes from it, so whoever hears the monitors first knows it.
"""

import struct
from itertools import islice
from typing import Final

#: Connections to each of the clients' sockets that are served, and those that are let in.
MAX_SERVED: Final = 128
MAX_CONNECTIONS: Final = 2 * MAX_SERVED

#: libzmq's numbers of monitor events.
ACCEPTED: Final = 0x0020
DISCONNECTED: Final = 0x0200

_EVENT: Final = struct.Struct("=HI")


class Connections:
    """Of one socket. See the module."""

    def __init__(self, served: int = MAX_SERVED, most: int = MAX_CONNECTIONS) -> None:
        self._served, self._most = served, most
        #: Descriptors, in the order in which they came.
        self._open: dict[int, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, descriptor: int) -> bool:
        return descriptor in self._open

    def hear(self, event: bytes) -> None:
        """What the monitor says; `event` is its first frame."""
        number, descriptor = _EVENT.unpack(event)
        if number == ACCEPTED:
            self._open[descriptor] = None
        elif number == DISCONNECTED:
            self._open.pop(descriptor, None)

    @property
    def too_many(self) -> bool:
        """Whether who is asked about now, and is counted already, must be turned away."""
        return len(self._open) > self._most

    @property
    def crowded(self) -> bool:
        """Whether there are more than are served."""
        return len(self._open) > self._served

    def serves(self, descriptor: int) -> bool:
        """Whether the connection is one of those that came first."""
        return descriptor in islice(self._open, self._served)
