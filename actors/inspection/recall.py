"""A home's past, read without touching anything: what a daemon that started now would make of it, but for beginning."""

import time
from typing import Final, NamedTuple

from orch_actors.actors.core.machine import Machine
from orch_actors.actors.journal.disk import Readable, RealDisk
from orch_actors.actors.journal.opening import Opened, open_journal
from orch_actors.actors.process.boot import boot_id
from orch_actors.actors.recovery.history import Replayed
from orch_actors.actors.recovery.replaying import Replay
from orch_actors.protocol.homes import Home

#: Beside a daemon that writes on, a segment may go between being listed and being read.
_TRIES: Final = 3


class Recalled(NamedTuple):
    """A machine as it is before its life begins, and what else the journal came to."""

    machine: Machine
    replayed: Replayed
    opened: Opened
    boot: str


def recall(home: Home, disk: Readable | None = None) -> Recalled:
    """Read and fold the journal, as it stands on `disk` where that is given.

    Raises:
        EnvironmentFault: a daemon would not start with it, for this reason.
        FileNotFoundError: there is no journal.
    """
    boot = boot_id()
    opened, replay = _open(disk or RealDisk(), home.journal)
    return Recalled(Machine(boot, opened.id, replay.state), replay.finish(), opened, boot)


def _open(disk: Readable, folder: str) -> tuple[Opened, Replay]:
    for again in range(_TRIES):
        replay = Replay()
        try:
            return open_journal(disk, folder, replay), replay
        except FileNotFoundError:
            if again + 1 == _TRIES:
                raise
            time.sleep(0.05)
    raise AssertionError("unreachable")
