"""What a journal's folder holds, file by file: read off first lines and sizes, without reading it through."""

import os

from msgspec import Struct

from orch_actors.actors.journal.ballast import BALLAST_NAME
from orch_actors.actors.journal.disk import Readable
from orch_actors.actors.journal.opening import segment_names
from orch_actors.actors.journal.record import Damaged, Header, Unfamiliar, decode_header
from orch_actors.actors.journal.snapshots import MANIFEST, snapshots_in
from orch_actors.protocol.views import utc_text


class File(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file.

    `kind`: segment, snapshot, manifest (which snapshots count), torn (what was cut off), ballast (room for when the
    disk is full), or other.
    """

    name: str
    kind: str
    bytes: int
    #: First sequence, and number of the first event, that a segment can hold; when it was begun.
    sequence: int | None = None
    event: int | None = None
    time_utc: str = ""
    #: What is wrong with its first line.
    fault: str = ""


class Inventory(Struct, frozen=True, kw_only=True):
    """All of it. `journal`: the journal's id, empty where there is none."""

    folder: str
    journal: str
    files: tuple[File, ...]


def inventory(disk: Readable, folder: str) -> Inventory:
    """List the files of a journal's folder, by name.

    Raises:
        OSError: there is no such folder, or it cannot be read.
    """
    names = disk.list(folder)
    segments, journal = set(segment_names(names)), ""
    files: list[File] = []
    for name in names:
        path = os.path.join(folder, name)
        size = disk.size(path)
        if name not in segments:
            files.append(File(name=name, kind=_kind(name), bytes=size))
            continue
        try:
            header = decode_header(disk.head(path).partition(b"\n")[0])[0]
        except (Damaged, Unfamiliar) as fault:
            files.append(File(name=name, kind="segment", bytes=size, fault=str(fault)))
            continue
        journal = header.id
        files.append(_segment(name, size, header))
    return Inventory(folder=folder, journal=journal, files=tuple(files))


def _kind(name: str) -> str:
    if name in (BALLAST_NAME, MANIFEST):
        return "ballast" if name == BALLAST_NAME else "manifest"
    if snapshots_in([name]):
        return "snapshot"
    return "torn" if name.startswith("torn-") else "other"


def _segment(name: str, size: int, header: Header) -> File:
    return File(
        name=name,
        kind="segment",
        bytes=size,
        sequence=header.first,
        event=max(1, header.event),
        time_utc=utc_text(header.created_utc),
    )
