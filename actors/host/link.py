"""The host's line to its supervisor: one thread that owns the DEALER. The only module of the host that imports zmq.

Others hand over messages by `send`, from any thread: they go to a deque, and one byte on a pipe wakes the thread, which
sleeps in a poll on socket and pipe. While bytes are unread nobody writes another, so a burst costs one system call.

IMMEDIATE: nothing is queued for a supervisor that is not there; it waits here, in order. There is no acknowledgement
and no resending: see protocol/hostwire.py.
"""

import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import zmq

from orch_actors.actors.host import logbook
from orch_actors.protocol.codec import encode
from orch_actors.protocol.errors import PeerFault
from orch_actors.protocol.hostwire import TO_HOST, HostConfig, HostReady, ToHost, ToSupervisor


class Link:
    """See the module's header."""

    def __init__(self, config: HostConfig, on_message: Callable[[ToHost], None]) -> None:
        self._config: Final = config
        self._on_message: Final = on_message
        #: In the order of `send`; taken from the left by the link's thread alone.
        self._outgoing: deque[bytes] = deque()
        self._lock: Final = threading.Condition()
        self._woken = False
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)

    def start(self) -> None:
        """Connect, say HostReady, and go on in a thread."""
        self.send(HostReady(worker=self._config.worker, pid=os.getpid()))
        threading.Thread(target=self._run, name="link", daemon=True).start()

    def send(self, message: ToSupervisor) -> None:
        """Send it as soon as there is somebody to send it to; never blocks."""
        body = encode(message)
        with self._lock:
            self._outgoing.append(body)
            if self._woken:
                return
            self._woken = True
        os.write(self._wake_write, b"!")

    def flush(self, patience_s: float) -> None:
        """Wait until everything is handed to the system, for at most so long."""
        with self._lock:
            self._lock.wait_for(lambda: not self._outgoing, patience_s)

    def _run(self) -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
        dealer = context.socket(zmq.DEALER)
        dealer.set(zmq.ROUTING_ID, self._config.name.encode())
        dealer.set(zmq.IMMEDIATE, 1)
        dealer.set(zmq.LINGER, 0)
        dealer.set(zmq.SNDHWM, 0)
        dealer.set(zmq.RCVHWM, 0)
        dealer.connect(self._config.endpoint)
        poller = zmq.Poller()
        poller.register(self._wake_read, zmq.POLLIN)
        while True:
            # A connection that comes or comes back makes the socket writable: only then is that of interest.
            wanted = zmq.POLLIN | zmq.POLLOUT if self._outgoing else zmq.POLLIN
            poller.register(dealer, wanted)
            ready = dict(poller.poll())
            if self._wake_read in ready:
                self._acknowledge_wake()
            if ready.get(dealer, 0) & zmq.POLLIN:
                self._receive_all(dealer)
            self._send_all(dealer)

    def _acknowledge_wake(self) -> None:
        os.read(self._wake_read, 64)
        with self._lock:
            self._woken = False

    def _send_all(self, dealer: "zmq.Socket[bytes]") -> None:
        while self._outgoing:
            try:
                dealer.send(self._outgoing[0], zmq.DONTWAIT)
            except zmq.Again:
                return
            with self._lock:
                self._outgoing.popleft()
                if not self._outgoing:
                    self._lock.notify_all()

    def _receive_all(self, dealer: "zmq.Socket[bytes]") -> None:
        while True:
            try:
                frames: list[Any] = dealer.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                return
            try:
                message = TO_HOST.decode(frames[-1])
            except PeerFault as fault:
                logbook.warning("the supervisor sent what is no message: {}", fault)
                continue
            self._on_message(message)
