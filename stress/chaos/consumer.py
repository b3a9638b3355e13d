"""Consumers of events, each with a way of its own to read them; each must be told every event, once, in order.

stream      follows from the first event to the last
pages       asks for pages, of random sizes, at random moments
restarting  follows, goes away after some events, and comes back with the number of the last one
slow        follows, and sleeps so often that its subscription overflows or is overtaken
named       has a name, acknowledges now and then, and goes away in the middle; what it had not acknowledged comes again

Each writes down every event as it is told; the named one also where its cursor stood when it came, and each
acknowledgement, before it goes out and when it is known to have arrived.
"""

import threading
import time
from collections.abc import Callable
from random import Random
from typing import Final

import msgspec

from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import Refused, Unavailable
from orch_actors.protocol.views import Event
from orch_actors.stress.chaos.record import Log

WAYS: Final = ("stream", "pages", "restarting", "slow", "named")

#: How often a reader that waits looks whether it has read all there will be.
LOOK_EVERY_S: Final = 0.2


class Consumer(threading.Thread):
    """Reads until it was told the last number, and has read that."""

    def __init__(self, client: Client, way: str, seed: int, log: Log) -> None:
        super().__init__(name=f"consumer-{way}", daemon=True)
        self._client: Final = client
        self._way: Final = way
        self._rng: Final = Random(f"consumer {way} {seed}")
        self._log: Final = log
        self._after = 0
        self._last: int | None = None
        self.fault = ""

    def finish(self, last: int) -> None:
        """There will be no event after this number."""
        self._last = last

    @property
    def done(self) -> bool:
        """Whether it has read all."""
        return self._last is not None and self._after >= self._last

    def run(self) -> None:
        """See the class. A fault ends it: what it has not read is then missing, and the checker sees it."""
        ways: dict[str, Callable[[], None]] = {
            "stream": lambda: self._follow(None),
            "pages": self._page,
            "restarting": lambda: self._follow(self._rng.randint(1, 200)),
            "slow": lambda: self._follow(None),
            "named": self._consume,
        }
        try:
            while not self.done:
                try:
                    ways[self._way]()
                except Unavailable:
                    continue  # a restart that took long
                except Refused as refused:
                    if refused.info.code != "DISK_FULL":  # an acknowledgement is written down
                        raise
                    time.sleep(LOOK_EVERY_S)
        except Exception as error:  # noqa: BLE001 (whatever it is, the checker must hear of it)
            self._log.write({"fault": f"{self.name} died of {type(error).__name__}: {error}"})

    def _take(self, event: Event) -> None:
        self._log.write(msgspec.to_builtins(event))
        self._after = event.seq

    def _follow(self, most: int | None) -> None:
        taken = 0
        with self._client.follow(since=self._after) as events:
            while not self.done and (most is None or taken < most):
                event = events.next_event(time.monotonic() + LOOK_EVERY_S)
                if event is None:
                    continue
                self._take(event)
                taken += 1
                if self._way == "slow" and self._rng.random() < 0.005:
                    time.sleep(self._rng.uniform(0.1, 1.5))

    def _consume(self) -> None:
        """Take some, acknowledge some of them, go."""
        most = self._rng.randint(1, 150)
        with self._client.consume(self._way) as events:
            self._log.write({"opened": events.cursor})
            self._after = events.cursor
            for _ in range(most):
                event = events.next_event(time.monotonic() + LOOK_EVERY_S)
                if event is not None:
                    self._take(event)
                if event is None or self._rng.random() < 0.1:
                    self._log.write({"acknowledging": self._after})
                    self._log.write({"acknowledged": events.ack(self._after)})
                if self.done:
                    return

    def _page(self) -> None:
        page = self._client.events(self._after, self._rng.choice([1, 7, 100, 1000]))
        for event in page.events:
            self._take(event)
        time.sleep(self._rng.uniform(0.0, LOOK_EVERY_S))
