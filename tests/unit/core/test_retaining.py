"""What is over is forgotten by itself: beyond the bounds, oldest first, in pieces; nothing else is."""

import pytest
from core_world import World, task

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers import retaining


def due(keep=None, tasks=None, older=None):
    return s.RetentionDue(keep=keep, tasks=tasks, older_than_s=older)


def over(*sizes):
    """Graphs g1 … of these many tasks that ended a second apart; and one that runs."""
    world = World()
    for number, size in enumerate(sizes, 1):
        world.submit(*(task(f"t{place}") for place in range(size)), key=f"k{number}")
        world.do(s.CancelAsked(graph=f"g{number}", task=None, reason=""))
        for node in list(world.flying):
            world.end(node.id, graph=node.graph.id, ending="killed")
        world.now += 1
    world.submit(task("a"))
    return world


def ids(world):
    return [graph.id for graph in world.graphs]


@pytest.mark.parametrize(
    ("bounds", "kept"),
    [
        (due(), ["g1", "g2", "g3", "g4"]),
        (due(keep=3), ["g1", "g2", "g3", "g4"]),
        (due(keep=2), ["g2", "g3", "g4"]),
        (due(keep=0), ["g4"]),
        (due(tasks=6), ["g1", "g2", "g3", "g4"]),
        (due(tasks=5), ["g2", "g3", "g4"]),
        (due(tasks=4), ["g3", "g4"]),
        (due(tasks=1), ["g3", "g4"]),  # the newest is kept, however large it is
        (due(keep=2, tasks=3), ["g3", "g4"]),
        (due(older=2.5), ["g2", "g3", "g4"]),
        (due(keep=100, tasks=100, older=0.5), ["g4"]),
    ],
)
def test_the_oldest_go_beyond_each_bound(bounds, kept):
    world = over(1, 2, 3)
    step = world.do(bounds)
    assert ids(world) == kept
    gone = [f"g{number}" for number in (1, 2, 3) if f"g{number}" not in kept]
    assert step.facts == tuple(f.GraphForgotten(graph=graph) for graph in gone)
    assert step.effects == tuple(s.ForgetGraph(graph) for graph in gone)
    assert not retaining.exceeded(world.state, bounds, world.now)


def test_what_ended_under_a_clock_that_was_ahead_does_not_keep_what_is_old():
    world = over(1)
    world.now += 1000
    world.submit(task("x"))
    world.do(s.CancelAsked(graph="g3", task=None, reason=""))
    for node in [node for node in world.flying if node.graph.id == "g3"]:
        world.end(node.id, graph="g3", ending="killed")
    world.now -= 900
    world.do(due(older=50))
    assert ids(world) == ["g2", "g3"]


def test_what_goes_on_again_is_not_over(monkeypatch):
    world = over(1, 1)
    world.do(s.RetryAsked(graph="g1", task="t0"))
    world.do(due(keep=0))
    assert ids(world) == ["g1", "g3"]
    for node in [node for node in world.flying if node.graph.id == "g1"]:
        world.end(node.id, graph="g1")
    assert list(world.state.over) == ["g1"]


def test_a_step_takes_a_piece(monkeypatch):
    monkeypatch.setattr(retaining, "PIECE_GRAPHS", 2)
    world = over(1, 1, 1)
    world.do(due(keep=0))
    assert ids(world) == ["g3", "g4"]
    assert retaining.exceeded(world.state, due(keep=0), world.now)
    world.do(due(keep=0))
    assert ids(world) == ["g4"]


def test_a_piece_is_of_few_tasks_but_of_one_graph_at_least(monkeypatch):
    monkeypatch.setattr(retaining, "PIECE_TASKS", 3)
    world = over(5, 2, 1, 1)
    for kept in (["g2", "g3", "g4", "g5"], ["g4", "g5"], ["g5"]):
        world.do(due(keep=0))
        assert ids(world) == kept
