"""Every byte of a journal cut off and changed, one at a time: what was promised is never taken for what it is not.

What must come of each is worked out from the rules and the layout alone: the position of lines in files, their sequence
and their watermark. Of the code under test only the opening is used; it reads from memory, and may do nothing else.

- Cut at any byte (with all that came after it), a journal opens to the exact lines before; what is left of a line is
  handed over, to be kept. A cut in an older segment, with newer ones behind it, is refused.
- A byte changed at or before D, the highest watermark that can still be read, or in an older segment: refused, with
  file, line and sequence. After D: the tail is cut off there. A header without records may be made anew.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from orch_actors.actors.journal.disk import HEAD_BYTES
from orch_actors.actors.journal.opening import Opened, open_journal, segment_names
from orch_actors.actors.journal.reading import JournalCorrupt, Lines
from orch_actors.actors.journal.record import Line
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.stress.powercut.clients import Clients
from orch_actors.stress.powercut.disk import CrashDisk
from orch_actors.stress.powercut.life import FOLDERS, Life, next_batch
from orch_actors.stress.powercut.witness import Witness
from orch_actors.stress.powercut.world import SimulatedClock, World

#: How a byte is changed.
PATTERNS: Final[Mapping[str, Callable[[int], int]]] = {
    "low bit": lambda byte: byte ^ 1,
    "high bit": lambda byte: byte ^ 128,
    "all bits": lambda byte: byte ^ 255,
    "newline": lambda _: 10,
    "NUL": lambda _: 0,
}

#: So many segments has a journal, about, and so many bytes each of them: more than one batch, or there would be nothing
#: in the newest that a later line vouches for.
SEGMENTS: Final = 4
LEAST_BYTES: Final = 2000

Files = Mapping[str, bytes]


class Frozen:
    """Files in memory, for reading only."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def list(self, path: str) -> list[str]:
        """See Disk."""
        return sorted(name.rpartition("/")[2] for name in self._files if name.rpartition("/")[0] == path)

    def read(self, path: str) -> bytes:
        """See Disk."""
        return self._files[path]

    def head(self, path: str) -> bytes:
        """See Disk."""
        return self._files[path][:HEAD_BYTES]

    def size(self, path: str) -> int:
        """See Disk."""
        return len(self._files[path])


class Place(Struct, frozen=True):
    """Where a line stands. `sequence` is 0 for a header."""

    path: str
    begin: int
    #: With the newline.
    end: int
    #: From 1, within the file.
    line: int
    sequence: int
    watermark: int


def layout(files: Files) -> list[Place]:
    """Every line, oldest first."""
    found = []
    for path in sorted(files):
        begin = 0
        for number, raw in enumerate(files[path].split(b"\n")[:-1], start=1):
            record = json.loads(raw)
            end = begin + len(raw) + 1
            found.append(Place(path, begin, end, number, record.get("s", 0), record.get("y", 0)))
            begin = end
    return found


def rich_journal(seed: int, size: int) -> dict[str, bytes]:
    """A journal of at least `size` bytes, as a daemon writes it that has much to do and is killed now and then."""
    rng, clock, witness = random.Random(f"damage {seed}"), SimulatedClock(), Witness()
    disk, world = CrashDisk(random.Random(seed)), World(rng, clock, witness)
    clients = Clients(rng, clock, witness)
    while True:
        life = Life(disk, witness, world, clock, max(LEAST_BYTES, size // SEGMENTS))
        for _ in range(20):
            batch = next_batch(rng, clients, world, life.state)
            for part in [batch] if rng.random() < 0.3 else [[message] for message in batch]:
                life.deliver(part)
            names = segment_names(disk.list(FOLDERS[-1]))
            files = {f"{FOLDERS[-1]}/{name}": disk.read(f"{FOLDERS[-1]}/{name}") for name in names}
            places = [place for place in layout(files) if place.path == max(files)]
            vouched_for = max(place.watermark for place in places) > min(
                place.sequence for place in places[1:2] or places
            )
            if sum(map(len, files.values())) >= size and vouched_for:
                return files
        disk.kill()
        world.daemon_gone()


def cut_everywhere(files: Files, counts: Counter[str]) -> Iterator[str]:
    """Cut at every byte; yields what does not come out as it must."""
    places = layout(files)
    for path in sorted(files):
        older = {name: data for name, data in files.items() if name < path}
        newer = {name: data for name, data in files.items() if name > path}
        for size in range(len(files[path])):
            cut = {path: files[path][:size]}
            counts["cuts"] += 1
            yield from _must_be_prefix(older | cut, places, path, size)
            if newer:
                counts["cuts in older segments"] += 1
                yield from _must_be_refused(older | cut | newer, places, path, size, f"{path} cut at {size}")


def _must_be_prefix(files: Files, places: list[Place], path: str, size: int) -> Iterator[str]:
    whole = [place for place in places if place.path < path or (place.path == path and place.end <= size)]
    here = max((place.end for place in whole if place.path == path), default=0)
    what = f"{path} cut at {size}, and all after it"
    try:
        found, lines = _open(files)
    except EnvironmentFault as refused:
        yield f"{what}: refused ({refused})"
        return
    last = max((place.sequence for place in whole), default=0)
    if (found.last, len(lines)) != (last, last):
        yield f"{what}: {len(lines)} lines up to {found.last}, {last} are whole"
    if found.torn != files[path][here:]:
        yield f"{what}: {len(found.torn)} bytes are handed over, {size - here} are left of a line"
    if any(line.s != at for at, line in enumerate(lines, start=1)):
        yield f"{what}: sequences with a gap"


def change_everywhere(files: Files, counts: Counter[str]) -> Iterator[str]:
    """Change every byte in every way; yields what does not come out as it must."""
    places = layout(files)
    newest = max(files)
    for path, place in ((place.path, place) for place in places):
        for at in range(place.begin, place.end):
            for name, change in PATTERNS.items():
                old = files[path][at]
                if (new := change(old)) == old:
                    continue
                counts["changes"] += 1
                changed = dict(files) | {path: files[path][:at] + bytes([new]) + files[path][at + 1 :]}
                what = f"{path} byte {at} of sequence {place.sequence} ({name})"
                if _promised(places, place, newest):
                    counts["refused"] += 1
                    yield from _must_be_refused(changed, places, path, at, what)
                else:
                    counts["cut off"] += 1
                    yield from _must_be_cut_off(changed, places, place, what)


def _promised(places: list[Place], hit: Place, newest: str) -> bool:
    """Whether what is left still says that the line was on disk once."""
    if hit.path != newest:
        return True
    records = [place for place in places if place.path == newest and place.sequence]
    if not hit.sequence:
        return bool(records)
    return hit.sequence <= max(place.watermark for place in places if place is not hit)


def _must_be_refused(files: Files, places: list[Place], path: str, at: int, what: str) -> Iterator[str]:
    hit = next(place for place in places if place.path == path and place.begin <= at < place.end)
    before = max((place.sequence for place in places if (place.path, place.end) <= (path, hit.begin)), default=0)
    try:
        found, _ = _open(files)
    except JournalCorrupt as refused:
        if at == hit.begin and (refused.path, refused.line) != (path, hit.line):
            # Cut between two lines: it is the next segment that does not follow.
            if (refused.path, refused.line, refused.sequence) != (_next(files, path), 1, before + 1):
                yield f"{what}: refused at {refused.path}, line {refused.line}, sequence {refused.sequence}"
        elif (refused.path, refused.line, refused.sequence) != (path, hit.line, before + 1):
            yield f"{what}: refused at {refused.path}, line {refused.line}, sequence {refused.sequence}"
    except EnvironmentFault as fault:
        yield f"{what}: {fault}"
    else:
        yield f"{what}: opened, up to {found.last}"


def _next(files: Files, path: str) -> str:
    return min((name for name in files if name > path), default="")


def _must_be_cut_off(files: Files, places: list[Place], hit: Place, what: str) -> Iterator[str]:
    last = hit.sequence - 1 if hit.sequence else max((place.sequence for place in places), default=0)
    try:
        found, lines = _open(files)
    except EnvironmentFault as refused:
        yield f"{what}: refused ({refused}), though nobody was promised it"
        return
    if (found.last, len(lines)) != (last, last) or found.torn != files[hit.path][hit.begin :]:
        yield f"{what}: {found.last} lines and {len(found.torn)} torn bytes, {last} lines are good"


def _open(files: Files) -> tuple[Opened, list[Line]]:
    sink = Lines()
    return open_journal(Frozen(files), FOLDERS[-1], sink), sink.lines
