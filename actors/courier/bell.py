"""The bell: the courier's one subscription to events, which says that there is something to look at, and where.

Whoever is rung looks for itself, by a request under its own name, which is always right; so a bell that rings too often
does no harm, and one that has missed events rings for everybody. Rejected: handing out the events that were heard,
since each listener would have to hold what it cannot take in yet, and to catch up before it begins.
"""

from collections.abc import Callable
from typing import Final

from loguru import logger

from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.views import Event

#: What is rung; with None: look everywhere.
Listener = Callable[[Event | None], None]

#: Away for longer than this, the daemon has gone, and the courier with it.
PATIENCE_S: Final = 30.0


class Bell:
    """Rings for all events that come after it was made. `listen` before `run`."""

    def __init__(self, home: str) -> None:
        self._client = Client(home, timeout_s=PATIENCE_S)
        self._events = self._client.follow()
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Have it called with each event, by the bell's thread: it must not wait."""
        self._listeners.append(listener)

    def run(self) -> None:
        """For ever.

        Raises:
            Unavailable: the daemon has gone.
        """
        while True:
            try:
                for event in self._events:
                    self._ring(event)
            except Refused as refused:
                logger.warning("events were missed, and all that is unread is looked for: {}", refused.info.message)
                self._events.close()
                self._events = self._client.follow()
            self._ring(None)

    def _ring(self, event: Event | None) -> None:
        for listener in self._listeners:
            listener(event)
