"""`journal salvage`: what it keeps, what it gives up, and that no crash in the middle of it loses both journals."""

import itertools
import os
import shutil
from pathlib import Path

import pytest
from journal_books import Book
from journal_disks import FaultyDisk

from orch_actors.actors.compaction.compacting import compact
from orch_actors.actors.core import facts as f
from orch_actors.actors.holding import holding
from orch_actors.actors.inspection.recall import recall
from orch_actors.actors.inspection.rescue import salvage
from orch_actors.actors.journal import swapping
from orch_actors.actors.journal.disk import RealDisk
from orch_actors.actors.journal.retiring import remove_segments
from orch_actors.actors.journal.survey import survey
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.homes import Home


@pytest.fixture
def home(tmp_path):
    """A home whose journal has three graphs, in several segments; g1/a was started."""
    home = Home(str(tmp_path / "home"))
    home.prepare()
    book = Book(home.journal)
    book.submit("one")
    book.outcome(f.AttemptStarting(graph="g1", task="a", attempt=1, boot="boot"))
    book.submit("two")
    book.submit("three")
    book.close()
    return home


def files_of(folder):
    return {name: Path(folder, name).read_bytes() for name in sorted(os.listdir(folder))}


def segments(home):
    return [name for name in sorted(os.listdir(home.journal)) if name.endswith(".jsonl")]


def spoil(home, sequence):
    """Change a byte of the line of this sequence."""
    for name in segments(home):
        path = Path(home.journal, name)
        lines = path.read_bytes().splitlines(keepends=True)
        for at, line in enumerate(lines):
            if line.startswith(b'{"s":%d,' % sequence):
                lines[at] = line.replace(b'"t":', b'"T":', 1)
                path.write_bytes(b"".join(lines))
                return
    raise AssertionError(sequence)


def leave(home, graph, task, number=1):
    """What an attempt leaves."""
    journal = survey(RealDisk(), home.journal)[0].journal
    folder = Path(home.attempts, journal[-12:], graph)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{task}.{number}.jsonl").write_bytes(b'{"attempt":"x"}\n{"pid":1}\n{"exit":0}\n')
    return folder


def test_only_what_is_damaged_is_salvaged(home):
    before = files_of(home.journal)
    found = salvage(home, accept=True)
    assert (found.done, found.verdict) == (False, "whole")
    assert files_of(home.journal) == before
    assert not os.path.exists(home.salvage)


def test_without_consent_nothing_is_changed(home):
    leave(home, "g3", "a")
    spoil(home, 4)
    before = files_of(home.journal)
    found = salvage(home, accept=False)
    assert (found.done, found.kept, found.graphs, found.highest) == (False, 3, 1, 7)
    assert found.forgotten == ("g2 two", "g3 three")
    assert files_of(home.journal) == before
    assert not os.path.exists(home.salvage)


def test_it_keeps_what_is_before_the_damage(home):
    leave(home, "g1", "a")
    leave(home, "g1", "later")
    leave(home, "g3", "a")
    old = survey(RealDisk(), home.journal)[0].journal
    spoil(home, 5)
    damaged = files_of(home.journal)
    found = salvage(home, accept=True)
    assert found.done
    assert found.unknown == ()
    assert found.commands == ("submit_graph of me",)
    assert files_of(os.path.join(found.folder, "journal")) == damaged
    now, _ = survey(RealDisk(), home.journal)
    assert (now.verdict, now.journal) == ("whole", found.heir)
    assert now.journal[-12:] == old[-12:]
    assert now.journal != old
    past = recall(home)
    assert list(past.machine.state.graphs) == ["g1"]
    assert past.replayed.unprocessed == {}  # what came of it is not known: it is not decided again
    left = sorted(path.name for path in Path(home.attempts).rglob("*.jsonl"))
    assert left == ["a.1.jsonl"]
    kept = sorted(str(path.relative_to(found.folder)) for path in Path(found.folder, "attempts").rglob("*.jsonl"))
    assert kept == [f"attempts/{old[-12:]}/g1/later.1.jsonl", f"attempts/{old[-12:]}/g3/a.1.jsonl"]


def test_the_client_of_a_command_in_doubt_is_told_so(home):
    spoil(home, 5)
    salvage(home, accept=True)
    lines = [line for name in segments(home) for line in Path(home.journal, name).read_bytes().splitlines()]
    (told,) = [line for line in lines if b'"of":4' in line]
    assert b"whether this was carried out is not known" in told


def test_an_attempt_without_a_record_is_unknown_and_not_begun_again(home):
    spoil(home, 4)
    found = salvage(home, accept=True)
    assert found.unknown == ("g1/a/1",)
    state = recall(home).machine.state
    assert state.graphs["g1"].tasks["a"].attempts[-1].cls == "unknown"


def test_a_missing_segment(home):
    first, second, *_ = segments(home)
    os.unlink(os.path.join(home.journal, second))
    found = salvage(home, accept=True)
    assert found.done
    assert found.kept == 2 or segments(home)[0] == first
    assert survey(RealDisk(), home.journal)[0].verdict == "whole"


def test_nothing_can_be_saved(home):
    leave(home, "g1", "a")
    path = Path(home.journal, segments(home)[0])
    path.write_bytes(b"?" + path.read_bytes()[1:])
    old = survey(RealDisk(), home.journal)[0].journal
    found = salvage(home, accept=True)
    assert (found.done, found.kept, found.graphs) == (True, 0, 0)
    now, _ = survey(RealDisk(), home.journal)
    assert (now.verdict, now.lines, now.journal[-12:]) == ("whole", 0, old[-12:])
    assert list(Path(home.attempts).rglob("*.jsonl")) == []


def test_beside_a_daemon_it_only_looks(home):
    spoil(home, 4)
    with holding(home):
        assert salvage(home, accept=False).kept == 3
        with pytest.raises(EnvironmentFault, match="a daemon serves") as refused:
            salvage(home, accept=True)
    assert "orch-actors down" in refused.value.hint


class Killed(BaseException):
    pass


class DyingDisk(FaultyDisk):
    """Dies before its nth act."""

    def __init__(self, after):
        super().__init__()
        self._left = after

    def _note(self, what, *arguments):
        if self._left == 0:
            raise Killed
        self._left -= 1
        super()._note(what, *arguments)

    def remove(self, path):
        self._note("remove", path)
        super().remove(path)


def test_a_crash_at_any_step_loses_neither(home, tmp_path):
    leave(home, "g1", "a")
    leave(home, "g3", "a")
    spoil(home, 5)
    damaged = files_of(home.journal)
    finished = 0
    for after in itertools.count():
        copy = Home(str(tmp_path / f"copy-{after}"))
        shutil.copytree(home.path, copy.path)
        try:
            salvage(copy, accept=True, disk=DyingDisk(after))
        except Killed:
            pass
        else:
            break
        if swapping.begun(copy.salvage):
            with pytest.raises(EnvironmentFault, match="interrupted"):
                swapping.refuse_unfinished(copy.salvage)
            found = salvage(copy, accept=True)
            assert found.finished
            finished += 1
        elif survey(RealDisk(), copy.journal)[0].verdict == "damaged":
            assert files_of(copy.journal) == damaged
            found = salvage(copy, accept=True)
            assert len(os.listdir(copy.salvage)) == 1  # nothing is left of the one that was interrupted
        else:
            found = None  # it was over
        swapping.refuse_unfinished(copy.salvage)
        assert survey(RealDisk(), copy.journal)[0].verdict == "whole"
        assert [task.id for task in recall(copy).machine.state.graphs["g1"].tasks.values()] == ["a", "b"]
        if found is not None:
            assert files_of(os.path.join(found.folder, "journal")) == damaged
        assert len(list(Path(copy.attempts).rglob("*.jsonl"))) == 1
    assert finished > 5
    assert after > 20


def test_without_room_nothing_is_changed(home):
    spoil(home, 5)
    before = files_of(home.journal)
    disk = FaultyDisk()
    disk.fail("append", 28)
    with pytest.raises(EnvironmentFault, match="no room"):
        salvage(home, accept=True, disk=disk)
    assert files_of(home.journal) == before
    swapping.refuse_unfinished(home.salvage)
    assert salvage(home, accept=True).done


@pytest.fixture
def compacted(home):
    """That home after a compaction: the first two segments are gone, a snapshot stands for them."""
    compact(RealDisk(), home.journal, 2, lambda: 1.0)
    remove_segments(RealDisk(), home.journal, [1, 2])
    return home


def test_a_compacted_journal_is_whole(compacted):
    found, _ = survey(RealDisk(), compacted.journal)
    assert (found.verdict, found.snapshot, found.faults) == ("whole", "snapshot-00000002.jsonl", ())
    assert found.whole_to == found.highest
    assert salvage(compacted, accept=False).verdict == "whole"


def test_without_its_snapshot_it_is_not(compacted):
    Path(compacted.journal, "snapshot-00000002.jsonl").unlink()
    Path(compacted.journal, "MANIFEST").unlink()
    found, _ = survey(RealDisk(), compacted.journal)
    assert found.verdict == "damaged"
    assert "missing" in found.faults[0].what


def test_a_broken_archive_keeps_nobody_from_starting(home):
    whole = recall(home)
    compact(RealDisk(), home.journal, 2, lambda: 1.0)
    spoil(home, 1)
    assert survey(RealDisk(), home.journal)[0].verdict == "damaged"
    assert salvage(home, accept=True).verdict == "whole", "there is nothing to be salvaged: a start does not read it"
    assert recall(home).opened.last == whole.opened.last


def test_a_broken_snapshot_is_told_and_is_no_damage(home):
    compact(RealDisk(), home.journal, 2, lambda: 1.0)
    Path(home.journal, "snapshot-00000002.jsonl").write_bytes(b"")
    found, _ = survey(RealDisk(), home.journal)
    assert (found.verdict, found.passed_over) == ("whole", ("snapshot-00000002.jsonl is damaged: it is empty",))


@pytest.mark.parametrize("behind", [0, 1])
def test_a_compacted_journal_is_salvaged_with_its_snapshot(compacted, behind):
    whole = recall(compacted)
    first = int(Path(compacted.journal, "00000003.jsonl").read_bytes().splitlines()[1].split(b",")[0][5:])
    spoil(compacted, first + behind)
    with pytest.raises(EnvironmentFault):
        recall(compacted)
    done = salvage(compacted, accept=True)
    assert (done.done, done.kept) == (True, first + behind - 1)
    again = recall(compacted)
    assert again.opened.id == done.heir != whole.opened.id
    assert again.opened.last == first + behind - 1 + len(done.commands) + len(done.unknown)
    assert set(again.machine.state.graphs) <= set(whole.machine.state.graphs)
    assert again.opened.snapshot.segment == 2
    assert survey(RealDisk(), compacted.journal)[0].verdict == "whole"
