"""Every cell of REACTIONS, held against the machine: it acts, does nothing, or refuses, as the table says.

A task is brought into each state on a way that gives it all that a stimulus could refer to: a timeout, a deadline, an
attempt of an earlier life, and a decision (d1) that nobody has answered.
"""

import pytest
from core_world import World, over, task

from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers import endings
from orch_actors.actors.core.handlers import judging as judging_handler
from orch_actors.actors.core.machine import HANDLERS, Machine
from orch_actors.actors.core.table import (
    GRAPH_PHASES,
    GRAPH_REACTIONS,
    REACTIONS,
    TASK_STATES,
    WORKER_REACTIONS,
    WORKER_STATES,
)
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol.errors import Refused

POLICIES = {
    "timeout": 50,
    "deadline": 5000,
    "retry": {"attempts": 9, "backoff": 9, "on": ["exit"]},
    "approve": True,
    "decisions": {"by": "judge_then_human", "worker": "shell", "command": "./decide", "attempts": 1},
}

JUDGE = {"worker": "shell", "command": "./judge", "criteria": ["good"], "attempts": 1}


def retry(name, **change):
    return s.RetryAsked(graph="g1", task=name, set=change)


def base():
    """`x` is cancelled, with d1 about it still unanswered; the one slot is taken by `hold`."""
    world = World({"shell": 1})
    world.submit(task("dep"), task("hold"), task("x", "dep", **POLICIES))
    world.end("dep")
    world.do(s.CancelAsked(graph="g1", task="x", reason=""))
    return world


def ready():
    world = base()
    world.do(retry("x", approve=None))
    return world


def running():
    world = ready()
    world.end("hold")
    return world


def pending():
    """It waits for `dep`, which runs (again)."""
    world = ready()
    world.do(retry("dep"))
    world.end("hold")
    return world


def waiting():
    """It waits for its next attempt."""
    world = running()
    world.end("x", 1)
    return world


def judging():
    """Its judge runs."""
    world = base()
    world.do(retry("x", approve=None, judge=JUDGE))
    world.end("hold")
    world.end("x")
    return world


def blocked():
    """It waits for approval, asked anew."""
    world = base()
    world.do(retry("x"))
    return world


def done():
    world = running()
    world.end("x")
    return world


def failed():
    world = running()
    world.end("x", ending="spawn")
    return world


def skipped():
    world = pending()
    world.end("dep", 1)
    return world


WAYS = {
    "pending": pending,
    "ready": ready,
    "running": running,
    "judging": judging,
    "blocked": blocked,
    "done": done,
    "failed": failed,
    "cancelled": base,
    "skipped": skipped,
}


def direct(world, decide):
    """What is no stimulus of its own: the handler's part, called by itself."""
    turn = Turn(world.state, world.now, "b1")
    decide(turn)
    return turn


def stimulus(world, name, state):
    """A stimulus of each row, for `x` as it is."""
    number = max(1, len(world.get("x").attempts))
    at = {"graph": "g1", "task": "x", "attempt": number}
    match name:
        case "attempt_adopted":
            return s.AttemptFound(**at, pid=9, elapsed_s=1)
        case "attempt_exceeded":
            return s.AttemptExceeded(**at, cls="output_limit", message="too much")
        case "attempt_progressed":
            return s.AttemptProgressed(**at, text="half", percent=50.0)
        case "attempt_ended":
            return over("g1", "x", number)
        case "retry_due":
            return s.TimerFired(key=s.TimerKey("retry", "g1", "x", len(world.get("x").attempts) + 1))
        case "timeout_due":
            return s.TimerFired(key=s.TimerKey("timeout", "g1", "x", number))
        case "deadline_due":
            return s.TimerFired(key=s.TimerKey("deadline", "g1", "x"))
        case "decided":
            open_one = world.get("x").decision
            ref = open_one.ref if open_one else "d1"
            return s.DecisionMade(ref=ref, choice="approve", note="", by="me")
        case "ask":
            return s.QuestionAsked(graph="g1", task="x", question="q", options=("y",), default=None, deadline_s=None)
        case "cancel":
            return s.CancelAsked(graph="g1", task="x", reason="")
        case "retry":
            return retry("x")
        case "update":
            return s.UpdateAsked(graph="g1", task="x", set={"timeout": 60}, base_dir="/")
        case "budget":
            return s.UpdateAsked(graph="g1", task="x", set={"budget": {"attempts": 50}}, base_dir="/")


def of_judge(turn, world):
    """The judge that is at it, or the one that was, is over."""
    task = world.get("x")
    turn.judges_over.append(task.judge or world.get(task.judges[0]))
    judging_handler.settle(turn)


def concerns(fact):
    return getattr(fact, "task", None) == "x"


def reaction(world, name, state):
    """What the machine makes of it."""
    if name == "dependency_ended":
        if state == "pending":
            step = world.end("dep")
        else:
            step = direct(world, lambda turn: endings.settle_waiting(turn, world.get("x")))
    elif name == "slot_granted":
        step = world.do(s.LimitAsked(graph=None, worker="shell", parallel=9))
    elif name == "judge_over":
        step = direct(world, lambda turn: of_judge(turn, world))
    else:
        step = world.tell(stimulus(world, name, state))
    if isinstance(step, Refused):
        return "refuse"
    return "act" if any(concerns(fact) for fact in step.facts) else "ignore"


@pytest.mark.parametrize("state", TASK_STATES)
@pytest.mark.parametrize("name", list(dict.fromkeys(name for _, name in REACTIONS)))
def test_the_machine_does_what_the_table_says(state, name):
    world = waiting() if (state, name) == ("pending", "retry_due") else WAYS[state]()
    if (state, name) in (("running", "decided"), ("running", "judge_over")):
        world.do(
            s.QuestionAsked(graph="g1", task="x", question="q", options=("approve",), default=None, deadline_s=None)
        )
    assert world.get("x").state == state
    assert reaction(world, name, state) == REACTIONS[state, name]


@pytest.mark.parametrize("state", TASK_STATES)
def test_what_is_ignored_asks_for_nothing_either(state):
    for name in ("attempt_adopted", "attempt_exceeded", "attempt_ended", "retry_due", "timeout_due", "deadline_due"):
        world = WAYS[state]()
        if REACTIONS[state, name] == "ignore":
            step = world.do(stimulus(world, name, state))
            assert not step.facts
            assert not step.effects


def graph_in(phase):
    """`bad` has failed, `hold` runs, `x` waits for an approval; all over where the phase is an end."""
    world = World({"shell": 2})
    ends = {"done": (0, "approve"), "failed": (1, "approve"), "cancelled": (0, "reject")}
    code, choice = ends.get(phase, (1, ""))
    world.submit(task("bad"), task("hold"), task("x", approve=True), limits={"wall": 500})
    world.end("bad", code)
    match phase:
        case "paused":
            world.do(s.PauseAsked(graph="g1", worker=None))
        case "cancelling":
            world.do(s.CancelAsked(graph="g1", task=None, reason=""))
        case "done" | "failed" | "cancelled":
            world.decide("d1", choice)
            world.end("hold")
            if choice == "approve":
                world.end("x")
    assert world.graphs[0].phase == phase
    return world


def of_graph(name):
    """A stimulus of each row of GRAPH_REACTIONS."""
    match name:
        case "add":
            return s.TasksOffered(graph="g1", tasks=(task("more"),), base_dir="/")
        case "update":
            return s.UpdateAsked(graph="g1", task="x", set={"timeout": 60}, base_dir="/")
        case "retry":
            return s.RetryAsked(graph="g1", task="bad")
        case "pause":
            return s.PauseAsked(graph="g1", worker=None)
        case "resume":
            return s.ResumeAsked(graph="g1", worker=None)
        case "limit":
            return s.LimitAsked(graph="g1", worker=None, parallel=3)
        case "budget":
            return s.BudgetAsked(graph="g1", set={"usd": 3})
        case "cancel":
            return s.CancelAsked(graph="g1", task=None, reason="")
        case "prune":
            return s.PruneAsked(graphs=("g1",), older_than_s=None, keep=None)
        case "wall_due":
            return s.TimerFired(key=s.TimerKey("wall", "g1"))


@pytest.mark.parametrize("phase", GRAPH_PHASES)
@pytest.mark.parametrize("name", list(dict.fromkeys(name for _, name in GRAPH_REACTIONS)))
def test_the_machine_does_with_graphs_what_the_table_says(phase, name):
    world = graph_in(phase)
    if name != "last_task_ended":
        step = world.tell(of_graph(name))
    elif world.graphs[0].open_tasks:
        if not world.get("x").terminal:
            world.do(s.CancelAsked(graph="g1", task="x", reason=""))
        step = world.end("hold")
    else:
        step = direct(world, lambda turn: endings.end_graph_if_over(turn, world.graphs[0]))
    if isinstance(step, Refused):
        assert GRAPH_REACTIONS[phase, name] == "refuse"
        assert step.info.hint
    else:
        assert GRAPH_REACTIONS[phase, name] == ("act" if step.facts else "ignore")


def of_worker(name, state):
    """A stimulus of each row of WORKER_REACTIONS, for the type `shell`; d1 is about it."""
    match name:
        case "host_ready":
            return s.WorkerReady(worker="shell")
        case "host_lost":
            return s.WorkerLost(worker="shell")
        case "host_exhausted":
            return s.WorkerLost(worker="shell", exhausted="died too often")
        case "pause":
            return s.PauseAsked(graph=None, worker="shell")
        case "limit":
            return s.LimitAsked(graph=None, worker="shell", parallel=3)
        case "resume":
            return s.ResumeAsked(graph=None, worker="shell")
        case "decided":
            return s.DecisionMade(ref="d1", choice="resume" if state == "parked" else "keep", note="", by="me")


@pytest.mark.parametrize("state", WORKER_STATES)
@pytest.mark.parametrize("name", list(dict.fromkeys(name for _, name in WORKER_REACTIONS)))
def test_the_machine_does_with_worker_types_what_the_table_says(state, name):
    world = World({"shell": 1})
    world.submit(task("a"), task("b"))
    world.do(s.WorkerLost(worker="shell", exhausted="died"))
    if state == "open":
        world.decide("d1", "resume")
    step = world.tell(of_worker(name, state))
    if isinstance(step, Refused):
        assert WORKER_REACTIONS[state, name] == "refuse"
    else:
        assert WORKER_REACTIONS[state, name] == ("act" if step.facts or step.effects else "ignore")


def test_every_stimulus_has_its_handler():
    kinds = {kind for kind in vars(s).values() if isinstance(kind, type) and issubclass(kind, s.Stimulus)}
    assert set(HANDLERS) == kinds - {s.Stimulus}


def test_what_is_no_stimulus_is_a_bug():
    with pytest.raises(TypeError, match="no handler for Stimulus"):
        Machine().handle(s.Stimulus(), 0.0)


def test_every_effect_is_asked_for_by_something():
    """And so performed by the shell around the machine: see World.perform."""
    effects = {kind for kind in vars(s).values() if isinstance(kind, type) and issubclass(kind, s.Effect)} - {s.Effect}
    seen = set()
    world = World(ready=False)
    handle = world.machine.handle

    def noting(stimulus, now):
        step = handle(stimulus, now)
        seen.update(type(effect) for effect in step.effects)
        return step

    world.machine.handle = noting
    world.submit(task("a", timeout=5))
    world.do(s.WorkerReady(worker="shell"))
    world.do(s.WorkerReady(worker="shell"))
    world.do(s.CancelAsked(graph="g1", task=None, reason=""))
    world.end("a", ending="killed")
    world.do(s.PruneAsked(graphs=(), older_than_s=None, keep=None))
    world.do(s.WorkerLost(worker="shell", exhausted="died"))
    world.do(s.ResumeAsked(graph=None, worker="shell"))
    world.submit(task("b"), callbacks=[{"append": "/told"}])
    assert seen == effects


def test_the_boot_id_goes_into_every_attempt():
    world = World()
    world.submit(task("a"))
    assert world.get("a").attempts[0].boot == "b1"
