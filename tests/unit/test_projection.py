"""What clients see of the machine's state."""

from core_world import World, task

from orch_actors.actors.views.projection import graph_view


def worktree(world):
    return graph_view(world.state, world.graphs[0], "/home/attempts/j/g1").tasks[0].worktree


def test_a_worktree_is_named_where_something_may_have_run_in_it():
    world = World()
    world.submit(task("a", worktree=True, retry={"attempts": 2, "on": ["exit"]}))
    assert worktree(world)
    world.end("a", 1)
    world.end("a", None, ending="spawn", message="the worktree is damaged")
    assert (world.get("a").cls, worktree(world) != "") == ("spawn", True)


def test_one_that_could_not_be_made_is_not_named():
    world = World()
    world.submit(task("a", worktree=True))
    world.end("a", None, ending="spawn", message="the worktree cannot be made")
    assert (world.get("a").cls, worktree(world)) == ("spawn", "")
    world.submit(task("a"))
    assert graph_view(world.state, world.graphs[1], "/home/attempts/j/g2").tasks[0].worktree == ""
