"""What `doctor` asks of the daemon itself: is one there, does it answer, how are its worker hosts."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from orch_actors.cli.daemon.daemon import listener
from orch_actors.cli.session import Session
from orch_actors.protocol.errors import OrchError
from orch_actors.protocol.version import VERSION

if TYPE_CHECKING:
    from orch_actors.protocol.views import StatusView

#: It answers at once, or something is wrong.
_ANSWERS_WITHIN_S: Final = 5.0

Finding = dict[str, str]


def daemon_findings(said: Session) -> Iterator[Finding]:
    """Of the lock, the daemon, and its hosts."""
    pid = listener(said.place)
    if pid is None:
        yield from _without_one(said)
        return
    try:
        with said.client(timeout_s=_ANSWERS_WITHIN_S) as client:
            status = client.status()
    except OrchError as fault:
        hint = f"see {said.place.log}; if it has to go: kill -9 {pid or 'PID'} (nothing accepted is lost)"
        yield _finding("daemon", "error", f"process {pid or '?'} listens, and does not answer: {fault}", hint)
        return
    there = status.supervisor
    yield _finding("daemon", "good", f"pid {there.pid}, version {there.version}")
    if there.version != VERSION:
        what = f"it is of version {there.version}, and this command of {VERSION}"
        yield _finding("daemon", "warning", what, f"put a new one in its place: {said.typed('upgrade')}")
    if there.disk:
        yield _finding("daemon", "error", f"it takes nothing new: {there.disk}", "make room; it goes on by itself")
    yield from _hosts(said, status)


def _hosts(said: Session, status: "StatusView") -> Iterator[Finding]:
    faults = 0
    for worker in status.workers:
        if worker.state == "parked":
            faults += 1
            hint = f"try it again: {said.typed('resume', '--worker', worker.type)}"
            yield _finding("hosts", "warning", f"worker type {worker.type} is parked: {worker.reason}", hint)
        elif worker.state == "backoff" or worker.restarts:
            faults += 1
            what = f"the host of worker type {worker.type} was started again {worker.restarts} times: {worker.reason}"
            yield _finding("hosts", "note", what.rstrip(": "), f"see {said.place.log}")
    if not faults:
        yield _finding("hosts", "good", f"{sum(worker.pid is not None for worker in status.workers)} run")


def _without_one(said: Session) -> Iterator[Finding]:
    holder = _lock_holder(said.place.lock)
    if holder is None:
        up = said.typed("up")
        yield _finding("daemon", "note", "none runs", f"verbs that need one start it; or by hand: {up}")
        return
    what = f"process {holder} holds the home's lock and does not listen: it starts, or it is stuck"
    yield _finding("daemon", "warning", what, f"look again in a moment; then see {said.place.log}")


def _lock_holder(path: str) -> int | None:
    """Who holds it, without taking it oneself, which would be in the way of a daemon that starts. Linux tells."""
    try:
        inode = os.stat(path).st_ino
        with open("/proc/locks", encoding="ascii") as file:
            fields = [line.split() for line in file]
    except OSError:
        return None
    for field in fields:
        if field[1] == "FLOCK" and field[5].endswith(f":{inode}"):
            return int(field[4])
    return None


def _finding(what: str, level: str, message: str, hint: str = "") -> Finding:
    return {"what": what, "level": level, "message": message, **({"hint": hint} if hint else {})}
