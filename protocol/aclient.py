"""The asyncio client: the surface of `client.py`, awaited.

Knows the wire's messages and its own sockets; its event stream is `afollower.py`. The rules are shared with the plain
client (`exchange.py`, `following.py`, `waiting.py`, `submission.py`); only the waiting differs. A cancelled call closes
its socket on the way out; a command that it had sent may have been carried out all the same.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self
from weakref import WeakSet

import zmq
import zmq.asyncio

from orch_actors.protocol import messages as m
from orch_actors.protocol.aconsuming import AsyncConsumer, AsyncConsuming
from orch_actors.protocol.afollower import AsyncFollower, poll
from orch_actors.protocol.asteering import AsyncSteering
from orch_actors.protocol.errors import Unavailable
from orch_actors.protocol.exchange import Exchange, Glances, R, expect
from orch_actors.protocol.ids import new_id
from orch_actors.protocol.reach import reach
from orch_actors.protocol.submission import submission
from orch_actors.protocol.submitter import new_client_id
from orch_actors.protocol.transport import connected, context, set_up
from orch_actors.protocol.views import ActorView, GraphSummary, GraphView, StatusView
from orch_actors.protocol.waiting import Awaited, look_within_s, until_after

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orch_actors.protocol.spec.graph import GraphSpec


class AsyncClient(AsyncSteering, AsyncConsuming):
    """A connection to the daemon of one home, for the tasks of one event loop.

    Promises, arguments and errors are those of `Client`.

    Example:
        >>> async with AsyncClient() as client:
        ...     accepted = await client.submit({"name": "hello", "tasks": [{"id": "a", "command": "echo hello"}]})
        ...     (summary,) = await client.wait([accepted.graph])
    """

    def __init__(
        self,
        home: str | None = None,
        *,
        endpoint: str | None = None,
        key_file: str | None = None,
        client_id: str | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        """Connect lazily: nothing is opened before the first call. See `Client`."""
        self.client_id: Final = client_id or new_client_id()
        self.reach: Final = reach(home, endpoint, key_file)
        self.endpoint: Final = self.reach.endpoint
        self.timeout_s: Final = timeout_s
        self._context: zmq.asyncio.Context | None = None
        self._idle: list[zmq.asyncio.Socket] = []
        self._followers: WeakSet[AsyncFollower] = WeakSet()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<AsyncClient of {self.endpoint}{', closed' if self._closed else ''}>"

    def close(self) -> None:
        """Close all idle sockets and the followers; calls that still run close theirs when they end."""
        self._closed = True
        while self._idle:
            self._idle.pop().close(0)
        for follower in tuple(self._followers):
            follower.close()

    # --- commands ---------------------------------------------------------------------------------------------

    async def submit(
        self,
        graph: "GraphSpec | Mapping[str, Any]",
        *,
        key: str | None = None,
        base_dir: str | None = None,
        environment: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> m.GraphAccepted:
        """Hand over a graph; when this returns, it is on disk and begins. See `Client.submit`.

        Example:
            >>> (await client.submit({"name": "nightly", "tasks": [{"id": "a", "command": "make"}]})).graph
            'g1'
        """
        do = submission(
            graph, key=key, base_dir=base_dir, environment=self.reach.variables(environment), dry_run=dry_run
        )
        return await self._ask(do, m.GraphAccepted)

    async def cancel(
        self,
        graph: str,
        task: str | None = None,
        *,
        reason: str = "",
        if_version: int | None = None,
        dry_run: bool = False,
    ) -> m.Cancelled:
        """End a graph, or one task of it.

        Example:
            >>> (await client.cancel("g1", "build")).tasks
            ('build',)
        """
        return await self._ask(
            m.Cancel(graph=graph, task=task, reason=reason, if_version=if_version, dry_run=dry_run), m.Cancelled
        )

    async def shutdown(self, kill: bool = False) -> m.Stopping:
        """Stop the daemon; running attempts go on, unless `kill`.

        Example:
            >>> (await client.shutdown()).running
            2
        """
        return await self._ask(m.Shutdown(kill=kill), m.Stopping)

    async def compact(self) -> m.Compacting:
        """Have a snapshot made of the journal as it is now; `status().compaction` tells what came of it.

        Example:
            >>> (await client.compact()).segment
            7
        """
        return await self._ask(m.Compact(), m.Compacting)

    # --- queries ----------------------------------------------------------------------------------------------

    async def hello(self, timeout_s: float | None = None) -> m.Welcome:
        """Who is there.

        Example:
            >>> (await client.hello(timeout_s=0.5)).version
            '0.1.0'
        """
        return await self._ask(m.Hello(), m.Welcome, timeout_s)

    async def status(self) -> StatusView:
        """The daemon, its workers and its graphs.

        Example:
            >>> (await client.status()).supervisor.pid
            4711
        """
        return (await self._ask(m.GetStatus(), m.Status)).status

    async def graph(self, ref: str) -> GraphView:
        """One graph with its tasks and attempts.

        Example:
            >>> (await client.graph("g1")).state
            'running'
        """
        return (await self._ask(m.GetGraph(graph=ref), m.Graph)).graph

    async def summaries(self, refs: Sequence[str]) -> m.Summaries:
        """The named graphs, a line each, in the order asked.

        Example:
            >>> (await client.summaries(["g1"])).graphs[0].counts
            {'done': 1}
        """
        return await self._ask(m.GetSummaries(graphs=tuple(refs)), m.Summaries)

    async def result(self, graph: str, task: str) -> m.TaskResult:
        """What the task's latest successful attempt handed back.

        Example:
            >>> (await client.result("g1", "count")).value
            {'files': 812}
        """
        return await self._ask(m.GetResult(graph=graph, task=task), m.TaskResult)

    async def read_log(
        self,
        graph: str,
        task: str,
        *,
        attempt: int = 0,
        stream: str = "stdout",
        offset: int = 0,
        limit: int = 65536,
    ) -> m.LogPiece:
        r"""A piece of an attempt's output. See `Client.read_log`.

        Example:
            >>> (await client.read_log("g1", "greet")).data
            b'hello\n'
        """
        do = m.ReadLog(graph=graph, task=task, attempt=attempt, stream=stream, offset=offset, limit=limit)
        return await self._ask(do, m.LogPiece)

    async def events(self, since: int, limit: int = 1000) -> m.Events:
        """The events after number `since`, oldest first, at most `limit`.

        Example:
            >>> (await client.events(0)).head
            17
        """
        return await self._ask(m.ReadEvents(since=since, limit=limit), m.Events)

    async def actors(self) -> ActorView:
        """The living tree of actors.

        Example:
            >>> (await client.actors()).kind
            'supervisor'
        """
        return (await self._ask(m.ListActors(), m.Actors)).root

    # --- events -----------------------------------------------------------------------------------------------

    def follow(self, since: int | None = None, *, timeout_s: float | None = None) -> "AsyncFollower":
        """The events after number `since` (None: those from the first step on), each once and in order.

        See `Client.follow`. Nothing is opened before the first step; `async with` closes for sure.

        Example:
            >>> async with client.follow(since=0) as events:
            ...     async for event in events:
            ...         print(event.seq, event.kind, event.task)
        """
        return AsyncFollower(self, since, timeout_s)

    def consume(
        self,
        name: str,
        *,
        since: int | None = None,
        kinds: Sequence[str] = (),
        graphs: Sequence[str] = (),
        timeout_s: float | None = None,
    ) -> AsyncConsumer:
        """The events that a named consumer has not acknowledged yet, and on. See `Client.consume`.

        Nothing is opened before the first step; `async with` closes for sure.

        Example:
            >>> async with client.consume("mailer", kinds=["graph_ended"]) as events:
            ...     async for event in events:
            ...         await send_mail(event.graph, event.state)
            ...         await events.ack()
        """
        do = m.OpenConsumer(consumer=name, since=since, kinds=tuple(kinds), graphs=tuple(graphs))
        return AsyncConsumer(self, do, timeout_s)

    async def wait(
        self, graphs: Sequence[str], *, any_: bool = False, timeout_s: float | None = None
    ) -> tuple[GraphSummary, ...]:
        """Wait until all the graphs (with `any_`: one of them) have ended. See `Client.wait`.

        Raises:
            TimeoutError: they had not after `timeout_s` seconds.

        Example:
            >>> [summary.state for summary in await client.wait(["g1"], timeout_s=60)]
            ['done']
        """
        until = until_after(timeout_s, time.monotonic())
        awaited = Awaited(graphs, any_=any_)
        try:
            await self._await(awaited, until, timeout_s)
        except Unavailable as away:
            if until is None or time.monotonic() < until:
                raise
            raise awaited.timed_out(timeout_s) from away
        return awaited.summaries

    async def _await(self, awaited: Awaited, until: float | None, timeout_s: float | None) -> None:
        head = await self._look(awaited, until)
        if awaited.met():
            return
        async with AsyncFollower(self, head, None) as follower:
            while not awaited.met():
                event = await follower.next_event(until)
                if event is None:
                    self._must_be_open()
                    raise awaited.timed_out(timeout_s)
                if awaited.concerned_by(event):
                    await self._look(awaited, until)

    async def _look(self, awaited: Awaited, until: float | None) -> int:
        """Bring what is awaited up to date; the number of the newest event that it reflects."""
        timeout_s = look_within_s(self.timeout_s, until, time.monotonic())
        found = await self._ask(m.GetSummaries(graphs=awaited.refs), m.Summaries, timeout_s)
        awaited.update(found.graphs)
        return found.head

    # --- below ------------------------------------------------------------------------------------------------

    async def request(
        self, do: m.Command | m.Query, *, command_id: str | None = None, timeout_s: float | None = None
    ) -> m.Result:
        """Send any request and return its result. See `Client.request`.

        Example:
            >>> await client.request(Hello(), timeout_s=1.0)
            Welcome(version='0.1.0', …)
        """
        self._must_be_open()
        exchange = Exchange(
            do,
            client=self.client_id,
            command_id=command_id or new_id(),
            endpoint=self.endpoint,
            now=time.monotonic(),
            now_utc=time.time(),
            timeout_s=self.timeout_s if timeout_s is None else timeout_s,
        )
        while True:
            result = await self._try(exchange, exchange.next_try(time.monotonic()))
            if result is not None:
                return result
            await asyncio.sleep(exchange.pause_s(time.monotonic()))

    def _must_be_open(self) -> None:
        if self._closed:
            raise RuntimeError("this client is closed")

    async def _ask(self, do: m.Command | m.Query, of: type[R], timeout_s: float | None = None) -> R:
        return expect(await self.request(do, timeout_s=timeout_s), of)

    async def _try(self, exchange: Exchange, until: float) -> m.Result | None:
        """Send once and wait until `until`; None: try again."""
        socket = self._borrow()
        clean = False
        try:
            if not await poll(socket, until - time.monotonic(), zmq.POLLOUT):
                return None
            await socket.send(exchange.body, zmq.NOBLOCK)
            glances = Glances(until)
            while (wait_s := glances.next_s(time.monotonic())) is not None:
                if await poll(socket, wait_s, zmq.POLLIN):
                    answer = exchange.take((await socket.recv_multipart(zmq.NOBLOCK))[-1])
                    if answer is not None:
                        clean = True
                        return None if answer == "again" else answer
                elif not connected(socket):
                    return None
            return None
        except zmq.Again:
            return None  # the connection broke between poll and send
        finally:
            if clean and not self._closed:
                self._idle.append(socket)
            else:
                socket.close(0)

    def _borrow(self) -> zmq.asyncio.Socket:
        while self._idle:
            socket = self._idle.pop()
            if connected(socket):
                return socket
            socket.close(0)
        return self._open(zmq.DEALER, self.endpoint)

    def _open(self, kind: int, endpoint: str) -> zmq.asyncio.Socket:
        if self._context is None:
            self._context = zmq.asyncio.Context(context())
        socket = self._context.socket(kind)
        set_up(socket, endpoint, self.reach.key)
        return socket
