"""The judge of readers: each violation is seen, and what is right is no fault."""

import pytest

from orch_actors.protocol.views import Event
from orch_actors.stress.readers.campaign import differences
from orch_actors.stress.readers.reading import MOST_FAULTS, Follows


def event(seq, kind="task_ready"):
    return Event(seq=seq, kind=kind, time_utc="t")


def events(*numbers):
    return {number: event(number) for number in numbers}


def test_what_is_right_is_no_difference():
    assert differences("r", events(1, 2, 3), events(1, 2, 3)) == []


@pytest.mark.parametrize(
    ("had", "told"),
    [
        (events(1, 3), "r: 1 events never came, the first 2"),
        (events(1, 2, 3, 4), "r: 1 events came that were not for it, the first 4"),
        (events(1, 2) | {3: event(3, "graph_ended")}, "r: 1 events came otherwise than they are kept, the first 3"),
        ({}, "r: 3 events never came, the first 1"),
    ],
)
def test_each_difference_is_told(had, told):
    assert differences("r", events(1, 2, 3), had) == [told]


@pytest.mark.parametrize(("last", "then"), [(4, 6), (4, 4), (4, 3), (0, 2)])
def test_a_gap_and_a_repetition_are_seen_at_once(last, then):
    reader = Follows("r", "/nowhere")
    reader.must_follow(event(last + 1), last)
    assert reader.faults == []
    reader.must_follow(event(then), last)
    assert reader.faults == [f"r: was given event {then} after {last}"]


def test_a_reader_without_a_daemon_has_failed(tmp_path, monkeypatch):
    monkeypatch.setattr("orch_actors.stress.readers.reading.PATIENCE_S", 0.1)
    reader = Follows("r", str(tmp_path))
    reader.run()
    assert "gave up: Unavailable" in reader.faults[0]


def test_faults_are_bounded_and_the_end_is_known():
    reader = Follows("r", "/nowhere")
    for _ in range(1000):
        reader.fault("x")
    assert len(reader.faults) == MOST_FAULTS
    assert not reader.over(10**9)
    reader.until = 5
    assert (reader.over(4), reader.over(5)) == (False, True)
