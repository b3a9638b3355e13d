"""Questions about one task, and their answers: to that task and no other, once."""

import pytest
from core_world import World, task

from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers.asking import MAX_OPTIONS, MAX_TEXT
from orch_actors.protocol.hostwire import Question
from orch_actors.protocol.spec.durations import MAX_DURATION_S


def ask(name="a", text="well?", **news):
    news = {"options": ("yes", "no"), "default": None, "deadline_s": None, **news}
    return s.QuestionAsked(graph="g1", task=name, question=text, **news)


def failed(choice, note="", **options):
    """A task whose failure was asked about, and the answer given."""
    world = World()
    world.submit(task("a", on_fail="ask", **options), task("b", "a"), task("c", ("a", "failed")), task("d"))
    world.end("a", 3)
    world.decide("d1", choice, note)
    return world


# --- approval -------------------------------------------------------------------------------------------------------


def test_approval_is_asked_before_the_first_attempt_and_all_else_goes_on():
    world = World()
    world.submit(task("a", approve=True, title="deploy"), task("b"))
    (decision,) = world.decisions
    assert world.states() == "a:blocked b:running"
    assert (decision.about, decision.question, decision.default) == ("approve", "May a (deploy) run?", "reject")
    world.decide("d1", "approve")
    assert world.get("a").state == "running"


def test_approval_is_asked_once_for_all_attempts():
    world = World()
    world.submit(task("a", approve=True, retry={"attempts": 2}))
    world.decide("d1", "approve")
    world.end("a", 1)
    assert world.get("a").state == "running"


def test_approval_is_asked_when_its_time_has_come():
    world = World()
    world.submit(task("a"), task("b", "a", approve=True, ask={"question": "sure?"}))
    assert not world.decisions
    world.end("a")
    assert world.decisions[0].question == "sure?"


def test_rejected():
    world = World()
    world.submit(task("a", approve=True), task("b", "a"))
    world.decide("d1", "reject", "too late")
    assert world.states() == "a:cancelled b:skipped"
    assert world.get("a").reason == "not approved (reject: too late)"


# --- failure --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "states"),
    [
        ("retry", "a:running b:pending c:pending d:running"),
        ("fail", "a:failed b:skipped c:running d:running"),
        ("accept", "a:done b:running c:skipped d:running"),
        ("continue", "a:failed b:running c:ready d:running"),
        ("cancel_graph", "a:failed b:cancelled c:cancelled d:running"),
    ],
)
def test_what_becomes_of_a_failure(choice, states):
    world = failed(choice)
    assert world.states() == states
    if choice == "cancel_graph":
        assert world.graphs[0].cancelling


def test_a_task_that_failed_again_is_asked_about_again():
    world = failed("retry")
    world.end("a", 4)
    (decision,) = world.decisions
    assert (decision.ref, decision.evidence["message"]) == ("d2", "exit code 4, after 2 attempts")


def test_what_is_accepted_says_so():
    assert failed("accept").get("a").reason == "accepted although it failed: exit code 3"


def test_the_class_of_a_failure_outlives_its_decision():
    assert failed("fail").get("a").cls == "exit"


# --- answering ------------------------------------------------------------------------------------------------------


def test_an_answer_releases_its_own_task_and_no_other():
    world = World({"shell": 9})
    world.submit(*(task(name, approve=True) for name in "abc"))
    world.submit(task("a", approve=True))
    world.decide("d2", "approve")
    assert world.states() == "a:blocked b:running c:blocked"
    assert world.states("g2") == "a:blocked"


def test_the_same_answer_twice_is_fine_and_another_is_not():
    world = World()
    world.submit(task("a", approve=True))
    first = world.decide("d1", "approve")
    again = world.decide("d1", "approve")
    assert (first.answer.existing, again.answer.existing, again.facts) == (False, True, ())
    assert world.decide("d1", "reject").info.code == "ANSWERED"
    assert world.get("a").state == "running"


@pytest.mark.parametrize(
    ("ref", "choice", "code"), [("d1", "maybe", "NOT_ALLOWED"), ("d7", "approve", "UNKNOWN_DECISION")]
)
def test_answers_to_nothing(ref, choice, code):
    world = World()
    world.submit(task("a", approve=True))
    assert world.decide(ref, choice).info.code == code
    assert world.get("a").state == "blocked"


def test_a_decision_whose_task_is_over_needs_no_answer():
    world = World()
    world.submit(task("a", approve=True))
    world.do(s.CancelAsked(graph="g1", task="a", reason=""))
    assert world.decide("d1", "approve").info.code == "NOT_ALLOWED"


def test_the_default_stands_at_the_deadline():
    world = World()
    world.submit(task("a", on_fail="ask", ask={"deadline": 60, "default": "accept"}))
    world.end("a", 1)
    world.fire(world.timer("decision"))
    decision = world.state.decisions["d1"]
    assert (world.get("a").state, decision.choice, decision.by) == ("done", "accept", "deadline")
    assert not world.do(s.TimerFired(key=s.TimerKey("decision", ref="d1"))).facts
    assert not world.do(s.TimerFired(key=s.TimerKey("decision", ref="d9"))).facts


def test_an_answer_disarms_the_deadline():
    world = World()
    world.submit(task("a", approve=True, ask={"deadline": 60}))
    world.decide("d1", "approve")
    assert not world.armed


def test_deadlines_survive_restarts():
    world = World()
    world.submit(task("a", approve=True, ask={"deadline": 60}))
    due = world.now + 60
    world.now += 40
    world.restart()
    assert world.armed == {s.TimerKey("decision", ref="d1"): due}
    world.now += 100
    world.restart()
    world.fire(world.timer("decision"))
    assert world.get("a").state == "cancelled"


# --- questions of a running task ------------------------------------------------------------------------------------


def test_a_running_task_asks_runs_on_and_reads_the_answer():
    world = World()
    world.submit(task("a", ask={"deadline": 77}))
    step = world.do(ask(default="no"))
    assert (step.answer.ref, world.get("a").state) == ("d1", "running")
    assert world.decisions[0].deadline_s == 77
    world.decide("d1", "yes")
    assert world.get("a").state == "running"
    world.end("a")
    assert world.get("a").state == "done"


def test_who_leaves_before_the_answer_waits_for_it_and_goes_on_then():
    world = World()
    world.submit(task("a"))
    world.do(ask())
    world.end("a", 0)
    assert world.get("a").state == "blocked"
    world.decide("d1", "no")
    assert (world.get("a").state, world.get("a").answer.choice) == ("running", "no")


def test_a_question_does_not_outlast_a_deadline():
    world = World()
    world.submit(task("a", deadline=10))
    world.do(ask(deadline_s=500.0))
    world.fire(world.timer("deadline"))
    world.end("a", ending="killed")
    assert (world.get("a").state, world.armed) == ("failed", {})


def test_the_same_question_is_the_same_decision():
    world = World()
    world.submit(task("a"))
    world.do(ask())
    again = world.do(ask())
    assert (again.answer.ref, again.facts) == ("d1", ())
    assert world.tell(ask(text="something else?")).info.code == "NOT_ALLOWED"


@pytest.mark.parametrize(
    "news",
    [
        {"text": ""},
        {"options": ()},
        {"options": ("x",) * (MAX_OPTIONS + 1)},
        {"options": ("x", "")},
        {"options": ("x" * (MAX_TEXT + 1),)},
        {"default": "perhaps"},
        {"deadline_s": -1.0},
        {"deadline_s": MAX_DURATION_S * 2.0},
        {"deadline_s": float("nan")},
    ],
)
def test_questions_that_make_no_sense(news):
    world = World()
    world.submit(task("a"))
    assert world.tell(ask(**news)).info.code == "INVALID_REQUEST"


def test_only_who_runs_can_ask():
    world = World()
    world.submit(task("a", approve=True))
    assert world.tell(ask()).info.code == "NOT_ALLOWED"
    assert world.tell(ask("nobody")).info.code == "UNKNOWN_TASK"


def test_a_question_left_in_a_file_is_made_to_make_sense():
    world = World()
    world.submit(task("a", ask={"deadline": 30}))
    question = Question(question="q" * 5000, options=(), default="perhaps", deadline=-5.0)
    world.end("a", question=question)
    (decision,) = world.decisions
    assert (decision.options, decision.default, decision.deadline_s) == (("yes", "no"), "yes", 30)
    assert len(decision.question) == MAX_TEXT
