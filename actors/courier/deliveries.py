"""Which event is to be delivered next, and up to which everything is dealt with. Pure: `now` is an argument.

Events of one graph go out one after the other, in order; those of different graphs do not wait for each other. One that
failed is tried again after a wait that doubles, and holds up its graph alone.
"""

import heapq
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from orch_actors.protocol.views import Event

FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 300.0


@dataclass
class _Lane:
    """The events of one graph. Invariant: the first one is being delivered, or waits for its time."""

    events: deque[Event] = field(default_factory=deque)
    tries: int = 0
    #: When the first one was first tried.
    begun_at: float | None = None


class Deliveries:
    """The events of one callback that are not dealt with. `cursor`: everything up to it was."""

    def __init__(self, cursor: int, give_up_s: float) -> None:
        self._give_up_s = give_up_s
        self._lanes: dict[str, _Lane] = {}
        #: Lanes by when their first event is due.
        self._due: list[tuple[float, int, str]] = []
        self._open: set[int] = set()
        self._passed = cursor

    def __len__(self) -> int:
        return len(self._open)

    @property
    def dealt_with(self) -> int:
        """The number up to which everything is."""
        return min(self._open) - 1 if self._open else self._passed

    def add(self, events: tuple[Event, ...], through: int, now: float) -> None:
        """More of them; up to `through`, no others are wanted."""
        for event in events:
            name = event.graph or ""
            lane = self._lanes.get(name)
            if lane is None:
                lane = self._lanes[name] = _Lane()
                heapq.heappush(self._due, (now, event.seq, name))
            lane.events.append(event)
            self._open.add(event.seq)
        self._passed = max(self._passed, through)

    def next(self, now: float) -> Event | None:
        """The event to deliver now; `done` or `failed` must follow. None: none is due."""
        if not self._due or self._due[0][0] > now:
            return None
        _, _, name = heapq.heappop(self._due)
        lane = self._lanes[name]
        lane.tries += 1
        lane.begun_at = now if lane.begun_at is None else lane.begun_at
        return lane.events[0]

    def wait_s(self, now: float) -> float | None:
        """How long until one is due; None: none will be by itself."""
        return max(0.0, self._due[0][0] - now) if self._due else None

    def done(self, event: Event, now: float) -> None:
        """It was delivered, or given up."""
        name = event.graph or ""
        lane = self._lanes[name]
        lane.events.popleft()
        self._open.discard(event.seq)
        lane.tries, lane.begun_at = 0, None
        if lane.events:
            heapq.heappush(self._due, (now, lane.events[0].seq, name))
        else:
            del self._lanes[name]

    def failed(self, event: Event, now: float) -> float | None:
        """It was not delivered: the wait before the next try; None: it is given up, and passed over."""
        lane = self._lanes[event.graph or ""]
        begun_at = now if lane.begun_at is None else lane.begun_at
        if now - begun_at >= self._give_up_s:
            self.done(event, now)
            return None
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(lane.tries - 1, 30))
        heapq.heappush(self._due, (now + wait_s, event.seq, event.graph or ""))
        return wait_s
