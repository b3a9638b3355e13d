"""Facts that make no sense for one task: it goes into quarantine, and everything else goes on."""

import pytest
from core_world import World, dump, replayed, task

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.quarantine import fold_or_pass_over

SENSELESS = f.TaskHeld(graph="g1", task="x")


def quarantined(world, *facts, **more):
    assert world.spoil(*(facts or (SENSELESS,)), **more) == ["g1/x"]
    node = world.get("x")
    assert (node.state, node.cls) == ("failed", "quarantine")
    return node


def test_it_has_failed_and_says_why():
    world = World()
    world.submit(task("x"), task("y"))
    node = quarantined(world, f.TaskReady(graph="g1", task="x"))
    assert node.reason == (
        "the journal's sequence 2 makes no sense for it: task_ready → ready, while it was running an attempt; "
        "attempt 1 may still run"
    )
    assert (node.attempts[0].cls, node.attempts[0].ended_utc) == ("unknown", world.now)
    assert world.states() == "x:failed y:running"
    world.end("y")
    assert world.state.graphs["g1"].state == "failed"


def test_a_later_replay_comes_to_the_same_and_goes_on_from_there():
    world = World()
    world.submit(task("x"), task("y", "x"))
    world.end("x")
    world.end("y")
    quarantined(world)
    before = dump(world.state)
    world.restart()
    assert dump(world.state) == before
    world.do(s.RetryAsked(graph="g1", task="x"))
    world.end("x", 0)
    world.end("y")
    world.restart()
    assert world.states() == "x:done y:done"


def test_every_later_fact_of_the_task_is_passed_over_and_its_numbers_are_not_given_again():
    world = World()
    world.submit(task("x", retry={"attempts": 5}))
    world.end("x", 1)
    node = quarantined(
        world,
        f.TaskHeld(graph="g1", task="x"),
        f.AttemptEnded(graph="g1", task="x", attempt=2),
        f.AttemptStarting(graph="g1", task="x", attempt=3),
        f.AttemptEnded(graph="g1", task="x", attempt=3),
        f.AttemptStarting(graph="g1", task="x", attempt=4),
        f.DecisionAsked(graph="g1", task="x", ref="d7", about="failure", question="?", options=("a",), default="a"),
        f.DecisionAnswered(graph="g1", task="x", ref="d7", choice="a"),
        f.JudgeAsked(graph="g1", task="x", judge="x#judge-1", document={"id": "x#judge-1", "command": "true"}),
        f.TaskReady(graph="g1", task="x#judge-1"),
        f.TaskEnded(graph="g1", task="x", state="done"),
    )
    assert [(attempt.number, attempt.cls) for attempt in node.attempts] == [
        (1, "exit"),
        (2, "unknown"),
        (3, "unknown"),
        (4, "unknown"),
    ]
    assert node.reason.endswith("; attempt 4 may still run")
    assert node.judges == ["x#judge-1"]
    assert "x#judge-1" not in world.state.graphs["g1"].tasks
    world.do(s.RetryAsked(graph="g1", task="x", set={"approve": True}))
    assert world.get("x").decision.ref == "d8"
    world.decide("d8", "approve")
    assert [attempt.number for attempt in world.flying[0].attempts] == [1, 2, 3, 4, 5]
    assert world.get("x").tries == 1


def test_what_it_held_is_free():
    world = World({"shell": 1})
    world.submit(
        task("x", exclusive=["lock"], resources={"gpu": 2}), task("y", exclusive=["lock"], resources={"gpu": 2})
    )
    assert world.states() == "x:running y:ready"
    quarantined(world, f.TaskReady(graph="g1", task="x"))
    assert world.states() == "x:failed y:running"


@pytest.mark.parametrize("way", ["queued", "retrying", "blocked", "asking", "pending"])
def test_wherever_it_stood_it_stands_no_more(way):
    world = World({"shell": 1})
    if way == "queued":
        world.submit(task("hold"), task("x"))
        bad = f.TaskReady(graph="g1", task="x")
    elif way == "retrying":
        world.submit(task("x", retry={"attempts": 2, "backoff": 50}))
        world.end("x", 1)
        bad = SENSELESS
    elif way == "blocked":
        world.submit(task("x", approve=True, ask={"deadline": 9}))
        bad = f.TaskRevived(graph="g1", task="x")
    elif way == "asking":
        world.submit(task("x"))
        asked = {"question": "q", "options": ("y",), "default": None, "deadline_s": 9.0}
        world.do(s.QuestionAsked(graph="g1", task="x", **asked))
        bad = SENSELESS
    else:
        world.submit(task("hold"), task("x", "hold"))
        bad = SENSELESS
    quarantined(world, bad)
    assert not world.decisions
    assert not [key for key in world.armed if key.task == "x" or key.kind == "decision"]


def test_dependents_follow_their_conditions():
    world = World()
    world.submit(task("x"), task("done", "x"), task("failed", ("x", "failed")), task("finished", ("x", "finished")))
    quarantined(world)
    assert world.states() == "x:failed done:skipped failed:running finished:running"
    assert world.get("done").reason.startswith("x failed (the journal's sequence 2 makes no sense for it: ")


def test_who_was_let_go_by_an_end_that_it_did_not_have_is_skipped_unless_it_has_begun():
    world = World({"shell": 1})
    world.submit(
        task("x"), task("began", "x"), task("waits", "x"), task("asks", "x", approve=True), task("after", "waits")
    )
    world.end("x")
    assert world.states() == "x:done began:running waits:ready asks:blocked after:pending"
    quarantined(world)
    assert world.states() == "x:failed began:running waits:skipped asks:skipped after:skipped"
    assert world.get("waits").reason == "x is in quarantine"
    world.end("began")
    assert world.state.graphs["g1"].state == "failed"


def test_who_has_begun_may_try_again():
    world = World()
    world.submit(task("x"), task("began", "x", retry={"attempts": 2, "backoff": 5}))
    world.end("x")
    quarantined(world)
    world.end("began", 1)
    world.restart()
    world.fire(world.timer("retry"))
    world.end("began")
    assert world.states() == "x:failed began:done"


@pytest.mark.parametrize("cls", ["disk_full", "quota"])
def test_who_began_and_did_nothing_yet_has_not_begun(cls):
    world = World()
    world.submit(task("x"), task("began", "x"), task("asked", "x"), task("after", "began"))
    world.end("x")
    world.do(s.QuestionAsked(graph="g1", task="asked", question="?", options=("a", "b"), default=None, deadline_s=None))
    quarantined(world)
    assert world.states() == "x:failed began:running asked:running after:pending"
    world.end("began", ending="spawn", cls=cls)
    world.end("asked", ending="spawn", cls=cls)
    assert world.states() == "x:failed began:skipped asked:skipped after:skipped"
    assert world.get("began").reason == "x is in quarantine"
    assert not world.decisions
    assert world.state.graphs["g1"].state == "failed"


def test_a_graph_that_is_over_stays_over():
    world = World()
    world.submit(task("x"))
    world.end("x")
    quarantined(world)
    assert world.state.graphs["g1"].state == "done"
    assert world.state.graphs["g1"].open_tasks == 0


def test_a_graph_whose_end_is_in_the_journal_has_ended():
    """What came after made sense for the graph."""
    world = World()
    world.submit(task("x"))
    quarantined(
        world, SENSELESS, f.TaskEnded(graph="g1", task="x", state="done"), f.GraphEnded(graph="g1", state="done")
    )
    assert world.state.graphs["g1"].state == "done"
    assert world.state.graphs["g1"].open_tasks == 0


def test_a_graph_that_was_forgotten_meanwhile_takes_it_along():
    world = World()
    world.submit(task("x"))
    forgotten = f.GraphForgotten(graph="g1")
    found = world.spoil(SENSELESS, f.GraphEnded(graph="g1", state="done"), forgotten)
    assert found == []
    assert not world.graphs
    assert not world.flying
    assert world.state.worker("shell").running == 0


def test_a_judge_in_quarantine_has_broken():
    world = World()
    world.submit(task("x", judge={"worker": "shell", "command": "j", "criteria": ["good"], "on_error": "accept"}))
    world.end("x")
    assert world.get("x").state == "judging"
    assert world.spoil(f.TaskHeld(graph="g1", task="x#judge-1")) == ["g1/x#judge-1"]
    assert world.get("x").state == "done"
    assert "the judge broke" in world.get("x").reason


def test_the_judge_of_one_in_quarantine_is_ended():
    world = World()
    world.submit(task("x", judge={"worker": "shell", "command": "j", "criteria": ["good"]}))
    world.end("x")
    quarantined(world)
    judge = world.get("x#judge-1")
    assert judge.attempts[-1].stopping[0] == "cancelled"
    world.end("x#judge-1", ending="killed")
    assert world.state.graphs["g1"].state == "failed"


def test_a_decision_is_answered_for_its_own_task_only():
    world = World()
    world.submit(task("x", approve=True), task("y"))
    bad = f.DecisionAnswered(graph="g1", task="y", ref="d1", choice="approve")
    assert world.spoil(bad) == ["g1/y"]
    assert world.get("x").decision.ref == "d1"


def test_a_document_that_makes_no_sense_changes_nothing():
    world = World()
    world.submit(task("dep"), task("x", "dep"))
    for document in ({"id": "x"}, {"id": "x", "command": "true", "depends_on": ["nobody"]}):
        machine = replayed(world.journal)
        before = dump(machine.state)
        fold_or_pass_over(machine.state, f.TaskUpdated(graph="g1", task="x", document=document), 1.0, "a fact")
        after = dump(machine.state)
        assert list(machine.state.quarantine) == ["g1/x"]
        assert {**before, "told": 0} == {**after, "told": 0} or before["graphs"] == after["graphs"]


def test_several_at_once():
    world = World()
    world.submit(task("a"), task("b", "a"), task("c"))
    found = world.spoil(*(f.TaskHeld(graph="g1", task=name) for name in "abc"))
    assert found == ["g1/a", "g1/b", "g1/c"]
    assert world.states() == "a:failed b:failed c:failed"
    assert world.state.graphs["g1"].state == "failed"
