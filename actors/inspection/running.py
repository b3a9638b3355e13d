"""Attempts of a home that run, by their records and locks alone: whatever the journal says, or can still say."""

import os
from collections.abc import Iterator

from msgspec import Struct

from orch_actors.actors.host import record
from orch_actors.actors.host.record import Running
from orch_actors.protocol.homes import Home


class RunningAttempt(Struct, frozen=True, kw_only=True):
    """One. Its pid is also its process group's."""

    attempt: str
    pid: int | None
    record: str


class AllRunning(Struct, frozen=True, kw_only=True):
    """All of them."""

    home: str
    attempts: tuple[RunningAttempt, ...]


def running(home: Home) -> AllRunning:
    """Look at every record. Linear in the attempts that are kept.

    Raises:
        OSError: the folder of attempts cannot be read.
    """
    return AllRunning(home=home.path, attempts=tuple(running_below(home.attempts)))


def running_below(top: str) -> Iterator[RunningAttempt]:
    """Those whose records are anywhere below this folder; none, where there is no such folder."""
    for folder, _, names in os.walk(top):
        for name in sorted(names):
            if not name.endswith(".jsonl"):
                continue
            path = os.path.join(folder, name)
            try:
                found = record.probe(path)
            except OSError:  # not to be looked at, or no record
                continue
            if isinstance(found, Running):
                header = found.seen.header
                known = header.attempt if header is not None else ""
                yield RunningAttempt(attempt=known or name.removesuffix(".jsonl"), pid=found.seen.pid, record=path)
