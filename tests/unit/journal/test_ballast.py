"""A full disk: what is decided is written into the room of the ballast; nothing is taken for durable that is not."""

import errno
import os
import random
import stat

import pytest
from journal_disks import FaultyDisk

from orch_actors.actors.journal.ballast import BALLAST_BYTES, Ballast
from orch_actors.actors.journal.disk import RealDisk
from orch_actors.actors.journal.writer import Journal, JournalPoisoned
from orch_actors.actors.process.no_room import is_no_room
from orch_actors.stress.powercut.disk import CrashDisk

FOLDER = "/h/journal"
SIZE = 4000


@pytest.fixture
def disk():
    made = CrashDisk(random.Random(1))
    made.make_folder("/h")
    made.make_folder(FOLDER)
    return made


def begin(disk, **options):
    return Journal.open(disk, FOLDER, now_utc=lambda: 5.0, ballast_bytes=SIZE, **options)[0]


def put(journal, size=100):
    journal.add("outcome", b'"%s"' % (b"x" * size))
    journal.commit(1)


def put_until_poisoned(journal):
    """How many batches were committed."""
    for count in range(1000):
        try:
            put(journal)
        except JournalPoisoned:
            return count
    raise AssertionError("there is room without end")


def used(disk):
    return sum(disk.size(f"{FOLDER}/{name}") for name in disk.list(FOLDER))


def lines(disk):
    journal, found, torn = Journal.open(disk, FOLDER, ballast_bytes=0)
    journal.close()
    assert torn == b""
    return len(found)


def fill(disk, journal, leaving=0):
    """From now on the disk has so many bytes free."""
    disk.capacity = used(disk) + leaving
    assert journal.full == ""


def test_it_is_made_when_a_journal_is_opened_and_left_alone_afterwards(tmp_path):
    for _ in range(2):
        journal, _, _ = Journal.open(RealDisk(), str(tmp_path))
        assert journal.full == ""
        journal.close()
        found = os.stat(tmp_path / "ballast")
        assert (found.st_size, stat.S_IMODE(found.st_mode)) == (BALLAST_BYTES, 0o600)
        assert found.st_blocks * 512 >= BALLAST_BYTES
    assert os.stat(tmp_path / "ballast").st_mtime_ns == found.st_mtime_ns


def test_half_a_one_is_made_anew(disk):
    begin(disk).close()
    disk.truncate(fd := disk.open(f"{FOLDER}/ballast"), 7)
    disk.close(fd)
    begin(disk).close()
    assert disk.size(f"{FOLDER}/ballast") == SIZE


@pytest.mark.parametrize("leaving", [0, 1, 60, 130])
def test_a_batch_that_finds_no_room_is_written_whole_all_the_same(disk, leaving):
    """However much of it got in before the disk was full."""
    journal = begin(disk)
    put(journal)
    fill(disk, journal, leaving)
    put(journal)
    put(journal)
    assert journal.full == "No space left on device"
    assert "ballast" not in disk.list(FOLDER)
    disk.kill()
    disk.restart()  # what was committed survives the power, too
    disk.capacity = None
    assert lines(disk) == 3


def test_without_the_ballast_nothing_is_acknowledged_any_more(disk):
    journal = begin(disk)
    fill(disk, journal)
    committed = put_until_poisoned(journal)
    assert committed > SIZE // 300
    with pytest.raises(JournalPoisoned, match="No space left"):
        put(journal)
    journal.close()
    assert used(disk) <= disk.capacity
    assert lines(disk) == committed


def test_service_goes_on_when_the_ballast_can_be_made_again(disk):
    journal = begin(disk)
    fill(disk, journal)
    put(journal)
    for free in (0, SIZE, 2 * SIZE - 1):
        disk.capacity = used(disk) + free
        assert not journal.look_for_room()
        assert journal.full
        assert "ballast" not in disk.list(FOLDER)
    disk.capacity = used(disk) + 2 * SIZE
    assert journal.look_for_room()
    assert journal.full == ""
    assert disk.size(f"{FOLDER}/ballast") == SIZE
    put(journal)
    journal.close()
    assert lines(disk) == 2


def test_a_whole_ballast_is_no_room(disk):
    """Somebody else found none."""
    journal = begin(disk)
    disk.capacity = used(disk) + SIZE - 1
    assert not journal.look_for_room()
    disk.capacity += 1
    assert journal.look_for_room()


def test_a_daemon_that_starts_on_a_full_disk_begins_without_room(disk):
    journal = begin(disk)
    fill(disk, journal)
    put(journal)
    journal.close()
    disk.capacity = used(disk) + 300
    again = begin(disk)
    assert again.full == "No space left on device"
    put(again)
    again.close()
    assert lines(disk) == 2


def test_a_torn_tail_is_kept_on_a_full_disk(disk):
    journal = begin(disk)
    put(journal)
    journal.close()
    disk.append(fd := disk.open(f"{FOLDER}/00000001.jsonl"), b"half a line")
    disk.close(fd)
    disk.capacity = used(disk) + 5
    again, found, torn = Journal.open(disk, FOLDER, now_utc=lambda: 5.0, ballast_bytes=SIZE)
    assert (len(found), torn, bool(again.full)) == (1, b"half a line", True)
    assert disk.read(f"{FOLDER}/torn-5.000000") == b"half a line"


def test_no_segment_is_begun_that_finds_no_room(disk):
    journal = begin(disk, segment_bytes=500)
    put(journal)
    fill(disk, journal, leaving=600)
    put(journal, 400)  # it has room itself, and the next segment's header has not
    assert journal.full == "No space left on device"
    assert disk.list(FOLDER) == ["00000001.jsonl", "ballast"]
    put(journal)
    disk.capacity = None
    assert journal.look_for_room()
    put(journal)
    assert disk.list(FOLDER) == ["00000001.jsonl", "00000002.jsonl", "ballast"]
    put(journal)
    journal.close()
    assert lines(disk) == 5


def test_no_room_in_a_sync_is_poison_as_ever(tmp_path):
    disk = FaultyDisk()
    journal, _, _ = Journal.open(disk, str(tmp_path), ballast_bytes=SIZE)
    disk.fail("sync", errno.ENOSPC)
    with pytest.raises(JournalPoisoned):
        put(journal)
    assert os.path.exists(tmp_path / "ballast")
    journal.close()


def test_a_cut_that_fails_is_poison(tmp_path):
    disk = FaultyDisk()
    journal, _, _ = Journal.open(disk, str(tmp_path), ballast_bytes=SIZE)
    disk.fail("append", errno.ENOSPC)
    disk.fail("truncate")
    with pytest.raises(JournalPoisoned):
        put(journal)
    journal.close()


@pytest.mark.parametrize("code", [errno.EIO, errno.EROFS])
def test_another_fault_is_no_lack_of_room(tmp_path, code):
    assert not is_no_room(OSError(code, "x"))
    disk = FaultyDisk()
    journal, _, _ = Journal.open(disk, str(tmp_path), ballast_bytes=SIZE)
    disk.fail("append", code)
    with pytest.raises(JournalPoisoned):
        put(journal)
    assert os.path.exists(tmp_path / "ballast")
    journal.close()


def test_what_keeps_it_from_being_made_is_told(tmp_path):
    disk = FaultyDisk()
    disk.fail("create", errno.EACCES)
    ballast = Ballast(disk, str(tmp_path), SIZE)
    assert not ballast.make()
    assert ballast.missing == "injected"
    assert list(tmp_path.iterdir()) == []


def test_its_room_is_taken_before_anybody_else_has_it(tmp_path):
    """Reserved beyond the end of the segment, which keeps its size."""
    if not reserves(tmp_path / "probe"):
        pytest.skip("this file system or system cannot reserve room")
    disk = FaultyDisk()
    journal, _, _ = Journal.open(disk, str(tmp_path))
    once = [OSError(errno.EDQUOT, "Disk quota exceeded")]

    def fault(*_):
        if once:
            raise once.pop()

    disk.on["append"] = fault
    put(journal)
    assert journal.full == "Disk quota exceeded"
    found = os.stat(tmp_path / "00000001.jsonl")
    assert found.st_size < 2000
    assert found.st_blocks * 512 >= BALLAST_BYTES
    journal.close()


def reserves(path):
    path.touch()
    fd = os.open(path, os.O_WRONLY)
    RealDisk().reserve(fd, 1 << 20)
    os.close(fd)
    found = os.stat(path)
    path.unlink()
    return found.st_size == 0 and found.st_blocks * 512 >= 1 << 20
