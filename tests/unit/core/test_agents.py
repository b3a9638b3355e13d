"""Tasks of coding agents: their sessions, what a next attempt is told, and quotas that are used up."""

import re

from core_world import NOON, World, task

from orch_actors.actors.attempts.feedback import feedback_of
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.views.why import explain
from orch_actors.protocol.views import Usage


def prompt(name, *after, worker="claude", **options):
    return {"id": name, "worker": worker, "prompt": "do it", "depends_on": list(after), **options}


def world_of(*tasks):
    world = World(limits={"shell": 2, "claude": 2, "opencode": 2})
    world.submit(*tasks)
    return world


def test_a_session_is_chosen_before_the_start_and_differs():
    world = world_of(prompt("a"), prompt("b"), prompt("c", worker="opencode"), {"id": "d", "command": "x"})
    sessions = {name: world.get(name).attempts[0].session for name in "abcd"}
    form = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}"
    assert all(re.fullmatch(form, sessions[name]) for name in "ab")
    assert sessions["a"] != sessions["b"]
    assert (sessions["c"], sessions["d"]) == ("", "")
    other = world_of(prompt("a"))
    other.machine._name = "another journal"
    other.submit(prompt("a"))
    assert other.get("a", "g2").attempts[0].session not in sessions.values()


def test_a_retry_goes_on_with_the_session_that_it_had_in_the_end():
    world = world_of(prompt("a", worker="opencode", retry={"attempts": 3}))
    world.end("a", 1, cls="validation", message="no tests", session="ses_1", tail="boom")
    second = world.get("a").attempts[1]
    assert (second.session, second.resume) == ("ses_1", True)
    assert feedback_of(world.get("a"), 2) == "Attempt 1 failed (validation): no tests\n\nIts last output:\nboom"
    assert feedback_of(world.get("a"), 1) == ""
    world.end("a", 1, cls="context_overflow", session="ses_1")
    third = world.get("a").attempts[2]
    assert (third.session, third.resume) == ("", False)


def test_what_the_validation_printed_is_told_to_the_next_attempt_and_to_people():
    world = World()
    world.submit(task("a", retry={"attempts": 2}, on_fail="ask"))
    news = {"invalid": "the command exited with 1", "tail": "all good", "checked": "test 3 failed"}
    world.end("a", **news)
    said = "Attempt 1 failed (validation): exited 0, but is not valid: the command exited with 1"
    said += "\n\nWhat its validation printed:\ntest 3 failed\n\nIts last output:\nall good"
    assert feedback_of(world.get("a"), 2) == said
    world.end("a", **news)
    (decision,) = world.decisions
    assert (decision.evidence["validation"], decision.evidence["tail"]) == ("test 3 failed", "all good")


def test_a_task_goes_on_with_the_session_of_another():
    world = world_of(prompt("a"), prompt("b", "a", session="a"))
    session = world.get("a").attempts[0].session
    world.end("a")
    attempt = world.get("b").attempts[0]
    assert (attempt.session, attempt.resume) == (session, True)


def test_a_quota_parks_the_type_and_spends_no_attempt():
    world = world_of(prompt("a"), prompt("b", "a"), prompt("o", worker="opencode"))
    world.end("a", 1, cls="quota", message="limit reached", reset_utc=NOON + 600)
    task = world.get("a")
    assert (task.state, task.tries) == ("ready", 0)
    assert world.states().endswith("o:running")
    sentence, reason, help_ = explain(world.state, task)
    assert reason["kind"] == "worker_paused"
    assert "limit reached" in sentence
    assert help_ == "orch-actors resume --worker claude"
    assert world.armed[s.TimerKey("worker", ref="claude")] == NOON + 602
    world.fire(s.TimerKey("worker", ref="claude"))
    assert (task.state, task.tries, len(task.attempts)) == ("running", 1, 2)
    assert (task.attempts[1].session, task.attempts[1].resume) == (task.attempts[0].session, True)
    assert feedback_of(task, 2) == ""
    world.end("a", usage=Usage(turns=2, cost_usd=0.5))
    assert (task.state, task.attempts[1].usage.cost_usd) == ("done", 0.5)


def test_without_a_time_the_waits_grow_and_success_ends_that():
    world = world_of(prompt("a"), prompt("b", "a"))
    key = s.TimerKey("worker", ref="claude")
    waits = []
    for _ in range(8):
        world.end("a", 1, cls="quota")
        waits.append(round(world.armed[key] - world.now))
        world.fire(key)
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    world.end("a")
    world.end("b", 1, cls="quota", reset_utc=NOON - 5)  # in the past: as if it had said nothing
    assert round(world.armed[key] - world.now) == 60


def test_a_pause_by_hand_outlasts_a_quota():
    world = world_of(prompt("a"))
    world.do(s.PauseAsked(graph=None, worker="claude"))
    world.end("a", 1, cls="quota", reset_utc=NOON + 600)
    assert world.state.worker("claude").paused_until_utc is None
    assert s.TimerKey("worker", ref="claude") not in world.armed
    world.do(s.ResumeAsked(graph=None, worker="claude"))
    assert world.get("a").state == "running"


def test_a_cancelled_task_stays_so_whatever_its_quota():
    world = world_of(prompt("a"))
    world.do(s.CancelAsked(graph="g1", task="a", reason="enough"))
    world.end("a", 1, cls="quota", reset_utc=NOON + 600)
    assert world.get("a").state == "cancelled"
    assert not world.state.worker("claude").paused


def test_bad_credentials_are_not_tried_again():
    world = world_of(prompt("a", retry={"attempts": 3}))
    world.end("a", 1, cls="auth", message="log in")
    assert (world.get("a").state, world.get("a").cls) == ("failed", "auth")
