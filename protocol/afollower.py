"""The asyncio client's event stream: a subscription, and requests for what it missed.

The rules stand in `following.py`, as for the plain client (`follower.py`); here are the socket and the waiting.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Self

import zmq
import zmq.asyncio

from orch_actors.protocol import messages as m
from orch_actors.protocol.codec import PUBLISHED
from orch_actors.protocol.errors import PeerFault, Unavailable
from orch_actors.protocol.exchange import expect
from orch_actors.protocol.following import Following
from orch_actors.protocol.transport import milliseconds
from orch_actors.protocol.views import Event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orch_actors.protocol.aclient import AsyncClient


async def poll(socket: zmq.asyncio.Socket, wait_s: float, flags: int) -> bool:
    """Whether the socket became ready in time."""
    return bool(await socket.poll(milliseconds(wait_s), flags))  # type: ignore[call-arg]  # the stub lacks `flags`


def _cancelled() -> bool:
    """Whether somebody wants the running task itself to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class AsyncFollower(AsyncIterator[Event]):
    """Events in order, each once; made by `AsyncClient.follow`, for one task at a time."""

    def __init__(self, client: "AsyncClient", since: int | None, timeout_s: float | None) -> None:
        self._client = client
        self._since = since
        self._timeout_s = timeout_s
        self._endpoint = ""
        #: The name under which missing events are asked for, and which events are handed out; None: all.
        self._consumer: str | None = None
        self._wants: Callable[[Event], bool] | None = None
        self._following: Following | None = None
        self._socket: zmq.asyncio.Socket | None = None
        self._closed = False
        client._followers.add(self)  # noqa: SLF001 (both halves of one thing)

    async def __aenter__(self) -> Self:
        """Subscribe now, so that "from now on" means from here."""
        if self._following is None:
            await self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __anext__(self) -> Event:
        event = await self.next_event(None if self._timeout_s is None else time.monotonic() + self._timeout_s)
        if event is None:
            self.close()
            raise StopAsyncIteration
        return event

    def __del__(self) -> None:
        if self._socket is not None:
            self._socket.close(0)

    @property
    def after(self) -> int | None:
        """Number of the last event handed out: what to begin with another time (`since=`)."""
        return self._since if self._following is None else self._following.after

    def close(self) -> None:
        """End the stream; a step that waits ends with StopAsyncIteration."""
        self._closed = True
        self._client._followers.discard(self)  # noqa: SLF001
        if self._socket is not None:
            self._socket.close(0)

    async def next_event(self, until: float | None) -> Event | None:
        """The next event, or None when the monotonic clock reaches `until` first, or when closed.

        Raises:
            EnvironmentFault: the daemon's state is not the one that was followed.
            Unavailable: the daemon has been away for longer than the client's `timeout_s`.
        """
        following = self._following or await self._begin()
        while not self._closed:
            event = following.take()
            now = time.monotonic()
            if event is not None or (until is not None and now >= until):
                return event
            if following.must_ask(now):
                await self._ask_page(following, now, until)
            else:
                await self._listen(following, now, until)
        return None

    async def _begin(self) -> Following:
        welcome = await self._client.hello()
        self._endpoint = self._client.reach.events(welcome.events)
        self._following = Following.begin(welcome, self._since, now=time.monotonic(), wants=self._wants)
        self._subscribe()
        return self._following

    def _subscribe(self) -> None:
        if self._socket is not None:
            self._socket.close(0)
        if not self._closed:
            self._socket = self._client._open(zmq.SUB, self._endpoint)  # noqa: SLF001

    async def _ask_page(self, following: Following, now: float, until: float | None) -> None:
        if following.resubscribe(now):
            self._subscribe()
        timeout_s = self._client.timeout_s if until is None else min(self._client.timeout_s, until - now)
        asked = m.ReadEvents(since=following.since, consumer=self._consumer)
        try:
            page = await self._client.request(asked, timeout_s=timeout_s)
        except Unavailable:
            if until is not None and time.monotonic() >= until:
                return  # the caller's time is up before the client's patience
            raise
        except RuntimeError:
            if self._closed:
                return  # just now: the stream ends with its client
            raise
        following.page(expect(page, m.Events), time.monotonic())

    async def _listen(self, following: Following, now: float, until: float | None) -> None:
        wait_s = following.wait_s(now) if until is None else min(following.wait_s(now), until - now)
        assert self._socket is not None  # noqa: S101 (next_event begins first)
        try:
            if not await poll(self._socket, wait_s, zmq.POLLIN):
                return
            message = PUBLISHED.decode((await self._socket.recv_multipart(zmq.NOBLOCK))[-1])
        except (PeerFault, zmq.Again):
            return  # not to be read: the next number shows the gap, and it is asked for
        except (zmq.ZMQError, asyncio.CancelledError):
            if self._closed and not _cancelled():
                return  # closed under our wait, which cancels it too
            raise
        following.hear(message, time.monotonic())
