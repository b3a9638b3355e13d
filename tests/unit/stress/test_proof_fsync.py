"""The proof of failed syncs sees each way in which it can fail. (tests/crash/test_fsync.py tries it for real.)"""

import pytest

from orch_actors.stress.proofs import fsync
from orch_actors.stress.proofs.proof import Trial


@pytest.fixture
def lives(monkeypatch):
    """What the daemons do, instead of daemons."""
    found = []
    monkeypatch.setattr(fsync, "_impossible", lambda _folder: None)
    monkeypatch.setattr(fsync, "_live", lambda _home, number: found[number - 1])
    monkeypatch.setattr(fsync, "_lost", lambda _home, life: [graph for _, graph in life.accepted if graph == "lost"])
    return found


def prove(folder, lives):
    return fsync.run(Trial(size=len(lives), seed=0, folder=str(folder), tell=print))


def test_it_holds(tmp_path, lives):
    lives += [fsync._Life(100, 5.0, []), fsync._Life(111, 5.0, [(4.0, "g1"), (4.9, "g2")])]
    report = prove(tmp_path, lives)
    assert report.faults == ()
    assert report.done == 2
    assert report.counts == {"failed syncs": 2, "accepted before": 2, "accepted after": 0, "never up": 1}


@pytest.mark.parametrize(
    ("life", "fault"),
    [
        (fsync._Life(111, 5.0, [(4.0, "g1"), (5.1, "g2")]), "accepted after it had failed"),
        (fsync._Life(111, None, [(4.0, "g1")]), "never came to it"),
        (fsync._Life(0, 5.0, [(4.0, "g1")]), "ended with 0"),
        (fsync._Life(70, 5.0, []), "ended with 70"),
        (fsync._Life(111, 5.0, [(4.0, "lost")]), "is lost"),
    ],
)
def test_it_can_fail(tmp_path, lives, life, fault):
    lives.append(life)
    (found,) = prove(tmp_path, lives).faults
    assert fault in found


def test_without_strace_it_is_skipped(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fsync.run(Trial(size=1, seed=0, folder=str(tmp_path), tell=print)).skipped == "there is no strace"
