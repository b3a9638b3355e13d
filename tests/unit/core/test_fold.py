"""Facts make the state, and nothing else does; replaying them gives it again, and does nothing."""

import typing

import pytest
from core_world import World, busy_life, dump, over, replayed, task

from orch_actors.actors.core import facts as f
from orch_actors.actors.core.errors import InvalidTransition
from orch_actors.actors.core.fold import fold
from orch_actors.actors.core.state import unmet_dependencies


def kinds(world):
    return {type(fact) for line in world.journal for fact in line_facts(line)}


def line_facts(line):
    from orch_actors.actors.recovery.history import decode_outcome

    return decode_outcome(line).facts


def test_every_fact_comes_about_and_is_folded():
    world = busy_life()
    assert kinds(world) == set(typing.get_args(f.Fact))
    assert dump(replayed(world.journal).state) == dump(world.state)


def test_every_fact_is_one_of_the_union():
    made = {kind for kind in vars(f).values() if isinstance(kind, type) and issubclass(kind, f.FactForm)}
    assert made - {f.FactForm, f.SilentFact} == set(typing.get_args(f.Fact))
    tags = [kind.__struct_config__.tag for kind in typing.get_args(f.Fact)]
    assert len(set(tags)) == len(tags)


def test_every_prefix_of_a_journal_can_be_replayed():
    """A crash may come after any line."""
    world = busy_life()
    for length in range(len(world.journal) + 1):
        replayed(world.journal[:length])


def test_a_fact_that_the_table_does_not_know_changes_nothing_and_tells_the_story():
    world = World()
    world.submit(task("a", retry={"attempts": 2}))
    world.end("a", 1)
    world.end("a")
    before = dump(world.state)
    with pytest.raises(InvalidTransition) as raised:
        fold(world.state, f.TaskReady(graph="g1", task="a"), 0.0)
    assert dump(world.state) == before
    error = raised.value
    assert (error.ref, error.state, error.fact, len(error.story)) == ("g1/a", "done", "task_ready → ready", 2)
    assert "attempt 1 started at" in error.story[0]
    assert "exit exit code 1" in error.story[0]
    assert "done" in error.story[1]


@pytest.mark.parametrize(
    "fact",
    [
        f.AttemptEnded(graph="g1", task="a", attempt=1),
        f.AttemptStopping(graph="g1", task="a", attempt=1, cls="cancelled", why=""),
        f.AttemptAdopted(graph="g1", task="a", attempt=1, pid=3),
        f.TaskEnded(graph="g1", task="a", state="done"),
        f.TaskRevived(graph="g1", task="a"),
    ],
)
def test_nothing_happens_to_an_attempt_that_never_began(fact):
    world = World(ready=False)
    world.submit(task("a"))
    with pytest.raises(InvalidTransition, match="its story: none"):
        fold(world.state, fact, 0.0)


def test_unmet_dependencies_in_order():
    world = World()
    world.submit(task("a"), task("b"), task("c"), task("d", "b", ("c", "failed"), "a"))
    world.end("a")
    assert unmet_dependencies(world.get("d")) == ["b", "c"]


def test_an_attempt_without_a_start_keeps_the_time_of_its_decision():
    world = World()
    world.submit(task("a"))
    begun = world.now
    world.now += 5
    world.do(over("g1", "a", 1, started_utc=0.0, ended_utc=0.0))
    attempt = world.get("a").attempts[0]
    assert (attempt.started_utc, attempt.ended_utc) == (begun, begun + 5)


@pytest.mark.parametrize(
    "fact",
    [
        f.GraphResumed(graph="g1"),
        f.GraphReopened(graph="g1"),
        f.GraphForgotten(graph="g1"),
        f.GraphEnded(graph="g1", state="paused"),
    ],
)
def test_a_graph_moves_by_its_table_too(fact):
    world = World(ready=False)
    world.submit(task("a"))
    before = dump(world.state)
    with pytest.raises(InvalidTransition, match="g1 is running"):
        fold(world.state, fact, 0.0)
    assert dump(world.state) == before
