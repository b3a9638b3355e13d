"""Readers of events, each in a thread of its own, with a record of all that it was given; judged on the spot.

What a reader owes is simple enough to be judged without knowing what happened: the numbers that it is given follow one
upon the other, and what it has acknowledged never comes again. That they are the right events is for the end, when all
that happened can be read in one piece (`campaign.py`).
"""

import asyncio
import random
import threading
import time
from typing import Final

from orch_actors.protocol.aclient import AsyncClient
from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import OrchError
from orch_actors.protocol.transport import open_subscription
from orch_actors.protocol.views import Event

#: Seconds that a reader waits for the next event before it looks whether it may go; and for the daemon to come back.
LOOK_S: Final = 0.5
PATIENCE_S: Final = 120.0
#: Most events that a reader takes before it acknowledges, or dies without.
LONGEST_LIFE: Final = 400
#: Faults of a reader that are kept.
MOST_FAULTS: Final = 100


class Reader(threading.Thread):
    """Reads until it was given everything up to `until`, once somebody sets that."""

    def __init__(self, name: str, home: str) -> None:
        super().__init__(name=name, daemon=True)
        self._home: Final = home
        #: Number of the last event that there will be; None: nobody knows yet.
        self.until: int | None = None
        #: Number → what it was given for good: of a consumer, what it has acknowledged.
        self.had: dict[int, Event] = {}
        #: Events that came again, as they may until they are acknowledged.
        self.again = 0
        self.faults: list[str] = []

    def run(self) -> None:
        """Read, whatever happens to the daemon; an error that gets through is a fault."""
        try:
            self.read()
        except (OrchError, RuntimeError) as error:
            self.fault(f"gave up: {type(error).__name__}: {error}")

    def read(self) -> None:
        """To its end."""
        raise NotImplementedError

    def fault(self, what: str) -> None:
        """Something that must not be."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(f"{self.name}: {what}")

    def over(self, seq: int) -> bool:
        """Whether nothing more will come after this one."""
        return self.until is not None and seq >= self.until

    def must_follow(self, event: Event, last: int) -> None:
        """The next number, and no other."""
        if event.seq != last + 1:
            self.fault(f"was given event {event.seq} after {last}")


class Follows(Reader):
    """One stream from the first event on, over all restarts."""

    def read(self) -> None:
        """Each number once, in order."""
        last = 0
        with Client(self._home, timeout_s=PATIENCE_S) as client, client.follow(since=0) as events:
            while not self.over(last):
                event = events.next_event(time.monotonic() + LOOK_S)
                if event is not None:
                    self.must_follow(event, last)
                    last = event.seq
                    self.had[last] = event


class Consumes(Reader):
    """A consumer that is started again and again; now and then it dies with what it has not acknowledged."""

    def __init__(self, name: str, home: str, seed: int) -> None:
        super().__init__(name, home)
        self._rng = random.Random(f"{seed}-{name}")

    def read(self) -> None:
        """One life after the other."""
        cursor = 0
        with Client(self._home, timeout_s=PATIENCE_S) as client:
            while not self.over(cursor):
                cursor = self._live(client, cursor, self._rng.randint(1, LONGEST_LIFE))

    def _live(self, client: Client, cursor: int, longest: int) -> int:
        """Take some events and acknowledge them, or die; what is acknowledged then."""
        taken: list[Event] = []
        with client.consume(self.name) as events:
            if events.cursor != cursor:
                self.fault(f"had acknowledged {cursor}, and begins at {events.cursor}")
            last = cursor
            while len(taken) < longest and not self.over(last):
                event = events.next_event(time.monotonic() + LOOK_S)
                if event is not None:
                    self.must_follow(event, last)
                    last = event.seq
                    taken.append(event)
            if self._rng.random() < 0.3 and not self.over(last):
                self.again += len(taken)
                return cursor
            events.ack()
        self.had.update((event.seq, event) for event in taken)
        return last


class Selects(Reader):
    """A consumer that wants one kind of events, with the asyncio client; it acknowledges each by itself."""

    def __init__(self, name: str, home: str, kind: str) -> None:
        super().__init__(name, home)
        self._kind = kind

    def read(self) -> None:
        """In a loop of its own."""
        asyncio.run(self._read())

    async def _read(self) -> None:
        async with (
            AsyncClient(self._home, timeout_s=PATIENCE_S) as client,
            client.consume(self.name, kinds=[self._kind]) as events,
        ):
            last = 0
            while True:
                event = await events.next_event(time.monotonic() + LOOK_S)
                if event is None:
                    if self.over(await events.ack()):
                        return
                    continue
                if event.kind != self._kind or event.seq <= last:
                    self.fault(f"was given event {event.seq}, {event.kind}, after {last}")
                last = event.seq
                self.had[last] = event
                await events.ack(last)


class Stalls:
    """Subscribers that take nothing in, ever; they come back to each daemon, as ZeroMQ does by itself."""

    def __init__(self, endpoint: str, count: int) -> None:
        self._sockets = [open_subscription(endpoint) for _ in range(count)]

    def close(self) -> None:
        """End them."""
        for socket in self._sockets:
            socket.close(0)
