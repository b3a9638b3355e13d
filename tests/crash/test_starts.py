"""Many daemons at once on one home: `stress prove --only starts`, small; and without the lock it is seen to fail."""

import os
import shutil
import tempfile

import pytest

from orch_actors.stress.proofs.proof import Trial
from orch_actors.stress.proofs.starts import PROOF, race

#: The same crowd, of daemons that take no lock.
LOCKLESS = """
import contextlib, sys
from orch_actors.actors import daemon
from orch_actors.protocol.homes import Home
from orch_actors.stress.rigged.crowd import run
daemon.holding = lambda home: contextlib.nullcontext()
home, folder, number = sys.argv[1:]
sys.exit(run(int(number), folder, lambda ready: daemon.main(Home(home), ready)))
"""


@pytest.fixture
def folder():
    made = tempfile.mkdtemp(prefix="oas-")
    yield made
    shutil.rmtree(made)


def test_one_lives_and_the_others_say_why_they_go(folder):
    told = []
    report = PROOF.run(Trial(size=12, seed=1, folder=folder, tell=told.append))
    assert report.faults == ()
    assert report.done == 12
    assert report.counts == {"homes": 2, "daemons started": 24, "lived": 2, "refused in order": 22}
    assert len(told) == 2


def test_without_the_lock_it_is_seen(folder, tmp_path, monkeypatch):
    (tmp_path / "lockless_crowd.py").write_text(LOCKLESS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("orch_actors.stress.proofs.starts.RACE_S", 8.0)
    found = race(os.path.join(folder, "home"), os.path.join(folder, "crowd"), 3, kill=False, program="lockless_crowd")
    assert found.faults
    assert found.lived != 1 or found.refused != 2
