"""What closed segments come to, written down as a snapshot.

Works beside the daemon that writes on: it reads the newest snapshot and the closed segments after it, to which nothing
is added any more, and folds them as a start does (`replaying.py`). Whatever it dies of, and wherever, changes nothing:
what it writes has another name until it is whole and on disk, and counts only once the manifest names it.

The snapshot before stays, named second: if the new one is ever found broken, a start goes back to it, so segments after
it stay as well. Older ones go once the manifest no longer names them.
"""

import os
from collections.abc import Callable

from msgspec import Struct

from orch_actors.actors.journal.disk import Disk
from orch_actors.actors.journal.opening import Opened, open_journal
from orch_actors.actors.journal.reading import JournalTooNew
from orch_actors.actors.journal.record import Damaged, Unfamiliar
from orch_actors.actors.journal.snapshots import (
    FORMAT_VERSION,
    MANIFEST,
    Entry,
    Head,
    Manifest,
    Snapshot,
    choose,
    read_manifest,
    snapshots_in,
    write_manifest,
    write_snapshot,
)
from orch_actors.actors.recovery.replaying import Replay
from orch_actors.actors.recovery.snapshot import pieces_of
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.version import VERSION


class Compacted(Struct, frozen=True, kw_only=True):
    """What came of it. `before`: number of the last segment in the snapshot before; 0: there is none."""

    name: str
    segment: int
    event: int
    bytes: int
    before: int
    created_utc: float
    #: Snapshots that were found broken and passed over, a sentence each.
    faults: tuple[str, ...] = ()


def compact(disk: Disk, folder: str, through: int, now_utc: Callable[[], float]) -> Compacted:
    """Have a snapshot of all segments up to number `through`, which is closed; if there is one, nothing is done.

    Raises:
        EnvironmentFault: the journal cannot be read that far; nothing was changed.
        OSError: the disk does not let us; those snapshots count that did before.
    """
    named = _named(disk, folder)
    if named and named[0].segment >= through:
        return _told(named[0], named[1:], 0.0, ())
    if not named and (there := _unnamed(disk, folder)) is not None and there.entry.segment >= through:
        write_manifest(disk, folder, _manifest(there.head.journal, there.entry))
        return _told(there.entry, (), there.head.created_utc, ())
    replay = Replay()
    found = open_journal(disk, folder, replay, through)
    if found.segment != through:
        raise EnvironmentFault(
            f"the journal in {folder} has no segment {through}", "`orch-actors journal files` shows what is there"
        )
    came = replay.finish()
    head = _head(found, came.head, round(now_utc(), 3))
    pieces = pieces_of(replay.state, came.answers, came.unprocessed)
    entry = write_snapshot(disk, folder, head, pieces)
    before = () if found.snapshot is None else (found.snapshot,)
    manifest = _manifest(found.id, entry, *before)
    write_manifest(disk, folder, manifest)
    _remove_unnamed(disk, folder, manifest)
    return _told(entry, before, head.created_utc, found.faults)


def _manifest(journal: str, *snapshots: Entry) -> Manifest:
    return Manifest(orch_manifest=FORMAT_VERSION, journal=journal, snapshots=snapshots)


def _told(entry: Entry, before: tuple[Entry, ...], created_utc: float, faults: tuple[str, ...]) -> Compacted:
    return Compacted(
        name=entry.name,
        segment=entry.segment,
        event=entry.event,
        bytes=entry.bytes,
        before=before[0].segment if before else 0,
        created_utc=created_utc,
        faults=faults,
    )


def _named(disk: Disk, folder: str) -> tuple[Entry, ...]:
    """Snapshots that count, newest first. Of those that no whole manifest names nothing is known for sure."""
    if MANIFEST not in disk.list(folder):
        return ()
    try:
        return read_manifest(disk, folder).snapshots
    except Damaged:
        return ()
    except Unfamiliar as error:
        raise JournalTooNew(folder, f"of its manifest, {error}") from error


def _unnamed(disk: Disk, folder: str) -> Snapshot | None:
    """A whole snapshot that no manifest names: whoever made it did not get that far, or the manifest is broken."""
    try:
        return choose(disk, folder, disk.list(folder)).snapshot
    except Unfamiliar as error:
        raise JournalTooNew(folder, f"of a snapshot, {error}") from error


def _head(found: Opened, told: int, created_utc: float) -> Head:
    return Head(
        orch_snapshot=FORMAT_VERSION,
        journal=found.id,
        segment=found.segment,
        last=found.last,
        crc=found.crc,
        event=told + 1,
        created_utc=created_utc,
        version=VERSION,
    )


def _remove_unnamed(disk: Disk, folder: str, manifest: Manifest) -> None:
    kept = {entry.name for entry in manifest.snapshots}
    for name in reversed(snapshots_in(disk.list(folder))):
        if name not in kept:
            disk.remove(os.path.join(folder, name))
