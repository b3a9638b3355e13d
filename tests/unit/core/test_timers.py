"""What is due; what comes too late means nothing."""

import pytest
from core_world import World, task

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.fold import fold


def stale(world, *key, **more):
    return world.do(s.TimerFired(key=s.TimerKey(*key, **more)))


def test_a_timeout_ends_the_attempt_and_is_its_class():
    world = World()
    world.submit(task("a", timeout=90, retry={"attempts": 2, "on": ["timeout"]}))
    step = world.fire(world.timer("timeout"))
    assert step.effects[-1] == s.StopAttempt("shell", "g1", "a", 1)
    world.end("a", ending="killed", exit_code=143)
    node = world.get("a")
    assert (node.state, node.attempts[0].cls, node.attempts[0].message) == (
        "running",
        "timeout",
        "ran longer than its 1m30s",
    )
    assert world.armed == {s.TimerKey("timeout", "g1", "a", 2): world.now + 90}


def test_a_timer_of_another_attempt_means_nothing():
    world = World()
    world.submit(task("a", timeout=90, retry={"attempts": 3, "backoff": 5}))
    world.end("a", 1)
    assert not stale(world, "timeout", "g1", "a", 1).facts  # it does not run
    assert not stale(world, "retry", "g1", "a", 3).facts  # another retry
    assert world.get("a").state == "pending"
    world.fire(world.timer("retry"))
    assert not stale(world, "timeout", "g1", "a", 1).facts
    assert not stale(world, "retry", "g1", "a", 2).facts
    assert world.get("a").attempts[-1].stopping is None


@pytest.mark.parametrize("kind", ["retry", "timeout", "deadline", "wall", "decision", "worker"])
def test_a_timer_of_what_is_not_there_means_nothing(kind):
    world = World()
    world.submit(task("a"))
    assert not stale(world, kind, "g9", "x", 1, ref="d9").facts
    assert not stale(world, kind, "g1", "a", 1, ref="shell").facts
    world.end("a")
    assert not stale(world, kind, "g1", "a", 1).facts


def test_a_retry_timer_for_what_waits_for_something_else():
    world = World()
    world.submit(task("a"), task("b", "a"))
    assert not stale(world, "retry", "g1", "b", 1).facts


def test_the_deadline_counts_waiting_and_retries():
    world = World({"shell": 1})
    world.submit(task("a"), task("b", deadline=100, retry={"attempts": 9, "backoff": 30}))
    begun = world.now
    world.now += 50
    world.end("a")
    assert world.armed[s.TimerKey("deadline", "g1", "b")] == begun + 100
    world.end("b", 1)
    world.fire(world.timer("deadline"))
    node = world.get("b")
    assert (node.state, node.cls, node.reason) == ("failed", "deadline", "was not done within its deadline of 1m40s")
    assert not world.armed


def test_the_deadline_begins_when_the_task_could():
    world = World()
    world.submit(task("a"), task("b", "a", deadline=100))
    assert not world.armed
    world.end("a")
    assert world.armed == {s.TimerKey("deadline", "g1", "b"): world.now + 100}


@pytest.mark.parametrize("on_fail", ["fail", "ask", "continue"])
def test_the_deadline_of_what_runs_ends_it_and_no_retry_follows(on_fail):
    world = World()
    world.submit(task("a", deadline=10, on_fail=on_fail, retry={"attempts": 5}), task("b", "a"))
    world.fire(world.timer("deadline"))
    assert world.get("a").state == "running"
    world.end("a", ending="killed", exit_code=143)
    assert world.states() == "a:failed b:" + ("running" if on_fail == "continue" else "skipped")


def test_the_deadline_of_what_waits_for_an_answer():
    world = World()
    world.submit(task("a", approve=True, deadline=10, ask={"deadline": 50}), task("b", "a"))
    world.fire(world.timer("deadline"))
    assert world.states() == "a:failed b:skipped"
    assert not world.armed
    assert world.decide("d1", "approve").info.code == "NOT_ALLOWED"


def test_the_deadline_of_what_is_queued_cancels_the_graph_if_it_says_so():
    world = World(ready=False)
    world.submit(task("a", deadline=10, on_fail="cancel_graph"), task("b"))
    world.fire(world.timer("deadline"))
    assert world.states() == "a:failed b:cancelled"
    assert world.graphs[0].state == "failed"


def test_the_wall_ends_the_graph_and_it_has_failed():
    world = World()
    world.submit(task("a"), task("b", "a"), limits={"wall": 3600})
    world.fire(world.timer("wall"))
    world.end("a", ending="killed", exit_code=143)
    graph = world.graphs[0]
    assert world.states() == "a:cancelled b:cancelled"
    assert (graph.state, graph.reason) == ("failed", "the graph ran longer than its 1h00m")


def test_a_wall_that_was_lifted_means_nothing():
    world = World()
    world.submit(task("a"))
    assert not stale(world, "wall", "g1").facts


def test_a_pause_ends_by_itself():
    """Who pauses a worker type until a time is not in the core yet; what follows from the fact is."""
    world = World()
    fold(world.state, f.WorkerPaused(worker="shell", reason="quota", until_utc=world.now + 60), world.now)
    world.recovering = True
    world.do(s.Recovered())
    assert world.armed == {s.TimerKey("worker", ref="shell"): world.now + 60}
    world.submit(task("a"))
    assert world.get("a").state == "ready"
    world.fire(world.timer("worker"))
    assert world.get("a").state == "running"
