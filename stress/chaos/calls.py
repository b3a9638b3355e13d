"""One client's calls, each written down before it goes out and when something is known of it.

{"call":7,"at":…,"agent":"a1","client":"…","id":"…","do":{…}}        before
{"call":7,"at":…,"result":{…}}                                         it was carried out
{"call":7,"at":…,"error":{"code":…,…}}                                   it was refused: nothing was executed
{"call":7,"at":…,"unknown":true}                                       no answer: nobody knows
"""

import itertools
import time
from typing import Final

import msgspec

from orch_actors.protocol import messages as m
from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import ErrorInfo, Refused, Unavailable
from orch_actors.protocol.ids import new_id
from orch_actors.stress.chaos.jobs import Patience
from orch_actors.stress.chaos.record import Log

#: For a call whose answer must be had: longer than any daemon stays away.
PATIENT_S: Final = 120.0

_numbers = itertools.count(1)


class Calls:
    """Commands through one client, with their history."""

    def __init__(self, client: Client, agent: str, history: Log) -> None:
        self._client: Final = client
        self._agent: Final = agent
        self._history: Final = history

    def make(
        self, do: m.Command, patience: Patience, *, command_id: str | None = None
    ) -> tuple[str, m.Result | ErrorInfo | None]:
        """Make a call: its command id, and what came of it; None: not known.

        One that has no answer is settled, where its patience says so: the same again, until there is one.
        """
        name = command_id or new_id()
        found = self._once(do, name, patience.wait_s)
        if found is None and patience.settle:
            found = self._once(do, name, PATIENT_S)
        return name, found

    def _once(self, do: m.Command, name: str, wait_s: float) -> m.Result | ErrorInfo | None:
        number = next(_numbers)
        who = {"agent": self._agent, "client": self._client.client_id, "id": name}
        self._history.write({"call": number, "at": _now(), **who, "do": do})
        try:
            result = self._client.request(do, command_id=name, timeout_s=wait_s)
        except Refused as refused:
            self._history.write({"call": number, "at": _now(), "error": refused.info})
            return refused.info
        except Unavailable:
            self._history.write({"call": number, "at": _now(), "unknown": True})
            return None
        self._history.write({"call": number, "at": _now(), "result": msgspec.to_builtins(result)})
        return result


def _now() -> float:
    return round(time.monotonic(), 4)
