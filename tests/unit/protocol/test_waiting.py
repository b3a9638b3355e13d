"""What a wait waits for."""

import pytest

from orch_actors.protocol.views import DecisionView, Event, GraphSummary
from orch_actors.protocol.waiting import Awaited, Questioned, until_after


def summary(graph, state):
    return GraphSummary(id=graph, name="n", state=state, counts={}, submitted_utc="t")


def awaited(*states, any_=False):
    it = Awaited([f"n{i}" for i in range(len(states))], any_=any_)
    it.update(tuple(summary(f"g{i}", state) for i, state in enumerate(states)))
    return it


@pytest.mark.parametrize(
    ("states", "all_met", "any_met"),
    [
        ((), True, True),
        (("running",), False, False),
        (("paused",), False, False),
        (("done", "running"), False, True),
        (("failed", "cancelled", "done"), True, True),
    ],
)
def test_met(states, all_met, any_met):
    assert awaited(*states).met() is all_met
    assert awaited(*states, any_=True).met() is any_met


def test_names_become_ids():
    assert awaited("done", "done").refs == ("g0", "g1")


def test_only_the_end_of_one_of_them_is_worth_a_look():
    it = awaited("running")
    assert it.concerned_by(Event(seq=1, kind="graph_ended", time_utc="t", graph="g0"))
    assert not it.concerned_by(Event(seq=1, kind="graph_ended", time_utc="t", graph="g9"))
    assert not it.concerned_by(Event(seq=1, kind="task_ended", time_utc="t", graph="g0", task="a"))


def test_the_time_out_names_what_goes_on():
    assert str(awaited("done", "running").timed_out(1.5)) == "after 1.5 s still going on: g1"


def test_until():
    assert until_after(None, 5.0) is None
    assert until_after(2.0, 5.0) == 7.0


@pytest.mark.parametrize(
    ("of", "answered"),
    [
        ({"graph": "g1", "task": "a"}, {"graph": "g1", "task": "a", "data": {"ref": "d1"}}),
        ({"graph": "", "task": "", "worker": "shell"}, {"data": {"ref": "d1", "worker": "shell"}}),
    ],
)
def test_the_answer_to_a_decision_is_worth_a_look_whatever_it_is_about(of, answered):
    it = Questioned("d1")
    it.update(
        DecisionView(
            ref="d1", kind="k", question="q", options=("x",), default="x", deadline_utc=None, asked_utc="t", **of
        )
    )
    assert it.concerned_by(Event(seq=1, kind="decision_answered", time_utc="t", **answered))
    other = {**answered, "data": {"ref": "d2"}}
    assert not it.concerned_by(Event(seq=1, kind="decision_answered", time_utc="t", **other))
