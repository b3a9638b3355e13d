"""When the disk is full: why, who is let through, and when to look whether there is room. Waits for nothing itself.

Looking costs a call of the system, so it is done often. But what looks like room may be none (a quota, a disk that
fills up at once): attempts are then started, find none, and are put down for nothing. So the first look after such a
relapse comes later each time, until the peace has lasted.
"""

from typing import Final

from orch_actors.actors.core.lookup import find_graph
from orch_actors.actors.core.state import State
from orch_actors.actors.journal.writer import Journal
from orch_actors.protocol import messages
from orch_actors.protocol.errors import Refused

#: Between looks; before the first one after the longest row of relapses; seconds.
LOOK_EVERY_S: Final = 1.0
LONGEST_S: Final = 300.0

#: A disk that is full again within this has relapsed; seconds.
PEACE_S: Final = 60.0

#: Tasks of a graph that may be cancelled at once without room: each takes its part of a line, and so of the ballast.
MAX_CANCELLED: Final = 1000


class Room:
    """Not thread-safe: the supervisor's. `now_at` is monotonic time."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        #: Why the disk is full, in the system's words; empty: it is not.
        self.lacking = ""
        self._wait_s = LOOK_EVERY_S
        self._freed_at: float | None = None

    def gone(self, why: str, now_at: float) -> float:
        """There is none any more; seconds until the first look."""
        self.lacking = why
        relapsed = self._freed_at is not None and now_at - self._freed_at < PEACE_S
        self._wait_s = min(self._wait_s * 2, LONGEST_S) if relapsed else LOOK_EVERY_S
        return self._wait_s

    def admit(self, do: messages.Command | messages.AckEvents, state: State) -> None:
        """Of a full disk, let nothing through but what makes room or ends work, and cannot use the ballast up itself.

        Raises:
            Refused: DISK_FULL.
        """
        if not self.lacking or isinstance(do, messages.Prune):
            return
        if isinstance(do, messages.Cancel) and (
            do.task is not None or find_graph(state, do.graph).open_tasks <= MAX_CANCELLED
        ):
            return
        raise Refused.because(
            "DISK_FULL",
            f"the disk is full ({self.lacking}): nothing was taken",
            f"make room on the disk of {self._journal.folder} (`orch-actors prune` forgets graphs that are over), then "
            "send it again: service goes on by itself",
            retriable=True,
        )

    def look(self, now_at: float) -> float | None:
        """See whether there is room again; None: there is. Otherwise seconds until the next look."""
        if not self._journal.look_for_room():
            return LOOK_EVERY_S
        self.lacking, self._freed_at = "", now_at
        return None
