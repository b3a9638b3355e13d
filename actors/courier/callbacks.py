"""The loop of one callback: events from its consumer, to its target, on a few threads of its own.

The consumer `callback.NAME` is acknowledged up to where everything is dealt with, so an event that was being delivered
when anything died is delivered again: at least once. A callback that is new begins with what happens from now on.
"""

import queue
import threading
import time
from typing import Final

from loguru import logger

from orch_actors.actors.courier.deliveries import Deliveries
from orch_actors.actors.courier.targets import deliver, document_of
from orch_actors.protocol import messages as m
from orch_actors.protocol.callbacks import KINDS, CallbackSettings, consumer_of, wants
from orch_actors.protocol.client import Client
from orch_actors.protocol.exchange import expect
from orch_actors.protocol.views import Event

#: Deliveries at once, and events that are held while they wait.
_THREADS: Final = 4
_HELD: Final = 1000
_EVERY_S: Final = 0.2
_PAGE: Final = 500


class Callback:
    """See the module."""

    def __init__(self, name: str, settings: CallbackSettings, home: str, journal: str, since: int) -> None:
        self._name, self._settings, self._journal, self._since = name, settings, journal, since
        self._client = Client(home)
        self._work: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[tuple[Event, str]] = queue.SimpleQueue()
        self._busy = 0

    def run(self) -> None:
        """For ever.

        Raises:
            Unavailable: the daemon has gone.
        """
        consumer = consumer_of(self._name)
        opened = self._client.open_consumer(consumer, since=self._since, kinds=KINDS)
        deliveries = Deliveries(opened.cursor, self._settings.give_up)
        for number in range(_THREADS):
            threading.Thread(target=self._deliver, name=f"{consumer}-{number}", daemon=True).start()
        read = acknowledged = opened.cursor
        while True:
            if len(deliveries) < _HELD:
                page = expect(self._client.request(m.ReadEvents(since=read, limit=_PAGE, consumer=consumer)), m.Events)
                events = tuple(event for event in page.events if wants(self._settings, event))
                deliveries.add(events, page.through, time.monotonic())
                read = max(read, page.through)
            self._hand_out(deliveries)
            self._take_in(deliveries)
            if deliveries.dealt_with > acknowledged:
                acknowledged = self._client.ack_events(consumer, deliveries.dealt_with).cursor

    def _hand_out(self, deliveries: Deliveries) -> None:
        while self._busy < _THREADS and (event := deliveries.next(time.monotonic())) is not None:
            self._busy += 1
            self._work.put(event)

    def _take_in(self, deliveries: Deliveries) -> None:
        """What came of deliveries; waits a moment where none has come to anything."""
        wait_s: float | None = _EVERY_S
        while True:
            try:
                event, why = self._outcomes.get(timeout=wait_s) if wait_s else self._outcomes.get_nowait()
            except queue.Empty:
                return
            wait_s = None
            self._busy -= 1
            now = time.monotonic()
            if not why:
                deliveries.done(event, now)
                continue
            again_s = deliveries.failed(event, now)
            if again_s is None:
                logger.error("callback {}: event {} is given up: {}", self._name, event.seq, why)
            else:
                logger.warning("callback {}: event {}: {}; again in {:g} s", self._name, event.seq, why, again_s)

    def _deliver(self) -> None:
        while True:
            event = self._work.get()
            try:
                why = deliver(self._settings, document_of(event, self._journal, self._name))
            except Exception as error:  # noqa: BLE001 (whatever it is: the event waits, and is not lost)
                why = f"{type(error).__name__}: {error}"
            self._outcomes.put((event, why))
