"""A picture of the state, and a state from a picture: nothing is left out, nothing made up."""

import dataclasses

import pytest
from core_world import World, busy_life, dump, over, pieces, restored, task
from msgspec import json

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import image
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.nodes import Decision, Graph, Quarantined, Task, WorkerType
from orch_actors.actors.core.picture import PIECE, pictured
from orch_actors.actors.core.quarantine import fold_or_pass_over
from orch_actors.actors.core.restoring import Restoring
from orch_actors.actors.core.selfcheck import broken_invariants
from orch_actors.actors.core.state import State

#: Node → its image; what is made anew when it is read, or says the same under another name.
IMAGES = {
    Graph: (image.GraphImage, {"tasks", "open_tasks", "counts", "spent", "children"}),
    Task: (image.TaskImage, {"graph", "index", "dependents", "claims", "ref"}),
    Decision: (image.DecisionImage, {"subject"}),
    WorkerType: (image.WorkerImage, {"configured", "ready", "woken", "running"}),
}
#: Of the images alone.
OWN = {"tasks", "work", "task", "running"}


@pytest.mark.parametrize("node", IMAGES)
def test_every_field_has_its_place(node):
    """Whoever adds a field to a node adds it to its image, or says here why not."""
    kept, derived = IMAGES[node]
    fields = {field.name for field in dataclasses.fields(node)}
    assert fields - derived == set(kept.__struct_fields__) - OWN


def test_every_field_of_a_quarantine_has_its_place():
    fields = {field.name for field in dataclasses.fields(Quarantined)}
    assert fields == set(image.QuarantinedImage.__struct_fields__) - {"graph"}


def test_a_busy_life_is_restored():
    world = busy_life()
    again = restored(world.state)
    assert dump(again.state) == dump(world.state)
    assert not broken_invariants(again.state)
    assert dump(restored(again.state).state) == dump(world.state)


def test_after_every_step_of_a_busy_life(monkeypatch):
    """And what comes next means the same to both."""
    tell = World.tell

    def and_look(world, stimulus):
        step = tell(world, stimulus)
        again = restored(world.state)
        assert dump(again.state) == dump(world.state)
        assert not broken_invariants(again.state)
        return step

    monkeypatch.setattr(World, "tell", and_look)
    busy_life()


def test_the_queue_goes_on_in_its_order():
    world = World(limits={"shell": 1}, ready=False)
    world.submit(task("a"), task("b", priority=3), task("c"), limits={"parallel": 2})
    world.submit(task("d", priority=3))
    again = restored(world.state)
    order = []
    for machine in (world.machine, again):
        machine.handle(s.WorkerTypesConfigured(limits={"shell": 1}), 1.0)
        step = machine.handle(s.WorkerReady(worker="shell"), 1.0)
        started = []
        while step.effects:
            (start,) = [effect for effect in step.effects if isinstance(effect, s.StartAttempt)]
            started.append(start.task)
            step = machine.handle(over(start.graph, start.task, 1), 2.0)
            if len(started) == 4:
                break
        order.append(started)
    assert order == [["b", "d", "a", "c"]] * 2


def test_edits_leave_dependents_in_the_order_of_the_graph():
    world = World(ready=False)
    world.submit(task("a"), task("b", "a"), task("c", "a"))
    world.do(s.UpdateAsked(graph="g1", task="b", set={"timeout": 4}, base_dir="/"))
    assert [other.id for other, _ in world.get("a").dependents] == ["b", "c"]
    assert dump(restored(world.state).state) == dump(world.state)


def test_large_graphs_come_in_pieces():
    world = World(ready=False)
    world.submit(*[task(f"t{number}") for number in range(PIECE + 1)])
    kinds = [type(piece).__name__ for piece in pictured(world.state)]
    assert kinds == ["MachineImage", "GraphImage", "TasksImage", "TasksImage"]
    assert dump(restored(world.state).state) == dump(world.state)


def test_an_empty_state():
    (first,) = pieces(State())
    assert first == image.MachineImage(last_graph=0, last_decision=0, told=0, graphs=0)
    assert json.encode(first) == b'{"type":"machine","last_graph":0,"last_decision":0,"told":0,"graphs":0}'


@pytest.mark.parametrize("state", ["pending", "ready", "running", "retrying"])
def test_what_is_in_quarantine_between_two_lives(state):
    """The facts that made no sense may lie in what a snapshot stands for, and the one that says so behind it."""
    world = World(ready=state != "ready")
    world.submit(task("x", *(["y"] if state == "pending" else []), retry={"attempts": 3}), task("y"))
    if state == "retrying":
        world.end("x", 1)
    senseless = [f.TaskBlocked(graph="g1", task="x", ref="d9"), f.AttemptStarting(graph="g1", task="x", attempt=7)]
    for fact in senseless:
        fold_or_pass_over(world.state, fact, world.now, "a line")
    assert list(world.state.quarantine) == ["g1/x"]
    again = restored(world.state)
    assert dump(again.state) == dump(world.state)
    steps = [machine.handle(s.Recovered(), 1.0) for machine in (world.machine, again)]
    assert steps[0].facts == steps[1].facts
    assert dump(again.state) == dump(world.state)
    assert not broken_invariants(again.state)


def whole():
    world = World(ready=False)
    world.submit(task("a"), task("b"))
    world.submit(task("c"))
    return pieces(world.state)


@pytest.mark.parametrize("missing", range(5))
def test_a_piece_that_is_missing_is_missed(missing):
    there = [piece for place, piece in enumerate(whole()) if place != missing]
    restoring = Restoring(State())
    with pytest.raises((ValueError, LookupError)):  # noqa: PT012 (where it is noticed does not matter)
        for piece in there:
            restoring.take(piece)
        restoring.finish()


def test_a_piece_too_much_is_refused():
    there = whole()
    restoring = Restoring(State())
    for piece in there:
        restoring.take(piece)
    with pytest.raises(ValueError, match="tasks of no graph"):
        restoring.take(there[-1])
