"""Proofs: all of them can be loaded; a report is held against what was asked for; a fault is told and never the end."""

import json
import os

import pytest

from orch_actors.cli import entry
from orch_actors.protocol.errors import Refused
from orch_actors.stress import cli, proofs
from orch_actors.stress.proofs import run as running
from orch_actors.stress.proofs.proof import Proof, Report


def made(run, **more):
    return Proof(
        **{"name": "made", "proves": "That.", "asked": "10 of it", "full": 10, "quick": 2, "unit": "turns", "run": run}
        | more
    )


def prove(run, *, quick=False, seed=3):
    heard = []
    return running.prove_one(made(run), quick=quick, seed=seed, tell=heard.append), heard


@pytest.mark.parametrize("name", proofs.NAMES)
def test_each_can_be_loaded_and_says_what_it_is(name):
    proof = proofs.load(name)
    assert proof.name == name
    assert 0 < proof.quick < proof.full
    assert proof.proves.endswith(".")
    assert proof.asked
    assert proof.unit


def test_an_unknown_one_is_refused_with_the_nearest():
    with pytest.raises(Refused) as caught:
        proofs.load("marathn")
    assert "marathon" in caught.value.info.hint


def test_a_proof_gets_its_size_its_seed_and_an_empty_folder_that_goes_afterwards():
    trials = []

    def run(trial):
        trials.append(trial)
        assert os.listdir(trial.folder) == []
        (open(os.path.join(trial.folder, "x"), "w")).close()
        trial.tell("half-way")
        return Report(done=trial.size, counts={"turns": trial.size})

    proven, heard = prove(run)
    small, _ = prove(run, quick=True)
    assert (proven.ok, proven.size, proven.done, proven.faults, proven.folder) == (True, 10, 10, (), None)
    assert small.size == 2
    assert [trial.seed for trial in trials] == [3, 3]
    assert heard == ["made: 10 turns …", "  half-way"]
    assert not any(os.path.exists(trial.folder) for trial in trials)


def test_doing_less_than_was_asked_for_is_a_failure():
    proven, _ = prove(lambda trial: Report(done=9, counts={}))
    assert proven.ok is False
    assert proven.faults == ("9 turns were done, 10 were asked for",)


def test_what_was_found_is_told_up_to_a_bound():
    proven, _ = prove(lambda trial: Report(done=10, counts={}, faults=tuple(f"lost {n}" for n in range(60))))
    assert proven.ok is False
    assert len(proven.faults) == running.MOST_FAULTS + 1
    assert proven.faults[-1] == "and 10 more"


def test_a_proof_that_raises_has_failed_and_its_folder_is_kept():
    def run(trial):
        (open(os.path.join(trial.folder, "x"), "w")).close()
        raise ValueError("out of luck")

    proven, _ = prove(run)
    assert proven.ok is False
    assert "out of luck" in proven.faults[0]
    assert os.listdir(proven.folder) == ["x"]
    os.remove(os.path.join(proven.folder, "x"))
    os.rmdir(proven.folder)


def test_what_cannot_be_tried_here_is_neither_good_nor_bad():
    proven, _ = prove(lambda trial: Report.skip("there is no strace"))
    assert (proven.ok, proven.skipped, proven.faults) == (None, "there is no strace", ())


@pytest.fixture
def two(monkeypatch):
    found = {
        "good": made(lambda trial: Report(done=trial.size, counts={"turns": 1234}), name="good"),
        "bad": made(lambda trial: Report(done=trial.size, counts={}, faults=("it \x1b[31mfell",)), name="bad"),
    }
    monkeypatch.setattr(proofs, "NAMES", tuple(found))
    monkeypatch.setattr(proofs, "load", found.__getitem__)
    monkeypatch.setattr(running, "NAMES", tuple(found))
    monkeypatch.setattr(running, "load", found.__getitem__)
    return found


def test_the_command_tells_all_and_fails_if_one_does(two, capsys, tmp_path):
    report = tmp_path / "report.json"
    assert entry.main(["stress", "prove", "--seed", "5", "--report", str(report)]) == cli.NOT_AS_EXPECTED
    shown = capsys.readouterr().out
    assert "1,234 turns" in shown
    assert "bad, seed 5:" in shown
    assert "fell" in shown
    assert "\x1b" not in shown
    assert "1 of 2 hold" in shown
    written = json.loads(report.read_text())
    assert written["ok"] is False
    assert [(one["name"], one["ok"], one["size"]) for one in written["proofs"]] == [
        ("good", True, 10),
        ("bad", False, 10),
    ]


def test_one_alone_and_as_json(two, capsys):
    assert entry.main(["stress", "prove", "--quick", "--only", "good", "--json"]) == cli.GOOD
    document = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["size"]) for one in document["proofs"]] == [("good", 2)]
    assert document["quick"] is True


def test_they_are_listed(capsys):
    assert entry.main(["stress", "prove", "--list", "--json"]) == cli.GOOD
    assert [one["name"] for one in json.loads(capsys.readouterr().out)["proofs"]] == list(proofs.NAMES)
    assert entry.main(["stress", "prove", "--list"]) == cli.GOOD
    assert "asked for" in capsys.readouterr().out


def test_a_named_home_is_refused():
    assert entry.main(["stress", "--home", "/x", "prove"]) != cli.GOOD
