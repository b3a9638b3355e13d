"""The plain client's sockets: how they are set up, pooled between calls, and given up.

Knows ZeroMQ and nothing of what the bytes mean. Every socket is made here, for the asyncio client too.

One DEALER serves one call at a time: it is borrowed from the pool and returned only after a clean answer, so
threads share a client without a lock that one of them could hold during a long wait (list.append and list.pop
are atomic). A socket whose try failed is closed, never reused: whatever it may still deliver is gone with it.

IMMEDIATE: nothing is queued while there is no connection, so a command that was given up on does not reach a
daemon that starts later; as a gift, a socket that is not writable has lost its connection. LINGER 0: closing
drops what was not sent.

One context serves the process. It is not ZeroMQ's global instance, whose term() would wait for our sockets.
After a fork the parent's context and sockets stay the parent's (pyzmq's close() leaves sockets of another
process alone); the child finds the pid to be another and begins with its own.
"""

import os
import threading
from typing import Any, Final

import zmq

from orch_actors.protocol.codec import MAX_BODY_BYTES, TOPIC_MSGPACK
from orch_actors.protocol.reach import Reach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orch_actors.protocol.keyring import ClientKey

#: First and longest wait between two connection attempts, in milliseconds (ZeroMQ's unit).
RECONNECT_MS: Final = 20
RECONNECT_MAX_MS: Final = 100

#: How often a quiet connection by tcp is asked whether it is there, in milliseconds.
PING_MS: Final = 5_000

#: For `poll` of a socket that comes from here, to those who need ZeroMQ for nothing else.
WRITABLE: Final = int(zmq.POLLOUT)

#: pid → context; those of parents are kept, so that nothing tears them down here.
_contexts: Final[dict[int, "zmq.Context[zmq.Socket[bytes]]"]] = {}
_creation = threading.Lock()


def _new_lock() -> None:
    global _creation
    _creation = threading.Lock()  # another thread may have held it while this process was forked off


os.register_at_fork(after_in_child=_new_lock)


def context() -> "zmq.Context[zmq.Socket[bytes]]":
    """This process's context for client sockets."""
    pid = os.getpid()
    found = _contexts.get(pid)
    if found is None:
        with _creation:
            found = _contexts.get(pid)
            if found is None:
                found = _contexts[pid] = zmq.Context()
    return found


def set_up(socket: "zmq.Socket[Any]", endpoint: str, key: "ClientKey | None" = None) -> None:
    """Set the options of a fresh DEALER or SUB, and connect it, which never waits."""
    if key is not None:
        socket.setsockopt(zmq.CURVE_SERVERKEY, key.server.encode())
        socket.setsockopt(zmq.CURVE_PUBLICKEY, key.public.encode())
        socket.setsockopt(zmq.CURVE_SECRETKEY, key.secret.encode())
        socket.setsockopt(zmq.IPV6, 1)
        # A machine that has gone says nothing of it.
        socket.setsockopt(zmq.HEARTBEAT_IVL, PING_MS)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 3 * PING_MS)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MAX_MS)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_BODY_BYTES)
    if socket.getsockopt(zmq.TYPE) == zmq.DEALER:
        socket.setsockopt(zmq.IMMEDIATE, 1)
    else:
        socket.setsockopt(zmq.SUBSCRIBE, TOPIC_MSGPACK)
    socket.connect(endpoint)


def connected(socket: "zmq.Socket[Any]") -> bool:
    """Whether a DEALER has a connection; one without is not writable (IMMEDIATE)."""
    return bool(int(socket.getsockopt(zmq.EVENTS)) & zmq.POLLOUT)


def milliseconds(seconds: float) -> int:
    """A wait as ZeroMQ wants it; rounded up, so that a short one does not become a busy loop."""
    return max(int(seconds * 1000 + 0.999), 0)


class Pool:
    """Idle DEALERs of one endpoint, for any thread of one process."""

    def __init__(self, reach: Reach) -> None:
        self.reach: Final = reach
        self.pid: Final = os.getpid()
        self._idle: list[zmq.Socket[bytes]] = []
        self._closed = False

    def borrow(self) -> "zmq.Socket[bytes]":
        """A connected or connecting DEALER, for the caller alone until it is given back or closed."""
        while self._idle:
            try:
                socket = self._idle.pop()
            except IndexError:  # another thread took the last one
                break
            if connected(socket):
                return socket
            socket.close(0)  # its daemon has gone; a fresh one is there sooner than its next reconnection
        socket = context().socket(zmq.DEALER)
        set_up(socket, self.reach.endpoint, self.reach.key)
        return socket

    def give_back(self, socket: "zmq.Socket[bytes]") -> None:
        """Return one that has just worked."""
        self._idle.append(socket)
        if self._closed:
            self.close()

    def close(self) -> None:
        """Close what is idle; what is on loan is closed when it comes back."""
        self._closed = True
        while self._idle:
            try:
                self._idle.pop().close(0)
            except IndexError:  # another thread took the last one
                return


def open_subscription(endpoint: str, key: "ClientKey | None" = None) -> "zmq.Socket[bytes]":
    """A SUB that hears all events in msgpack."""
    socket = context().socket(zmq.SUB)
    set_up(socket, endpoint, key)
    return socket


def new_pair() -> tuple[str, str]:
    """A fresh pair of keys: public, secret."""
    public, secret = zmq.curve_keypair()
    return public.decode(), secret.decode()
