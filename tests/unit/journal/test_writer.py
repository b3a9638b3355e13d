"""The writer: batches, segments, faults of the disk."""

import errno
import json
import os

import pytest
from journal_disks import FaultyDisk

from orch_actors.actors.journal import disk as disk_module
from orch_actors.actors.journal.disk import RealDisk
from orch_actors.actors.journal.writer import SEGMENT_BYTES, Journal, JournalPoisoned
from orch_actors.protocol.errors import EnvironmentFault


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "journal"
    made.mkdir()
    return made


def begin(folder, disk=None, segment_bytes=SEGMENT_BYTES):
    journal, _, _ = Journal.open(disk or RealDisk(), str(folder), segment_bytes=segment_bytes, ballast_bytes=0)
    return journal


def put(journal, count=1):
    for _ in range(count):
        journal.add("outcome", b'{"n":%d}' % journal.last)


def numbers(folder):
    journal, lines, _ = Journal.open(RealDisk(), str(folder), ballast_bytes=0)
    journal.close()
    return [json.loads(bytes(line.d))["n"] for line in lines]


def test_sequences_begin_with_one_and_go_on_over_restarts(folder):
    journal = begin(folder)
    assert journal.last == 0
    assert journal.add("command", b"{}") == 1
    assert journal.add("outcome", b"{}") == 2
    journal.commit()
    journal.close()
    again = begin(folder)
    assert (again.id, again.last) == (journal.id, 2)
    assert again.add("command", b"{}") == 3
    again.close()


def test_a_batch_is_one_write_and_one_sync(folder):
    disk = FaultyDisk()
    journal = begin(folder, disk)
    disk.done.clear()
    put(journal, 64)
    assert disk.done == []
    journal.commit()
    assert disk.done == ["append", "sync"]
    journal.close()


def test_nothing_to_commit_costs_nothing(folder):
    disk = FaultyDisk()
    journal = begin(folder, disk)
    disk.done.clear()
    journal.commit()
    assert disk.done == []
    journal.close()


def test_what_was_not_committed_is_not_on_disk(folder):
    journal = begin(folder)
    put(journal, 2)
    journal.commit()
    put(journal, 3)
    assert numbers(folder) == [0, 1]
    journal.close()
    assert numbers(folder) == [0, 1, 2, 3, 4]


def test_a_new_journal_syncs_its_file_its_folder_and_all_folders_above(folder):
    disk = FaultyDisk()
    synced = []
    disk.on["sync_folder"] = synced.append
    begin(folder, disk).close()
    assert disk.done.index("sync") < len(disk.done) - 1 - disk.done[::-1].index("sync_folder")
    assert synced == [*map(str, folder.parents), str(folder)]


@pytest.mark.parametrize("code", [errno.EACCES, errno.EINVAL, errno.EIO])
@pytest.mark.parametrize("above", [0, 1, 2])
def test_a_folder_above_the_home_may_be_one_that_we_cannot_sync(folder, code, above):
    """Then it is not one that we have made. The home itself must be synced."""
    disk = FaultyDisk()

    def fault(path):
        if path == str(folder.parents[above]):
            raise OSError(code, "injected")

    disk.on["sync_folder"] = fault
    if above == 0 or code == errno.EIO:
        with pytest.raises(EnvironmentFault, match="injected"):
            begin(folder, disk)
    else:
        begin(folder, disk).close()
        assert numbers(folder) == []


@pytest.mark.parametrize("segment_bytes", [1, 300, 800])
def test_segments_are_closed_when_they_are_full(folder, segment_bytes):
    disk = FaultyDisk()
    journal = begin(folder, disk, segment_bytes)
    for _ in range(20):
        put(journal)
        journal.commit(1000 + journal.last)
    journal.close()
    assert numbers(folder) == list(range(20))
    paths = sorted(folder.iterdir())
    assert [path.name for path in paths] == [f"{number:08d}.jsonl" for number in range(1, len(paths) + 1)]
    assert len(paths) > 2
    first = 1
    for path in paths:
        header, *records = [json.loads(line) for line in path.read_bytes().splitlines()]
        assert header["first"] == first
        assert header["event"] == (1 if path == paths[0] else 999 + first)
        assert header["id"] == journal.id
        assert path == paths[-1] or path.stat().st_size >= segment_bytes
        size_without_last = path.stat().st_size - len(path.read_bytes().splitlines()[-1]) - 1
        assert len(records) < 2 or size_without_last < segment_bytes
        first += len(records)


def test_a_batch_is_never_spread_over_two_segments(folder):
    journal = begin(folder, segment_bytes=200)
    put(journal, 30)
    journal.commit(31)
    journal.close()
    assert len((folder / "00000001.jsonl").read_bytes().splitlines()) == 31


def test_closing_begins_no_segment(folder):
    journal = begin(folder, segment_bytes=1)
    put(journal)
    journal.close()
    assert [path.name for path in folder.iterdir()] == ["00000001.jsonl"]
    assert numbers(folder) == [0]


@pytest.mark.parametrize("what", ["append", "sync"])
def test_a_failed_write_or_sync_poisons_for_good(folder, what):
    disk = FaultyDisk()
    journal = begin(folder, disk)
    put(journal)
    journal.commit()
    put(journal)
    disk.fail(what)
    with pytest.raises(JournalPoisoned) as fault:
        journal.commit()
    assert fault.value.exit_code == 111
    disk.on.clear()  # the disk "works" again
    done = list(disk.done)
    with pytest.raises(JournalPoisoned):
        put(journal)
    with pytest.raises(JournalPoisoned):
        journal.commit()
    journal.close()
    assert disk.done == [*done, "close"]


def test_closing_a_poisoned_journal_writes_nothing(folder):
    disk = FaultyDisk()
    journal = begin(folder, disk)
    put(journal)
    disk.fail("append", errno.ENOSPC)
    with pytest.raises(JournalPoisoned, match="injected"):
        journal.commit()
    before = (folder / "00000001.jsonl").read_bytes()
    disk.on.clear()
    journal.close()
    assert (folder / "00000001.jsonl").read_bytes() == before
    assert numbers(folder) == []


def test_a_fault_while_closing_is_told_and_the_file_given_back(folder):
    disk = FaultyDisk()
    journal = begin(folder, disk)
    put(journal)
    disk.fail("sync")
    with pytest.raises(JournalPoisoned):
        journal.close()
    assert disk.done[-1] == "close"
    done = list(disk.done)
    journal.close()
    assert disk.done == done


@pytest.mark.parametrize("what", ["create", "sync_folder", "close"])
def test_a_segment_that_cannot_be_begun_poisons_and_closes_no_file_twice(folder, what):
    disk = FaultyDisk()
    journal = begin(folder, disk, segment_bytes=1)
    put(journal)
    disk.fail(what)
    with pytest.raises(JournalPoisoned):
        journal.commit()
    disk.on.clear()
    foreign = [os.open(os.devnull, os.O_RDONLY) for _ in range(8)]  # takes the numbers that were given back
    try:
        journal.close()
        for fd in foreign:
            os.fstat(fd)
    finally:
        for fd in foreign:
            os.close(fd)
    assert numbers(folder) == [0]


def test_a_segment_in_the_way_is_never_written_over(folder):
    journal = begin(folder, segment_bytes=1)
    put(journal)
    (folder / "00000002.jsonl").write_bytes(b"somebody's")
    with pytest.raises(JournalPoisoned):
        journal.commit()
    journal.close()
    assert (folder / "00000002.jsonl").read_bytes() == b"somebody's"


@pytest.mark.parametrize("what", ["create", "append", "sync", "sync_folder"])
def test_a_disk_that_lets_no_journal_begin_is_told_plainly(folder, what):
    disk = FaultyDisk()
    disk.fail(what, errno.ENOSPC)
    with pytest.raises(EnvironmentFault, match="cannot open the journal"):
        Journal.open(disk, str(folder))


def test_a_folder_that_is_not_there_is_told_plainly(tmp_path):
    with pytest.raises(EnvironmentFault, match="No such file"):
        Journal.open(RealDisk(), str(tmp_path / "nowhere"))


def test_the_copy_of_a_torn_tail_is_on_disk_before_it_is_cut(folder):
    journal = begin(folder)
    put(journal, 2)
    journal.close()
    with open(folder / "00000001.jsonl", "ab") as file:
        file.write(b"half")
    disk = FaultyDisk()
    begin(folder, disk).close()
    assert disk.done[:5] == ["create", "append", "sync", "close", "sync_folder"]
    assert disk.done[5:] == ["overwrite", "truncate", "sync", "sync_folder", "close"]


def test_a_cut_that_fails_leaves_the_tail_for_the_next_start(folder):
    journal = begin(folder)
    put(journal, 2)
    journal.close()
    path = folder / "00000001.jsonl"
    with open(path, "ab") as file:
        file.write(b"half")
    whole = path.read_bytes()
    for what in ("create", "append", "sync", "sync_folder", "truncate", "overwrite"):
        disk = FaultyDisk()
        disk.fail(what)
        with pytest.raises(EnvironmentFault):
            Journal.open(disk, str(folder))
        assert path.read_bytes() == whole
    assert numbers(folder) == [0, 1]


def test_what_a_failed_sync_may_have_left_in_the_cache_alone_is_written_again(folder):
    """The same bytes in the same place, before the sync: after EIO the cache takes its pages for written."""
    journal = begin(folder)
    put(journal, 2)
    journal.commit()
    put(journal, 3)
    journal.commit()
    path = folder / "00000001.jsonl"
    whole = path.read_bytes()
    disk, written = FaultyDisk(), []
    disk.on["overwrite"] = lambda *arguments: written.append(arguments)
    again = begin(folder, disk)
    ((_, offset, data),) = written
    assert whole[offset:] == data
    assert [json.loads(line)["s"] for line in data.splitlines()] == [3, 4, 5]
    assert disk.done.index("overwrite") < disk.done.index("sync")
    assert path.read_bytes() == whole
    again.close()
    journal.close()


def test_opening_again_and_again_changes_nothing(folder):
    journal = begin(folder)
    put(journal, 3)
    journal.close()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for _ in range(3):
        assert numbers(folder) == [0, 1, 2]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_reopened_journal_vouches_for_all_that_it_found(folder):
    journal = begin(folder)
    put(journal, 3)
    journal.close()
    again = begin(folder)
    put(again)
    again.close()
    *_, last = (folder / "00000001.jsonl").read_bytes().splitlines()
    assert json.loads(last)["y"] == 3


def test_a_write_that_takes_less_than_it_was_given_goes_on(folder, monkeypatch):
    journal = begin(folder)
    put(journal, 50)
    real, sizes = os.write, []

    def short(fd, data):
        sizes.append(len(data))
        return real(fd, bytes(data)[: max(1, len(data) // 3)])

    monkeypatch.setattr(disk_module.os, "write", short)
    journal.commit()
    monkeypatch.undo()
    journal.close()
    assert len(sizes) > 5
    assert numbers(folder) == list(range(50))


def test_new_files_are_for_the_owner_alone(folder):
    before = os.umask(0)
    try:
        begin(folder).close()
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
