"""How a daemon comes to its state: the journal is read into it, and what was out of the ordinary is said in the log."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

from loguru import logger

from orch_actors.actors.core.state import State
from orch_actors.actors.journal.disk import Disk
from orch_actors.actors.journal.opening import Opened
from orch_actors.actors.journal.writer import Journal
from orch_actors.actors.recovery.forerunner import Forerunner
from orch_actors.actors.recovery.history import Replayed
from orch_actors.actors.recovery.replaying import Replay


def recall(disk: Disk, folder: str) -> tuple[Journal, Replayed, State]:
    """Open or begin the journal in `folder`, and fold it.

    Raises:
        EnvironmentFault: it is damaged, too new, or cannot be read.
    """
    began_at = time.monotonic()
    with uncollected():
        replay = Replay()
        with Forerunner(disk, folder, replay) as ahead:
            journal, found = Journal.resume(disk, folder, replay, ahead=ahead)
        came = replay.finish()
    came.oldest, came.snapshot = found.oldest, found.snapshot
    _tell(found)
    logger.info(
        "journal {}: sequence {}, event {}, {} graphs, {}read in {:.2f} s",
        journal.id,
        found.last,
        came.head,
        len(replay.state.graphs),
        f"from {found.snapshot.name}, " if found.snapshot else "",
        time.monotonic() - began_at,
    )
    return journal, came, replay.state


@contextmanager
def uncollected() -> Iterator[None]:
    """Let the collector of cycles rest, and leave it what is there now as something that stays.

    Nearly all that a journal comes to is still there afterwards: to look through it again and again, while it grows,
    takes as long as the reading itself.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_on:
            gc.enable()


def _tell(found: Opened) -> None:
    for fault in found.faults:
        logger.error("the journal: {}; it was passed over, and nothing is lost by it", fault)
    if found.torn:
        logger.warning("the journal's tail was torn: {} bytes were kept aside and cut off", len(found.torn))
