"""`journal verify` against opening: of every cut and every changed byte both say the same."""

import random

import pytest

from orch_actors.actors.journal.opening import open_journal
from orch_actors.actors.journal.reading import JournalCorrupt, Lines
from orch_actors.actors.journal.survey import survey
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.stress.powercut.damage import PATTERNS, Frozen, rich_journal
from orch_actors.stress.powercut.life import FOLDERS

FOLDER = FOLDERS[-1]


@pytest.fixture(scope="module")
def files():
    return rich_journal(0, 6000)


def must_agree(files):
    disk = Frozen(files)
    found, usable = survey(disk, FOLDER)
    opened, fault = None, None
    try:
        opened = open_journal(disk, FOLDER, Lines())
    except EnvironmentFault as error:
        fault = error
    if opened is not None:
        assert found.verdict == ("torn" if opened.torn else "whole" if files else "none")
        assert (found.whole_to, found.torn) == (opened.last, len(opened.torn))
        if opened.segment:
            assert usable == (opened.segment, opened.size)
    elif isinstance(fault, JournalCorrupt):
        assert found.verdict == "damaged"
        first = found.faults[0]
        assert (f"{FOLDER}/{first.file}", first.sequence) == (fault.path, fault.sequence) or not first.line
        assert found.whole_to == fault.sequence - 1
    else:
        assert found.verdict in {"damaged", "too_new"}
    return found


def test_whole(files):
    found = must_agree(files)
    assert found.verdict == "whole"
    assert found.lines == found.whole_to == found.highest


def test_cut_anywhere(files):
    for path in sorted(files):
        older = {name: data for name, data in files.items() if name < path}
        for size in range(0, len(files[path]), 7):
            must_agree({**older, path: files[path][:size]})
            must_agree({**files, path: files[path][:size]})


def test_a_byte_changed_anywhere(files):
    rng = random.Random(4)
    for path, data in files.items():
        for at in range(0, len(data), 5):
            changed = PATTERNS[rng.choice(sorted(PATTERNS))](data[at])
            if changed != data[at]:
                must_agree({**files, path: data[:at] + bytes([changed]) + data[at + 1 :]})


def test_lines_lost_moved_doubled(files):
    for path, data in files.items():
        lines = data.splitlines(keepends=True)
        for at in range(1, len(lines) - 1):
            must_agree({**files, path: b"".join(lines[:at] + lines[at + 1 :])})
            must_agree({**files, path: b"".join([*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]])})
            must_agree({**files, path: b"".join([*lines[:at], lines[at], *lines[at:]])})


def test_a_segment_that_is_missing(files):
    for path in sorted(files)[:-1]:
        found = must_agree({name: data for name, data in files.items() if name != path})
        assert f"{path.rpartition('/')[2]} is missing" in found.faults[0].what
        assert found.lines > 0
