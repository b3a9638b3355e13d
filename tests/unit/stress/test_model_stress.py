"""The stress scenario's own checks: each holds for a good run, and fails for a run that is wrong in its way."""

from msgspec.structs import replace

from orch_actors.protocol.views import Event, GraphView
from orch_actors.stress.effects import Effect
from orch_actors.stress.scenarios.stress.agent import ANSWERS
from orch_actors.stress.scenarios.stress.scenario import check_shares, check_steering

VIEW = GraphView(
    id="g1",
    name="x",
    state="done",
    goal="",
    reason="",
    counts={},
    submitted_utc="",
    ended_utc=None,
    tasks=(),
)


def events():
    told = [("task_updated", "updated", {}), ("tasks_added", None, {}), ("graph_paused", None, {})]
    questions = [(task, choice) for task, choices in ANSWERS.items() for choice in choices]
    for number, (task, choice) in enumerate(questions):
        told += [("decision_asked", task, {"ref": f"d{number}"})]
        told += [("decision_answered", task, {"ref": f"d{number}", "choice": choice})]
    told += [("graph_resumed", None, {}), ("attempt_starting", "gate", {})]
    return [
        Event(seq=number, kind=kind, time_utc="", graph="g1", task=task, data=data)
        for number, (kind, task, data) in enumerate(told, 1)
    ]


def failed(checks):
    return [check.name for check in checks if not check.ok]


def test_a_good_run():
    assert failed(check_steering(events(), VIEW)) == []
    other = [replace(event, graph="g2") for event in events()]
    assert failed(check_steering([*events(), *other], VIEW)) == []


def test_asked_or_answered_twice_or_not_at_all():
    for kind, names in (
        ("decision_asked", ["questions once"]),
        ("decision_answered", ["answers once"]),
    ):
        (first, *_) = [event for event in events() if event.kind == kind]
        assert failed(check_steering([*events(), replace(first, data={**first.data, "ref": "d0"})], VIEW)) == (
            names if kind == "decision_answered" else []
        )
        assert set(names) <= set(failed(check_steering([event for event in events() if event != first], VIEW)))
    again = [event for event in events() if event.kind == "decision_asked"][:1]
    assert failed(check_steering([*events(), replace(again[0], data={"ref": "d99"})], VIEW)) == ["questions once"]


def test_another_answer():
    wrong = [replace(e, data={**e.data, "choice": "fail"}) if e.kind == "decision_answered" else e for e in events()]
    assert failed(check_steering(wrong, VIEW)) == ["answers once"]


def test_an_edit_twice_or_not_at_all():
    for kind in ("task_updated", "tasks_added", "graph_paused"):
        (edit,) = [event for event in events() if event.kind == kind]
        assert failed(check_steering([edit, *events()], VIEW)) == ["edits once"]
        assert failed(check_steering([event for event in events() if event != edit], VIEW)) == ["edits once"]


def test_a_start_in_a_pause():
    (start,) = [event for event in events() if event.kind == "attempt_starting"]
    paused = next(event.seq for event in events() if event.kind == "graph_paused")
    early = [*events()[:paused], start, *events()[paused:]]
    assert failed(check_steering(early, VIEW)) == ["pause kept"]


def ran(*names):
    """Each within the others, by its marks."""
    return [Effect(name, 1, "begin") for name in names] + [Effect(name, 1, "end") for name in names]


APART = [*ran("diamond-left"), *ran("diamond-right"), *ran("wide-1", "wide-2"), *ran("wide-3"), *ran("wide-4")]


def test_shares():
    assert failed(check_shares(APART)) == []
    assert failed(check_shares([*APART[4:], *ran("diamond-left", "diamond-right")])) == ["lock"]
    assert failed(check_shares([*APART[:4], *ran("wide-1", "wide-2", "wide-4"), *ran("wide-3")])) == ["resource"]
    assert failed(check_shares([*APART[:4], *ran("wide-3", "wide-4"), *ran("wide-1", "wide-2")])) == ["resource"]
    assert failed(check_shares([])) == ["lock", "resource"]
