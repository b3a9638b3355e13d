"""The roster: gathers what all actors of all processes say of themselves, for the verb `actors`.

Hosts are asked and get a moment to answer; one that does not is listed all the same, as not answering.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from orch_actors.actors.inside import Origin
from orch_actors.protocol.views import ActorView


@dataclass
class Inquiry:
    """One `actors` that waits for hosts."""

    origin: Origin
    waiting: set[str]
    roots: dict[str, ActorView] = field(default_factory=dict)


class Roster:
    """Open inquiries by ticket. Lives in the supervisor's thread."""

    def __init__(self, finish: Callable[[Origin, dict[str, ActorView]], None]) -> None:
        self._finish = finish
        self._open: dict[int, Inquiry] = {}
        self._tickets = 0

    def open(self, origin: Origin, hosts: set[str]) -> int:
        """Begin one; returns its ticket."""
        self._tickets += 1
        self._open[self._tickets] = Inquiry(origin, set(hosts))
        return self._tickets

    def add(self, ticket: int, host: str, root: ActorView) -> None:
        """A host has answered."""
        inquiry = self._open.get(ticket)
        if inquiry is None:
            return
        inquiry.roots[host] = root
        inquiry.waiting.discard(host)
        if not inquiry.waiting:
            self.close(ticket)

    def close(self, ticket: int) -> None:
        """Answer with what there is."""
        inquiry = self._open.pop(ticket, None)
        if inquiry is not None:
            self._finish(inquiry.origin, inquiry.roots)
