"""A self-check that never finds anything is worth nothing: each thing that it looks for is broken here once."""

import pytest
from core_world import World, task

from orch_actors.actors.core.selfcheck import broken_invariants


def sound():
    world = World({"shell": 1, "python": 1})
    world.submit(
        task("done"),
        task("run", "done", priority=1),
        task("ready", "done"),
        task("pending", "ready"),
        task("ask", approve=True),
        task("wait", worker="python", retry={"attempts": 2, "backoff": 9}),
        key="k",
    )
    world.end("done")
    world.end("wait", 1)
    assert world.states() == "done:done run:running ready:ready pending:pending ask:blocked wait:pending"
    return world


def end_a_decision(world):
    world.get("ask").decision.choice = "approve"


def open_a_decision_of_what_is_over(world):
    world.get("done").decision = world.get("ask").decision
    world.get("ask").decision.subject = world.get("done")


def forget_a_decision(world):
    world.state.decisions.clear()


def cancel_without_a_word(world):
    world.graphs[0].cancelling = True


def unlink(world):
    world.get("ready").dependents.clear()


def link_to_a_stranger(world):
    world.get("ask").dependents.append((world.get("pending"), "done"))


def twist(name, field, value):
    def change(world):
        setattr(world.get(name), field, value)

    return change


def twist_graph(field, value):
    def change(world):
        setattr(world.graphs[0], field, value)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda world: world.state.in_flight.clear(), "are in flight"),
        (lambda world: setattr(world.state.worker("shell"), "running", 5), "slots are taken"),
        (lambda world: world.state.scheduler._used.clear(), "is noted as used"),
        (lambda world: world.state.retrying.clear(), "wait for a retry, noted"),
        (lambda world: world.state.names.clear(), "names are"),
        (lambda world: world.state.keys.update(k="g9"), "key 'k' stands for g9"),
        (lambda world: world.graphs[0].decisions.clear(), "graphs and worker types know of the decisions []"),
        (lambda world: world.state.scheduler.remove("g1/ready"), "in the queue: False"),
        (lambda world: world.graphs[0].counts.clear(), "counts {}"),
        (end_a_decision, "d1 is open, but"),
        (open_a_decision_of_what_is_over, "d1 is open, but g1/done is done"),
        (forget_a_decision, "asks d1, which nobody knows"),
        (cancel_without_a_word, "nobody ends it"),
        (unlink, "which does not know it"),
        (link_to_a_stranger, "is waited for by g1/pending"),
        (twist_graph("open_tasks", 99), "open_tasks 99"),
        (twist_graph("ended_utc", 5.0), "open tasks"),
        (twist("ready", "unmet", 3), "unmet 3, counted 0"),
        (twist("ready", "begun_utc", None), "begun None"),
        (twist("ready", "rank", 77), "something else than its options say"),
        (
            lambda world: setattr(world.get("pending"), "broken_by", world.get("done")),
            "broken by g1/done, which is not",
        ),
        (twist("ask", "decision", None), "blocked by nothing"),
        (twist("wait", "retry_at_utc", None), "waits for nothing"),
        (twist("run", "retry_at_utc", 1.0), "waits for a retry, and is running"),
        (twist("run", "attempts", []), "of its attempts [] run"),
        (twist("run", "tries_before", 9), "9 attempts of earlier lives"),
        (lambda world: setattr(world.get("run").attempts[0], "number", 3), "are numbered [3]"),
    ],
)
def test_whatever_is_broken_is_found(change, words):
    world = sound()
    assert broken_invariants(world.state) == []
    change(world)
    assert any(words in sentence for sentence in broken_invariants(world.state)), broken_invariants(world.state)


def test_what_can_never_run_is_found():
    world = sound()
    world.get("pending").broken_by = world.get("run")
    assert "g1/pending is pending and can never run" in broken_invariants(world.state)
