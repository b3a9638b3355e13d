"""Why a task waits, for everything that it may wait for: the sentence, the reason, and the command that would help."""

import pytest
from core_world import World, task

from orch_actors.actors.core import stimuli as s
from orch_actors.actors.views.why import explain, why


def asked(world, name, graph="g1"):
    return why(world.state, world.get(name, graph))


def test_a_lock_and_who_holds_it():
    world = World({"shell": 4})
    world.submit(task("a", exclusive=["deploy"]), task("b", exclusive=["deploy"]))
    said = asked(world, "b")
    assert said.sentence == "waits for the lock 'deploy', which g1/a holds"
    assert said.reason == {"kind": "lock", "name": "deploy", "ahead": None, "holders": ["g1/a"]}
    assert said.help == "orch-actors why g1/a"


def test_a_resource_and_who_has_it():
    world = World({"shell": 4})
    world.submit(task("a", resources={"gpu": 1}), task("b", resources={"gpu": 1}), task("c", resources={"gpu": 2}))
    said = asked(world, "c")
    assert said.sentence == "waits for 2 of gpu: 0 of 2 are free"
    assert said.reason["holders"] == ["g1/a", "g1/b"]
    world.end("a")
    assert asked(world, "c").sentence == "waits for 2 of gpu: 1 of 2 are free"


def test_what_is_kept_for_another_is_not_called_held():
    world = World({"shell": 9})
    world.submit(
        task("one", resources={"gpu": 1}),
        task("big", resources={"gpu": 2}),
        task("small", resources={"gpu": 1}, priority=-1),
    )
    said = asked(world, "small")
    assert said.sentence == "waits for 1 of gpu: 1 of 2 are free, kept for g1/big, which is before it"
    assert (said.reason["ahead"], said.help) == ("g1/big", "orch-actors why g1/big")


def test_a_lock_that_is_kept_for_another():
    world = World({"shell": 9})
    world.submit(task("one", exclusive=["a"]), task("two", exclusive=["b"]))
    world.submit(task("both", exclusive=["a", "b"]), task("late", exclusive=["a"]))
    world.end("one")
    assert world.states("g2") == "both:ready late:ready"
    assert asked(world, "late", "g2").sentence == "waits for the lock 'a', kept for g2/both, which is before it"
    assert asked(world, "both", "g2").sentence == "waits for the lock 'b', which g1/two holds"


def configured(world, **resources):
    world.resources = resources
    world.do(s.WorkerTypesConfigured(limits=world.limits, resources=resources))


def test_what_there_was_and_is_not_any_more():
    world = World({"shell": 1})
    world.submit(task("run", resources={"gpu": 2}), task("a", resources={"gpu": 2, "mem": 3}), task("b", "run"))
    configured(world, gpu=1.0, mem=4.0)
    said = asked(world, "a")
    assert said.sentence == "asks for 2 of gpu, of which there are 1 now: it cannot start until config.toml says more"
    assert said.reason == {"kind": "impossible", "name": "gpu", "wanted": 2.0, "total": 1.0}
    assert said.help == "orch-actors update g1/a 'resources={gpu: 1, mem: 3}'"
    world.end("run")
    assert world.states() == "run:done a:ready b:running"
    assert asked(world, "a") == said
    configured(world)
    assert asked(world, "a").help == "orch-actors update g1/a resources="
    configured(world, gpu=2.0, mem=4.0)
    assert "slot" in asked(world, "a").sentence
    world.end("b")
    assert world.get("a").state == "running"


def test_what_has_been_tried_cannot_be_updated():
    world = World({"shell": 1})
    world.submit(task("a", resources={"gpu": 2}, retry={"attempts": 2}))
    configured(world, gpu=1.0)
    world.end("a", 1)
    assert asked(world, "a").help == "orch-actors config path"
    configured(world, gpu=2.0)
    assert world.get("a").state == "running"


@pytest.mark.parametrize("count", [3, 30])
def test_the_list_of_a_graph_does_not_look_for_holders(count):
    """It is asked for every task of a graph, however large."""
    world = World({"shell": 99})
    world.submit(task("a", exclusive=["x"]), *(task(f"t{n}", exclusive=["x"]) for n in range(count)))
    assert "holders" not in explain(world.state, world.get("t1"))[1]
