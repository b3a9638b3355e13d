"""Closed segments become a snapshot: what a start makes of it, and what is left of a compaction that fails anywhere."""

import errno
import itertools
import os
from pathlib import Path

import msgspec
import pytest
from core_world import dump
from journal_books import AT, Book
from journal_disks import FaultyDisk, reseal

from orch_actors.actors.compaction.compacting import compact
from orch_actors.actors.core import facts as f
from orch_actors.actors.journal.disk import RealDisk
from orch_actors.actors.journal.opening import SegmentsMissing, open_journal
from orch_actors.actors.journal.reading import JournalTooNew
from orch_actors.actors.journal.record import Damaged
from orch_actors.actors.journal.retiring import Begins, Retired, beginnings, remove_segments, retired
from orch_actors.actors.journal.snapshots import MANIFEST, read_manifest, read_snapshot
from orch_actors.actors.recovery.replaying import Replay
from orch_actors.protocol.errors import EnvironmentFault


@pytest.fixture
def folder(tmp_path):
    """A journal of six segments and more, one graph after the other."""
    made = tmp_path / "journal"
    made.mkdir()
    book = Book(made, segment_bytes=1)
    for number in range(6):
        book.submit(f"graph-{number}")
        book.outcome(f.AttemptStarting(graph=f"g{number + 1}", task="a", attempt=1, boot="boot"))
    book.close()
    return str(made)


def made_of(folder):
    """All that a start goes on from."""
    replay = Replay()
    found = open_journal(RealDisk(), folder, replay)
    came = replay.finish()
    answers = [(client, command, answer) for client, command, answer in came.answers.kept()]
    return found.id, found.last, found.crc, came.head, answers, came.unprocessed, dump(replay.state)


def snapshots(folder):
    return [entry.segment for entry in read_manifest(RealDisk(), folder).snapshots]


def now():
    return AT


def test_a_start_from_a_snapshot_comes_to_the_same(folder):
    whole = made_of(folder)
    made = compact(RealDisk(), folder, 4, now)
    assert (made.segment, made.before, made.faults) == (4, 0, ())
    assert made.bytes == os.stat(os.path.join(folder, made.name)).st_size
    remove_segments(RealDisk(), folder, [1, 2, 3, 4])
    assert made_of(folder) == whole
    assert open_journal(RealDisk(), folder, Replay()).snapshot.segment == 4


def test_one_after_the_other_and_the_one_before_is_kept(folder):
    whole = made_of(folder)
    compact(RealDisk(), folder, 2, now)
    assert compact(RealDisk(), folder, 4, now).before == 2
    made = compact(RealDisk(), folder, 6, now)
    assert made.before == 4
    assert snapshots(folder) == [6, 4]
    assert [name for name in os.listdir(folder) if name.startswith("snapshot")].count("snapshot-00000002.jsonl") == 0
    remove_segments(RealDisk(), folder, range(1, 5))
    assert made_of(folder) == whole
    Path(folder, made.name).write_bytes(Path(folder, made.name).read_bytes()[:-9])
    assert made_of(folder) == whole, "the one before stands in for a broken one"
    (fault,) = open_journal(RealDisk(), folder, Replay()).faults
    assert fault.startswith(f"{made.name} is damaged")


def test_what_is_compacted_is_left_alone(folder):
    first = compact(RealDisk(), folder, 4, now)
    disk = FaultyDisk()
    for through in (4, 3):
        assert compact(disk, folder, through, now).name == first.name
    assert disk.done == []


def test_a_segment_that_there_is_not(folder):
    with pytest.raises(EnvironmentFault, match="no segment 99"):
        compact(RealDisk(), folder, 99, now)


def test_both_snapshots_broken_and_segments_gone(folder):
    compact(RealDisk(), folder, 2, now)
    compact(RealDisk(), folder, 4, now)
    remove_segments(RealDisk(), folder, [1, 2])
    for name in ("snapshot-00000002.jsonl", "snapshot-00000004.jsonl"):
        Path(folder, name).write_bytes(b"")
    with pytest.raises(SegmentsMissing, match=r"00000001\.jsonl.*it is empty"):
        made_of(folder)


@pytest.mark.parametrize("spoil", [lambda _: b"", lambda data: data[:-2], lambda data: data.replace(b"4", b"5", 1)])
def test_a_broken_manifest_is_made_anew(folder, spoil):
    whole = made_of(folder)
    compact(RealDisk(), folder, 2, now)
    compact(RealDisk(), folder, 4, now)
    path = Path(folder, MANIFEST)
    path.write_bytes(spoil(path.read_bytes()))
    assert made_of(folder) == whole
    compact(RealDisk(), folder, 4, now)
    assert snapshots(folder) == [4]
    assert made_of(folder) == whole


def test_every_line_of_a_snapshot_has_its_place(folder):
    made = compact(RealDisk(), folder, 4, now)
    path = Path(folder, made.name)
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) > 6
    for place in range(1, len(lines)):
        swapped = [*lines[: place - 1], lines[place], lines[place - 1], *lines[place + 1 :]]
        for changed in ([*lines[:place], *lines[place + 1 :]], [*lines[: place + 1], *lines[place:]], swapped):
            path.write_bytes(b"".join(changed))
            with pytest.raises(Damaged):
                read_snapshot(RealDisk(), str(path))
    path.write_bytes(b"".join(lines))
    assert read_snapshot(RealDisk(), str(path)).entry.bytes == made.bytes


@pytest.mark.parametrize("name", [MANIFEST, "snapshot-00000004.jsonl"])
def test_of_a_later_version(folder, name):
    compact(RealDisk(), folder, 4, now)
    path = Path(folder, name)
    raw, newline, rest = path.read_bytes().partition(b"\n")
    kind = b"orch_manifest" if name == MANIFEST else b"orch_snapshot"
    path.write_bytes(reseal(raw.replace(b'"%s":1' % kind, b'"%s":2' % kind)) + newline + rest)
    with pytest.raises(JournalTooNew):
        made_of(folder)
    if name == MANIFEST:
        with pytest.raises(JournalTooNew):
            compact(RealDisk(), folder, 6, now)


OPERATIONS = ("create", "append", "sync", "close", "rename", "sync_folder", "remove")


def calls_of_a_compaction(folder):
    """What is done, in this order, to a disk that has two snapshots already."""
    disk = FaultyDisk()
    compact(disk, folder, 6, now)
    return disk.done


def test_the_manifest_is_on_disk_before_anything_goes(folder):
    compact(RealDisk(), folder, 2, now)
    compact(RealDisk(), folder, 4, now)
    written = ["create", "append", "sync", "close", "rename", "sync_folder"]
    assert calls_of_a_compaction(folder) == [*written, *written, "remove"]


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("nth", range(13))
def test_whatever_fails_changes_nothing(folder, nth, code):
    whole = made_of(folder)
    compact(RealDisk(), folder, 2, now)
    compact(RealDisk(), folder, 4, now)
    disk, count = FaultyDisk(), itertools.count()

    def fault(*_):
        if next(count) == nth:
            raise OSError(code, "injected")

    disk.on = dict.fromkeys(OPERATIONS, fault)
    with pytest.raises(OSError, match="injected"):
        compact(disk, folder, 6, now)
    assert made_of(folder) == whole
    assert snapshots(folder) in ([4, 2], [6, 4])
    segments = range(1, 1 + snapshots(folder)[1])
    remove_segments(RealDisk(), folder, segments)
    assert made_of(folder) == whole
    assert compact(RealDisk(), folder, 6, now).segment == 6, "the next try is none the worse for it"
    assert made_of(folder) == whole


def test_where_segments_begin(folder):
    begun = beginnings(RealDisk(), folder)
    assert [one.segment for one in begun] == list(range(1, len(begun) + 1))
    assert begun[0] == Begins(1, 1)
    assert all(one.event <= following.event for one, following in itertools.pairwise(begun))
    Path(folder, "00000003.jsonl").write_bytes(b"no header\n")
    assert [one.segment for one in beginnings(RealDisk(), folder)] == [1, 2, *range(4, len(begun) + 1)]


BEGUN = tuple(Begins(segment, event) for segment, event in ((3, 21), (4, 31), (5, 31), (6, 50)))


@pytest.mark.parametrize(
    ("through", "keep_from", "wanted"),
    [
        (2, 100, None),
        (6, 21, None),
        (6, 30, None),
        (6, 31, Retired((3, 4), 31)),
        (3, 31, Retired((3,), 31)),
        (5, 100, Retired((3, 4, 5), 50)),
        (9, 100, Retired((3, 4, 5), 50)),
        (9, -5, None),
    ],
)
def test_what_may_go(through, keep_from, wanted):
    assert retired(BEGUN, through, keep_from) == wanted


def test_nothing_may_go_of_nothing():
    assert retired((), 5, 5) is None
    assert retired(BEGUN[:1], 5, 100) is None, "the one that is written stays"


def test_what_is_gone_already_is_no_fault(folder):
    remove_segments(RealDisk(), folder, [1, 1, 2])
    disk = FaultyDisk()
    disk.fail("remove")
    with pytest.raises(OSError, match="injected"):
        remove_segments(disk, folder, [3, 4])
    assert "00000004.jsonl" in os.listdir(folder)


def test_what_it_says_of_itself(folder):
    made = compact(RealDisk(), folder, 4, now)
    assert msgspec.json.decode(msgspec.json.encode(made), type=type(made)) == made
    assert made.created_utc == AT
