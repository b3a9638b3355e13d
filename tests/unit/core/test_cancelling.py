"""Ending a graph or a task on somebody's word; and what weighs more than what."""

import pytest
from core_world import World, task

from orch_actors.actors.core import stimuli as s


def cancel(name=None, reason=""):
    return s.CancelAsked(graph="g1", task=name, reason=reason)


def test_a_running_task_is_ended_and_then_cancelled():
    world = World()
    world.submit(task("a", retry={"attempts": 3}), task("b", "a"))
    step = world.do(cancel("a", "not needed"))
    assert step.effects == (s.StopAttempt("shell", "g1", "a", 1),)
    assert step.answer.tasks == ("a",)
    world.end("a", ending="killed", exit_code=143)
    assert world.states() == "a:cancelled b:skipped"
    assert world.get("a").reason == "not needed"
    assert world.graphs[0].state == "cancelled"


def test_cancelling_twice_kills_once():
    world = World()
    world.submit(task("a"))
    world.do(cancel("a", "first"))
    step = world.do(cancel("a", "second"))
    assert not step.facts
    assert not step.effects
    assert world.get("a").attempts[0].stopping == ("cancelled", "first")


@pytest.mark.parametrize("state", ["pending", "ready", "blocked"])
def test_what_does_not_run_is_cancelled_at_once(state):
    world = World({"shell": 1})
    world.submit(task("run"), task("ready"), task("pending", "run"), task("blocked", approve=True, ask={"deadline": 9}))
    assert world.get(state).state == state
    world.do(cancel(state))
    assert world.get(state).state == "cancelled"
    assert bool(world.armed) == (state != "blocked")  # the decision's deadline goes with its task


def test_what_waits_for_a_retry_is_cancelled_at_once():
    world = World()
    world.submit(task("a", retry={"attempts": 2, "backoff": 60}))
    world.end("a", 1)
    world.do(cancel("a"))
    assert world.get("a").state == "cancelled"
    assert not world.armed


def test_what_is_over_is_not_cancelled():
    world = World()
    world.submit(task("a"), task("b"))
    world.end("a")
    assert world.tell(cancel("a")).info.code == "NOT_ALLOWED"
    world.end("b")
    assert world.tell(cancel()).info.code == "NOT_ALLOWED"


def test_a_graph_is_cancelled_whole():
    world = World({"shell": 1})
    world.submit(
        task("run"), task("ready"), task("after", ("ready", "finished")), task("ask", approve=True), limits={"wall": 9}
    )
    step = world.do(cancel(reason="changed my mind"))
    assert step.answer.tasks == ("run", "ready", "after", "ask")
    assert world.states() == "run:running ready:cancelled after:cancelled ask:cancelled"
    assert not world.armed
    world.end("run", ending="killed", exit_code=143)
    graph = world.graphs[0]
    assert (graph.state, graph.reason, world.get("run").state) == ("cancelled", "changed my mind", "cancelled")


def test_a_graph_of_which_nothing_runs_is_over_at_once():
    world = World(ready=False)
    world.submit(task("a"))
    world.do(cancel())
    assert world.graphs[0].state == "cancelled"


def test_a_graph_may_be_cancelled_while_it_is():
    world = World()
    world.submit(task("a"))
    world.do(cancel(reason="first"))
    step = world.do(cancel(reason="again"))
    assert not step.facts
    assert world.graphs[0].reason == "first"


def test_what_ended_well_in_time_is_still_cancelled():
    """The kill was decided: what its dependents are told must not depend on who was quicker."""
    world = World()
    world.submit(task("a"))
    world.do(cancel("a"))
    world.end("a", 0)
    assert world.get("a").state == "cancelled"


def test_a_cancellation_outweighs_a_timeout():
    """Or the retry that follows the timeout would bring back what was cancelled."""
    world = World()
    world.submit(task("a", timeout=5, retry={"attempts": 3}))
    world.fire(world.timer("timeout"))
    step = world.do(cancel("a"))
    assert not any(isinstance(effect, s.StopAttempt) for effect in step.effects)  # it is under way
    world.end("a", ending="killed")
    assert (world.get("a").state, len(world.get("a").attempts)) == ("cancelled", 1)


def test_a_deadline_outweighs_a_timeout():
    world = World()
    world.submit(task("a", timeout=5, deadline=5, retry={"attempts": 3}))
    world.fire(s.TimerKey("timeout", "g1", "a", 1))
    world.fire(s.TimerKey("deadline", "g1", "a"))
    world.end("a", ending="killed")
    assert (world.get("a").state, world.get("a").cls) == ("failed", "deadline")


def test_nothing_outweighs_a_cancellation():
    world = World()
    world.submit(task("a", timeout=5, deadline=5))
    world.do(cancel("a", "enough"))
    assert not world.armed
    for kind in ("timeout", "deadline"):  # on their way already
        world.do(s.TimerFired(key=s.TimerKey(kind, "g1", "a", 1 if kind == "timeout" else 0)))
    assert world.get("a").attempts[0].stopping == ("cancelled", "enough")


def test_all_that_runs_is_ended_for_down_kill():
    world = World()
    world.submit(task("a"), task("b", worker="python"), task("c", "a"))
    step = world.do(s.CancelRunningAsked(reason="down"))
    assert (step.answer, len(step.effects)) == (2, 2)
    world.end("a", ending="killed")
    world.end("b", ending="killed")
    assert world.states() == "a:cancelled b:cancelled c:skipped"


def test_a_dry_run_says_what_would_come_of_it_and_changes_nothing():
    world = World()
    world.submit(
        task("a"),
        task("b", "a"),
        task("c", "b", ("a", "finished")),
        task("d", ("b", "finished")),
        task("e", ("a", "failed")),
        task("f", ("a", "finished")),
        task("g", "e", "b"),
    )
    step = world.do(s.CancelAsked(graph="g1", task="a", reason="", dry_run=True))
    assert (step.facts, step.effects) == ((), ())
    would = step.answer
    assert (would.tasks, set(would.skipped)) == (("a",), {"b", "c", "e", "g"})
    assert (would.version, would.dry_run) == (1, True)
    did = world.do(cancel("a")).answer
    assert (did.tasks, did.skipped, did.version, did.dry_run) == (would.tasks, would.skipped, 2, False)
    world.end("a", ending="killed", exit_code=143)
    assert world.states() == "a:cancelled b:skipped c:skipped d:running e:skipped f:running g:skipped"


def test_a_dry_run_of_a_whole_graph():
    world = World()
    world.submit(task("a"), task("b", "a"), task("c"))
    world.end("c")
    step = world.do(s.CancelAsked(graph="g1", task=None, reason="", dry_run=True))
    assert (step.facts, step.answer.tasks, step.answer.skipped) == ((), ("a", "b"), ())


def test_a_stale_cancellation_is_refused():
    world = World()
    world.submit(task("a"), task("b"))
    world.do(s.CancelAsked(graph="g1", task="a", reason="", if_version=1))
    for name in ("b", None):
        assert world.tell(s.CancelAsked(graph="g1", task=name, reason="", if_version=1)).info.code == "STALE_VERSION"
    assert world.do(s.CancelAsked(graph="g1", task=None, reason="", if_version=2)).answer.version == 3
    assert world.do(cancel()).answer.version == 3  # it is being ended already: nothing changes
