"""Editing a graph while it runs: each edit happens whole, or not at all."""

import pytest
from core_world import World, task

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers import editing
from orch_actors.protocol.errors import Refused


def add(*tasks, **news):
    return s.TasksOffered(graph="g1", tasks=tasks, base_dir="/", **news)


def update(name, change, **news):
    return s.UpdateAsked(graph="g1", task=name, set=change, base_dir="/", **news)


def retry(name=None, change=None, **news):
    return s.RetryAsked(graph="g1", task=name, set=change or {}, **news)


def problems(refused):
    assert isinstance(refused, Refused)
    assert refused.info.code == "INVALID_GRAPH"
    return [(problem.where, problem.message) for problem in refused.info.problems]


# --- add ------------------------------------------------------------------------------------------------------------


def test_added_tasks_may_depend_on_anything_of_the_graph():
    world = World()
    world.submit(task("done"), task("run"), task("failed"))
    world.end("done")
    world.end("failed", 1)
    step = world.do(
        add(task("a", "done"), task("b", "run"), task("c", "failed"), task("d", "c"), task("e", ("d", "finished")))
    )
    assert step.answer.changes == ("+ a", "+ b", "+ c", "+ d", "+ e")
    assert world.states().split(" ", 3)[3] == "a:running b:pending c:skipped d:skipped e:ready"


def test_a_graph_that_is_over_runs_again():
    world = World()
    world.submit(task("a"), limits={"wall": 60})
    world.end("a")
    world.now += 500
    step = world.do(add(task("b", "a")))
    assert [type(fact) for fact in step.facts[:2]] == [f.GraphReopened, f.TasksAdded]
    assert world.graphs[0].state == "running"
    assert world.armed == {s.TimerKey("wall", "g1"): world.now + 60}
    world.restart()  # the wall runs from the reopening then, too
    assert world.armed == {s.TimerKey("wall", "g1"): world.now + 60}


def test_what_is_added_and_skipped_at_once_leaves_the_graph_over():
    world = World()
    world.submit(task("a"))
    world.end("a", 1)
    world.do(add(task("b", "a")))
    assert (world.states(), world.graphs[0].state) == ("a:failed b:skipped", "failed")


def test_everything_that_is_wrong_is_said_and_nothing_happens():
    world = World()
    world.submit(task("a"))
    refused = world.tell(
        add(
            task("a"),
            {"id": "x"},
            task("b", "nobody"),
            task("b"),
            task("c", "d"),
            task("d", "c"),
            task("e", resources={"tpu": 1}),
            task("f", "a", "a"),
        )
    )
    assert {where for where, _ in problems(refused)} >= {
        "tasks[0] (a).id",
        "tasks[1] (x).command",
        "tasks[2] (b).depends_on[0]",
        "tasks[3] (b).id",
        "tasks[4] (c).depends_on",
        "tasks[6] (e).resources.tpu",
        "tasks[7] (f).depends_on[1]",
    }
    assert "nothing was changed" in refused.info.hint
    assert world.states() == "a:running"


def test_unknown_dependencies_come_with_a_guess():
    world = World()
    world.submit(task("build"))
    ((where, message),) = problems(world.tell(add(task("b", "buidl"))))
    assert where == "tasks[0] (b).depends_on[0]"
    assert "build" in message


def test_to_add_nothing_makes_no_sense():
    world = World()
    world.submit(task("a"))
    assert problems(world.tell(add())) == [("tasks", "there is nothing to add")]


def test_a_graph_has_a_most(monkeypatch):
    monkeypatch.setattr(editing, "MAX_TASKS", 2)
    world = World()
    world.submit(task("a"))
    world.do(add(task("b")))
    assert "more than 2 tasks" in problems(world.tell(add(task("c"))))[0][1]


def test_edits_can_be_tried_and_checked():
    world = World()
    world.submit(task("a"))
    assert world.do(add(task("b"), dry_run=True)).answer.changes == ("+ b",)
    assert world.tell(add(task("b"), if_version=2)).info.code == "STALE_VERSION"
    assert world.do(add(task("b"), if_version=1)).answer.version == 2
    assert world.tell(update("b", {}, if_version=1)).info.code == "STALE_VERSION"
    assert world.tell(retry("b", if_version=1)).info.code == "STALE_VERSION"


@pytest.mark.parametrize("edit", [add(task("b")), update("a", {"timeout": 3}), retry("a")])
def test_what_is_being_cancelled_is_not_edited(edit):
    world = World()
    world.submit(task("a"))
    world.do(s.CancelAsked(graph="g1", task=None, reason=""))
    assert "being cancelled" in world.tell(edit).info.message


# --- update ---------------------------------------------------------------------------------------------------------


def test_any_option_of_what_has_not_started():
    world = World()
    world.submit(task("a"), task("b", "a", timeout=5))
    step = world.do(update("b", {"timeout": 60, "priority": 3, "retry": {"attempts": 2}}))
    assert set(step.answer.changes) == {
        "~ b: timeout 5.0 → 60.0",
        "~ b: priority none → 3",
        "~ b: retry none → {'attempts': 2}",
    }
    spec = world.get("b").spec
    assert (spec.timeout, spec.priority, spec.retry.attempts) == (60, 3, 2)
    world.do(update("b", {"timeout": None}))
    assert world.get("b").spec.timeout is None


def test_long_values_are_shortened():
    world = World()
    world.submit(task("a"), task("b", "a"))
    (line,) = world.do(update("b", {"command": "x" * 200})).answer.changes
    assert len(line) < 100
    assert line.endswith("…")


def test_what_has_started_is_not_changed():
    world = World()
    world.submit(task("a", retry={"attempts": 2, "backoff": 9}))
    assert world.tell(update("a", {"timeout": 5})).info.code == "NOT_ALLOWED"
    world.end("a", 1)
    assert "has started" in world.tell(update("a", {"timeout": 5})).info.message
    world.fire(world.timer("retry"))
    world.end("a", 1)
    assert "is failed" in world.tell(update("a", {"timeout": 5})).info.message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"timeout": "soon"}, "timeout"),
        ({"depends_on": ["nobody"]}, "nobody"),
        ({"depends_on": ["b"]}, "itself"),
        ({"depends_on": ["c"]}, "b → c → b"),
        ({"depends_on": ["a", "a"]}, "twice"),
        ({"resources": {"gpu": 9}}, "for ever"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_changes_that_make_no_sense(change, words):
    world = World()
    world.submit(task("a"), task("b", "a"), task("c", "b"))
    assert any(words in where + message for where, message in problems(world.tell(update("b", change))))


def test_all_that_is_wrong_with_a_change_is_told_at_once():
    world = World()
    world.submit(task("a"), task("b", "a"))
    wrong = {"timeout": "soon", "depends_on": ["nobody", "b", "nobody"], "wroker": "shell", "env": {"ORCH_X": "1"}}
    assert {where for where, _ in problems(world.tell(update("b", wrong)))} == {
        "timeout",
        "wroker",
        "env.ORCH_X",
        "depends_on[0]",
        "depends_on[1]",
        "depends_on[2]",
    }


def test_all_that_is_wrong_with_new_tasks_is_told_at_once():
    world = World()
    world.submit(task("a"))
    refused = world.tell(
        add(
            task("b", "c", timeout="soon"),
            task("c", "b", resources={"gpu": 9}),
            task("a", "b"),
            task("d", "bb", "d"),
            task("d", "d2"),
            task("d2", "d"),
            {"id": "e", "worker": "shel", "comand": "x", "timout": 1},
            {"id": "f", "command": "x", "foreach": []},
        )
    )
    found = dict(problems(refused))
    assert set(found) == {
        "tasks[0] (b).timeout",
        "tasks[0] (b).depends_on",
        "tasks[1] (c).resources.gpu",
        "tasks[2] (a).id",
        "tasks[3] (d).depends_on[0]",
        "tasks[3] (d).depends_on[1]",
        "tasks[4] (d).id",
        "tasks[4] (d).depends_on",
        "tasks[6] (e).worker",
        "tasks[6] (e).comand",
        "tasks[6] (e).timout",
        "tasks[7] (f).foreach",
    }
    assert found["tasks[0] (b).depends_on"].endswith("b → c → b (each depends on the next)")
    assert "d → d2 → d (each depends on the next), unless 'd' means another" in found["tasks[4] (d).depends_on"]
    assert "did you mean `b`" in found["tasks[3] (d).depends_on[0]"]
    assert "the graph has a task 'a' already" in found["tasks[2] (a).id"]


def test_an_id_stays():
    world = World()
    world.submit(task("a"), task("b", "a"))
    assert world.tell(update("b", {"id": "c"})).info.code == "NOT_ALLOWED"


def test_no_change_is_no_fact():
    world = World()
    world.submit(task("a"), task("b", "a"))
    step = world.do(update("b", {"depends_on": ["a"]}))
    assert (step.facts, step.answer.changes, step.answer.version) == ((), (), 1)
    assert world.do(update("b", {"timeout": 3}, dry_run=True)).answer.changes == ("~ b: timeout none → 3.0",)


def test_new_dependencies_hold_back_what_was_ready_and_old_ones_let_go():
    world = World({"shell": 1})
    world.submit(task("a"), task("b"), task("c", "b"), task("d", "c"))
    world.do(update("b", {"depends_on": [{"task": "a", "on": "failed"}]}))
    assert world.get("b").state == "pending"
    world.do(update("d", {"depends_on": None}))
    assert world.get("d").state == "ready"
    world.end("a")
    assert world.states() == "a:done b:skipped c:skipped d:running"


def test_new_dependencies_that_can_never_hold_skip():
    world = World({"shell": 1})
    world.submit(task("a"), task("b"), task("c"), task("d", "c"))
    world.end("a")
    world.do(update("c", {"depends_on": [{"task": "a", "on": "failed"}]}))
    assert world.states() == "a:done b:running c:skipped d:skipped"


def test_the_last_dependencies_may_end_the_graph():
    world = World()
    world.submit(task("a"), task("b"), task("c", "b"))
    world.end("a")
    world.do(update("c", {"depends_on": [{"task": "a", "on": "failed"}]}))
    world.end("b")
    assert world.graphs[0].state == "done"


def test_a_ready_task_moves_in_the_queue():
    world = World({"shell": 1, "python": 1})
    world.submit(task("run"), task("a"), task("b"))
    world.do(update("b", {"priority": 9}))
    world.do(update("a", {"worker": "python", "command": None, "call": "m:f"}))
    assert world.states() == "run:running a:running b:ready"
    world.end("run")
    assert world.get("b").state == "running"


def test_a_gate_comes_and_goes():
    world = World(ready=False)
    world.submit(task("a"))
    world.do(update("a", {"approve": True}))
    assert world.get("a").state == "blocked"
    world.do(update("a", {"approve": None}))
    assert (world.get("a").state, world.get("a").answer) == ("ready", None)
    assert world.decide("d1", "approve").info.code == "ANSWERED"


def test_a_gate_that_asks_something_else_asks_anew():
    world = World()
    world.submit(task("a", approve=True, ask={"deadline": 60}))
    world.do(update("a", {"ask": {"deadline": 90, "question": "really?"}}))
    (decision,) = world.decisions
    assert (decision.ref, decision.question, decision.deadline_s) == ("d2", "really?", 90)
    world.do(update("a", {"priority": 1}))
    assert world.decisions == [decision]


def test_a_gate_closes_for_what_waits_again():
    world = World({"shell": 1})
    world.submit(task("a"), task("b", approve=True))
    world.do(update("b", {"depends_on": ["a"]}))
    assert (world.states(), world.decisions) == ("a:running b:pending", [])
    world.end("a")
    assert world.get("b").state == "blocked"


def test_who_was_approved_is_not_asked_again():
    world = World(ready=False)
    world.submit(task("a", approve=True))
    world.decide("d1", "approve")
    world.do(update("a", {"title": "other"}))
    assert world.get("a").state == "ready"


def test_a_deadline_is_moved_and_lifted():
    world = World(ready=False)
    world.submit(task("a", deadline=60), task("b", "a"))
    begun = world.now
    world.now += 50
    world.do(update("a", {"deadline": 90}))
    assert world.armed == {s.TimerKey("deadline", "g1", "a"): begun + 90}
    world.do(update("a", {"deadline": 10}))
    assert world.armed == {s.TimerKey("deadline", "g1", "a"): world.now}
    world.do(update("a", {"deadline": None}))
    assert not world.armed
    world.do(update("b", {"deadline": 5}))  # it begins when it could
    assert not world.armed


# --- retry ----------------------------------------------------------------------------------------------------------


def test_a_task_runs_again_in_place_and_its_descendants_with_it():
    world = World()
    world.submit(task("a"), task("b", "a"), task("c", "b"), task("d"))
    world.end("a")
    world.end("d")
    world.end("b", 1)
    assert world.states() == "a:done b:failed c:skipped d:done"
    step = world.do(retry("a"))
    assert step.answer.changes == ("↻ a", "↻ b", "↻ c")
    assert world.states() == "a:running b:pending c:pending d:done"
    assert [attempt.number for attempt in world.get("a").attempts] == [1, 2]
    world.end("a")
    world.end("b")
    world.end("c")
    assert world.graphs[0].state == "done"


def test_everything_that_failed_or_was_cancelled():
    world = World()
    world.submit(task("a"), task("b"), task("c", ("a", "finished")))
    world.end("a", 1)
    world.end("b")
    world.do(s.CancelAsked(graph="g1", task="c", reason=""))
    world.end("c", ending="killed")
    assert world.do(retry()).answer.changes == ("↻ a", "↻ c")
    assert world.states() == "a:running b:done c:pending"


def test_retries_begin_anew():
    world = World()
    world.submit(task("a", retry={"attempts": 2}, deadline=60, approve=True))
    world.decide("d1", "approve")
    world.end("a", 1)
    world.end("a", 1)
    world.do(retry("a"))
    assert world.get("a").state == "blocked"  # and so does the approval
    world.decide("d2", "approve")
    world.end("a", 1)
    assert (world.get("a").state, world.get("a").tries) == ("running", 2)


def test_it_may_be_changed_on_the_way():
    world = World()
    world.submit(task("a"), task("b", "a"))
    world.end("a", 1)
    step = world.do(retry("a", {"timeout": 9}))
    assert step.answer.changes == ("~ a: timeout none → 9.0", "↻ a", "↻ b")
    assert world.get("a").spec.timeout == 9
    assert world.timer("timeout")


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (retry("b"), "NOT_ALLOWED"),
        (retry(), "NOT_ALLOWED"),
        (retry(None, {"timeout": 4}), "INVALID_REQUEST"),
        (retry("x"), "UNKNOWN_TASK"),
    ],
)
def test_what_cannot_run_again(edit, code):
    world = World()
    world.submit(task("a"), task("b", "a"))
    world.end("a")
    assert world.tell(edit).info.code == code


def test_a_change_on_the_way_that_makes_no_sense_changes_nothing():
    world = World()
    world.submit(task("a"), task("b", "a"))
    world.end("a", 1)
    assert problems(world.tell(retry("a", {"depends_on": ["b"]}))) == [
        ("depends_on", "the tasks would wait for each other in a cycle: a → b → a")
    ]
    assert world.states() == "a:failed b:skipped"


def test_not_under_the_feet_of_one_that_runs():
    world = World()
    world.submit(task("a"), task("b", "a"), task("c", "b"))
    world.end("a")
    assert "g1/b depends on it and has started" in world.tell(retry("a")).info.message


def test_who_was_about_to_start_waits_again():
    """Or it would run before the new result of what it depends on is there."""
    world = World({"shell": 1})
    world.submit(
        task("a"), task("hold", priority=9), task("b", "a"), task("c", "a", approve=True), task("d", "a", "hold")
    )
    world.end("hold")
    world.do(add(task("more", priority=9)))
    world.end("a")
    assert world.states() == "a:done hold:done b:ready c:blocked d:ready more:running"
    step = world.do(retry("a"))
    assert step.answer.changes == ("↻ a", "~ b: ready → pending", "~ c: blocked → pending", "~ d: ready → pending")
    assert world.states() == "a:ready hold:done b:pending c:pending d:pending more:running"
    assert not world.decisions
    world.answer_everything()


def test_a_dry_run_of_a_retry():
    world = World()
    world.submit(task("a"))
    world.end("a", 1)
    assert world.do(retry("a", dry_run=True)).answer.changes == ("↻ a",)
    assert world.get("a").state == "failed"


def test_a_cancelled_graph_can_be_brought_back():
    world = World()
    world.submit(task("a"), task("b", "a"))
    world.do(s.CancelAsked(graph="g1", task=None, reason="oops"))
    world.end("a", ending="killed")
    world.do(retry())
    assert (world.graphs[0].state, world.graphs[0].reason, world.states()) == ("running", "", "a:running b:pending")
    world.answer_everything()
    assert world.graphs[0].state == "done"
