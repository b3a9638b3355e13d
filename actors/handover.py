"""The handover: gives a worker host its attempts; one by one where hosts of its type keep dying.

Any attempt may be what a host dies of: a record or an output that it cannot stand, a validation that eats the memory.
Given all at once, to one host after the other, it takes them all along, until the whole type is parked. So a host that
comes after several deaths is given one attempt at a time, the next one when the last is over or the host has lived with
it for a while; the one that it was given last when it died is under suspicion, comes last from then on, and is given
up when a second host dies of it. Whoever owns its task is told: how it goes on or ends cannot be known.

Suspicion needs that careful time: among many that were given at once nobody is singled out. An attempt that kills its
host only after a while is not found like this; its type is parked. Nothing of this is journalled: a daemon that
restarts has forgiven everybody.

Lives in the supervisor's thread.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from orch_actors.protocol.hostwire import AdoptAttempt, StartAttempt, ToHost

#: How long a host must have lived with an attempt before it is given the next one.
ALONE_S: Final = 1.0

#: Hosts that may die of one attempt.
MOST_DEATHS: Final = 2

#: No attempt.
NOTHING: Final = ""

Given = StartAttempt | AdoptAttempt


@dataclass(slots=True)
class _Line:
    """What a host is to be given next, one after the other."""

    host: str
    #: Attempt → what the host is told, in the order in which it came.
    waiting: dict[str, Given] = field(default_factory=dict)
    #: What it was given last, and has not lived with for long; at first nothing, until all that waits has come.
    latest: str = NOTHING


class Handover:
    """See the module."""

    def __init__(self, send: Callable[[str, ToHost], None], remind: Callable[[str, str, float], None]) -> None:
        """`remind`: have `survived` called with this host and attempt, so many seconds from now."""
        self._send = send
        self._remind = remind
        #: Host → its line; only of hosts that are treated with care.
        self._lines: dict[str, _Line] = {}
        #: Attempt → hosts that died when they had just been given it.
        self._deaths: dict[str, int] = {}

    def be_careful(self, host: str) -> None:
        """Give this host nothing before `begin`, and then one after the other, until all has been lived with."""
        self._lines[host] = _Line(host)

    def begin(self, host: str) -> None:
        """What waits now is what it begins with."""
        self.survived(host, NOTHING)

    def give(self, host: str, message: Given) -> None:
        """Give it, now or in its turn."""
        line = self._lines.get(host)
        if line is None:
            self._send(host, message)
            return
        line.waiting[message.launch.attempt] = message

    def take_back(self, host: str, attempt: str) -> bool:
        """It is to be stopped. True: it waits still, and will be given as one to be stopped; False: the host has it."""
        line = self._lines.get(host)
        message = line.waiting.get(attempt) if line is not None else None
        if line is None or message is None:
            return False
        # One that never began ends before it does.
        line.waiting[attempt] = AdoptAttempt(launch=message.launch, stopping=True)
        return True

    def survived(self, host: str, attempt: str) -> None:
        """The host, if it lives, has lived with the attempt for a while."""
        line = self._lines.get(host)
        if line is not None and line.latest == attempt:
            self._deaths.pop(attempt, None)
            self._next(line)

    def over(self, host: str, attempt: str) -> None:
        """The attempt is over, and nobody has died of it."""
        self.survived(host, attempt)
        self._deaths.pop(attempt, None)

    def died(self, host: str) -> tuple[str, int] | None:
        """The host is gone. Returns the attempt that is given up, and of how many hosts' deaths, if one is."""
        line = self._lines.pop(host, None)
        if line is None or line.latest == NOTHING:
            return None
        deaths = self._deaths[line.latest] = self._deaths.get(line.latest, 0) + 1
        if deaths < MOST_DEATHS:
            return None
        del self._deaths[line.latest]
        return line.latest, deaths

    def _next(self, line: _Line) -> None:
        if not line.waiting:
            del self._lines[line.host]  # it is as good as any other
            return
        attempt = min(line.waiting, key=lambda waiting: self._deaths.get(waiting, 0))
        line.latest = attempt
        self._send(line.host, line.waiting.pop(attempt))
        self._remind(line.host, attempt, ALONE_S)
