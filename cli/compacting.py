"""What `journal compact` does: ask the daemon, and wait until its snapshot counts."""

import time
from typing import TYPE_CHECKING, Final

from orch_actors.cli import faults
from orch_actors.protocol.views import CompactionView

if TYPE_CHECKING:
    from orch_actors.protocol.client import Client

#: Between two looks; seconds.
LOOK_EVERY_S: Final = 0.1


def see_compacted(client: "Client") -> CompactionView:
    """Have the daemon compact its journal, and see it done; however long that takes.

    Raises:
        CommandFault: it could not; says why. What counted before counts.
    """
    segment = client.compact().segment
    while True:
        found = client.status().compaction
        if found is None:
            raise faults.environment("the daemon says nothing of its journal", "it is of another version: restart it")
        if found.segment >= segment:
            return found
        if found.fault and found.tried >= segment and not found.running:
            raise faults.environment(
                f"no snapshot was made: {found.fault}", "nothing is lost; see daemon.log, then try again"
            )
        time.sleep(LOOK_EVERY_S)
