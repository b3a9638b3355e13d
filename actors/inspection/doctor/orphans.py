"""Attempts that run and that no daemon will ever find, or know; and their end.

An attempt is known by its shim, which holds the lock on its record. It is an orphan if

- it is in the home, and the journal has no such attempt under way: the state was wiped, or salvaged;
- or its record is gone from the home that it was started in: somebody removed the home, or exchanged it. Such a shim is
  found in /proc, by the cookie in its environment and the record that it has open. (Not where there is no /proc.)

What an attempt that is over has left running on purpose holds no record, and is no orphan. Nor is anything as long as
the journal cannot be read: a salvage may find it.
"""

import os
import re
import signal
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec import Struct

from orch_actors.actors.host import record, stop
from orch_actors.actors.host.local import COOKIE
from orch_actors.actors.host.record import Running
from orch_actors.actors.inspection.recall import recall
from orch_actors.actors.inspection.running import RunningAttempt, running_below
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.homes import HOME_VARIABLE, Home
from orch_actors.protocol.ids import attempt_id

#: Between TERM and KILL; seconds.
GRACE_S: Final = 10.0

_COOKIE: Final = re.compile(r"([0-9a-f]{1,12}):([^/]+/[^/]+/[0-9]+)")
_RECORD: Final = re.compile(r"(/.*)/attempts/[^/]+/[^/]+/[^/]+\.jsonl( \(deleted\))?")


class Orphan(Struct, frozen=True, kw_only=True):
    """One. `pid` is its shim's, and its process group's."""

    attempt: str
    pid: int
    home: str
    why: str
    #: By which all its processes are known.
    cookie: str
    #: Of its record; empty: that is gone.
    record: str = ""
    #: Another attempt, which is none, has the same cookie: what got away from its group stays.
    shared: bool = False


class Orphans(Struct, frozen=True, kw_only=True):
    """All of a home."""

    home: str
    orphans: tuple[Orphan, ...]


class Ended(Struct, frozen=True, kw_only=True):
    """What came of ending them."""

    home: str
    ended: tuple[str, ...]
    #: Those that run on all the same.
    left: tuple[str, ...]


class _Shim(NamedTuple):
    """One in /proc: where it was started, and where its record is, if that has a name."""

    pid: int
    cookie: str
    home: str
    record: str


def orphans_of(home: Home) -> tuple[Orphan, ...]:
    """Those of this home, whether it is there or not.

    Raises:
        OSError: what is there cannot be looked at.
    """
    found = [*_unknown_to_the_journal(home), *_without_a_record(home)]
    return tuple({orphan.pid: orphan for orphan in found}.values())


def strays(home: Home) -> dict[str, int]:
    """Other homes that are gone, and how many attempts of theirs run."""
    found: dict[str, int] = {}
    for shim in _shims():
        if shim.home and shim.home != home.path and not shim.record and not os.path.isdir(shim.home):
            found[shim.home] = found.get(shim.home, 0) + 1
    return found


def end(home: Home) -> Ended:
    """End every orphan of this home: TERM, and KILL after the grace; with all that carries its cookie.

    Raises:
        OSError: what is there cannot be looked at.
    """
    found = orphans_of(home)
    for orphan in found:
        _end(orphan)
    left = {orphan.attempt for orphan in orphans_of(home)}
    ended = tuple(orphan.attempt for orphan in found if orphan.attempt not in left)
    return Ended(home=home.path, ended=ended, left=tuple(sorted(left)))


def _end(orphan: Orphan) -> None:
    if not orphan.shared:
        stop.sweep(f"{COOKIE}={orphan.cookie}", None, GRACE_S)
        return
    # Only by its lock: as long as that is held, the pid is its own.
    kill_at = time.monotonic() + GRACE_S
    stop.signal_group(orphan.pid, signal.SIGTERM)
    while isinstance(record.probe(orphan.record), Running) and time.monotonic() < kill_at:
        time.sleep(0.05)
    if isinstance(record.probe(orphan.record), Running):
        stop.signal_group(orphan.pid, signal.SIGKILL)
        record.wait_until_free(orphan.record)


def _unknown_to_the_journal(home: Home) -> Iterator[Orphan]:
    """Records are looked at first: what is under way then was written down before."""
    candidates = [*running_below(home.attempts), *running_below(home.salvage)]
    if not candidates:
        return
    try:
        past = recall(home)
    except (EnvironmentFault, FileNotFoundError):
        return
    in_flight = past.machine.state.in_flight
    known = {
        f"{past.opened.id[-12:]}:{attempt_id(task.graph.id, task.id, task.attempts[-1].number)}"
        for tasks in in_flight.values()
        for task in tasks.values()
    }
    for one in candidates:
        cookie = f"{os.path.basename(os.path.dirname(os.path.dirname(one.record)))}:{one.attempt}"
        in_salvage = one.record.startswith(home.salvage + os.sep)
        if (cookie in known and not in_salvage) or one.pid is None or not _runs(one):
            continue
        why = "a salvage has given it up" if in_salvage else "the journal does not know of it"
        yield Orphan(
            attempt=one.attempt,
            pid=one.pid,
            home=home.path,
            why=why,
            cookie=cookie,
            record=one.record,
            shared=cookie in known,
        )


def _runs(one: RunningAttempt) -> bool:
    """Still: one that has ended meanwhile is none."""
    return isinstance(record.probe(one.record), Running)


def _without_a_record(home: Home) -> Iterator[Orphan]:
    there = os.path.isdir(home.path)
    for shim in _shims():
        if shim.home == home.path and not shim.record:
            why = "its record was removed" if there else "its home is gone"
            attempt = shim.cookie.partition(":")[2]
            yield Orphan(attempt=attempt, pid=shim.pid, home=home.path, why=why, cookie=shim.cookie)


def _shims() -> Iterator[_Shim]:
    """Every process of ours that carries a cookie and has an attempt's record open."""
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    except OSError:
        return
    for pid in pids:
        try:
            if os.stat(f"/proc/{pid}").st_uid != os.getuid():
                continue
            with open(f"/proc/{pid}/environ", "rb") as file:
                environ = dict(part.partition("=")[::2] for part in os.fsdecode(file.read()).split("\0") if "=" in part)
            cookie = _COOKIE.fullmatch(environ.get(COOKIE, ""))
            found = _record_of(pid) if cookie is not None else None
        except OSError:  # gone meanwhile
            continue
        if cookie is not None and found is not None:
            path, deleted, base = found
            yield _Shim(pid, cookie[0], environ.get(HOME_VARIABLE, base), "" if deleted else path)


def _record_of(pid: int) -> tuple[str, bool, str] | None:
    """Path of the record that it has open, whether that is gone, and the home that it was in."""
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
        except OSError:
            continue
        match = _RECORD.fullmatch(target)
        if match is not None:
            return target, match[2] is not None, match[1]
    return None
