"""The plain client's event stream: a subscription, and requests for what it missed.

The rules stand in `following.py`; here are the socket and the waiting. A follower belongs to one thread at a
time; `close` may be called by any.
"""

import os
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, Self

import zmq

from orch_actors.protocol.codec import PUBLISHED
from orch_actors.protocol.errors import PeerFault, Unavailable
from orch_actors.protocol.exchange import expect
from orch_actors.protocol.following import Following
from orch_actors.protocol.messages import Events, ReadEvents
from orch_actors.protocol.transport import milliseconds, open_subscription
from orch_actors.protocol.views import Event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orch_actors.protocol.client import Client

#: At least this often it looks whether follower or client were closed; heartbeats usually wake it before.
LONGEST_LISTEN_S: Final = 1.0


class Follower(Iterator[Event]):
    """Events in order, each once. Invariant: `after` is the number of the last one handed out.

    Example:
        >>> with client.follow() as events:
        ...     for event in events:
        ...         if event.kind == "graph_ended":
        ...             break
    """

    def __init__(
        self,
        client: "Client",
        since: int | None,
        timeout_s: float | None,
        *,
        consumer: str | None = None,
        wants: Callable[[Event], bool] | None = None,
    ) -> None:
        """Find out where to begin, and subscribe. See `Client.follow`.

        Args:
            client: whose daemon it is.
            since: the last event that is known already; None: begin with what comes.
            timeout_s: see `Client.follow`.
            consumer: the name under which missing events are asked for.
            wants: which events are handed out; None: all.
        """
        self._client = client
        self._timeout_s = timeout_s
        self._consumer = consumer
        welcome = client.hello()
        self._endpoint = client.reach.events(welcome.events)
        self._following = Following.begin(welcome, since, now=time.monotonic(), wants=wants)
        self._busy = False
        self._closed = False
        self._pid = os.getpid()
        self._socket = open_subscription(self._endpoint, client.reach.key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        event = self.next_event(None if self._timeout_s is None else time.monotonic() + self._timeout_s)
        if event is None:
            self.close()
            raise StopIteration
        return event

    def __del__(self) -> None:
        if hasattr(self, "_socket"):
            self._socket.close(0)

    @property
    def after(self) -> int:
        """Number of the last event handed out: what to begin with another time (`since=`)."""
        return self._following.after

    def close(self) -> None:
        """End the stream; an iteration that waits in another thread ends within a second."""
        # Order matters: either the other thread sees `_closed`, or we see `_busy` and it closes the socket.
        self._closed = True
        if not self._busy:
            self._socket.close(0)

    def next_event(self, until: float | None) -> Event | None:
        """The next event, or None when the monotonic clock reaches `until` first, or when closed.

        Raises:
            EnvironmentFault: the daemon's state is not the one that was followed.
            Unavailable: the daemon has been away for longer than the client's `timeout_s`.
        """
        self._busy = True
        try:
            while not (self._closed or self._client.closed):
                event = self._following.take()
                now = time.monotonic()
                if event is not None or (until is not None and now >= until):
                    return event
                if self._pid != os.getpid():
                    self._subscribe()
                if self._following.must_ask(now):
                    self._ask(now, until)
                else:
                    self._listen(now, until)
            self._socket.close(0)
            return None
        finally:
            self._busy = False
            if self._closed:
                self._socket.close(0)

    def _subscribe(self) -> None:
        self._socket.close(0)  # after a fork: does nothing, it is the parent's
        self._socket = open_subscription(self._endpoint, self._client.reach.key)
        self._pid = os.getpid()

    def _ask(self, now: float, until: float | None) -> None:
        if self._following.resubscribe(now):
            self._subscribe()
        timeout_s = self._client.timeout_s if until is None else min(self._client.timeout_s, until - now)
        asked = ReadEvents(since=self._following.since, consumer=self._consumer)
        try:
            page = self._client.request(asked, timeout_s=timeout_s)
        except Unavailable:
            if until is not None and time.monotonic() >= until:
                return  # the caller's time is up before the client's patience
            raise
        except RuntimeError:
            if self._client.closed:
                return  # just now: the stream ends with it
            raise
        self._following.page(expect(page, Events), time.monotonic())

    def _listen(self, now: float, until: float | None) -> None:
        wait_s = min(self._following.wait_s(now), LONGEST_LISTEN_S)
        if until is not None:
            wait_s = min(wait_s, until - now)
        if not self._socket.poll(milliseconds(wait_s), zmq.POLLIN):
            return
        try:
            message = PUBLISHED.decode(self._socket.recv_multipart(zmq.NOBLOCK)[-1])
        except (PeerFault, zmq.Again):
            return  # not to be read: the next number shows the gap, and it is asked for
        self._following.hear(message, time.monotonic())
