r"""Snapshots and the manifest: their form, how they get to disk so that nothing can be half there, and reading them.

    snapshot-00000007.jsonl     what segments 1 to 7 came to
    {"orch_snapshot":1,"journal":…,"segment":7,"last":…,"crc":…,"event":…,"created_utc":…,"version":…,"c":…}\n
    {"p":<c of the line before>,"t":"machine","d":{…},"c":…}\n    so many; what they hold is their owner's business
    {"p":…,"t":"end","d":{"pieces":…},"c":…}\n

    MANIFEST                    which snapshots count, the newest first
    {"orch_manifest":1,"journal":…,"snapshots":[{"name":…,"segment":…,"last":…,"event":…,"bytes":…,"seal":…}],"c":…}\n

A snapshot is written under another name, synced, and renamed; then the folder is synced; then the manifest, which
names it, in the same way. Only after that may anything older go. So at any moment the manifest names snapshots that are
whole, and every segment after the older one of them is there. A snapshot that no manifest names does not count.

Both are checked to the last byte before anything is made of them: a broken one is as good as none, and the one before
takes its place (`opening.py`). One of a later version is never passed over: that would be a silent downgrade.
"""

import os
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from orch_actors.actors.journal.disk import Disk, Readable
from orch_actors.actors.journal.record import Damaged, Unfamiliar, seal, unseal

#: Version of both forms, and of what a snapshot holds (`actors/core/image.py`).
FORMAT_VERSION: Final = 1

MANIFEST: Final = "MANIFEST"
#: Added to a name while the file is being written.
UNFINISHED: Final = ".new"

_NAME: Final = re.compile(r"snapshot-([0-9]{8})\.jsonl")
#: Bytes that are written at once.
_CHUNK: Final = 1024 * 1024


class Head(Struct, frozen=True, kw_only=True):
    """First line of a snapshot, without its crc."""

    #: FORMAT_VERSION
    orch_snapshot: int
    #: Journal id.
    journal: str
    #: Number of the last segment that is in it; sequence and crc of that one's last line.
    segment: int
    last: int
    crc: str
    #: Number of the first event after it.
    event: int
    created_utc: float
    version: str


class Entry(Struct, frozen=True, kw_only=True):
    """What the manifest says of a snapshot."""

    name: str
    segment: int
    last: int
    event: int
    bytes: int
    #: Crc of its last line, and so, by the chain, of all.
    seal: str


class Manifest(Struct, frozen=True, kw_only=True):
    """The manifest, without its crc."""

    #: FORMAT_VERSION
    orch_manifest: int
    journal: str
    #: Newest first.
    snapshots: tuple[Entry, ...]


class Part(Struct, frozen=True, kw_only=True):
    """A line of a snapshot after its first."""

    p: str
    t: str
    d: Raw
    c: str


class Snapshot(Struct, frozen=True, kw_only=True):
    """One that was read and is whole. `parts` are views of the file's bytes."""

    head: Head
    parts: tuple[Part, ...]
    #: What a manifest says of it.
    entry: Entry


class _SnapshotVersion(Struct, frozen=True):
    orch_snapshot: int


class _ManifestVersion(Struct, frozen=True):
    orch_manifest: int


_encode: Final = msgspec.json.Encoder().encode
_decode_part: Final = msgspec.json.Decoder(Part).decode


def snapshot_name(segment: int) -> str:
    """File name of the snapshot of all segments up to this one."""
    return f"snapshot-{segment:08d}.jsonl"


def snapshots_in(names: Iterable[str]) -> list[str]:
    """Those of a folder's names that are snapshots, newest first."""
    return sorted((name for name in names if _NAME.fullmatch(name)), reverse=True)


# --- writing --------------------------------------------------------------------------------------------------------


def write_snapshot(disk: Disk, folder: str, head: Head, pieces: Iterable[tuple[str, bytes]]) -> Entry:
    """Write one, durably; `pieces` are (kind, JSON text on one line).

    Raises:
        OSError: it is not there, or not for sure; nothing else was changed.
    """
    name = snapshot_name(head.segment)
    line, crc = seal(_encode(head)[:-1])
    size, count, waiting, held = 0, 0, [line], len(line)
    fd = _create(disk, folder, name)
    try:
        for kind, data in pieces:
            line, crc = seal(b'{"p":"%s","t":"%s","d":%s' % (crc.encode(), kind.encode(), data))
            count += 1
            waiting.append(line)
            held += len(line)
            if held >= _CHUNK:
                disk.append(fd, b"".join(waiting))
                size, held = size + held, 0
                waiting.clear()
        line, crc = seal(b'{"p":"%s","t":"end","d":{"pieces":%d}' % (crc.encode(), count))
        waiting.append(line)
        disk.append(fd, b"".join(waiting))
        size += held + len(line)
        disk.sync(fd)
    finally:
        disk.close(fd)
    _put_in_place(disk, folder, name)
    return Entry(name=name, segment=head.segment, last=head.last, event=head.event, bytes=size, seal=crc)


def write_manifest(disk: Disk, folder: str, manifest: Manifest) -> None:
    """Have these snapshots count from now on, durably.

    Raises:
        OSError: either those before count, or these; after a restart one of both for sure.
    """
    fd = _create(disk, folder, MANIFEST)
    try:
        disk.append(fd, seal(_encode(manifest)[:-1])[0])
        disk.sync(fd)
    finally:
        disk.close(fd)
    _put_in_place(disk, folder, MANIFEST)


def _create(disk: Disk, folder: str, name: str) -> int:
    """A file to be written and then renamed; what an earlier try has left is taken away."""
    if name + UNFINISHED in disk.list(folder):
        disk.remove(os.path.join(folder, name + UNFINISHED))
    return disk.create(os.path.join(folder, name + UNFINISHED))


def _put_in_place(disk: Disk, folder: str, name: str) -> None:
    path = os.path.join(folder, name)
    disk.rename(path + UNFINISHED, path)
    disk.sync_folder(folder)


# --- reading --------------------------------------------------------------------------------------------------------


def read_manifest(disk: Readable, folder: str) -> Manifest:
    """The manifest.

    Raises:
        Damaged: it is not whole.
        Unfamiliar: of a later version.
        OSError: there is none, or it cannot be read.
    """
    data = disk.read(os.path.join(folder, MANIFEST))
    raw, newline, rest = data.partition(b"\n")
    if not newline or rest:
        raise Damaged("it is not one whole line")
    unseal(raw)
    try:
        version = msgspec.json.decode(raw, type=_ManifestVersion).orch_manifest
        if version != FORMAT_VERSION:
            raise Unfamiliar(f"its format is {version}, this version knows {FORMAT_VERSION}")
        return msgspec.json.decode(raw, type=Manifest)
    except msgspec.DecodeError as error:
        raise Damaged(f"it is no manifest: {error}") from error


def read_snapshot(disk: Readable, path: str) -> Snapshot:
    """A snapshot, checked to its last byte.

    Raises:
        Damaged: it is not whole.
        Unfamiliar: of a later version.
        OSError: there is none, or it cannot be read.
    """
    data = disk.read(path)
    raws = data.split(b"\n")
    if raws.pop():
        raise Damaged("its last line is not whole")
    if not raws:
        raise Damaged("it is empty")
    head, crc = _head(raws[0])
    parts: list[Part] = []
    for number, raw in enumerate(raws[1:], start=2):
        part = _part(raw, number)
        if part.p != crc:
            raise Damaged(f"line {number} does not follow on the one before it")
        crc = part.c
        parts.append(part)
    if not parts or parts[-1].t != "end" or _pieces(parts.pop()) != len(parts):
        raise Damaged("its end is missing")
    name = os.path.basename(path)
    entry = Entry(name=name, segment=head.segment, last=head.last, event=head.event, bytes=len(data), seal=crc)
    return Snapshot(head=head, parts=tuple(parts), entry=entry)


def _head(raw: bytes) -> tuple[Head, str]:
    crc = unseal(raw)
    try:
        version = msgspec.json.decode(raw, type=_SnapshotVersion).orch_snapshot
        if version != FORMAT_VERSION:
            raise Unfamiliar(f"its format is {version}, this version knows {FORMAT_VERSION}")
        return msgspec.json.decode(raw, type=Head), crc
    except msgspec.DecodeError as error:
        raise Damaged(f"its first line is none of a snapshot: {error}") from error


def _part(raw: bytes, number: int) -> Part:
    unseal(raw)
    try:
        return _decode_part(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Damaged(f"line {number} is none of a snapshot: {error}") from error


def _pieces(end: Part) -> Any:
    found = msgspec.json.decode(end.d)
    return found.get("pieces") if isinstance(found, dict) else None


class Chosen(Struct, frozen=True, kw_only=True):
    """Where a start begins: the newest snapshot that is whole, if any, and what is wrong with those passed over."""

    snapshot: Snapshot | None = None
    name: str = ""
    #: A sentence each.
    faults: tuple[str, ...] = ()


def choose(disk: Readable, folder: str, names: Sequence[str]) -> Chosen:
    """The snapshot to begin with. Without a whole manifest every snapshot that is whole counts.

    Raises:
        Unfamiliar: one is of a later version.
        OSError: a file that is there cannot be read.
    """
    faults: list[str] = []
    listed = snapshots_in(names)
    if MANIFEST in names:
        try:
            listed = [entry.name for entry in read_manifest(disk, folder).snapshots]
        except Damaged as damage:
            faults.append(f"{MANIFEST} is damaged: {damage}")
    for name in listed:
        if name not in names:
            faults.append(f"{name} is missing")
            continue
        try:
            return Chosen(snapshot=read_snapshot(disk, os.path.join(folder, name)), name=name, faults=tuple(faults))
        except Damaged as damage:
            faults.append(f"{name} is damaged: {damage}")
    return Chosen(faults=tuple(faults))
