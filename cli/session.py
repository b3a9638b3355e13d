"""What every verb is given: the home, the form of the answer, and a client that talks to the daemon there."""

from typing import TYPE_CHECKING

from msgspec import Struct

from orch_actors.cli import faults
from orch_actors.cli.daemon import ensure_up, listener
from orch_actors.cli.words import typed
from orch_actors.protocol.homes import Home

if TYPE_CHECKING:
    from orch_actors.protocol.client import Client


class Session(Struct, frozen=True, kw_only=True):
    """What was said with --home and --json."""

    #: As it was typed; None: ORCH_ACTORS_HOME or the platform's place.
    home: str | None = None
    as_json: bool = False

    @property
    def place(self) -> Home:
        """The home's paths."""
        return Home(self.home)

    def typed(self, *words: str) -> str:
        """A command that a person can paste, for this home."""
        return typed(*words, home=self.home)

    def client(self, *, start: bool = False, patient: bool = False, timeout_s: float = 10.0) -> "Client":
        """A client of the daemon; to be used as a context manager.

        Args:
            start: start the daemon where none runs; otherwise that is a fault (exit 3).
            patient: look for no daemon now: each request waits for one that is coming up.
            timeout_s: the longest that one request may take.
        """
        place = self.place
        if start:
            ensure_up(place)
        elif not patient and listener(place) is None:
            raise faults.no_daemon(place.path, self.typed("up"))
        from orch_actors.protocol.client import Client

        return Client(place.path, timeout_s=timeout_s)
