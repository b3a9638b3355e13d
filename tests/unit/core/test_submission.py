"""A graph comes in: taken whole, once for each key, or refused."""

from core_world import World, offer, task

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s


def test_what_waits_for_nothing_begins_at_once():
    world = World()
    step = world.do(offer(task("a"), task("b", "a"), name="demo"))
    assert (step.answer.graph, step.answer.name, step.answer.tasks) == ("g1", "demo", 2)
    assert world.states() == "a:running b:pending"
    assert s.StartAttempt("shell", "g1", "a", 1) in step.effects


def test_the_fact_carries_everything():
    world = World()
    step = world.do(offer(task("a", retry={"attempts": 3}, env={"X": "1"}), limits={"parallel": 2}, key="k"))
    fact = step.facts[0]
    assert isinstance(fact, f.GraphSubmitted)
    assert (fact.graph, fact.client, fact.key) == ("g1", "c", "k")
    assert fact.document["limits"] == {"parallel": 2}
    assert fact.document["tasks"][0]["env"] == {"X": "1"}


def test_the_same_key_and_document_is_the_same_graph():
    world = World()
    world.do(offer(task("a"), key="k"))
    again = world.do(offer(task("a"), key="k"))
    assert (again.answer.graph, again.answer.existing, again.facts) == ("g1", True, ())
    assert len(world.graphs) == 1


def test_the_same_key_for_another_document_is_refused():
    world = World()
    world.do(offer(task("a"), key="k"))
    assert world.tell(offer(task("b"), key="k")).info.code == "KEY_CONFLICT"


def test_a_dry_run_says_what_would_be_and_does_nothing():
    world = World()
    step = world.do(offer(task("a"), dry_run=True))
    assert (step.answer.dry_run, step.answer.graph, step.facts, step.effects) == (True, "", (), ())
    assert not world.graphs


def test_what_can_never_be_had_is_refused_by_name():
    world = World()
    refused = world.tell(offer(task("a", resources={"gpu": 3}), task("b", resources={"tpu": 1})))
    assert refused.info.code == "INVALID_GRAPH"
    assert [problem.where for problem in refused.info.problems] == [
        "tasks[0] (a).resources.gpu",
        "tasks[1] (b).resources.tpu",
    ]
    assert "it would wait for ever" in refused.info.problems[0].message
    assert "gpu, mem" in refused.info.problems[1].message


def test_ids_are_never_used_again():
    world = World()
    world.submit(task("a"))
    world.end("a")
    world.do(s.PruneAsked(graphs=("g1",), older_than_s=None, keep=None))
    assert world.submit(task("a")) == "g2"
    world.restart()
    assert world.submit(task("a")) == "g3"


def test_the_wall_is_armed_from_the_start():
    world = World()
    world.submit(task("a"), limits={"wall": 60})
    assert world.armed == {s.TimerKey("wall", "g1"): world.now + 60}
    world.end("a")
    assert not world.armed
