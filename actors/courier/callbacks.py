"""The loop of one callback of `config.toml`: events from its consumer, to its target, on a few threads of its own.

The consumer `callback.NAME` is acknowledged up to where everything is dealt with, so an event that was being delivered
when anything died is delivered again: at least once. A callback that is new begins with what happens from now on.
"""

import queue
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from loguru import logger

from orch_actors.actors.courier.bell import Bell
from orch_actors.actors.courier.deliveries import Deliveries
from orch_actors.actors.courier.targets import delivered
from orch_actors.actors.courier.troubles import Troubles
from orch_actors.actors.courier.unread import GONE, begin, unread
from orch_actors.protocol.callbacks import KINDS, consumer_of, wants
from orch_actors.protocol.client import Client
from orch_actors.protocol.spec.graph import Callback
from orch_actors.protocol.views import Event

#: Deliveries at once, and events that are held while they wait.
_AT_ONCE: Final = 4
_HELD: Final = 1000
#: Events that were passed over after which a cursor is moved on unasked.
_PASS_EVERY: Final = 1000


class CallbackLoop:
    """See the module."""

    def __init__(
        self, name: str, callback: Callback, home: str, bell: Bell, troubles: Troubles, *, journal: str, since: int
    ) -> None:
        self._name, self._callback, self._journal, self._since = name, callback, journal, since
        self._troubles = troubles
        self._consumer = consumer_of(name)
        self._client = Client(home)
        self._crew = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix=self._consumer)
        #: Outcomes of deliveries; None: the bell was rung.
        self._mail: queue.SimpleQueue[tuple[Event, str] | None] = queue.SimpleQueue()
        self._rung = False
        self._busy = 0
        bell.listen(self._ring)

    def _ring(self, event: Event | None) -> None:
        if (event is None or event.kind in KINDS) and not self._rung:
            self._rung = True
            self._mail.put(None)

    def run(self) -> None:
        """For ever.

        Raises:
            Unavailable: the daemon has gone.
        """
        self._read = self._acknowledged = begin(self._client, self._consumer, self._since, KINDS)
        self._owed = False
        self._deliveries = Deliveries(self._read, self._callback.give_up)
        self._more = True
        while True:
            if self._more and len(self._deliveries) < _HELD:
                self._take_up()
            self._hand_out()
            self._acknowledge()
            if self._more and len(self._deliveries) < _HELD:
                continue
            self._wait()

    def _take_up(self) -> None:
        self._rung = False  # whoever rings from now on may mean what this does not see
        page = unread(self._client, self._consumer, self._read)
        wanted = tuple(event for event in page.events if event.kind == GONE or wants(self._callback, event))
        for event in wanted:
            if event.kind == GONE:
                logger.error("callback {}: {}", self._name, event.message)
        self._deliveries.add(wanted, page.through, time.monotonic())
        self._read = max(self._read, page.through)
        self._more = page.through < page.head

    def _hand_out(self) -> None:
        while self._busy < _AT_ONCE and (event := self._deliveries.next(time.monotonic())) is not None:
            self._busy += 1
            self._crew.submit(self._deliver, event)

    def _acknowledge(self) -> None:
        done = self._deliveries.dealt_with
        if done > self._acknowledged and (self._owed or done >= self._acknowledged + _PASS_EVERY):
            self._acknowledged = self._client.ack_events(self._consumer, done).cursor
            self._owed = False

    def _wait(self) -> None:
        """Until something has come of a delivery, or there is one to try, or more to read."""
        try:
            mail = self._mail.get(timeout=self._deliveries.wait_s(time.monotonic()) if self._busy < _AT_ONCE else None)
        except queue.Empty:
            return
        while True:
            if mail is None:
                self._more = True
            else:
                self._settle(*mail)
            try:
                mail = self._mail.get_nowait()
            except queue.Empty:
                return

    def _settle(self, event: Event, why: str) -> None:
        self._busy -= 1
        now = time.monotonic()
        if not why:
            self._troubles.over(f"callback {self._name}")
            self._deliveries.done(event, now)
            self._owed = True
            return
        self._troubles.tell(f"callback {self._name}", why)
        again_s = self._deliveries.failed(event, now)
        if again_s is None:
            self._owed = True
            logger.error("callback {}: event {} is given up: {}", self._name, event.seq, why)
        else:
            logger.warning("callback {}: event {}: {}; again in {:g} s", self._name, event.seq, why, again_s)

    def _deliver(self, event: Event) -> None:
        self._mail.put((event, delivered(self._callback, event, self._journal, self._name)))
