"""A second process that reads a part of a long journal: whatever becomes of that process, the outcome is the same."""

import os
import shutil
import sys

import pytest

from orch_actors.actors.journal.disk import RealDisk
from orch_actors.actors.journal.opening import numbers_in, open_journal, segment_name
from orch_actors.actors.recovery import forerunner
from orch_actors.actors.recovery.forerunner import Forerunner
from orch_actors.actors.recovery.replaying import Replay
from orch_actors.actors.recovery.snapshot import pieces_of
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.stress.bench.past import Past


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    """A journal of many small segments; of its graphs most are forgotten, some are asked about, some run."""
    folder = tmp_path_factory.mktemp("past") / "journal"
    folder.mkdir()
    past = Past(str(folder), 3, {"older_than_s": None, "keep": 15}, 60_000)
    past.live(6000)
    past.close()
    return str(folder)


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """A forerunner even of a short journal, and on one processor."""
    monkeypatch.setattr(Forerunner, "least_bytes", 0)
    monkeypatch.setattr(forerunner, "_more_than_one_processor", lambda: True)


def read(folder, *, ahead):
    """All that comes of a journal, and how many segments were read for us."""
    replay = Replay()
    with Forerunner(RealDisk(), folder, replay) as runner:
        opened = open_journal(RealDisk(), folder, replay, ahead=runner if ahead else None)
        process = runner._process
    assert process is None or process.returncode is not None
    came = replay.finish()
    pieces = list(pieces_of(replay.state, came.answers, came.unprocessed))
    return (pieces, opened, came.head, list(came.recent)[-50:]), runner.taken


def test_what_comes_of_it_is_the_same(journal):
    alone, none = read(journal, ahead=False)
    beside, taken = read(journal, ahead=True)
    assert none == 0
    assert taken > 10
    assert beside == alone


@pytest.mark.parametrize(
    "program",
    [
        ("/nonexistent/python",),
        (sys.executable, "-c", "pass"),
        (sys.executable, "-c", "import sys; sys.stdout.write('x' * 100_000)"),
        (sys.executable, "-c", "import os, sys; os.write(1, (7).to_bytes(8) + b'nothing')"),
    ],
    ids=["none", "silent", "wild", "wrong"],
)
def test_one_that_is_of_no_use_is_done_without(journal, monkeypatch, program):
    monkeypatch.setattr(Forerunner, "program", program)
    beside, taken = read(journal, ahead=True)
    assert taken == 0
    assert beside == read(journal, ahead=False)[0]


def test_damage_is_told_in_the_same_words_wherever_it_is(journal, tmp_path):
    numbers = numbers_in(os.listdir(journal))
    for number in (numbers[-5], numbers[-3], numbers[-12]):
        folder = str(tmp_path / str(number))
        shutil.copytree(journal, folder)
        path = os.path.join(folder, segment_name(number))
        with open(path, "r+b") as file:
            file.seek(30_000)
            file.write(b"\x00")
        told = []
        for ahead in (False, True):
            with pytest.raises(EnvironmentFault) as caught:
                read(folder, ahead=ahead)
            told.append((type(caught.value), caught.value.message))
        assert told[0] == told[1]


def test_a_segment_of_another_journal_is_not_taken_on_its_word(journal, tmp_path):
    folder = str(tmp_path / "spliced")
    shutil.copytree(journal, folder)
    numbers = numbers_in(os.listdir(journal))
    os.rename(os.path.join(folder, segment_name(numbers[-4])), os.path.join(folder, segment_name(numbers[-5])))
    shutil.copy(os.path.join(journal, segment_name(numbers[-5])), os.path.join(folder, segment_name(numbers[-4])))
    for ahead in (False, True):
        with pytest.raises(EnvironmentFault, match="it goes on from sequence"):
            read(folder, ahead=ahead)
