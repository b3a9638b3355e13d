"""Four faults of the script that this grew out of, each as a test that would have caught it, at the core's level.

1. Options of a task were dropped in silence.
2. Dependents of a failed or cancelled task stayed pending for ever, so the graph never ended.
3. Commands were applied again after a restart.
4. One decision released every blocked task.
"""

import pytest
from core_world import World, dump, replayed, task
from msgspec import structs

from orch_actors.actors.core import stimuli as s
from orch_actors.protocol.spec.document import task_to_document
from orch_actors.protocol.spec.graph import TaskSpec
from orch_actors.protocol.spec.parse import parse_task

#: A value for every field of a task, none of them its default.
EVERY_OPTION = {
    "id": "all",
    "worker": "shell",
    "command": ["make", "-j2"],
    "title": "everything",
    "depends_on": ["first", {"task": "second", "on": "finished"}],
    "cwd": "/srv",
    "worktree": True,
    "env": {"A": "1"},
    "secrets": {"B": {"env": "C"}},
    "timeout": 11,
    "idle_timeout": 12,
    "deadline": 1300,
    "grace": 14,
    "retry": {
        "attempts": 3,
        "backoff": 15,
        "factor": 4,
        "max_backoff": 160,
        "jitter": 0.25,
        "on": ["exit", "timeout"],
        "exit_codes": [75],
    },
    "validate": {"files": ["out.txt"], "pattern": "ok", "command": "test -s out.txt", "timeout": 17},
    "artifacts": {"paths": ["out.txt", "dist/*"], "copy": True},
    "judge": {"worker": "shell", "command": "./judge", "criteria": {"b": "it builds"}, "max_rounds": 2, "timeout": 20},
    "decisions": {"by": "judge", "worker": "python", "call": "a:b", "attempts": 3},
    "on_fail": "ask",
    "on_unknown": "rerun",
    "priority": 18,
    "approve": True,
    "ask": {"question": "sure?", "deadline": 19, "default": "approve"},
    "resources": {"gpu": 1},
    "exclusive": ["deploy"],
    "budget": {"attempts": 9, "wall": 3600},
}


# --- 1. options ------------------------------------------------------------------------------------------------------


def test_no_option_of_a_task_is_dropped_on_its_way_through_the_journal():
    world = World()
    world.submit(task("first"), task("second"), EVERY_OPTION)
    wanted = parse_task(EVERY_OPTION, base_dir="/")
    assert world.get("all").spec == wanted
    world.restart()
    assert world.get("all").spec == wanted
    world.do(s.TasksOffered(graph="g1", tasks=({**EVERY_OPTION, "id": "added"},), base_dir="/"))
    world.restart()
    assert world.get("added").spec == structs.replace(wanted, id="added")


def test_that_was_every_option():
    """A field that is added to TaskSpec is added above, or this fails."""
    spec = parse_task(EVERY_OPTION, base_dir="/")
    same = [name for name in TaskSpec.__struct_fields__ if getattr(spec, name) == _default(name)]
    assert same == ["worker", "kind"]  # the second is filled in for types of the configuration alone
    assert set(task_to_document(spec)) >= set(EVERY_OPTION)


def _default(name):
    return getattr(parse_task({"id": "other", "command": "true"}, base_dir="/"), name)


# --- 2. dependents ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["fails", "is cancelled", "is lost", "is rejected", "is over its deadline"])
def test_a_graph_ends_whatever_becomes_of_its_first_task(end):
    world = World()
    world.submit(
        task("a", approve=end == "is rejected", on_unknown="fail", deadline=9),
        task("b", "a"),
        task("c", "b"),
        task("d", "c", ("a", "finished")),
        task("e", ("c", "failed")),
    )
    match end:
        case "fails":
            world.end("a", 1)
        case "is cancelled":
            world.do(s.CancelAsked(graph="g1", task="a", reason=""))
            world.end("a", ending="killed")
        case "is lost":
            world.end("a", ending="lost", exit_code=None)
        case "is rejected":
            world.decide("d1", "reject")
        case "is over its deadline":
            world.fire(world.timer("deadline"))
            world.end("a", ending="killed")
    assert [world.get(name).state for name in "bcde"] == ["skipped"] * 4
    assert world.graphs[0].ended_utc is not None


# --- 3. restarts -----------------------------------------------------------------------------------------------------


def test_replaying_performs_nothing_and_a_new_life_starts_nothing_twice():
    world = World({"shell": 2})
    world.submit(task("a"), task("b"), task("c", "a"), key="k")
    world.do(s.CancelAsked(graph="g1", task="b", reason=""))
    world.end("a")
    started, lines = set(world.started), len(world.journal)
    for _ in range(3):
        world.restart()  # World.perform fails where an attempt is started twice
    assert world.started == started == {("g1", "a", 1), ("g1", "b", 1), ("g1", "c", 1)}
    assert len(world.journal) == lines  # nothing was decided anew
    assert world.get("b").attempts[0].stopping == ("cancelled", "cancelled on request")


def test_a_fact_folded_is_only_state():
    """`fold` gives nothing back that could be performed."""
    world = World()
    world.submit(task("a"))
    machine = replayed(world.journal)
    assert dump(machine.state) == dump(world.state)
    assert machine.state.graphs["g1"].tasks["a"].state == "running"


def test_the_same_submission_after_a_restart_is_the_same_graph():
    world = World()
    world.submit(task("a"), key="k")
    world.restart()
    assert world.submit(task("a"), key="k") == "g1"
    assert len(world.graphs) == 1


# --- 4. decisions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", [0, 1, 2, 3, 4, 5])
def test_a_decision_releases_its_own_task_and_no_other(chosen):
    world = World({"shell": 20})
    for _ in range(2):
        world.submit(task("gate", approve=True), task("failed", on_fail="ask"), task("asks"))
    for graph in ("g1", "g2"):
        world.end("failed", 1, graph=graph)
        world.end("asks", 0, graph=graph, question="which?")
    assert [node.state for node in world.tasks] == ["blocked"] * 6
    decision = world.tasks[chosen].decision
    world.decide(decision.ref, decision.options[0])
    expected = ["running" if place == chosen else "blocked" for place in range(6)]
    assert [node.state for node in world.tasks] == expected
    world.restart()
    assert [node.state for node in world.tasks] == expected
