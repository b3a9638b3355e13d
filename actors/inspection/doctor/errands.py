"""Callbacks and files: what the courier cannot do at present."""

import fcntl
import os
from collections.abc import Iterator
from typing import Final

from orch_actors.actors.courier.troubles import troubles_of
from orch_actors.actors.inspection.doctor.finding import Finding, good, warning
from orch_actors.protocol.homes import Home
from orch_actors.protocol.views import utc_text

#: So many are named.
_NAMED: Final = 10


def look_at_errands(home: Home) -> Iterator[Finding]:
    """Does every callback reach its target, and can every inbox and outbox be used."""
    if not _runs(home):
        return
    try:
        found = troubles_of(home.troubles)
    except FileNotFoundError:
        found = []  # it starts just now
    for trouble in found[:_NAMED]:
        times = f", tried {trouble.tries} times" if trouble.tries > 1 else ""
        what = f"{trouble.of}, since {utc_text(trouble.since_utc)}{times}: {trouble.fault}"
        yield warning("courier", what, f"mend that, it is tried again by itself; more: {home.path}/logs/courier.log")
    if len(found) > _NAMED:
        yield warning("courier", f"{len(found) - _NAMED} more", f"see {home.path}/logs/courier.log")
    if not found:
        yield good("courier", "callbacks and files work")


def _runs(home: Home) -> bool:
    """Whether a courier serves this home: it holds a lock for as long as it lives."""
    try:
        lock = os.open(os.path.join(home.courier, "lock"), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
