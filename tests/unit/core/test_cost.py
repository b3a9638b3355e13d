"""What a stimulus costs does not depend on the size of the graph. Counted in calls: the same on every machine."""

import sys

import pytest
from core_world import NOON, offer, over, task

from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.machine import Machine

SMALL, LARGE = 200, 4000


def machine_with(tasks, **top):
    machine = Machine()
    machine.handle(s.WorkerTypesConfigured(limits={"shell": 8}, resources={"mem": 4.0}), NOON)
    machine.handle(s.Recovered(), NOON)
    machine.handle(offer(*tasks, **top), NOON)
    machine.handle(s.WorkerReady(worker="shell"), NOON)
    return machine


def calls(machine, stimulus):
    count = 0

    def on_event(_frame, event, _argument):
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(on_event)
    try:
        machine.handle(stimulus, NOON + 1)
    finally:
        sys.setprofile(before)
    return count


def cost_of_ends(machine, rounds=40, **news):
    """Calls that the ends of `rounds` running tasks take, after some to warm up."""
    total = 0
    for turn in range(rounds + 20):
        node = next(iter(machine.state.in_flight["shell"].values()))
        cost = calls(machine, over("g1", node.id, len(node.attempts), **news))
        total += cost if turn >= 20 else 0
    return total


SHAPES = {
    "free": lambda size: ([task(f"t{n}") for n in range(size)], {}),
    "chains": lambda size: ([task(f"t{n}", *([f"t{n - 50}"] if n >= 50 else [])) for n in range(size)], {}),
    "limited": lambda size: ([task(f"t{n}") for n in range(size)], {"limits": {"parallel": 3, "wall": 99}}),
    "resources": lambda size: ([task(f"t{n}", resources={"mem": 1 + n % 3}) for n in range(size)], {}),
    "exclusive": lambda size: ([task(f"t{n}", exclusive=[f"l{n % 5}"]) for n in range(size)], {}),
    "joined": lambda size: ([*(task(f"t{n}") for n in range(size)), task("all", *(f"t{n}" for n in range(size)))], {}),
    "timed": lambda size: ([task(f"t{n}", timeout=5, deadline=90, priority=n % 3) for n in range(size)], {}),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_end_of_a_task(shape):
    small, large = (machine_with(tasks, **top) for tasks, top in (SHAPES[shape](SMALL), SHAPES[shape](LARGE)))
    assert cost_of_ends(large) <= 1.05 * cost_of_ends(small)


def test_the_failure_of_an_attempt():
    made = [[task(f"t{n}", retry={"attempts": 50, "backoff": 5}) for n in range(size)] for size in (SMALL, LARGE)]
    small, large = (machine_with(tasks) for tasks in made)
    assert cost_of_ends(large, exit_code=1) <= 1.05 * cost_of_ends(small, exit_code=1)


@pytest.mark.parametrize(
    "stimulus",
    [
        s.AttemptFound(graph="g1", task="t0", attempt=1, pid=3, elapsed_s=1),
        s.CancelAsked(graph="g1", task="t0", reason=""),
        s.CancelAsked(graph="g1", task="t150", reason=""),
        s.PauseAsked(graph="g1", worker=None),
        s.LimitAsked(graph="g1", worker=None, parallel=3),
        s.BudgetAsked(graph="g1", set={"attempts": 9}),
        s.LimitAsked(graph=None, worker="shell", parallel=9),
        s.UpdateAsked(graph="g1", task="t150", set={"priority": 4}, base_dir="/"),
        s.TasksOffered(graph="g1", tasks=(task("new", "t1"),), base_dir="/"),
        s.QuestionAsked(graph="g1", task="t0", question="q", options=("x",), default=None, deadline_s=None),
    ],
    ids=lambda stimulus: type(stimulus).__name__,
)
def test_other_stimuli(stimulus):
    small, large = (machine_with(SHAPES["free"](size)[0]) for size in (SMALL, LARGE))
    assert calls(large, stimulus) <= 1.1 * calls(small, stimulus)
