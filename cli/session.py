"""What every verb is given: the home, the form of the answer, and a client that talks to the daemon there."""

from typing import TYPE_CHECKING

from msgspec import Struct

from orch_actors.cli import faults
from orch_actors.cli.daemon.daemon import ensure_up, listener
from orch_actors.cli.words import typed
from orch_actors.protocol.homes import Home
from orch_actors.protocol.reach import is_by_tcp

if TYPE_CHECKING:
    from orch_actors.protocol.client import Client


class Session(Struct, frozen=True, kw_only=True):
    """What was said with --home and --json."""

    #: As it was typed; None: ORCH_ACTORS_HOME or the platform's place.
    home: str | None = None
    as_json: bool = False

    @property
    def place(self) -> Home:
        """The home's paths.

        Raises:
            CommandFault: a daemon elsewhere is meant.
        """
        if self.by_tcp:
            raise faults.usage(
                "that is for the machine, and the account, on which the daemon runs",
                "do it there; or leave --endpoint and --key-file out, and the variables "
                "ORCH_ACTORS_ENDPOINT and ORCH_ACTORS_KEY_FILE",
            )
        return Home(self.home)

    @property
    def by_tcp(self) -> bool:
        """Whether a daemon elsewhere is meant: no home was typed, and the environment names an endpoint or a key."""
        return self.home is None and is_by_tcp()

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
        if self.by_tcp:
            from orch_actors.protocol.client import Client

            return Client(timeout_s=timeout_s)
        place = self.place
        if start:
            ensure_up(place)
        elif not patient and listener(place) is None:
            raise faults.no_daemon(place.path, self.typed("up"))
        from orch_actors.protocol.client import Client

        return Client(place.path, timeout_s=timeout_s)
