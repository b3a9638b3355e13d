"""Pause, resume and limits, of a graph and of a worker type; and what is forgotten."""

import pytest
from core_world import World, task

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s


def pause(graph=None, worker=None):
    return s.PauseAsked(graph=graph, worker=worker)


def resume(graph=None, worker=None):
    return s.ResumeAsked(graph=graph, worker=worker)


def limit(parallel, graph=None, worker=None, **news):
    return s.LimitAsked(graph=graph, worker=worker, parallel=parallel, **news)


def prune(*graphs, older=None, keep=None, dry_run=False):
    return s.PruneAsked(graphs=graphs, older_than_s=older, keep=keep, dry_run=dry_run)


def test_a_paused_graph_starts_nothing_and_others_go_on():
    world = World({"shell": 1})
    world.submit(task("a"), task("b", "a"), task("c"))
    world.submit(task("a"))
    world.do(pause("g1"))
    world.end("a")
    assert world.states() == "a:done b:ready c:ready"
    assert world.states("g2") == "a:running"
    assert (world.graphs[0].state, world.graphs[0].reason) == ("paused", "paused on request")
    world.do(resume("g1"))
    world.end("a", graph="g2")
    assert world.states() == "a:done b:ready c:running"


def test_pausing_and_resuming_twice_is_fine():
    world = World()
    world.submit(task("a"))
    assert not world.do(resume("g1")).facts
    world.do(pause("g1"))
    assert not world.do(pause("g1")).facts
    assert not world.do(resume(worker="shell")).facts
    world.do(pause(worker="shell"))
    assert not world.do(pause(worker="shell")).facts


@pytest.mark.parametrize("kind", [s.PauseAsked, s.ResumeAsked])
def test_a_dry_run_or_a_stale_version_changes_nothing(kind):
    world = World()
    world.submit(task("a"))
    if kind is s.ResumeAsked:
        world.do(pause("g1"))
        world.do(pause(worker="shell"))
    now = world.graphs[0].version
    for named in ({"graph": "g1", "worker": None}, {"graph": None, "worker": "shell"}):
        step = world.do(kind(**named, dry_run=True))
        assert not step.facts
        assert not step.effects
        assert (step.answer.dry_run, len(step.answer.changes)) == (True, 1)
    assert world.tell(kind(graph="g1", worker=None, if_version=now + 1)).info.code == "STALE_VERSION"
    assert world.tell(kind(graph=None, worker="shell", if_version=1)).info.code == "INVALID_REQUEST"
    step = world.do(kind(graph="g1", worker=None, if_version=now))
    assert (step.answer.version, step.answer.dry_run) == (now + 1, False)


def test_a_paused_graph_survives_a_restart():
    world = World({"shell": 1})
    world.submit(task("a"), task("b"))
    world.do(pause("g1"))
    world.restart()
    world.end("a")
    assert world.states() == "a:done b:ready"


def test_a_paused_graph_whose_last_task_ends_is_over():
    world = World()
    world.submit(task("a"))
    world.do(pause("g1"))
    world.end("a")
    assert world.graphs[0].state == "done"


def test_a_paused_worker_type_starts_nothing_and_the_others_do():
    world = World()
    world.submit(task("run"), task("a", "run"), task("b", "run", worker="python"))
    world.do(pause(worker="shell"))
    world.end("run")
    assert world.states() == "run:done a:ready b:running"
    world.restart()
    assert world.get("a").state == "ready"
    world.do(resume(worker="shell"))
    assert world.get("a").state == "running"


def test_no_host_is_called_for_while_its_type_is_paused():
    world = World(ready=False)
    world.do(pause(worker="shell"))
    world.submit(task("a"))
    assert not world.asked_for
    world.do(resume(worker="shell"))
    assert world.asked_for == {"shell": 1}


def test_what_a_paused_type_waited_for_is_free_for_others():
    world = World({"shell": 1, "python": 2})
    world.submit(task("hold", worker="python", resources={"mem": 3}))
    world.submit(task("big", resources={"mem": 4}), task("small", worker="python", resources={"mem": 1}))
    assert world.states("g2") == "big:ready small:ready"
    world.do(pause(worker="shell"))
    assert world.states("g2") == "big:ready small:running"


@pytest.mark.parametrize("make", [pause, resume, lambda **named: limit(3, **named)])
def test_exactly_one_is_named_and_it_is_there(make):
    world = World()
    world.submit(task("a"))
    assert world.tell(make()).info.code == "INVALID_REQUEST"
    assert world.tell(make(graph="g1", worker="shell")).info.code == "INVALID_REQUEST"
    assert world.tell(make(worker="ray")).info.code == "INVALID_REQUEST"
    assert world.tell(make(graph="g7")).info.code == "UNKNOWN_GRAPH"
    world.do(s.CancelAsked(graph="g1", task=None, reason=""))
    assert "being cancelled" in world.tell(make(graph="g1")).info.message
    world.end("a", ending="killed")
    assert world.tell(make(graph="g1")).info.code == "NOT_ALLOWED"


# --- limits ---------------------------------------------------------------------------------------------------------


def test_the_limit_of_a_graph():
    world = World({"shell": 9})
    world.submit(*(task(name) for name in "abcd"), limits={"parallel": 1})
    assert len(world.flying) == 1
    step = world.do(limit(3, "g1"))
    assert (step.answer.changes, step.answer.version) == (("limits.parallel 1 → 3",), 2)
    assert len(world.flying) == 3
    world.do(limit(1, "g1"))
    world.end("a")
    assert len(world.flying) == 2  # what runs beyond it runs on
    assert world.do(limit(None, "g1")).answer.changes == ("limits.parallel 1 → none",)
    assert len(world.flying) == 3


def test_a_limit_does_not_end_a_pause():
    world = World()
    world.submit(task("a"), task("b", "a"), limits={"parallel": 1})
    world.do(pause("g1"))
    world.do(limit(5, "g1"))
    world.end("a")
    assert world.get("b").state == "ready"
    world.do(resume("g1"))
    assert world.get("b").state == "running"


def test_the_limit_of_a_worker_type_outlives_restart_and_configuration():
    world = World({"shell": 1})
    world.submit(*(task(name) for name in "abcd"))
    assert world.do(limit(2, worker="shell")).answer.changes == ("worker shell: 1 → 2",)
    world.restart()
    assert len(world.flying) == 2
    assert world.do(limit(None, worker="shell")).answer.changes == ("worker shell: 2 → 1",)
    assert world.state.worker("shell").limit == 1


@pytest.mark.parametrize("parallel", [0, -1, 10_001])
def test_limits_that_make_no_sense(parallel):
    world = World()
    world.submit(task("a"))
    assert world.tell(limit(parallel, "g1")).info.code == "INVALID_REQUEST"


def test_limits_are_checked_and_tried():
    world = World()
    world.submit(task("a"))
    assert world.tell(limit(2, "g1", if_version=7)).info.code == "STALE_VERSION"
    assert world.tell(limit(2, worker="shell", if_version=7)).info.code == "INVALID_REQUEST"
    assert world.do(limit(2, "g1", if_version=1, dry_run=True)).answer.dry_run
    assert world.do(limit(2, worker="shell", dry_run=True)).answer.dry_run
    assert (world.graphs[0].parallel, world.state.worker("shell").override) == (None, None)


# --- forgetting -----------------------------------------------------------------------------------------------------


def over(count, **top):
    """Graphs g1 … that ended a second apart; and one that runs."""
    world = World()
    for number in range(1, count + 1):
        world.submit(task("a", approve=True), key=f"k{number}", **top)
        world.decide(f"d{number}", "reject")
        world.now += 1
    world.submit(task("a"))
    return world


def ids(world):
    return [graph.id for graph in world.graphs]


def test_the_named_ones_are_forgotten_with_all_that_was_known_of_them():
    world = over(2)
    step = world.do(prune("g1", "g1"))
    assert step.answer.graphs == ("g1",)
    assert step.effects == (s.ForgetGraph("g1"),)
    assert [type(fact) for fact in step.facts] == [f.GraphForgotten]
    assert ids(world) == ["g2", "g3"]
    assert list(world.state.decisions) == ["d2"]
    assert world.state.keys == {"k2": "g2"}
    assert world.state.names == {"g": ["g2", "g3"]}


def test_a_name_goes_with_its_last_graph():
    world = over(1, name="one")
    world.do(prune("one"))
    assert "one" not in world.state.names


def test_what_is_not_over_is_not_forgotten():
    world = over(1)
    assert world.tell(prune("g1", "g2")).info.code == "NOT_ALLOWED"
    assert world.tell(prune("g9")).info.code == "UNKNOWN_GRAPH"
    assert ids(world) == ["g1", "g2"]


@pytest.mark.parametrize(
    ("how", "left"),
    [
        ({}, ["g5"]),
        ({"keep": 1}, ["g4", "g5"]),
        ({"keep": 9}, ["g1", "g2", "g3", "g4", "g5"]),
        ({"older": 2.5}, ["g3", "g4", "g5"]),
        ({"keep": 3, "older": 2.5}, ["g3", "g4", "g5"]),
        ({"keep": 1, "older": 3.5}, ["g4", "g5"]),
        ({"keep": 0, "dry_run": True}, ["g1", "g2", "g3", "g4", "g5"]),
    ],
)
def test_by_age_and_number(how, left):
    world = over(4)
    world.do(prune(**how))
    assert ids(world) == left


def test_a_key_that_stands_for_a_newer_graph_stays():
    world = over(1)
    world.do(prune("g1"))
    world.submit(task("a"), key="k1")
    assert world.state.keys == {"k1": "g3"}
