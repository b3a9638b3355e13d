"""Reading events under a name, for asyncio: the surface of `consuming.py`, awaited."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

from orch_actors.protocol import messages as m
from orch_actors.protocol.afollower import AsyncFollower
from orch_actors.protocol.consuming import PASS_EVERY, to_acknowledge, wants_of
from orch_actors.protocol.exchange import R
from orch_actors.protocol.following import Following

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orch_actors.protocol.aclient import AsyncClient


class AsyncConsumer(AsyncFollower):
    """Events that a named consumer wants, from the first that it has not acknowledged on. See `Consumer`."""

    def __init__(self, client: "AsyncClient", do: m.OpenConsumer, timeout_s: float | None) -> None:
        """Nothing is opened before the first step. See `AsyncClient.consume`."""
        super().__init__(client, None, timeout_s)
        self.name: Final = do.consumer
        self._do = do
        #: Where its cursor stands, as far as this reader knows.
        self.cursor = 0

    async def ack(self, seq: int | None = None) -> int:
        """Acknowledge everything up to event `seq` (None: all that was handed out). See `Consumer.ack`.

        Example:
            >>> async for event in events:
            ...     await events.ack(event.seq)
        """
        following = self._following or await self._begin()
        wanted = to_acknowledge(seq, after=following.after, passed=following.passed)
        if wanted > self.cursor:
            self.cursor = (await self._client.ack_events(self.name, wanted)).cursor
        return self.cursor

    async def _begin(self) -> Following:
        """Open the consumer first: its cursor is where to begin."""
        do = self._do
        opened = await self._client.open_consumer(self.name, since=do.since, kinds=do.kinds, graphs=do.graphs)
        self._since = self.cursor = opened.cursor
        self._consumer, self._wants = opened.consumer, wants_of(opened)
        return await super()._begin()

    async def _ask_page(self, following: Following, now: float, until: float | None) -> None:
        await super()._ask_page(following, now, until)
        await self._pass(following)

    async def _listen(self, following: Following, now: float, until: float | None) -> None:
        await super()._listen(following, now, until)
        await self._pass(following)

    async def _pass(self, following: Following) -> None:
        """Acknowledge what is not wanted, where all that was handed out is acknowledged."""
        if following.after <= self.cursor and following.passed >= self.cursor + PASS_EVERY:
            await self.ack()


class AsyncConsuming(ABC):
    """The part of `AsyncClient` that is about named readers of events. Promises and arguments: `Consuming`."""

    @abstractmethod
    async def _ask(self, do: m.Command | m.Query, of: type[R], timeout_s: float | None = None) -> R:
        """Send a request and return its result."""

    @abstractmethod
    def consume(
        self,
        name: str,
        *,
        since: int | None = None,
        kinds: Sequence[str] = (),
        graphs: Sequence[str] = (),
        timeout_s: float | None = None,
    ) -> AsyncConsumer:
        """See `AsyncClient.consume`."""

    async def open_consumer(
        self, name: str, *, since: int | None = None, kinds: Sequence[str] = (), graphs: Sequence[str] = ()
    ) -> m.ConsumerOpened:
        """Be known under a name; where it is known already, it stays as it is.

        Example:
            >>> (await client.open_consumer("mailer", kinds=["graph_ended"])).cursor
            0
        """
        do = m.OpenConsumer(consumer=name, since=since, kinds=tuple(kinds), graphs=tuple(graphs))
        return await self._ask(do, m.ConsumerOpened)

    async def read_consumer(self, name: str, *, since: int | None = None, limit: int = 1000) -> m.Events:
        """Events that a consumer wants, after its cursor or after `since`. See `Client.read_consumer`.

        Example:
            >>> page = await client.read_consumer("mailer")
            >>> (await client.ack_events("mailer", page.through)).cursor
            17
        """
        return await self._ask(m.ReadEvents(since=since, limit=limit, consumer=name), m.Events)

    async def ack_events(self, name: str, seq: int) -> m.Acknowledged:
        """Say that a consumer has dealt with everything up to event `seq`.

        Example:
            >>> (await client.ack_events("mailer", 17)).cursor
            17
        """
        return await self._ask(m.AckEvents(consumer=name, seq=seq), m.Acknowledged)

    async def consumers(self) -> m.Consumers:
        """All named readers of events, oldest first.

        Example:
            >>> [(consumer.name, consumer.behind) for consumer in (await client.consumers()).consumers]
            [('mailer', 0)]
        """
        return await self._ask(m.GetConsumers(), m.Consumers)

    async def forget_consumers(self, names: Sequence[str] = (), *, idle_s: float | None = None) -> m.ConsumersForgotten:
        """Keep nothing for these consumers any longer: the named ones, all or none; or those idle for so many seconds.

        Example:
            >>> (await client.forget_consumers(["mailer"])).consumers
            ('mailer',)
        """
        return await self._ask(m.ForgetConsumers(consumers=tuple(names), idle=idle_s), m.ConsumersForgotten)
