"""The loop of the callbacks that graphs bring along: one thread for all of them, and a crew that delivers.

Each callback has a consumer of its own, `graph.ID.NUMBER`, which the daemon opens as it takes the graph, and forgets
once the graph's end is acknowledged; so what is left to do is read off the daemon, and this process keeps nothing. A
consumer that is gone says that its callback is done with, or was given up by somebody.

Nobody waits for a slow one: each callback has one delivery at a time, and those whose last one failed may take no more
than a quarter of the crew, so that however many hang for long, there is room for the others.
"""

import heapq
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Final, NamedTuple

import msgspec
from loguru import logger

from orch_actors.actors.courier.bell import Bell
from orch_actors.actors.courier.deliveries import Deliveries
from orch_actors.actors.courier.targets import delivered
from orch_actors.actors.courier.troubles import Troubles
from orch_actors.actors.courier.unread import GONE, unread
from orch_actors.protocol.callbacks import KINDS, graph_consumer, wants
from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.spec.graph import Callback
from orch_actors.protocol.views import Event

#: Deliveries at once, in all, and of those that have failed before; events that one callback holds.
_AT_ONCE: Final = 256
_SUSPECTS: Final = _AT_ONCE // 4
_HELD: Final = 100
_SOON_S: Final = 0.2
#: Events that were passed over after which a cursor is moved on unasked; and so often it is looked which those are,
#: since a cursor that stands still, as that of a graph in which nothing happens, keeps the journal.
_PASS_EVERY: Final = 1000
_LOOK_EVERY: Final = 10_000

#: Events that say that a graph has callbacks to be served, perhaps more than before.
_FRESH: Final = ("graph_submitted", "graph_reopened")


class _Reader:
    """One callback of one graph."""

    def __init__(self, graph: str, number: int, callback: Callback) -> None:
        self.graph, self.callback = graph, callback
        self.name = graph_consumer(graph, number)
        self.label = f"{graph}.{number}"
        self.trouble = f"callback {number} of {graph}"
        self.deliveries = Deliveries(0, callback.give_up)
        #: Up to where it was read; None: from its cursor on.
        self.read: int | None = None
        self.more = False
        self.acknowledged = 0
        #: Its last delivery failed.
        self.suspect = False
        #: Number of the graph's end, once it was read.
        self.ended = 0


class _Outcome(NamedTuple):
    reader: _Reader
    event: Event
    #: Why it was not delivered; empty: it was.
    why: str
    suspect: bool


class _Ring(NamedTuple):
    #: None: everywhere.
    graph: str | None
    #: It may have callbacks that are not known.
    fresh: bool


class GraphCallbacks:
    """See the module."""

    def __init__(self, home: str, journal: str, bell: Bell, troubles: Troubles) -> None:
        self._troubles = troubles
        self._journal = journal
        self._client = Client(home)
        self._crew = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="graphs")
        self._mail: queue.SimpleQueue[_Outcome | _Ring] = queue.SimpleQueue()
        #: Rings that were not looked after yet; the bell's thread adds to them.
        self._rung: set[_Ring] = set()
        self._lock = threading.Lock()
        self._readers: dict[str, dict[str, _Reader]] = {}
        #: When a callback may have something to deliver; the number keeps readers from being compared.
        self._due: list[tuple[float, int, _Reader]] = []
        self._numbers = count()
        self._busy = self._suspects = 0
        bell.listen(self._ring)

    def run(self) -> None:
        """For ever.

        Raises:
            Unavailable: the daemon has gone.
        """
        self._look(_Ring(None, fresh=True))
        while True:
            self._hand_out()
            try:
                mail = self._mail.get(timeout=self._wait_s())
            except queue.Empty:
                continue
            if isinstance(mail, _Ring):
                self._look(mail)
            else:
                self._settle(mail)

    # --- what there is to tell ------------------------------------------------------------------------------------

    def _ring(self, event: Event | None) -> None:
        """By the bell's thread."""
        if event is None or event.seq % _LOOK_EVERY == 0:
            ring = _Ring(None, fresh=True)
        elif event.graph is None:
            return
        elif event.kind in _FRESH:
            if event.kind == "graph_submitted" and not event.data.get("callbacks"):
                return
            ring = _Ring(event.graph, fresh=True)
        elif event.kind in KINDS and event.graph in self._readers:
            ring = _Ring(event.graph, fresh=False)
        else:
            return
        with self._lock:
            if ring in self._rung:
                return
            self._rung.add(ring)
        self._mail.put(ring)

    def _look(self, ring: _Ring) -> None:
        with self._lock:
            self._rung.discard(ring)
        if ring.graph is None:
            for summary in self._client.status().graphs:
                if summary.callbacks:
                    self._take_up(summary.id, summary.callbacks)
            graphs = list(self._readers)
        else:
            if ring.fresh:
                self._take_up(ring.graph, self._callbacks_of(ring.graph))
            graphs = [ring.graph]
        for graph in graphs:
            for reader in list(self._readers.get(graph, {}).values()):
                self._read(reader)

    def _callbacks_of(self, graph: str) -> tuple[dict[str, object], ...]:
        try:
            (summary,) = self._client.summaries([graph]).graphs
        except Refused as refused:
            if refused.info.code != "UNKNOWN_GRAPH":
                raise
            return ()
        return summary.callbacks

    def _take_up(self, graph: str, callbacks: tuple[dict[str, object], ...]) -> None:
        for number, document in enumerate(callbacks, 1):
            readers = self._readers.setdefault(graph, {})
            if graph_consumer(graph, number) not in readers:
                reader = _Reader(graph, number, msgspec.convert(document, Callback))
                readers[reader.name] = reader

    def _drop(self, reader: _Reader) -> None:
        self._troubles.over(reader.trouble)
        if self._is_known(reader):
            del self._readers[reader.graph][reader.name]
            if not self._readers[reader.graph]:
                del self._readers[reader.graph]

    def _is_known(self, reader: _Reader) -> bool:
        return self._readers.get(reader.graph, {}).get(reader.name) is reader

    def _read(self, reader: _Reader) -> None:
        """What came since; and what may be acknowledged then."""
        while True:
            reader.more = len(reader.deliveries) >= _HELD
            if reader.more:
                break
            try:
                page = unread(self._client, reader.name, reader.read, reader.graph)
            except Refused as refused:
                if refused.info.code != "UNKNOWN_CONSUMER":
                    raise
                self._drop(reader)
                return
            for event in page.events:
                if event.kind == GONE:
                    logger.error("callback {}: {}", reader.label, event.message)
                if event.kind == "graph_ended":
                    reader.ended = event.seq
            wanted = tuple(event for event in page.events if event.kind == GONE or wants(reader.callback, event))
            reader.deliveries.add(wanted, page.through, time.monotonic())
            reader.read = page.through
            if page.through >= page.head:
                break
        self._queue(reader)
        if reader.ended or reader.deliveries.dealt_with >= reader.acknowledged + _PASS_EVERY:
            self._acknowledge(reader)

    def _acknowledge(self, reader: _Reader) -> None:
        done = reader.deliveries.dealt_with
        if done <= reader.acknowledged:
            return
        try:
            reader.acknowledged = self._client.ack_events(reader.name, done).cursor
        except Refused as refused:
            if refused.info.code != "UNKNOWN_CONSUMER":
                raise
            self._drop(reader)
            return
        if 0 < reader.ended <= done:
            reader.ended = 0
            self._read(reader)  # which finds that it is gone; or that the graph runs again

    # --- telling it -----------------------------------------------------------------------------------------------

    def _queue(self, reader: _Reader, later_s: float = 0.0) -> None:
        now = time.monotonic()
        wait_s = reader.deliveries.wait_s(now)
        if wait_s is not None:
            heapq.heappush(self._due, (now + max(wait_s, later_s), next(self._numbers), reader))

    def _wait_s(self) -> float | None:
        if not self._due or self._busy >= _AT_ONCE:
            return None
        return max(0.0, self._due[0][0] - time.monotonic())

    def _hand_out(self) -> None:
        while self._busy < _AT_ONCE and self._due and self._due[0][0] <= time.monotonic():
            reader = heapq.heappop(self._due)[2]
            if not self._is_known(reader):
                continue
            if reader.suspect and self._suspects >= _SUSPECTS:
                self._queue(reader, _SOON_S)
                continue
            event = reader.deliveries.next(time.monotonic())
            if event is not None:
                self._busy += 1
                self._suspects += reader.suspect
                self._crew.submit(self._deliver, reader, event, reader.suspect)

    def _deliver(self, reader: _Reader, event: Event, suspect: bool) -> None:
        why = delivered(reader.callback, event, self._journal, reader.label)
        self._mail.put(_Outcome(reader, event, why, suspect))

    def _settle(self, outcome: _Outcome) -> None:
        reader, event, why, suspect = outcome
        self._busy -= 1
        self._suspects -= suspect
        if not self._is_known(reader):
            return  # somebody gave it up meanwhile
        now = time.monotonic()
        reader.suspect = bool(why)
        if why:
            self._troubles.tell(reader.trouble, why)
        else:
            self._troubles.over(reader.trouble)
        again_s = reader.deliveries.failed(event, now) if why else None
        if again_s is not None:
            logger.warning("callback {}: event {}: {}; again in {:g} s", reader.label, event.seq, why, again_s)
        elif why:
            logger.error("callback {}: event {} is given up: {}", reader.label, event.seq, why)
        else:
            reader.deliveries.done(event, now)
        if again_s is None:
            self._acknowledge(reader)
        if reader.more or why:  # it may have been given up by somebody, who saw that it does not work
            self._read(reader)
        else:
            self._queue(reader)
