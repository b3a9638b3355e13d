"""What the supervisor and the desk know of each other.

The supervisor leaves its process by a WayOut alone, so what stands in for the desk (the simulated world of
stress/powercut) is held to the same form by the type checker.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.state import State
from orch_actors.actors.handover import Handover
from orch_actors.actors.inside import Origin
from orch_actors.actors.recovery.history import Told
from orch_actors.actors.roster import Roster
from orch_actors.protocol import hostwire, messages
from orch_actors.protocol.errors import ErrorInfo
from orch_actors.protocol.settings import Settings
from orch_actors.protocol.views import ActorView


class Asker(Protocol):
    """The supervisor, as far as the desk sees it."""

    @property
    def head(self) -> int:
        """Number of the newest event."""

    @property
    def events(self) -> range:
        """Numbers of the events that can be read."""

    @property
    def lacking(self) -> str:
        """Why the disk is full; empty: it is not."""

    def recent(self) -> deque[Told]:
        """The newest events."""

    def answer(self, origin: Origin, what: messages.Result | ErrorInfo) -> None:
        """Answer once the batch is durable."""

    def after(self, call: Callable[[], None]) -> None:
        """Call once the batch is durable."""

    def describe(self) -> ActorView:
        """The supervisor itself."""


class WayOut(Protocol):
    """The desk, as far as the supervisor sees it. Nothing here makes it wait."""

    @property
    def pid(self) -> int:
        """Of this process."""

    @property
    def roster(self) -> Roster:
        """Who is asked to describe itself."""

    @property
    def handover(self) -> Handover:
        """What hosts are given, and when."""

    def configure(self, settings: Settings) -> None:
        """Take settings over."""

    def prune_in(self, delay_s: float) -> None:
        """Remind the supervisor to look for graphs that need not be kept."""

    def look_for_room_in(self, delay_s: float) -> None:
        """Remind the supervisor to look whether the disk has room again."""

    def sweep(self, state: State) -> None:
        """Have the files removed of graphs that were forgotten and whose files are still there."""

    def compact(self, through: int) -> None:
        """Have a snapshot made of the journal's segments up to this one, which are closed."""

    def retire(self, segments: tuple[int, ...]) -> None:
        """Have these segments removed, which nobody needs any more."""

    def host_spoke(self, host: str, said: hostwire.HostReady | hostwire.Pong) -> None:
        """Pass on that a host is ready, or lives."""

    def query(self, asker: Asker, origin: Origin, query: messages.Query, state: State) -> None:
        """Answer a query.

        Raises:
            Refused: it asks for what there is not.
        """

    def encode_reply(self, origin: Origin, what: messages.Result | ErrorInfo) -> bytes:
        """A result or error, as the origin wants it."""

    def reply(self, origin: Origin, body: bytes) -> None:
        """Send a reply."""

    def perform(self, effect: s.Effect, hosts: Mapping[str, str], state: State) -> None:
        """Do what the machine asked for."""

    def publish(self, told: list[Told]) -> None:
        """Tell subscribers."""
