"""The course of an attempt: slots, failure classes, retries, what is found again, what breaks a bound."""

import pytest
from core_world import World, over, task
from msgspec import Raw

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers.attempts import MOST_PROGRESS, backoff_s, exit_sentence
from orch_actors.actors.views.why import why
from orch_actors.protocol.hostwire import Question
from orch_actors.protocol.spec.graph import Retry


def test_as_many_start_as_there_are_slots():
    world = World({"shell": 2})
    world.submit(*(task(name) for name in "abcd"))
    assert world.states() == "a:running b:running c:ready d:ready"
    world.end("b")
    assert world.states() == "a:running b:done c:running d:ready"


def test_nothing_starts_before_a_host_is_there_and_it_is_called_for_once():
    world = World(ready=False)
    world.submit(task("a"), task("b"))
    world.submit(task("a"))
    assert world.asked_for == {"shell": 1}
    assert not world.flying
    world.do(s.WorkerReady(worker="shell"))
    assert len(world.flying) == 2


def test_success_keeps_the_result():
    world = World()
    world.submit(task("a"))
    world.end("a", result=Raw(b'{"n": 1}'), started_utc=world.now + 1, ended_utc=world.now + 3, duration_s=2.0)
    attempt = world.get("a").attempts[0]
    assert (attempt.result, attempt.cls, attempt.exit_code, attempt.duration_s) == (b'{"n": 1}', None, 0, 2.0)
    assert attempt.started_utc == world.now + 1
    assert world.get("a").state == "done"


@pytest.mark.parametrize(
    ("news", "cls", "words"),
    [
        ({"exit_code": 3}, "exit", "exit code 3"),
        ({"exit_code": None}, "exit", "exit code -1"),
        ({"exit_code": 0, "result_fault": "no JSON"}, "result", "no JSON"),
        ({"exit_code": 0, "invalid": "out.txt is empty"}, "validation", "out.txt is empty"),
        ({"ending": "spawn", "message": "no such folder"}, "spawn", "no such folder"),
        ({"ending": "spawn"}, "spawn", "could not be started"),
        ({"ending": "spawn", "cls": "reference", "message": "no field x"}, "reference", "no field x"),
        ({"ending": "killed"}, "exit", "was killed by somebody else"),
    ],
)
def test_every_end_has_its_class_and_sentence(news, cls, words):
    world = World()
    world.submit(task("a"))
    world.end("a", tail="last words", **news)
    node = world.get("a")
    assert (node.state, node.cls) == ("failed", cls)
    assert words in node.reason
    assert node.attempts[0].tail == "last words"


def test_success_keeps_no_tail():
    world = World()
    world.submit(task("a"))
    world.end("a", tail="chatter")
    assert world.get("a").attempts[0].tail == ""


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (1, "exit code 1"),
        (126, "exit code 126 (not executable)"),
        (127, "exit code 127 (command not found)"),
        (137, "exit code 137 (SIGKILL)"),
        (200, "exit code 200"),
    ],
)
def test_exit_codes_are_explained(code, sentence):
    assert exit_sentence(code) == sentence


# --- retry ----------------------------------------------------------------------------------------------------------


def test_retries_until_the_last_attempt():
    world = World()
    world.submit(task("a", retry={"attempts": 3}))
    world.end("a", 1)
    assert world.get("a").state == "running"
    world.end("a", 1)
    world.end("a", 1)
    node = world.get("a")
    assert (node.state, len(node.attempts), node.reason) == ("failed", 3, "exit code 1, after 3 attempts")


def test_the_next_attempt_waits_for_its_time():
    world = World()
    world.submit(task("a", retry={"attempts": 3, "backoff": 10}))
    step = world.end("a", 1)
    assert world.get("a").state == "pending"
    (scheduled,) = [fact for fact in step.facts if isinstance(fact, f.RetryScheduled)]
    assert (scheduled.attempt, scheduled.at_utc, scheduled.delay_s) == (2, world.now + 10, 10)
    world.fire(world.timer("retry"))
    assert world.get("a").state == "running"
    world.end("a", 1)
    assert world.armed == {s.TimerKey("retry", "g1", "a", 3): world.now + 20}


def test_a_restart_neither_hurries_nor_forgets_a_retry():
    world = World()
    world.submit(task("a", retry={"attempts": 2, "backoff": 100}))
    world.end("a", 1)
    due = world.now + 100
    world.now += 30
    world.restart()
    assert world.armed == {s.TimerKey("retry", "g1", "a", 2): due}


def test_a_clock_set_back_lengthens_no_wait():
    world = World()
    world.submit(task("a", retry={"attempts": 2, "backoff": 100}, deadline=500))
    world.end("a", 1)
    key, deadline = s.TimerKey("retry", "g1", "a", 2), s.TimerKey("deadline", "g1", "a")
    world.now -= 5000
    step = world.machine.handle(s.Recovered(), world.now)
    assert {effect.key: effect.delay_s for effect in step.effects} == {key: 100, deadline: 500}


@pytest.mark.parametrize(
    ("retry", "news", "again"),
    [
        ({"attempts": 2}, {"exit_code": 1}, True),
        ({"attempts": 2, "on": ["exit"]}, {"exit_code": 1}, True),
        ({"attempts": 2, "on": ["timeout"]}, {"exit_code": 1}, False),
        ({"attempts": 2, "on": ["validation"]}, {"exit_code": 0, "invalid": "no"}, True),
        ({"attempts": 2, "exit_codes": [7]}, {"exit_code": 7}, True),
        ({"attempts": 2, "exit_codes": [7]}, {"exit_code": 1}, False),
        ({"attempts": 2, "exit_codes": [7]}, {"ending": "spawn"}, True),
        ({"attempts": 1}, {"exit_code": 1}, False),
    ],
)
def test_what_is_worth_another_attempt(retry, news, again):
    world = World()
    world.submit(task("a", retry=retry))
    world.end("a", **news)
    assert world.get("a").state == ("running" if again else "failed")


@pytest.mark.parametrize(
    ("retry", "failures", "delay"),
    [
        ({}, 1, 0),
        ({"backoff": 2}, 1, 2),
        ({"backoff": 2}, 3, 8),
        ({"backoff": 2, "factor": 1}, 9, 2),
        ({"backoff": 2, "max_backoff": 5}, 3, 5),
        ({"backoff": 2, "factor": 10.0}, 900, 300),  # 10.0 ** 899 is more than a float can be
        ({"backoff": 0, "factor": 10.0}, 900, 0),
    ],
)
def test_backoff(retry, failures, delay):
    assert backoff_s(Retry(**retry), failures, "g1/a") == delay


def test_jitter_spreads_and_is_no_chance():
    retry = Retry(backoff=10, factor=1, jitter=0.5)
    delays = [backoff_s(retry, 1, f"g1/t{number}") for number in range(200)]
    assert delays == [backoff_s(retry, 1, f"g1/t{number}") for number in range(200)]
    assert 5 <= min(delays) < 6
    assert 14 < max(delays) <= 15


@pytest.mark.parametrize("failures", [1, 2, 3, 10, 1000])
def test_jitter_never_makes_a_wait_longer_than_the_longest(failures):
    retry = Retry(backoff=4, factor=2, max_backoff=10, jitter=1)
    delays = [backoff_s(retry, failures, f"g1/t{number}") for number in range(200)]
    assert min(delays) >= 0
    assert max(delays) <= 10
    assert len(set(delays)) > 150, "they bunch"


# --- unknown --------------------------------------------------------------------------------------------------------


def test_nobody_knows_and_a_person_is_asked():
    world = World()
    world.submit(task("a", retry={"attempts": 5}))
    world.end("a", ending="lost", exit_code=None, message="another boot")
    (decision,) = world.decisions
    assert (world.get("a").state, decision.about, decision.options) == (
        "blocked",
        "unknown",
        ("rerun", "fail", "accept"),
    )
    assert decision.evidence["message"] == "another boot"


def test_nobody_knows_and_it_may_run_again():
    world = World()
    world.submit(task("a", on_unknown="rerun"))
    world.end("a", ending="lost", exit_code=None)
    node = world.get("a")
    assert (node.state, len(node.attempts), node.attempts[0].cls) == ("running", 2, "unknown")


def test_nobody_knows_and_that_is_a_failure():
    world = World()
    world.submit(task("a", on_unknown="fail", on_fail="continue"), task("b", "a"))
    world.end("a", ending="lost", exit_code=None)
    assert (world.get("a").cls, world.states()) == ("unknown", "a:failed b:running")


def test_an_open_question_does_not_run_an_unknown_attempt_again():
    world = World()
    world.submit(task("a"))
    world.do(question("a", deadline_s=50))
    world.end("a", ending="lost", exit_code=None)
    (decision,) = world.decisions
    assert decision.about == "unknown"
    assert world.decide("d1", "yes").info.code == "ANSWERED"  # it was withdrawn
    world.decide(decision.ref, "fail")
    assert world.get("a").state == "failed"


def question(name, text="well?", **news):
    news = {"options": ("yes", "no"), "default": None, "deadline_s": None, **news}
    return s.QuestionAsked(graph="g1", task=name, question=text, **news)


# --- questions at the end of an attempt -----------------------------------------------------------------------------


@pytest.mark.parametrize("news", [{}, {"exit_code": 3}, {"invalid": "not yet"}, {"result_fault": "none yet"}])
def test_an_attempt_that_asks_waits_for_its_answer_however_it_ended(news):
    world = World()
    world.submit(task("a"))
    world.end("a", question=Question(question="which?", options=("x", "y"), default="y", deadline=30.0), **news)
    (decision,) = world.decisions
    assert (world.get("a").state, decision.about, decision.default) == ("blocked", "question", "y")
    world.decide(decision.ref, "x", "the first")
    node = world.get("a")
    assert (node.state, len(node.attempts), node.answer.choice, node.answer.note) == ("running", 2, "x", "the first")


def test_a_question_does_not_save_what_never_began():
    world = World()
    world.submit(task("a"))
    world.end("a", ending="spawn", question="which?")
    assert world.get("a").state == "failed"


# --- late and doubled news ------------------------------------------------------------------------------------------


def test_news_of_another_attempt_means_nothing():
    world = World()
    world.submit(task("a", retry={"attempts": 2}))
    world.end("a", 1)
    for late in (over("g1", "a", 1), over("g1", "a", 3), over("g1", "nobody", 1), over("g9", "a", 1)):
        assert not world.do(late).facts
    assert not world.do(s.AttemptFound(graph="g1", task="a", attempt=1, pid=4, elapsed_s=1)).facts
    assert not world.do(s.AttemptExceeded(graph="g1", task="a", attempt=1, cls="output_limit", message="")).facts
    assert world.get("a").state == "running"


# --- found again ----------------------------------------------------------------------------------------------------


def test_what_is_found_running_has_the_rest_of_its_time():
    world = World()
    world.submit(task("a", timeout=60))
    world.restart()
    step = world.do(s.AttemptFound(graph="g1", task="a", attempt=1, pid=77, elapsed_s=45))
    assert world.armed == {s.TimerKey("timeout", "g1", "a", 1): world.now + 15}
    assert [type(fact) for fact in step.facts] == [f.AttemptAdopted]
    again = world.do(s.AttemptFound(graph="g1", task="a", attempt=1, pid=77, elapsed_s=99))
    assert not again.facts
    assert world.armed == {s.TimerKey("timeout", "g1", "a", 1): world.now}


def test_what_is_found_without_a_timeout_has_all_the_time():
    world = World()
    world.submit(task("a"))
    world.do(s.AttemptFound(graph="g1", task="a", attempt=1, pid=77, elapsed_s=45))
    assert not world.armed


# --- bounds ---------------------------------------------------------------------------------------------------------


def test_how_far_it_is_is_heard_once_and_not_for_ever():
    world = World()
    world.submit(task("a"))
    said = s.AttemptProgressed(graph="g1", task="a", attempt=1, text="half", percent=50.0)
    assert [type(fact) for fact in world.do(said).facts] == [f.AttemptProgressed]
    assert not world.do(said).facts
    assert why(world.state, world.get("a")).sentence == "runs: 50 %, half"
    world.get("a").attempts[-1].progressed = MOST_PROGRESS
    assert not world.do(s.AttemptProgressed(graph="g1", task="a", attempt=1, text="more")).facts
    world.end("a")
    assert not world.do(s.AttemptProgressed(graph="g1", task="a", attempt=1, text="late")).facts


@pytest.mark.parametrize("cls", ["idle_timeout", "output_limit"])
def test_who_breaks_a_bound_is_ended_and_has_failed_for_it(cls):
    world = World()
    world.submit(task("a", retry={"attempts": 2, "on": [cls]}))
    news = s.AttemptExceeded(graph="g1", task="a", attempt=1, cls=cls, message="too much of it")
    assert world.do(news).effects == (s.StopAttempt("shell", "g1", "a", 1),)
    assert not world.do(news).facts
    world.end("a", ending="killed", exit_code=143)
    node = world.get("a")
    assert (node.state, node.attempts[0].cls, node.attempts[0].message) == ("running", cls, "too much of it")
