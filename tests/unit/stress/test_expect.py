"""Each check of the expectations holds for a good run, and fails for a run that is wrong in its way."""

from msgspec.structs import replace

from orch_actors.protocol.views import AttemptView, Event, GraphView, TaskView
from orch_actors.stress import expect
from orch_actors.stress.effects import Effect
from orch_actors.stress.expect import Expected


def attempt(number=1, begin=0, end=1, *, class_=None, code=0):
    state = "done" if class_ is None else "cancelled" if class_ == "cancelled" else "failed"
    return AttemptView(
        number=number,
        state=state,
        started_utc=f"2026-01-01T00:00:{begin:02d}.000Z",
        ended_utc=f"2026-01-01T00:00:{end:02d}.000Z",
        duration_s=float(end - begin),
        exit_code=code,
        class_=class_,
    )


def task(name, *attempts, state="done", after=(), reason=""):
    return TaskView(
        id=name, worker="shell", state=state, reason=reason, depends_on=tuple(after), attempts=tuple(attempts)
    )


A = task("a", attempt())
B = task("b", attempt(1, 1, 2, class_="exit", code=3), attempt(2, 2, 3), after=["a"])
C = task("c", attempt(1, 1, 2, class_="exit", code=3), state="failed", after=["a"], reason="exit code 3")
D = task("d", state="skipped", after=["c"], reason="c failed (exit code 3)")
VIEW = GraphView(
    id="g1",
    name="x",
    state="failed",
    goal="",
    reason="",
    counts={"done": 2, "failed": 1, "skipped": 1},
    submitted_utc="2026-01-01T00:00:00.000Z",
    ended_utc="2026-01-01T00:00:09.000Z",
    tasks=(A, B, C, D),
)
EXPECTED = {
    "a": Expected(state="done"),
    "b": Expected(state="done", attempts=2, classes=("exit", None), exit_codes=(3, 0)),
    "c": Expected(state="failed", exit_codes=(3,), reason="exit code 3"),
    "d": Expected(state="skipped", attempts=0, reason="c failed"),
}
EFFECTS = [
    Effect(name, number, mark) for name, number in (("a", 1), ("b", 1), ("c", 1), ("b", 2)) for mark in ("begin", "end")
]


def events():
    told = [("graph_submitted", None, None)]
    told += [("attempt_starting", "a", None), ("attempt_ended", "a", None), ("task_ended", "a", "done")]
    told += [("attempt_starting", "c", None), ("attempt_starting", "b", None), ("attempt_starting", "b", None)]
    told += [("task_ended", "c", "failed"), ("task_ended", "d", "skipped"), ("task_ended", "b", "done")]
    told += [("graph_ended", None, "failed")]
    return [
        Event(seq=number, kind=kind, time_utc="", graph="g1", task=name, state=state)
        for number, (kind, name, state) in enumerate(told, 1)
    ]


def failed(checks):
    return [check.name for check in checks if not check.ok]


def with_task(new, **changes):
    tasks = tuple(new if old.id == new.id else old for old in VIEW.tasks)
    return replace(VIEW, tasks=tasks, **changes)


def changed(name, **changes):
    return with_task(replace(next(old for old in VIEW.tasks if old.id == name), **changes))


def test_a_good_run_passes_everything():
    checks = [
        *expect.check_graph(VIEW, "failed", EXPECTED),
        *expect.check_tasks(VIEW, EXPECTED),
        *expect.check_once(EFFECTS, VIEW, EXPECTED),
        *expect.check_order(EFFECTS, VIEW),
        *expect.check_events(events(), VIEW),
        *expect.check_parallel(EFFECTS, VIEW, 2),
        *expect.check_priority(events(), "g1", ["c", "b"]),
    ]
    assert failed(checks) == []
    assert len(checks) == 4 + 4 + 4 + 1 + 4 + 1 + 1


def test_graph_state():
    assert failed(expect.check_graph(VIEW, "done", EXPECTED)) == ["graph state"]


def test_graph_counts():
    assert failed(expect.check_graph(replace(VIEW, counts={"done": 3}), "failed", EXPECTED)) == ["graph counts"]


def test_graph_tasks():
    fewer = {name: want for name, want in EXPECTED.items() if name != "d"}
    assert failed(expect.check_graph(VIEW, "failed", fewer)) == ["graph tasks"]
    more = {**EXPECTED, "e": Expected(state="done")}
    assert failed(expect.check_graph(VIEW, "failed", more)) == ["graph tasks"]


def test_graph_not_ended():
    assert failed(expect.check_graph(replace(VIEW, ended_utc=None), "failed", EXPECTED)) == ["graph ended"]


def one(new, want):
    check = expect.check_task(new, want)
    assert not check.ok
    return check.detail


def test_task_state():
    assert "state done, expected failed" in one(A, Expected(state="failed"))


def test_task_attempts():
    assert "attempts [1], expected 2" in one(A, Expected(state="done", attempts=2))
    assert "attempts [2]" in one(task("a", attempt(2)), Expected(state="done"))


def test_task_classes():
    assert "classes ['timeout']" in one(
        task("a", attempt(class_="timeout", code=143), state="failed"), Expected(state="failed")
    )


def test_task_exit_codes():
    assert "exit codes [3]" in one(C, Expected(state="failed", exit_codes=(4,)))
    assert "succeeded with exit code 1" in one(task("a", attempt(code=1)), Expected(state="done"))


def test_task_reason():
    assert "expected it to say" in one(D, Expected(state="skipped", attempts=0, reason="something else"))


def test_task_attempt_that_never_ended():
    running = replace(attempt(), state="running", ended_utc=None)
    assert "is running after" in one(task("a", running), Expected(state="done"))


def test_results():
    want = {"a": Expected(state="done", result={"x": 1}), "b": Expected(state="done")}
    assert failed(expect.check_results({"a": {"x": 1}}, want)) == []
    assert failed(expect.check_results({"a": {"x": 2}}, want)) == ["result a"]
    assert failed(expect.check_results({}, want)) == ["result a"]


def test_an_attempt_that_ran_twice():
    again = [*EFFECTS, Effect("b", 2, "begin"), Effect("b", 2, "end")]
    assert failed(expect.check_once(again, VIEW, EXPECTED)) == ["effects once"]


def test_an_attempt_that_never_ran():
    fewer = [effect for effect in EFFECTS if (effect.task, effect.attempt) != ("b", 1)]
    assert failed(expect.check_once(fewer, VIEW, EXPECTED)) == ["effects of every attempt"]


def test_something_ran_that_was_not_told_of():
    more = [*EFFECTS, Effect("d", 1, "begin")]
    assert failed(expect.check_once(more, VIEW, EXPECTED)) == ["effects of nothing else"]


def test_done_without_having_ended():
    half = [effect for effect in EFFECTS if effect != Effect("a", 1, "end")]
    assert failed(expect.check_once(half, VIEW, EXPECTED)) == ["effects whole where done"]


def test_an_attempt_that_never_began_leaves_no_effect():
    view = changed("a", attempts=(attempt(class_="spawn", code=None),), state="failed")
    want = {**EXPECTED, "a": Expected(state="failed", classes=("spawn",), without_effect=True)}
    without = [effect for effect in EFFECTS if effect.task != "a"]
    assert failed(expect.check_once(without, view, want)) == []
    assert failed(expect.check_once(EFFECTS, view, want)) == ["effects of nothing else"]


def test_effects_out_of_order():
    early = [Effect("b", 1, "begin"), *[effect for effect in EFFECTS if effect != Effect("b", 1, "begin")]]
    assert failed(expect.check_order(early, VIEW)) == ["order of effects"]


def test_events_with_a_gap():
    gap = [event for event in events() if event.seq != 3]
    assert failed(expect.check_events(gap, VIEW)) == ["events dense"]


def test_events_that_end_a_task_twice_or_otherwise():
    otherwise = [replace(e, state="done") if e.kind == "task_ended" and e.task == "c" else e for e in events()]
    assert failed(expect.check_events(otherwise, VIEW)) == ["events of tasks' ends"]
    twice = [replace(e, kind="task_ended", state="done") if e.kind == "attempt_ended" else e for e in events()]
    assert failed(expect.check_events(twice, VIEW)) == ["events of tasks' ends"]


def test_events_that_start_too_early():
    early = [replace(e, task="b") if e.seq == 2 else e for e in events()]
    assert failed(expect.check_events(early, VIEW)) == ["events in order"]


def test_events_without_the_graphs_end():
    assert failed(expect.check_events(events()[:-1], VIEW)) == ["event of the graph's end"]
    trailing = [*events(), Event(seq=12, kind="task_ready", time_utc="", graph="g1", task="a")]
    assert failed(expect.check_events(trailing, VIEW)) == ["event of the graph's end"]


def test_more_at_once_by_their_times():
    assert failed(expect.check_parallel([], VIEW, 1)) == ["parallel limit"]
    assert failed(expect.check_parallel([], VIEW, 2)) == []


def test_more_at_once_by_their_effects():
    marks = [Effect("a", 1, "begin"), Effect("b", 1, "begin"), Effect("c", 1, "begin")]
    marks += [replace_mark(mark) for mark in marks]
    assert failed(expect.check_parallel(marks, VIEW, 2)) == ["parallel limit"]


def replace_mark(effect):
    return Effect(effect.task, effect.attempt, "end")


def test_priority_out_of_order():
    assert failed(expect.check_priority(events(), "g1", ["b", "c"])) == ["priority order"]
    assert failed(expect.check_priority(events(), "g1", ["c", "b", "z"])) == ["priority order"]
