"""Readers of events, and repeated commands, over kills of the daemon; the full figures: `stress prove`."""

from orch_actors.stress.proofs import load
from orch_actors.stress.proofs.proof import Trial


def prove(name, size, folder):
    report = load(name).run(Trial(size=size, seed=20_260_131, folder=str(folder), tell=lambda _: None))
    assert report.faults == ()
    assert report.done >= size
    return report.counts


def test_each_reader_is_given_each_event_once(tmp_path):
    counts = prove("readers", 1200, tmp_path)
    assert counts["kills"] == 2
    assert counts["given to the follower"] == counts["given to the consumer"] >= 1200
    assert counts["given to the selector"] > 2
    assert counts["given again before they were acknowledged"] > 0


def test_repeated_commands_have_the_same_reply(tmp_path):
    counts = prove("repeats", 200, tmp_path)
    assert (counts["restarts"], counts["other bytes"]) == (2, 0)


def test_clients_that_behave_badly_cost_little_and_slow_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr("orch_actors.stress.proofs.abuse.ABUSE_S", 2.0)
    monkeypatch.setattr("orch_actors.stress.proofs.abuse.ASKED", 20)
    counts = prove("abuse", 24, tmp_path)
    assert counts["honest requests"] >= 20
    assert counts["refused or dropped"] > 0
