"""A few crash cells, of each kind of fault, by the command line and beneath it; and that a cell can fail."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orch_actors.stress.crash.cells import Cell
from orch_actors.stress.crash.trial import try_cell
from orch_actors.stress.daemon import command_line
from orch_actors.stress.rigged.places import BY_NAME

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the cells' processes are found in /proc")


def crash(*words):
    """The command's exit code, and its JSON."""
    done = subprocess.run(
        [*command_line(), "stress", "crash", *words, "--json"], capture_output=True, text=True, check=False, timeout=240
    )
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


@pytest.mark.parametrize(
    ("place", "nth", "fault", "died"),
    [
        ("daemon: journal written", 5, "killed half-way", [-9]),
        ("daemon: journal synced", 4, "EIO", [111]),
        ("daemon: readiness told", 1, "EIO", []),
        ("daemon: lock emptied", 1, "ENOSPC", []),
        ("daemon: host spawned", 1, "EAGAIN", []),
        ("host: record written", 2, "killed half-way", []),
        ("host: shim spawned", 2, "killed after", []),
        ("host: word to the supervisor sent", 4, "killed before", []),
    ],
)
def test_a_cell(place, nth, fault, died):
    report = try_cell(Cell(place=BY_NAME[place], nth=nth, fault=fault))
    assert (report.faults, report.happened, list(report.deaths)) == ((), True, died), report.folder


def test_a_fault_that_never_happens_proves_nothing_and_its_folder_is_kept():
    report = try_cell(Cell(place=BY_NAME["host: shim spawned"], nth=100_000, fault="killed after"))
    assert (report.ok, report.happened) == (False, False)
    assert report.faults == ("the fault never happened",)
    assert Path(report.folder, "final.json").exists()
    shutil.rmtree(report.folder)


def test_cells_by_the_command_line():
    code, found, errors = crash("--only", "daemon: folder made", "--cells", "2", "--seed", "4")
    assert code == 0, (found, errors)
    assert found["ok"] is True
    assert [cell["place"] for cell in found["cells"]] == ["daemon: folder made"] * 2
    assert found["calls"]["daemon: journal written"] > 5


def test_places_are_listed_and_unknown_ones_refused():
    code, found, _ = crash("--list")
    assert code == 0
    assert [place["name"] for place in found["places"]] == list(BY_NAME)
    code, found, _ = crash("--only", "nowhere")
    assert code == 4
    assert "there is no place" in found["error"]["message"]
