"""Graphs that tasks submit: whose they are, how deep and how many; cancelled with where they come from."""

import pytest
from core_world import World, offer, task

from orch_actors.actors.core import stimuli as s
from orch_actors.protocol.errors import Refused


@pytest.fixture
def world():
    world = World({"shell": 9})
    world.submit(task("a"), task("b"))
    return world


def inside(world, attempt="g1/a/1", *tasks, **more):
    return world.tell(offer(*(tasks or (task("x"),)), parent=f":{attempt}", **more))


def cancel(world, graph, name=None, **more):
    return world.do(s.CancelAsked(graph=graph, task=name, reason="", **more)).answer


def test_a_graph_knows_the_attempt_that_it_comes_from(world):
    child = inside(world).answer.graph
    assert (world.state.graphs[child].parent, world.state.graphs[child].depth) == ("g1/a/1", 1)
    assert world.state.graphs["g1"].children == [child]
    world.restart(from_picture=True)
    assert world.state.graphs["g1"].children == [child]


@pytest.mark.parametrize("parent", ["", "nonsense", "j:g1/a/1", ":g1/a/2", ":g1/nobody/1", ":g9/a/1", ":g1/a/x", ":"])
def test_a_parent_that_is_not_known_is_none(world, parent):
    graph = world.do(offer(task("x"), parent=parent)).answer.graph
    assert (world.state.graphs[graph].parent, world.state.graphs[graph].depth) == ("", 0)


def test_it_goes_so_deep_and_no_deeper(world):
    at = "g1/a/1"
    for depth in (1, 2, 3):
        graph = inside(world, at).answer.graph
        assert world.state.graphs[graph].depth == depth
        at = f"{graph}/x/1"
    refused = inside(world, at)
    assert refused.info.code == "NOT_ALLOWED"
    assert "4 deep" in refused.info.message
    assert "orch-actors add" in refused.info.hint
    assert isinstance(inside(world, at, dry_run=True), Refused)


def test_there_are_so_many_from_inside_one_graph_until_some_are_forgotten(world):
    world.do(s.WorkerTypesConfigured(limits=world.limits, nesting=(9, 3)))
    first = inside(world).answer.graph
    second = inside(world, f"{first}/x/1").answer.graph
    inside(world, f"{second}/x/1")
    assert "at most 3" in inside(world, "g1/b/1").info.message
    cancel(world, first)
    world.end("x", graph=first, ending="killed")
    world.do(s.PruneAsked(graphs=(first,), older_than_s=None, keep=None))
    world.restart(from_picture=True)
    assert inside(world, "g1/b/1").answer.graph == "g5"


def test_the_same_key_again_gives_the_same_child_whichever_attempt_asks(world):
    child = inside(world, key="k").answer
    world.do(s.WorkerTypesConfigured(limits=world.limits, nesting=(9, 1)))
    again = inside(world, "g1/b/1", key="k")
    assert (again.answer.graph, again.answer.existing) == (child.graph, True)


def test_a_cancelled_graph_takes_along_what_was_submitted_from_inside_it(world):
    child = inside(world).answer.graph
    grandchild = inside(world, f"{child}/x/1").answer.graph
    other = world.submit(task("x"))
    assert cancel(world, "g1", dry_run=True).graphs == (child, grandchild)
    assert cancel(world, "g1").graphs == (child, grandchild)
    for graph in (child, grandchild):
        assert world.get("x", graph).attempts[-1].stopping == ("cancelled", "g1 was cancelled")
    assert world.get("x", other).attempts[-1].stopping is None


def test_a_cancelled_task_takes_along_its_own(world):
    mine, others = inside(world).answer.graph, inside(world, "g1/b/1").answer.graph
    assert cancel(world, "g1", "a").graphs == (mine,)
    assert world.get("x", mine).attempts[-1].stopping == ("cancelled", "g1/a was cancelled")
    assert world.get("x", others).attempts[-1].stopping is None


def test_an_end_by_itself_takes_nothing_along(world):
    child = inside(world).answer.graph
    world.end("a", 1)
    world.end("b")
    assert world.graphs[0].state == "failed"
    assert world.get("x", child).attempts[-1].stopping is None
    world.do(s.PruneAsked(graphs=("g1",), older_than_s=None, keep=None))
    world.restart(from_picture=True)
    world.end("x", graph=child)
    assert world.state.graphs[child].state == "done"
