"""The fuzz proof, small, at a real daemon; and that it sees what would be wrong."""

import os
import signal

import pytest

from orch_actors.stress.daemon import TrialDaemon
from orch_actors.stress.fuzz import attack as module
from orch_actors.stress.fuzz.attack import Attack, bad_lines
from orch_actors.stress.proofs.fuzz import PROOF
from orch_actors.stress.proofs.proof import Trial


@pytest.mark.parametrize("seed", [11, 12])
def test_a_few_thousand(tmp_path, seed):
    report = PROOF.run(Trial(size=3000, seed=seed, folder=str(tmp_path), tell=lambda _: None))
    assert report.faults == ()
    assert report.done == 3000
    assert report.counts["crashes"] == 0
    assert report.counts["answers"] > 200
    assert report.counts["to workers"] > 100


def test_a_daemon_that_dies_of_it_is_seen():
    with TrialDaemon() as daemon:
        attack = Attack(daemon, 1)
        module_patience, module.ANSWER_S = module.ANSWER_S, 1.0
        try:
            os.kill(daemon.pid, signal.SIGKILL)
            found = attack.run(50, lambda _: None)
        finally:
            module.ANSWER_S = module_patience
    assert any("does not answer" in fault or "could not be sent" in fault for fault in found.faults)


def test_another_daemon_in_its_place_is_seen():
    with TrialDaemon() as daemon:
        attack = Attack(daemon, 1)
        daemon.kill_supervisor()
        found = attack.run(50, lambda _: None)
    assert any("another daemon answers" in fault for fault in found.faults)


def test_memory_that_grows_is_seen(monkeypatch):
    sizes = iter(range(0, 10**9, 30 * 1024))
    monkeypatch.setattr(Attack, "_memory_kb", lambda _: next(sizes))
    with TrialDaemon() as daemon:
        found = Attack(daemon, 1).run(100, lambda _: None)
    assert any("memory grew" in fault for fault in found.faults)


def test_a_bug_in_the_log_is_seen():
    with TrialDaemon() as daemon:
        with open(daemon.home.log, "a") as log:
            log.write("2026-01-01 | CRITICAL | a bug: x\n")
        assert list(bad_lines(daemon.home))
