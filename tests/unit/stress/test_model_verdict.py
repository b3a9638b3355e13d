"""The marathon's verdict: a good run passes, and whatever is wrong with a run is seen."""

import pytest
from msgspec.structs import replace

from orch_actors.protocol.views import AttemptView, Event, GraphView, TaskView
from orch_actors.stress.scenarios.marathon.flavours import OK, fail
from orch_actors.stress.scenarios.marathon.order import Referee
from orch_actors.stress.scenarios.marathon.plan import Action, Cue, GraphPlan
from orch_actors.stress.scenarios.marathon.verdict import judge

DOCUMENTS = {
    "a": {"id": "a", "retry": {"attempts": 2, "backoff": 1, "jitter": 0.5}, "resources": {"gpu": 2}},
    "b": {"id": "b", "depends_on": ["a"], "approve": True, "priority": 1, "exclusive": ["x"]},
    "c": {"id": "c", "depends_on": [{"task": "a", "on": "finished"}], "priority": 1, "exclusive": ["x"]},
    "d": {"id": "d", "depends_on": [{"task": "a", "on": "failed"}]},
    "e": {"id": "e", "depends_on": ["c"]},
}
SCRIPT = [Cue(when="decision_asked", task="b", actions=(Action(verb="answer", choice="approve"),))]
PLAN = GraphPlan(
    document={"name": "x", "limits": {"parallel": 1}, "tasks": list(DOCUMENTS.values())},
    acts={"a": (fail(3), OK), "b": (OK,), "c": (OK,), "d": (OK,), "e": (OK,)},
    script=tuple(SCRIPT),
)

#: kind, task, attempt, seconds, state, data
TOLD = [
    ("graph_submitted", None, None, 0, "running", {}),
    ("task_ready", "a", None, 0, "ready", {}),
    ("attempt_starting", "a", 1, 0, "running", {}),
    ("attempt_ended", "a", 1, 1, None, {"class": "exit"}),
    ("retry_scheduled", "a", 2, 1, "pending", {"at_utc": "2026-01-01T00:00:02.200Z", "delay_s": 1.2}),
    ("task_ready", "a", None, 3, "ready", {}),
    ("attempt_starting", "a", 2, 3, "running", {}),
    ("attempt_ended", "a", 2, 4, None, {"class": None}),
    ("task_ended", "a", None, 4, "done", {}),
    ("decision_asked", "b", None, 4, "blocked", {"ref": "d1"}),
    ("task_ready", "c", None, 4, "ready", {}),
    ("task_ended", "d", None, 4, "skipped", {}),
    ("decision_answered", "b", None, 4, None, {"ref": "d1", "choice": "approve"}),
    ("task_ready", "b", None, 4, "ready", {}),
    ("attempt_starting", "c", 1, 4, "running", {}),
    ("attempt_ended", "c", 1, 5, None, {"class": None}),
    ("task_ended", "c", None, 5, "done", {}),
    ("task_ready", "e", None, 5, "ready", {}),
    ("attempt_starting", "b", 1, 5, "running", {}),
    ("attempt_ended", "b", 1, 6, None, {"class": None}),
    ("task_ended", "b", None, 6, "done", {}),
    ("attempt_starting", "e", 1, 6, "running", {}),
    ("attempt_ended", "e", 1, 7, None, {"class": None}),
    ("task_ended", "e", None, 7, "done", {}),
    ("graph_ended", None, None, 7, "done", {}),
]


def stamp(seconds):
    return f"2026-01-01T00:00:{seconds:02d}.000Z"


def events(told=TOLD):
    return [
        Event(seq=n, kind=kind, time_utc=stamp(at), graph="g1", task=task, attempt=number, state=state, data=data)
        for n, (kind, task, number, at, state, data) in enumerate(told, 1)
    ]


def attempt(number, begin, cls=None, code=0):
    state = "done" if cls is None else "failed"
    return AttemptView(
        number=number,
        state=state,
        started_utc=stamp(begin),
        ended_utc=stamp(begin + 1),
        duration_s=1.0,
        exit_code=code,
        class_=cls,
    )


def task(name, *attempts, state="done", after=(), reason=""):
    return TaskView(id=name, worker="shell", state=state, reason=reason, depends_on=after, attempts=attempts)


A = task("a", attempt(1, 0, "exit", 3), attempt(2, 3))
VIEW = GraphView(
    id="g1",
    name="x",
    state="done",
    goal="",
    reason="",
    counts={"done": 4, "skipped": 1},
    submitted_utc=stamp(0),
    ended_utc=stamp(7),
    tasks=(
        A,
        task("b", attempt(1, 5), after=("a",)),
        task("c", attempt(1, 4), after=("a",)),
        task("d", state="skipped", after=("a",), reason="a did not fail"),
        task("e", attempt(1, 6), after=("c",)),
    ),
)
MARKS = [f"g1/{name} {mark}" for name in ("a/1", "a/2", "b/1", "c/1", "e/1") for mark in ("begin", "end")]


@pytest.fixture
def verdict(tmp_path):
    """What is not as it should be, in a run that is good but for what is given."""

    def say(view=VIEW, told=TOLD, marks=MARKS, plan=PLAN):
        (tmp_path / "effects.log").write_text("".join(f"{mark}\n" for mark in marks))
        return {check.name for check in judge([plan], [view], events(told), str(tmp_path)) if not check.ok}

    return say


def with_task(new):
    return replace(VIEW, tasks=tuple(new if old.id == new.id else old for old in VIEW.tasks))


def test_a_good_run(verdict):
    assert verdict() == set()


def test_another_outcome(verdict):
    assert verdict(replace(VIEW, state="failed")) == {"x: outcome"}


def test_a_task_too_few(verdict):
    assert "x: tasks" in verdict(replace(VIEW, tasks=VIEW.tasks[:-1]))


@pytest.mark.parametrize(
    ("wrong", "checks"),
    [
        (replace(A, state="failed", class_="exit", reason="exit code 3"), {"x: ends"}),
        (replace(A, attempts=(replace(A.attempts[0], exit_code=4), A.attempts[1])), {"x: exit codes"}),
        (replace(A, attempts=(replace(A.attempts[0], class_="timeout"), A.attempts[1])), {"x: ends"}),
        (replace(A, attempts=(A.attempts[0], replace(A.attempts[1], number=3))), {"x: ends"}),
        (replace(A, attempts=(A.attempts[0], replace(A.attempts[1], state="running"))), {"x: ends"}),
        (task("e", attempt(1, 4), after=("c",)), {"dependencies by times"}),
        (task("d", state="skipped", after=("a",)), {"x: ends"}),
    ],
)
def test_a_task_that_is_otherwise(verdict, wrong, checks):
    assert checks <= verdict(with_task(wrong))


def test_effects(verdict):
    assert verdict(marks=[*MARKS, "g1/b/1 begin"]) == {"effects once"}
    assert verdict(marks=[mark for mark in MARKS if not mark.startswith("g1/b/1")]) == {
        "effects of every attempt",
        "effects whole",
    }
    assert verdict(marks=[*MARKS, "g1/d/1 begin"]) == {"effects of nothing else"}
    assert verdict(marks=[mark for mark in MARKS if mark != "g1/b/1 end"]) == {"effects whole"}


def test_edits_and_questions(verdict):
    edit = ("task_updated", "e", None, 4, None, {})
    assert verdict(told=[*TOLD[:12], edit, *TOLD[12:]]) == {"edits once"}
    asked = ("decision_asked", "c", None, 4, None, {"ref": "d2"})
    answered = ("decision_answered", "c", None, 4, None, {"ref": "d2", "choice": "yes"})
    assert "x: questions" in verdict(told=[*TOLD[:15], asked, answered, *TOLD[15:]])


# --- the order of events --------------------------------------------------------------------------------------------


def fouls(told, *, documents=DOCUMENTS, forgiven=(), parallel=1, slots=4):
    referee = Referee({"gpu": 2}, slots)
    referee.expect("g1", {"limits": {"parallel": parallel}}, documents, forgiven)
    referee.watch(events(told))
    return [foul.partition(": ")[2] for foul in referee.fouls] + referee.left()


def changed(kind, name, **fields):
    """The events, the first of this kind of this task being otherwise."""
    told = list(TOLD)
    place = next(n for n, one in enumerate(told) if one[:2] == (kind, name))
    row = dict(zip(("kind", "task", "attempt", "at", "state", "data"), told[place], strict=True)) | fields
    told[place] = tuple(row.values())
    return told


def moved(kind, name, before):
    """The events, the first of this kind of this task having come at another place."""
    told = list(TOLD)
    place = next(n for n, one in enumerate(told) if one[:2] == (kind, name))
    row = told.pop(place)
    told.insert(before, row)
    return told


def test_a_good_order():
    assert fouls(TOLD) == []


def test_a_number_is_missing():
    referee = Referee({"gpu": 2}, 4)
    referee.expect("g1", {}, DOCUMENTS, ())
    referee.watch([event for event in events() if event.seq != 4])
    assert "number 5 follows 3" in referee.fouls[0]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (moved("task_ready", "c", 4), "it waits for a to be finished"),
        (changed("task_ended", "a", state="failed"), "it waits for a to be done"),
        (moved("task_ready", "b", 12), "it waits for an answer to ['d1']"),
        (changed("decision_answered", "b", data={"ref": "d9", "choice": "approve"}), "d9 is not open"),
        (changed("decision_answered", "b", data={"ref": "d1", "choice": "reject"}), "nobody has approved"),
        (changed("attempt_starting", "b", attempt=2), "attempt 0 was the last one"),
        (changed("attempt_ended", "c", attempt=2), "it does not run"),
        ([*TOLD[:6], ("attempt_starting", "a", 2, 2, "running", {}), *TOLD[7:]], "too early for another attempt"),
        (changed("retry_scheduled", "a", data={"at_utc": stamp(3), "delay_s": 1.6}), "the wait is 1.6 s"),
        (moved("attempt_starting", "b", 14), "c comes first"),
        (moved("task_ended", "e", 22), "it is running"),
        ([*TOLD[:-2], TOLD[-1]], "not every task is over"),
        ([*TOLD, TOLD[1]], "the graph is over"),
        ([*TOLD[:9], TOLD[8], *TOLD[9:]], "it is done"),
        ([*TOLD[:18], ("graph_paused", None, None, 5, "paused", {}), *TOLD[18:]], "nothing is to start now"),
        ([*TOLD[:18], ("worker_paused", None, None, 5, None, {"worker": "shell"}), *TOLD[18:]], "nothing is to start"),
        ([*TOLD[:18], ("graph_cancelling", None, None, 5, None, {}), *TOLD[18:]], "ends done in a graph that is being"),
        ([*TOLD[:1], ("task_revived", "a", None, 0, "pending", {}), *TOLD[1:]], "it is pending"),
        (TOLD[:-2], "e is running"),
    ],
)
def test_what_breaks_the_order(told, said):
    found = fouls(told)
    assert any(said in foul for foul in found), found


def two_at_once(**fields):
    documents = {name: {"id": name, **fields} for name in "ab"}
    told = [
        (kind, name, number, 0, state, {})
        for name in "ab"
        for kind, number, state in (("task_ready", None, "ready"), ("attempt_starting", 1, "running"))
    ]
    for name in "ab":
        told += [("attempt_ended", name, 1, 1, None, {"class": None}), ("task_ended", name, None, 1, "done", {})]
    return documents, told


@pytest.mark.parametrize(
    ("fields", "bounds", "said"),
    [
        ({}, {"parallel": 1}, "2 of 1 in the graph"),
        ({}, {"parallel": 2, "slots": 1}, "2 of 1 run"),
        ({"exclusive": ["x"]}, {"parallel": 2}, "2 of lock x"),
        ({"resources": {"gpu": 1.5}}, {"parallel": 2}, "3 of resource gpu"),
    ],
)
def test_bounds(fields, bounds, said):
    documents, told = two_at_once(**fields)
    (foul,) = fouls(told, documents=documents, **bounds)
    assert said in foul


def test_within_the_bounds():
    documents, told = two_at_once(resources={"gpu": 1})
    assert fouls(told, documents=documents, parallel=2) == []
    lower = ("graph_limited", None, None, 0, None, {"parallel": 1})
    assert any("2 of 1" in foul for foul in fouls([lower, *told], documents=documents, parallel=2))
    lower = ("worker_limited", None, None, 0, None, {"worker": "shell", "parallel": 1})
    assert any("2 of 1" in foul for foul in fouls([lower, *told], documents=documents, parallel=2))


def test_a_forgiven_failure_lets_others_go():
    documents = {"a": {"id": "a"}, "b": {"id": "b", "depends_on": ["a"]}}
    told = [
        ("task_ready", "a", None, 0, "ready", {}),
        ("attempt_starting", "a", 1, 0, "running", {}),
        ("attempt_ended", "a", 1, 1, None, {"class": "exit"}),
        ("task_ended", "a", None, 1, "failed", {}),
        ("task_ready", "b", None, 1, "ready", {}),
        ("attempt_starting", "b", 1, 1, "running", {}),
        ("attempt_ended", "b", 1, 2, None, {"class": None}),
        ("task_ended", "b", None, 2, "done", {}),
    ]
    assert fouls(told, documents=documents, forgiven=("a",)) == []
    assert any("waits for a to be done" in foul for foul in fouls(told, documents=documents))
