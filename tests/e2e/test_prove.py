"""`stress prove`, small and for real: one proof that runs processes; and the machine's, which runs tests."""

import json

import pytest

from orch_actors.stress.proofs import machine
from orch_actors.stress.proofs.proof import Trial


def test_one_proof_with_its_report(cli, tmp_path):
    report = tmp_path / "report.json"
    done = cli("stress", "prove", "--quick", "--only", "crash", "--seed", "2", "--report", str(report))
    assert "1 of 1 hold" in done.out
    (proof,) = json.loads(report.read_text())["proofs"]
    assert (proof["name"], proof["ok"], proof["size"]) == ("crash", True, 8)
    assert proof["done"] == proof["counts"]["cells"] == 8


@pytest.mark.parametrize(("body", "good"), [("assert EXAMPLES == '7'", True), ("assert EXAMPLES == '8'", False)])
def test_the_machine_is_tried_as_often_as_asked_and_may_fail(tmp_path, monkeypatch, body, good):
    test = tmp_path / "test_small.py"
    test.write_text(f"import os\nEXAMPLES = os.environ['ORCH_EXAMPLES']\ndef test_it():\n    {body}\n")
    monkeypatch.setattr(machine, "TESTS", (("examples", str(test), 1),))
    report = machine.run(Trial(size=7, seed=1, folder=str(tmp_path), tell=print))
    assert (report.done, not report.faults) == ((7, True) if good else (0, False))
    assert good or "assert EXAMPLES" in report.faults[0]


def test_without_the_tests_it_is_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "TESTS", (("examples", str(tmp_path / "gone.py"), 1),))
    assert "no checkout" in machine.run(Trial(size=7, seed=1, folder=str(tmp_path), tell=print)).skipped
