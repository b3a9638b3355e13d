"""One compactor at a time: a lock of its own is taken first.

It is waited for, since a compactor of an earlier life may be about to leave. (Not the home's lock: that is the
daemon's, and says that it lives.)
"""

import fcntl
import os
import time

from orch_actors.actors.compaction.compacting import Compacted, compact
from orch_actors.actors.journal.disk import RealDisk
from orch_actors.protocol.homes import Home


def compact_alone(home: Home, through: int) -> Compacted:
    """Have a snapshot of all segments up to number `through`.

    Raises:
        EnvironmentFault, OSError: see `compact`; or the lock cannot be taken.
    """
    fd = os.open(home.compactor_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        return compact(RealDisk(), home.journal, through, time.time)
    finally:
        os.close(fd)
