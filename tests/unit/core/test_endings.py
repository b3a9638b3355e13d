"""How the end of a task reaches its dependents, and the graph."""

import pytest
from core_world import World, task

from orch_actors.actors.core import stimuli as s


def settle(on, outcome, **options):
    """A task `a` that ends in some way, and one that depends on it under a condition: the latter's state."""
    world = World()
    world.submit(task("a", **options), task("b", ("a", on)), task("other"))
    if outcome == "cancelled":
        world.do(s.CancelAsked(graph="g1", task="a", reason=""))
    world.end("a", 0 if outcome == "done" else 1)
    assert world.get("a").state == outcome
    return world.get("b")


@pytest.mark.parametrize(
    ("on", "outcome", "then"),
    [
        ("done", "done", "ready"),
        ("done", "failed", "skipped"),
        ("done", "cancelled", "skipped"),
        ("failed", "done", "skipped"),
        ("failed", "failed", "ready"),
        ("failed", "cancelled", "skipped"),
        ("finished", "done", "ready"),
        ("finished", "failed", "ready"),
        ("finished", "cancelled", "ready"),
    ],
)
def test_conditions(on, outcome, then):
    assert settle(on, outcome).state in (then, "running" if then == "ready" else then)


def test_who_is_forgiven_counts_as_done_and_as_failed():
    assert settle("done", "failed", on_fail="continue").state == "running"
    assert settle("failed", "failed", on_fail="continue").state == "running"
    assert settle("finished", "failed", on_fail="continue").state == "running"


@pytest.mark.parametrize(
    ("on", "outcome", "reason"),
    [
        ("done", "failed", "a failed (exit code 1)"),
        ("done", "cancelled", "a was cancelled"),
        ("failed", "done", "a did not fail"),
    ],
)
def test_who_is_skipped_knows_why(on, outcome, reason):
    assert settle(on, outcome).reason == reason


def test_a_failure_without_words():
    world = World()
    world.submit(task("a", approve=True), task("b", "a"))
    world.decide("d1", "reject")
    assert world.get("b").reason == "a was cancelled"


def test_skipping_goes_all_the_way_down_however_long():
    world = World()
    chain = [task("t0"), *(task(f"t{number}", f"t{number - 1}") for number in range(1, 3000))]
    world.check = lambda *_: None  # linear, and there is one step
    world.submit(*chain, task("last", ("t2999", "finished")))
    world.end("t0", 1)
    assert world.get("t2999").reason == "t2998 was skipped"
    assert world.get("last").state == "running"


def test_finished_counts_the_skipped():
    world = World()
    world.submit(task("a"), task("b", "a"), task("clean", ("b", "finished")))
    world.end("a", 1)
    assert world.states() == "a:failed b:skipped clean:running"
    world.end("clean")
    assert (world.graphs[0].state, world.graphs[0].reason) == ("failed", "1 of 3 tasks failed")


def test_all_conditions_must_hold():
    world = World()
    world.submit(task("a"), task("b"), task("c", "a", ("b", "finished")))
    world.end("b", 1)
    assert world.get("c").state == "pending"
    world.end("a")
    assert world.get("c").state == "running"


def test_a_graph_is_done_with_its_last_task():
    world = World()
    world.submit(task("a"), task("b", "a"))
    world.end("a")
    assert world.graphs[0].state == "running"
    world.end("b")
    assert (world.graphs[0].state, world.graphs[0].reason, world.graphs[0].ended_utc) == ("done", "", world.now)


def test_a_forgiven_failure_is_a_failure_of_the_graph():
    world = World()
    world.submit(task("a", on_fail="continue"), task("b", "a"))
    world.end("a", 1)
    world.end("b")
    assert (world.graphs[0].state, world.graphs[0].reason) == ("failed", "1 of 2 tasks failed")


def test_but_not_of_a_tolerant_one():
    world = World()
    world.submit(task("a", on_fail="continue"), task("b", "a"), tolerant=True)
    world.end("a", 1)
    world.end("b")
    assert world.graphs[0].state == "done"


def test_a_tolerant_graph_forgives_nothing_else():
    world = World()
    world.submit(task("a", on_fail="continue"), task("b"), tolerant=True)
    world.end("a", 1)
    world.end("b", 1)
    assert (world.graphs[0].state, world.graphs[0].reason) == ("failed", "1 of 2 tasks failed")


def test_a_cancelled_task_makes_a_cancelled_graph():
    world = World()
    world.submit(task("a"), task("b"))
    world.do(s.CancelAsked(graph="g1", task="a", reason=""))
    world.end("a", ending="killed")
    world.end("b")
    assert (world.graphs[0].state, world.graphs[0].reason) == ("cancelled", "1 of 2 tasks were cancelled")


def test_on_fail_cancel_graph():
    world = World({"shell": 2})
    world.submit(task("a", on_fail="cancel_graph"), task("b"), task("c"), task("clean", ("a", "failed")))
    world.end("a", 1)
    assert world.states() == "a:failed b:running c:cancelled clean:cancelled"
    assert world.get("b").attempts[0].stopping == ("cancelled", "a failed (exit code 1)")
    world.end("b", ending="killed", exit_code=143)
    assert (world.graphs[0].state, world.graphs[0].reason) == ("failed", "a failed (exit code 1)")


def test_on_fail_cancel_graph_of_the_only_task():
    world = World()
    world.submit(task("a", on_fail="cancel_graph"))
    world.end("a", 1)
    assert world.graphs[0].state == "failed"


def test_on_fail_ask():
    world = World()
    world.submit(task("a", on_fail="ask", ask={"question": "what now?"}), task("b", "a"), task("c"))
    world.end("a", 2, tail="boom")
    (decision,) = world.decisions
    assert world.states() == "a:blocked b:pending c:running"
    assert (decision.about, decision.question, decision.default) == ("failure", "what now?", "fail")
    assert decision.evidence == {
        "class": "exit",
        "message": "exit code 2",
        "attempt": 1,
        "exit_code": 2,
        "tail": "boom",
    }
