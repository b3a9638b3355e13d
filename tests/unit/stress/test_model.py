"""The marathon's model: what it says of small graphs, by hand; and that it is nobody's copy."""

import ast
from pathlib import Path

import pytest

from orch_actors.stress.scenarios.marathon import model
from orch_actors.stress.scenarios.marathon.flavours import HANG, OK, fail
from orch_actors.stress.scenarios.marathon.model import End, predict
from orch_actors.stress.scenarios.marathon.plan import Act, Action, Cue, GraphPlan

INVALID = Act("leave 0", "invalid")
LOST = Act("lost", "lost")
ASK = Act("ask", "ask")


def plan(*tasks, acts=None, script=(), **document):
    given = {task["id"]: (OK,) for task in tasks} | (acts or {})
    return GraphPlan(document={"name": "x", "tasks": list(tasks), **document}, acts=given, script=tuple(script))


def task(name, *after, **fields):
    return {"id": name, "depends_on": list(after), **fields}


def on(name, condition):
    return {"task": name, "on": condition}


def ends(found, name="a"):
    return {(end.state, end.cls, end.attempts) for end in found.tasks[name]}


def end(found, name="a"):
    (only,) = ends(found, name)
    return only


def one(acts, *answers, **fields):
    """What must come of a single task."""
    script = [
        Cue(when="decision_asked", task="a", nth=nth, actions=(Action(verb="answer", choice=choice),))
        for nth, choice in enumerate(answers, 1)
        if choice
    ]
    found = predict(plan(task("a", **fields), acts={"a": acts}, script=script))
    return end(found)


def test_it_shares_no_code_with_the_daemon():
    tree = ast.parse(Path(model.__file__).read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name for name in imported if name.startswith("orch_actors")} == {
        "orch_actors.stress.scenarios.marathon.plan"
    }


@pytest.mark.parametrize(
    ("acts", "fields", "expected"),
    [
        ((OK,), {}, ("done", None, (None,))),
        ((fail(3),), {}, ("failed", "exit", ("exit",))),
        ((fail(3), OK), {"retry": {"attempts": 3}}, ("done", None, ("exit", None))),
        ((fail(3),), {"retry": {"attempts": 3}}, ("failed", "exit", ("exit",) * 3)),
        ((fail(3), OK), {"retry": {"attempts": 3, "on": ["timeout"]}}, ("failed", "exit", ("exit",))),
        ((fail(3), OK), {"retry": {"attempts": 3, "exit_codes": [4]}}, ("failed", "exit", ("exit",))),
        ((fail(4), fail(3)), {"retry": {"attempts": 9, "exit_codes": [4]}}, ("failed", "exit", ("exit",) * 2)),
        ((INVALID, OK), {"validate": {"files": ["x"]}, "retry": {"attempts": 2}}, ("done", None, ("validation", None))),
        ((INVALID,), {"validate": {"files": ["x"]}}, ("failed", "validation", ("validation",))),
        ((INVALID,), {}, ("done", None, (None,))),
        ((HANG,), {"timeout": 1}, ("failed", "timeout", ("timeout",))),
        ((HANG, OK), {"idle_timeout": 1, "retry": {"attempts": 2}}, ("done", None, ("idle_timeout", None))),
        ((LOST, OK), {"on_unknown": "rerun"}, ("done", None, ("unknown", None))),
        ((LOST, OK), {"on_unknown": "fail", "retry": {"attempts": 5}}, ("failed", "unknown", ("unknown",))),
        ((Act("", "spawn"),), {"retry": {"attempts": 2}}, ("failed", "spawn", ("spawn", "spawn"))),
    ],
)
def test_policies(acts, fields, expected):
    assert one(acts, **fields) == expected


@pytest.mark.parametrize(
    ("acts", "answers", "fields", "expected"),
    [
        ((OK,), ["approve"], {"approve": True}, ("done", None, (None,))),
        ((OK,), ["reject"], {"approve": True}, ("cancelled", None, ())),
        ((OK,), [""], {"approve": True}, ("cancelled", None, ())),
        ((OK,), [""], {"approve": True, "ask": {"default": "approve"}}, ("done", None, (None,))),
        ((fail(1), fail(1), OK), ["retry", "retry"], {"on_fail": "ask"}, ("done", None, ("exit", "exit", None))),
        ((fail(1),), ["accept"], {"on_fail": "ask"}, ("done", None, ("exit",))),
        ((fail(1),), ["continue"], {"on_fail": "ask"}, ("failed", "exit", ("exit",))),
        ((fail(1),), [""], {"on_fail": "ask"}, ("failed", "exit", ("exit",))),
        (
            (fail(1),),
            ["retry", "fail"],
            {"on_fail": "ask", "retry": {"attempts": 2}},
            ("failed", "exit", ("exit",) * 3),
        ),
        ((ASK, OK), ["left"], {}, ("done", None, (None, None))),
        ((LOST, OK), ["rerun"], {}, ("done", None, ("unknown", None))),
        ((LOST, OK), ["accept"], {}, ("done", None, ("unknown",))),
        ((LOST,), [""], {}, ("failed", "unknown", ("unknown",))),
    ],
)
def test_answers(acts, answers, fields, expected):
    assert one(acts, *answers, **fields) == expected


def test_a_deadline_may_come_at_any_moment():
    found = ends(predict(plan(task("a", deadline=1), acts={"a": (HANG,)})))
    assert found == {("failed", "deadline", ()), ("failed", "deadline", ("deadline",))}
    waits = {"attempts": 5, "backoff": 60}
    found = ends(predict(plan(task("a", deadline=1, retry=waits), acts={"a": (fail(1),)})))
    assert ("failed", "deadline", ("exit",)) in found
    assert {(state, cls) for state, cls, _ in found} == {("failed", "deadline")}


def test_backoff():
    retry = {"backoff": 1, "factor": 3, "max_backoff": 10}
    assert [model.delay_s(retry, failures) for failures in (1, 2, 3, 4)] == [1, 3, 9, 10]
    assert model.delay_s({}, 3) == 0


@pytest.mark.parametrize(
    ("fields", "condition", "expected"),
    [
        ({}, "done", "skipped"),
        ({}, "failed", "done"),
        ({}, "finished", "done"),
        ({"on_fail": "continue"}, "done", "done"),
        ({"on_fail": "continue"}, "failed", "done"),
    ],
)
def test_conditions_on_a_failure(fields, condition, expected):
    found = predict(plan(task("a", **fields), task("b", on("a", condition)), acts={"a": (fail(1),)}))
    assert end(found, "b")[0] == expected
    assert found.states == {"failed"}


def test_conditions_on_what_is_done_or_skipped():
    tasks = [task("a"), task("b", on("a", "failed")), task("c", "b"), task("d", on("c", "finished"))]
    found = predict(plan(*tasks))
    assert [end(found, name)[0] for name in "abcd"] == ["done", "skipped", "skipped", "done"]
    assert found.states == {"done"}


def test_tolerant_graphs_forgive_what_goes_on():
    acts = {"a": (fail(1),)}
    assert predict(plan(task("a", on_fail="continue"), acts=acts, tolerant=True)).states == {"done"}
    assert predict(plan(task("a"), acts=acts, tolerant=True)).states == {"failed"}


def test_a_failure_that_ends_the_graph():
    tasks = [
        task("a"),
        task("b", "a", on_fail="cancel_graph"),
        task("c", on("b", "finished")),
        task("d"),
        task("e", "d"),
    ]
    found = predict(plan(*tasks, acts={"b": (fail(1),), "d": (fail(1), OK)}))
    assert end(found, "a") == ("done", None, (None,))
    assert end(found, "b") == ("failed", "exit", ("exit",))
    assert ends(found, "c") == {("cancelled", None, ())}
    assert ends(found, "d") == {
        ("failed", "exit", ("exit",)),
        ("cancelled", None, ()),
        ("cancelled", None, ("exit",)),
        ("cancelled", None, ("cancelled",)),
    }
    assert {state for state, _, _ in ends(found, "e")} == {"skipped", "cancelled"}
    assert found.states == {"failed"}


def test_what_a_skipped_task_waited_for_may_be_cut_short():
    """It is skipped at once, however long the others take."""
    tasks = [task("a"), task("b"), task("c", "a", "b"), task("d", on("c", "finished"), on_fail="cancel_graph")]
    found = predict(plan(*tasks, acts={"a": (fail(1),), "d": (fail(1),)}))
    assert end(found, "c")[0] == "skipped"
    assert ("cancelled", None, ()) in ends(found, "b")


def test_the_clients_end_of_a_graph_and_its_own_time():
    stop = Cue(when="decision_asked", task="a", actions=(Action(verb="cancel_graph"),))
    found = predict(plan(task("a", approve=True), task("b"), script=[stop]))
    assert found.states == {"cancelled"}
    assert {state for state, _, _ in ends(found, "b")} == {"done", "cancelled"}
    found = predict(plan(task("a"), acts={"a": (HANG,)}, limits={"wall": 1}))
    assert found.states == {"failed"}
    assert ends(found) == {("cancelled", None, ()), ("cancelled", None, ("cancelled",))}


def test_edits():
    actions = (
        Action(verb="cancel_task", task="b"),
        Action(verb="update", task="c", set={"on_fail": "continue", "retry": None}, acts={"c": (fail(2),)}),
        Action(verb="update", task="c", set={"on_fail": "cancel_graph"}, dry_run=True),
        Action(verb="update", task="c", set={"on_fail": "cancel_graph"}, refused="INVALID_GRAPH"),
        Action(verb="add", tasks=(task("d", "c"),), acts={"d": (OK,)}),
        Action(verb="add", tasks=(task("e", "c"),), stale=True, refused="STALE_VERSION"),
        Action(verb="answer", choice="approve"),
    )
    tasks = [task("a", approve=True), task("b", "a"), task("c", on("b", "finished"), retry={"attempts": 9})]
    script = [Cue(when="decision_asked", task="a", actions=actions)]
    found = predict(plan(*tasks, script=script))
    assert {name: end(found, name) for name in found.tasks} == {
        "a": ("done", None, (None,)),
        "b": ("cancelled", None, ()),
        "c": ("failed", "exit", ("exit",)),
        "d": ("done", None, (None,)),
    }


def test_what_is_cancelled_while_it_runs():
    cue = Cue(when="attempt_starting", task="a", actions=(Action(verb="cancel_task", task="a"),))
    found = predict(plan(task("a"), acts={"a": (HANG,)}, script=[cue]))
    assert end(found) == ("cancelled", None, ("cancelled",))
    assert found.states == {"cancelled"}


def test_a_retry_in_place_takes_its_dependents_along():
    cue = Cue(when="task_ended", task="b", actions=(Action(verb="retry", task="a"),))
    found = predict(plan(task("a"), task("b", "a"), task("c"), acts={"a": (fail(1), OK)}, script=[cue]))
    assert end(found, "a") == ("done", None, ("exit", None))
    assert end(found, "b") == ("done", None, (None,))
    assert found.lives == {"a": 2, "b": 2, "c": 1}


def test_a_retry_of_all_that_failed():
    cue = Cue(when="graph_ended", task=None, actions=(Action(verb="retry"),))
    acts = {"a": (fail(1), OK)}
    found = predict(plan(task("a"), task("b", "a"), task("c"), task("d", on("a", "finished")), acts=acts, script=[cue]))
    assert found.lives == {"a": 2, "b": 2, "c": 1, "d": 2}
    assert end(found, "d") == ("done", None, (None, None))
    assert found.states == {"done"}


def test_what_was_forgiven_in_an_earlier_life():
    cue = Cue(when="task_ended", task="b", actions=(Action(verb="retry", task="a"),))
    tasks = [task("a", on_fail="continue"), task("b", "a")]
    found = predict(plan(*tasks, acts={"a": (fail(1), OK)}, script=[cue]))
    assert (end(found, "b"), found.forgiven) == (("done", None, (None, None)), {"a"})


def test_foreach():
    found = predict(plan(task("a", foreach=["x", "y"]), task("b", "a")))
    assert set(found.tasks) == {"a-1", "a-2", "b"}
    names = [dependency["task"] for dependency in found.documents["b"]["depends_on"]]
    assert names == ["a-1", "a-2"]


def test_questions_are_counted():
    script = [Cue(when="decision_asked", task="a", nth=0, actions=(Action(verb="answer", choice="retry"),))]
    found = predict(plan(task("a", on_fail="ask"), acts={"a": (fail(1), fail(1), OK)}, script=script))
    assert found.questions == {"a": 2}


def test_a_cycle_is_a_mistake_of_the_plan():
    with pytest.raises(ValueError, match="cycle"):
        predict(plan(task("a", "b"), task("b", "a")))


def test_what_clients_cannot_see_is_left_out():
    assert model.without_marks(End("failed", "exit", ("exit",), forgiven=True, ends_graph=True)) == End(
        "failed", "exit", ("exit",)
    )
