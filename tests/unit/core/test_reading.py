"""A graph's own readers: opened with it, gone once they were told of its end, and in the way of forgetting it."""

import pytest
from core_world import World, task

from orch_actors.actors.core import stimuli as s
from orch_actors.protocol.errors import Refused

TELLS = {"callbacks": [{"append": "/a"}, {"on": "decision_asked", "append": "/b"}], "files": "/f"}


def consumers(world):
    return {name: consumer.kinds for name, consumer in world.state.consumers.items()}


def acknowledge(world, name, seq=None):
    head = world.state.told
    return world.do(s.EventsAcknowledged(consumer=name, seq=head if seq is None else seq, head=head))


def prune(*graphs):
    return s.PruneAsked(graphs=graphs, older_than_s=None, keep=None)


def test_they_come_with_the_graph_and_stand_behind_its_submission():
    world = World()
    world.submit(task("a"), **TELLS)
    assert consumers(world) == {
        "graph.g1.1": ("task_ended", "decision_asked", "graph_ended"),
        "graph.g1.2": ("decision_asked", "graph_ended"),
        "graph.g1.files": ("task_ended", "decision_asked", "decision_answered", "graph_ended"),
    }
    assert {(consumer.cursor, consumer.graphs) for consumer in world.state.consumers.values()} == {(1, ("g1",))}


def test_each_goes_once_it_was_told_of_the_end():
    world = World()
    world.submit(task("a"), **TELLS)
    acknowledge(world, "graph.g1.1")
    assert len(consumers(world)) == 3  # nothing is over yet
    world.end("a")
    acknowledge(world, "graph.g1.2", world.state.told - 1)
    assert len(consumers(world)) == 3
    for left in ("graph.g1.1", "graph.g1.2", "graph.g1.files"):
        with pytest.raises(Refused, match=left) as caught:
            raise world.tell(prune("g1"))
        assert f"consumers forget {left}" in caught.value.info.hint
        assert world.do(prune()).answer.graphs == ()
        assert world.do(s.RetentionDue(keep=0, tasks=None, older_than_s=0.0)).facts == ()
        acknowledge(world, left)
    assert consumers(world) == {}
    assert world.do(prune("g1")).answer.graphs == ("g1",)


def test_a_graph_that_runs_again_has_them_again():
    world = World()
    world.submit(task("a"), **TELLS)
    world.end("a")
    acknowledge(world, "graph.g1.1")
    before = world.state.told
    world.do(s.RetryAsked(graph="g1", task="a", set={}, base_dir="/"))
    assert world.state.consumers["graph.g1.1"].cursor == before + 1
    assert world.state.consumers["graph.g1.2"].cursor == 1  # which had not been told
    acknowledge(world, "graph.g1.1")
    assert "graph.g1.1" in consumers(world)


def test_no_client_opens_one_nor_forgets_it_for_its_silence():
    world = World()
    world.submit(task("a"), **TELLS)
    wanted = {"kinds": (), "graphs": (), "head": 2, "oldest": 1, "since": None}
    assert world.do(s.ConsumerWanted(consumer="graph.g1.1", **wanted)).answer.existing
    assert world.tell(s.ConsumerWanted(consumer="graph.g9.1", **wanted)).info.code == "NOT_ALLOWED"
    world.now += 1e6
    assert world.do(s.ConsumersUnwanted(consumers=(), idle_s=1.0)).answer.consumers == ()
    world.do(s.ConsumersUnwanted(consumers=("graph.g1.1",), idle_s=None))
    assert "graph.g1.1" not in consumers(world)


def test_a_new_life_calls_for_the_courier_where_a_graph_needs_it():
    world = World()
    world.submit(task("a"))
    assert s.WakeCourier() not in world.do(s.Recovered()).effects
    world.submit(task("a"), callbacks=[{"append": "/a"}])
    assert s.WakeCourier() in world.do(s.Recovered()).effects
