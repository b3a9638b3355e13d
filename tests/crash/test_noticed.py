"""The campaign notices a product that is broken on purpose; and the proof says so where it does not."""

import sys

import pytest

from orch_actors.stress.chaos.checker.rules import RULES
from orch_actors.stress.proofs import noticed
from orch_actors.stress.proofs.proof import Trial
from orch_actors.stress.rigged.sabotages import SABOTAGES, Sabotage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the campaign finds its victims in /proc")


def prove(folder, seed=5):
    return noticed.run(Trial(size=1, seed=seed, folder=str(folder), tell=print))


@pytest.fixture
def short_path(tmp_path_factory):
    """Sockets lie in it."""
    return tmp_path_factory.mktemp("n")


def test_a_wrong_exit_code_is_noticed(short_path, monkeypatch):
    monkeypatch.setattr(noticed, "SABOTAGES", {"codes": SABOTAGES["codes"]})
    report = prove(short_path)
    assert report.faults == ()
    assert report.done == 1
    assert sum(report.counts.values()) > 0


def test_what_is_not_noticed_is_a_fault(short_path, monkeypatch):
    harmless = Sabotage("exit codes are as they are", "wrong exit codes", "nobody", lambda: None)
    monkeypatch.setattr(noticed, "SABOTAGES", {"codes": harmless})
    monkeypatch.setattr(noticed, "_rounds", lambda _name, _trial: iter([0, 0]))
    (fault,) = prove(short_path).faults
    assert "no rule 'wrong exit codes' was broken" in fault


def test_each_sabotage_names_a_rule_and_a_process():
    assert {sabotage.rule for sabotage in SABOTAGES.values()} <= set(RULES)
    assert {sabotage.role for sabotage in SABOTAGES.values()} == {"daemon", "host"}
