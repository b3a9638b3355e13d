"""Reading events under a name: what was not acknowledged is delivered again, over restarts of reader and daemon.

The daemon keeps the cursor; here are the plain client's requests for it and the stream that acknowledges. What a
consumer wants is shared with the asyncio client (`aconsuming.py`).

    with client.consume("mailer") as events:
        for event in events:
            send_mail(event)         # a crash here: the event comes again
            events.ack()             # durable when this returns; it will not come again

What a consumer does not want it passes over and acknowledges by itself, but only behind what the reader has
acknowledged, and seldom: it costs a line of the journal each time, while a cursor that stands still keeps the journal
from being compacted.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Final

from orch_actors.protocol import messages as m
from orch_actors.protocol.exchange import R
from orch_actors.protocol.follower import Follower
from orch_actors.protocol.views import Event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orch_actors.protocol.client import Client

#: Events that are not wanted are acknowledged once so many have been passed over.
PASS_EVERY: Final = 1000


def wants_of(opened: m.ConsumerOpened) -> Callable[[Event], bool] | None:
    """Which events a consumer wants; None: all."""
    kinds, graphs = frozenset(opened.kinds), frozenset(opened.graphs)
    if not kinds and not graphs:
        return None

    def wants(event: Event) -> bool:
        return (not kinds or event.kind in kinds) and (not graphs or event.graph in graphs)

    return wants


def to_acknowledge(seq: int | None, *, after: int, passed: int) -> int:
    """The number to acknowledge where the reader says `seq` (None: all that it was given).

    `after` is the last that it was given, and up to `passed` nothing else is for it: so with the last one goes what
    it does not want.
    """
    return passed if seq is None or seq == after else seq


class Consumer(Follower):
    """Events that a named consumer wants, in order, from the first that it has not acknowledged on.

    Made by `Client.consume`, for one thread at a time. Invariant: what was handed out and not acknowledged is handed
    out again by the next Consumer of this name.
    """

    def __init__(self, client: "Client", opened: m.ConsumerOpened, timeout_s: float | None) -> None:
        """Begin where the cursor stands. See `Client.consume`."""
        super().__init__(client, opened.cursor, timeout_s, consumer=opened.consumer, wants=wants_of(opened))
        self.name: Final = opened.consumer
        #: Where its cursor stands, as far as this reader knows: another one of its name may have moved it.
        self.cursor = opened.cursor

    def ack(self, seq: int | None = None) -> int:
        """Acknowledge everything up to event `seq` (None: all that was handed out); it will not come again.

        Durable when it returns. Returns where the cursor stands now; an older `seq` leaves it there.

        Raises:
            Refused: UNKNOWN_CONSUMER, somebody forgot it; NOT_ALLOWED, that event has not happened.
            Unavailable: no daemon answers; acknowledge again, or be given it again.

        Example:
            >>> for event in events:
            ...     events.ack(event.seq)
        """
        wanted = to_acknowledge(seq, after=self._following.after, passed=self._following.passed)
        if wanted > self.cursor:
            self.cursor = self._client.ack_events(self.name, wanted).cursor
        return self.cursor

    def _ask(self, now: float, until: float | None) -> None:
        super()._ask(now, until)
        self._pass()

    def _listen(self, now: float, until: float | None) -> None:
        super()._listen(now, until)
        self._pass()

    def _pass(self) -> None:
        """Acknowledge what is not wanted, where all that was handed out is acknowledged."""
        following = self._following
        if following.after <= self.cursor and following.passed >= self.cursor + PASS_EVERY:
            self.ack()


class Consuming(ABC):
    """The part of `Client` that is about named readers of events. Errors are those of `Client`."""

    @abstractmethod
    def _ask(self, do: m.Command | m.Query, of: type[R], timeout_s: float | None = None) -> R:
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
    ) -> Consumer:
        """See `Client.consume`."""

    def open_consumer(
        self, name: str, *, since: int | None = None, kinds: Sequence[str] = (), graphs: Sequence[str] = ()
    ) -> m.ConsumerOpened:
        """Be known under a name; where it is known already, it stays as it is. See `Client.consume`.

        Example:
            >>> client.open_consumer("mailer", kinds=["graph_ended"]).cursor
            0
        """
        do = m.OpenConsumer(consumer=name, since=since, kinds=tuple(kinds), graphs=tuple(graphs))
        return self._ask(do, m.ConsumerOpened)

    def read_consumer(self, name: str, *, since: int | None = None, limit: int = 1000) -> m.Events:
        """Events that a consumer wants, after its cursor or after `since`, at most `limit`; nothing is acknowledged.

        `through` of the answer is the number up to which was looked: what to name as `since` next, and what to
        acknowledge once all events here are dealt with.

        Example:
            >>> page = client.read_consumer("mailer")
            >>> client.ack_events("mailer", page.through).cursor
            17
        """
        return self._ask(m.ReadEvents(since=since, limit=limit, consumer=name), m.Events)

    def ack_events(self, name: str, seq: int) -> m.Acknowledged:
        """Say that a consumer has dealt with everything up to event `seq`; durable when it returns.

        Example:
            >>> client.ack_events("mailer", 17).cursor
            17
        """
        return self._ask(m.AckEvents(consumer=name, seq=seq), m.Acknowledged)

    def consumers(self) -> m.Consumers:
        """All named readers of events, oldest first, with how far behind each is.

        Example:
            >>> [(consumer.name, consumer.behind) for consumer in client.consumers().consumers]
            [('mailer', 0)]
        """
        return self._ask(m.GetConsumers(), m.Consumers)

    def forget_consumers(self, names: Sequence[str] = (), *, idle_s: float | None = None) -> m.ConsumersForgotten:
        """Keep nothing for these consumers any longer: the named ones, all or none; or those idle for so many seconds.

        Example:
            >>> client.forget_consumers(["mailer"]).consumers
            ('mailer',)
        """
        return self._ask(m.ForgetConsumers(consumers=tuple(names), idle=idle_s), m.ConsumersForgotten)
