"""From what is published and what is asked for to the sequence of events: no gap, no duplicate.

Pure: knows no socket, clock or thread; `now` is an argument (monotonic, seconds). Both clients drive it.

Theory of operation. Events are numbered 1, 2, 3, …, so `after`, the number last delivered, is the whole state
of a reader. What arrives is trusted as little as possible: a published event that comes next is delivered, an
older one is dropped, a later one is held and shows a gap; a heartbeat shows a gap where nothing else follows.
While a gap is known, or nothing at all has been heard for a while, `must_ask` is true and the driver asks
`ReadEvents(since=after)`, which is always right, if slower. Events that arrive by both ways are delivered once.

A reader may want only some events. Numbers are dense all the same: every event is looked at, one after the other, and
those that are not wanted are passed over. What the daemon has left out of an answer it has passed over itself: the
answer says up to where (`through`).

Rejected: asking alone (a poll), and publishing alone (a slow subscriber loses messages, and nothing tells it).
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from orch_actors.protocol.errors import EnvironmentFault, PeerFault
from orch_actors.protocol.messages import Events, Heartbeat, Published, Welcome
from orch_actors.protocol.views import Event

#: A fresh subscription may have missed what was published while it was being set up: ask once, this soon.
FIRST_SILENCE_S: Final = 0.1
#: Heartbeats come every second; silence for this long means that the subscription or the daemon is gone.
SILENCE_S: Final = 3.0
#: Pause before asking again when an answer brought nothing although something is missing.
EMPTY_PAUSE_S: Final = 0.1
#: Events held beyond a gap; more are dropped and asked for later.
HELD: Final = 4096


class Following:
    """One reader's place in the events.

    Invariants: every event up to `since` was delivered, is ready, or is not wanted; everything held is numbered above
    `since + 1`. Where all are wanted, what `take` returns is numbered `after + 1` each time.
    """

    def __init__(self, after: int, journal: str, *, now: float, wants: Callable[[Event], bool] | None = None) -> None:
        """`wants`: which events are; None: all, and then an answer must not leave any out."""
        #: Number of the event delivered last.
        self.after = after
        #: Number up to which every event has been looked at: what to ask for events after.
        self.since = after
        self._wants = wants
        self.journal: Final = journal
        self._ready: deque[Event] = deque()
        self._held: dict[int, Event] = {}
        self._head = after
        self._heard_at = now
        self._quiet_until = now + FIRST_SILENCE_S
        self._ask_not_before = now

    @classmethod
    def begin(
        cls, welcome: Welcome, since: int | None, *, now: float, wants: Callable[[Event], bool] | None = None
    ) -> "Following":
        """Begin after event `since`, or with what comes from now on.

        Raises:
            EnvironmentFault: there is no event `since`: it was counted in another journal.
        """
        if since is not None and since > welcome.head:
            raise _wiped(f"its newest event is {welcome.head}, and events after {since} were asked for")
        return cls(welcome.head if since is None else since, welcome.journal, now=now, wants=wants)

    def hear(self, message: Published | Heartbeat, now: float) -> None:
        """Take in what the event socket brought.

        Raises:
            EnvironmentFault: the daemon has another journal now; the numbers mean other events.
        """
        self._heard_at = now
        self._quiet_until = now + SILENCE_S
        if isinstance(message, Heartbeat):
            self._same_journal(message.journal)
            self._head = max(self._head, message.head)
            return
        event = message.event
        self._head = max(self._head, event.seq)
        if event.seq > self.since and (event.seq == self.since + 1 or len(self._held) < HELD):
            self._held[event.seq] = event
            self._release()

    def page(self, page: Events, now: float) -> None:
        """Take in the answer to `ReadEvents(since=self.since)`.

        Raises:
            EnvironmentFault: it knows fewer events than we were told of: the state was wiped.
            PeerFault: it leaves out events that come next.
        """
        self._quiet_until = now + SILENCE_S
        if page.head < self.since:
            raise _wiped(f"its newest event is {page.head}, and {self.since} was seen before")
        self._head = max(self._head, page.head)
        before = self.since
        for event in page.events:
            if event.seq <= self.since:
                continue
            if self._wants is None and event.seq != self.since + 1:
                raise PeerFault(f"the events after {self.since} begin with {event.seq}")
            self._look_at(event)
        if self._wants is not None:
            self.since = max(self.since, min(page.through, page.head))
        self._release()
        self._held = {seq: event for seq, event in self._held.items() if seq > self.since}
        if self.since == before:
            self._ask_not_before = now + EMPTY_PAUSE_S

    def take(self) -> Event | None:
        """The next event in order, if it is here."""
        if not self._ready:
            return None
        event = self._ready.popleft()
        self.after = event.seq
        return event

    @property
    def passed(self) -> int:
        """Number up to which every event was delivered or is not wanted."""
        return self._ready[0].seq - 1 if self._ready else self.since

    def missing(self) -> bool:
        """Whether events are known to exist that have not arrived."""
        return self._head > self.since

    def must_ask(self, now: float) -> bool:
        """Whether the driver should ask for a page now."""
        return now >= self._quiet_until or (self.missing() and now >= self._ask_not_before)

    def resubscribe(self, now: float) -> bool:
        """Whether nothing was heard for so long that the driver should subscribe anew; asked once per silence."""
        if now < self._heard_at + SILENCE_S:
            return False
        self._heard_at = now
        return True

    def wait_s(self, now: float) -> float:
        """How long to listen before `must_ask` may turn true by itself."""
        until = min(self._quiet_until, self._ask_not_before) if self.missing() else self._quiet_until
        return max(until - now, 0.0)

    def _look_at(self, event: Event) -> None:
        self.since = event.seq
        if self._wants is None or self._wants(event):
            self._ready.append(event)

    def _release(self) -> None:
        while (event := self._held.pop(self.since + 1, None)) is not None:
            self._look_at(event)

    def _same_journal(self, journal: str) -> None:
        if journal != self.journal:
            raise _wiped(f"its journal is {journal}, it was {self.journal}")


def _wiped(how: str) -> EnvironmentFault:
    return EnvironmentFault(
        f"the daemon's state is not the one that was followed: {how}",
        "its home was wiped or exchanged; begin anew with since=0",
    )
