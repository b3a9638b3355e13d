"""The disk that loses what was not synced: what is safe on it, and that everything else may go."""

import errno
import random

import pytest

from orch_actors.actors.journal.disk import Disk
from orch_actors.stress.powercut.disk import SECTOR, CrashDisk, PowerCut

SEEDS = range(300)


def disk(seed=0):
    made = CrashDisk(random.Random(seed))
    made.make_folder("/d")
    made.sync_folder("/")
    return made


def write(made, path, data, *, sync=True):
    fd = made.create(path)
    made.append(fd, data)
    if sync:
        made.sync(fd)
    return fd


def read(made, path):
    return made.read(path) if path.rpartition("/")[2] in made.list("/d") else None


def ends(prepare):
    """What /d may hold after the power went; each is a mapping of names to bytes."""
    found = []
    for seed in SEEDS:
        made = disk(seed)
        prepare(made)
        made.restart()
        found.append({name: made.read(f"/d/{name}") for name in made.list("/d")})
    return found


def test_it_is_a_disk():
    made: Disk = disk()
    assert made.list("/") == ["d"]


def test_what_was_synced_is_there():
    def prepare(made):
        write(made, "/d/a", b"x" * 2000)
        made.sync_folder("/d")

    assert all(end == {"a": b"x" * 2000} for end in ends(prepare))


def test_a_file_whose_entry_was_not_synced_may_be_gone_or_there():
    found = ends(lambda made: write(made, "/d/a", b"x" * 2000))
    assert {len(end) for end in found} == {0, 1}
    assert all(end in ({}, {"a": b"x" * 2000}) for end in found)


def test_bytes_that_were_not_synced_may_be_there_in_any_part():
    def prepare(made):
        fd = write(made, "/d/a", b"a" * 700)
        made.sync_folder("/d")
        made.append(fd, b"b" * 1500)

    found = [end["a"] for end in ends(prepare)]
    assert all(data[:700] == b"a" * 700 for data in found)
    assert {700, 2200} < {len(data) for data in found}
    assert any(data == b"a" * 700 + b"b" * 1500 for data in found)
    full = [data for data in found if len(data) == 2200]
    sectors = [{data[at : at + SECTOR] == b"b" * SECTOR for data in full} for at in (1024, 1536)]
    assert sectors == [{True, False}, {True, False}]
    assert any(data[1024:1536] == bytes(512) for data in full)
    assert any(data[1024:1536] not in (bytes(512), b"b" * 512) for data in full), "what was there before"
    for data in full:
        assert data[700:1024] in (b"b" * 324, bytes(324)), "a sector is written whole or not at all"


def test_a_cut_that_was_not_synced_may_not_have_happened():
    def prepare(made):
        fd = write(made, "/d/a", b"a" * 100)
        made.sync_folder("/d")
        made.truncate(fd, 10)
        made.append(fd, b"b" * 5)

    found = {end["a"] for end in ends(prepare)}
    assert {b"a" * 100, b"a" * 10, b"a" * 10 + b"b" * 5} <= found


@pytest.mark.parametrize("synced", [True, False])
def test_a_rename(synced):
    def prepare(made):
        made.close(write(made, "/d/a", b"new", sync=synced))
        made.close(write(made, "/d/b", b"old"))
        made.sync_folder("/d")
        made.rename("/d/a", "/d/b")

    found = ends(prepare)
    olds, news = {"a": b"new", "b": b"old"}, {"b": b"new"}
    assert olds in found
    assert news in found
    assert {"a": b"new", "b": b"new"} in found, "the new name is made, the old one is still there"
    if synced:
        assert all(end in (olds, news, {"a": b"new", "b": b"new"}) for end in found)
    else:
        assert {"b": b""} in found, "an entry that names a file without its bytes"


def test_a_removal_may_not_have_happened():
    def prepare(made):
        write(made, "/d/a", b"x")
        made.sync_folder("/d")
        made.remove("/d/a")

    assert {len(end) for end in ends(prepare)} == {0, 1}


def test_changes_of_entries_are_lost_in_any_subset():
    def prepare(made):
        for name in "abc":
            write(made, f"/d/{name}", b"x")

    found = {"".join(end) for end in ends(prepare)}
    assert found == {"", "a", "b", "c", "ab", "ac", "bc", "abc"}


def test_a_folder_may_be_lost_with_all_that_was_synced_in_it():
    kept = set()
    for seed in SEEDS:
        made = CrashDisk(random.Random(seed))
        made.make_folder("/d")
        write(made, "/d/a", b"x")
        made.sync_folder("/d")
        made.restart()
        kept.add(tuple(made.list("/")))
    assert kept == {(), ("d",)}


def test_a_killed_process_loses_nothing_that_it_wrote_and_makes_nothing_safe():
    made = disk()
    fd = write(made, "/d/a", b"x" * 10, sync=False)
    made.kill()
    assert made.read("/d/a") == b"x" * 10
    with pytest.raises(OSError, match="Bad file descriptor"):
        made.append(fd, b"more")
    sizes = set()
    for seed in SEEDS:
        again = disk(seed)
        write(again, "/d/a", b"x" * 10, sync=False)
        again.kill()
        again.restart()
        sizes.add(len(read(again, "/d/a") or b""))
    assert {0, 10} < sizes


@pytest.mark.parametrize("at", range(5))
def test_the_power_goes_in_the_operation_that_was_named(at):
    outcomes = set()
    for seed in SEEDS:
        made = disk(seed)
        made.cut_in = at
        steps = [
            lambda made=made: made.create("/d/a"),
            lambda made=made: made.append(101, b"y" * 600),
            lambda made=made: made.sync(101),
            lambda made=made: made.sync_folder("/d"),
            lambda made=made: made.close(101),
            lambda made=made: made.list("/d"),
        ]
        for number, step in enumerate(steps):
            if number < at:
                step()
            elif number < 5:
                with pytest.raises(PowerCut):  # and so does all that is asked for afterwards
                    step()
        assert made.operations == at + 3  # two when it was made
        made.restart()
        outcomes.add(read(made, "/d/a"))
    if at == 0:
        assert outcomes == {None, b""}
    elif at == 4:
        assert outcomes == {b"y" * 600}
    else:
        assert {None, b"y" * 600} < outcomes or at == 3


def test_a_failed_sync_makes_the_cache_forget_what_it_did_not_write():
    lost = 0
    for seed in SEEDS:
        made = disk(seed)
        fd = write(made, "/d/a", b"a" * 1024)
        made.sync_folder("/d")
        made.append(fd, b"b" * 1024)
        made.fail_sync_in = 0
        with pytest.raises(OSError, match="Input/output error"):
            made.sync(fd)
        made.sync(fd)  # it says that all is well
        assert made.read("/d/a") == b"a" * 1024 + b"b" * 1024
        made.append(fd, b"c" * 1024)
        made.sync(fd)
        made.restart()
        data = made.read("/d/a")
        assert (data[:1024], data[2048:]) == (b"a" * 1024, b"c" * 1024)
        lost += data[1024:2048] != b"b" * 1024
    assert lost > len(SEEDS) / 2


def test_a_full_disk_takes_a_part():
    made = disk()
    fd = write(made, "/d/a", b"x" * 60)
    made.capacity = 100
    with pytest.raises(OSError, match="No space left") as full:
        made.append(fd, b"y" * 60)
    assert full.value.errno == errno.ENOSPC
    assert made.read("/d/a") == b"x" * 60 + b"y" * 40
    made.truncate(fd, 60)
    made.append(fd, b"y" * 40)


@pytest.mark.parametrize(("lie", "may_be"), [("sync", {"a": b""}), ("sync_folder", {})])
def test_a_disk_that_lies(lie, may_be):
    def prepare(made):
        made.lies = {lie}
        write(made, "/d/a", b"x")
        made.sync_folder("/d")

    assert may_be in ends(prepare)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda made: made.open("/d/none"), FileNotFoundError),
        (lambda made: made.read("/e/none"), FileNotFoundError),
        (lambda made: made.create("/d/a"), FileExistsError),
        (lambda made: made.rename("/d/none", "/d/b"), FileNotFoundError),
        (lambda made: made.rename("/d/a", "/b"), OSError),
        (lambda made: made.remove("/d/none"), FileNotFoundError),
        (lambda made: made.read("/d"), IsADirectoryError),
        (lambda made: made.list("/d/a/b"), NotADirectoryError),
    ],
)
def test_what_cannot_be_done_is_an_error_as_on_a_real_disk(call, error):
    made = disk()
    write(made, "/d/a", b"x")
    with pytest.raises(error):
        call(made)


def test_head_and_size():
    made = disk()
    write(made, "/d/a", b"x" * 70_000)
    assert (made.head("/d/a"), made.size("/d/a")) == (b"x" * 65536, 70_000)
