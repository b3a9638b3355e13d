"""A worker type whose hosts die too often is parked: a decision asks about it, and everything else goes on."""

import pytest
from core_world import World, task

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.fold import fold
from orch_actors.actors.core.handlers.parking import FIRST_WAIT_S, IN_A_ROW_S, LONGEST_WAIT_S, wait_s
from orch_actors.actors.views.why import why

WHY = "its host died 6 times in 1m"


def exhausted(worker="shell"):
    return s.WorkerLost(worker=worker, exhausted=WHY)


def parked(*tasks, **limits):
    """A world in which the shell type is parked; what was running is still in flight."""
    world = World({"shell": 1, "python": 1} | limits)
    world.submit(*(tasks or (task("a"), task("b"))))
    world.asked_for.clear()
    world.do(exhausted())
    return world


def test_it_is_put_down_and_asked_about():
    world = parked()
    record = world.state.worker("shell")
    assert (record.parked, record.park_reason, record.parkings) == (True, WHY, 1)
    (decision,) = world.decisions
    assert (decision.ref, decision.about, decision.options, decision.default) == (
        "d1", "worker", ("resume", "keep"), "resume",
    )  # fmt: skip
    assert WHY in decision.question
    assert decision.evidence == {"message": WHY, "running": 1, "times": 1}
    assert world.armed == {s.TimerKey("decision", ref="d1"): world.now + FIRST_WAIT_S}


def test_no_host_is_asked_for_and_what_runs_runs_on():
    world = parked()
    world.submit(task("later"))
    world.do(s.WorkerLost(worker="shell"))
    world.do(exhausted())
    assert not world.asked_for
    assert world.states() == "a:running b:ready"
    assert len(world.decisions) == 1


def test_other_types_go_on():
    world = parked(task("a"), task("p", worker="python"), task("q", "p", worker="python"))
    world.end("p")
    assert world.states() == "a:running p:done q:running"


@pytest.mark.parametrize("choice", ["resume", "nobody answers", "resume by the verb"])
def test_on_resume_its_host_is_called_for_and_takes_over(choice):
    world = parked()
    if choice == "resume":
        step = world.decide("d1", "resume")
    elif choice == "nobody answers":
        step = world.fire(world.timer("decision"))
    else:
        step = world.do(s.ResumeAsked(graph=None, worker="shell"))
    assert step.effects[-2:] == (s.ReleaseWorker("shell"), s.WakeWorker("shell"))
    assert not world.armed
    assert not world.decisions
    assert world.state.decisions["d1"].choice == "resume"
    step = world.do(s.WorkerReady(worker="shell"))
    assert step.effects == (s.AdoptAttempt("shell", "g1", "a", 1, stopping=False),)
    world.end("a")
    assert world.states() == "a:done b:running"


def test_what_only_waits_calls_for_a_host_too():
    world = World({"shell": 1})
    world.do(exhausted())
    world.submit(task("a"))
    assert not world.asked_for
    world.decide("d1", "resume")
    assert world.asked_for == {"shell": 1}


def test_without_work_nobody_is_called_for():
    world = World({"shell": 1})
    world.do(exhausted())
    step = world.decide("d1", "resume")
    assert step.effects[-1] == s.ReleaseWorker("shell")
    assert not world.asked_for


def test_keep_means_until_somebody_resumes_it():
    world = parked()
    world.decide("d1", "keep", "the disk is being mended")
    assert not world.armed
    world.restart(ready=False)
    assert world.state.worker("shell").parked
    assert not world.asked_for
    world.do(s.ResumeAsked(graph=None, worker="shell"))
    assert world.asked_for == {"shell": 1}


@pytest.mark.parametrize(("ref", "worker", "other"), [("d2", "shell", "python"), ("d3", "python", "shell")])
def test_an_answer_about_a_type_releases_nothing_else(ref, worker, other):
    world = parked(task("a"), task("gate", approve=True), task("p", worker="python"))
    world.do(exhausted("python"))
    assert [decision.ref for decision in world.decisions] == ["d1", "d2", "d3"]
    step = world.decide(ref, "resume")
    assert (step.answer.worker, step.answer.graph, step.answer.task) == (worker, "", "")
    assert not world.state.worker(worker).parked
    assert world.state.worker(other).parked
    assert world.get("gate").state == "blocked"
    world.decide("d1", "approve")
    assert world.state.worker(other).parked


def test_the_same_answer_twice_is_fine_and_another_is_not():
    world = parked()
    world.decide("d1", "keep")
    again = world.decide("d1", "keep")
    assert (again.answer.existing, again.answer.worker, again.facts) == (True, "shell", ())
    refused = world.decide("d1", "resume").info
    assert (refused.code, "resume --worker shell" in refused.hint) == ("ANSWERED", True)
    assert world.decide("d1", "approve").info.code == "ANSWERED"


def test_parked_again_and_again_the_distance_grows():
    world = parked()
    waits = []
    for _ in range(9):
        (due,) = world.armed.values()
        waits.append(due - world.now)
        world.fire(world.timer("decision"))
        world.do(exhausted())
    assert waits == [60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3600.0, 3600.0, 3600.0]
    assert wait_s(10_000) == LONGEST_WAIT_S


def test_a_word_from_somebody_begins_anew():
    world = parked()
    world.fire(world.timer("decision"))
    world.do(exhausted())
    assert world.state.worker("shell").parkings == 2
    world.decide("d2", "resume")
    world.do(exhausted())
    assert world.state.worker("shell").parkings == 1


def test_a_long_good_time_begins_anew():
    world = parked()
    world.fire(world.timer("decision"))
    world.do(s.WorkerReady(worker="shell"))
    world.now += IN_A_ROW_S
    world.do(exhausted())
    assert world.state.worker("shell").parkings == 1


def test_a_restart_neither_hurries_nor_forgets():
    world = parked()
    due = world.now + FIRST_WAIT_S
    world.now += 40
    world.restart(ready=False)
    assert world.armed == {s.TimerKey("decision", ref="d1"): due}
    assert not world.asked_for
    world.fire(world.timer("decision"))
    assert world.asked_for == {"shell": 1}


def test_a_host_that_nobody_asked_for_is_given_nothing():
    world = parked()
    step = world.do(s.WorkerReady(worker="shell"))
    assert (step.facts, step.effects, world.state.worker("shell").ready) == ((), (), False)


def test_paused_and_parked_are_two_things():
    world = parked()
    world.do(s.PauseAsked(graph=None, worker="shell", reason="lunch"))
    world.fire(world.timer("decision"))
    record = world.state.worker("shell")
    assert (record.parked, record.paused) == (False, True)
    world.do(exhausted())
    world.do(s.ResumeAsked(graph=None, worker="shell"))
    assert (record.parked, record.paused) == (False, False)


def test_times_of_what_runs_unwatched():
    """A timeout waits for the host that sees how it went; a deadline and a wall do not."""
    world = World({"shell": 1})
    world.submit(task("a", timeout=5, deadline=90), limits={"wall": 1000})
    world.do(exhausted())
    assert {key.kind for key in world.armed} == {"decision", "deadline", "wall"}
    world.fire(world.timer("deadline"))
    assert world.get("a").attempts[-1].stopping[0] == "deadline"
    world.decide("d1", "resume")
    step = world.do(s.WorkerReady(worker="shell"))
    assert step.effects == (s.AdoptAttempt("shell", "g1", "a", 1, stopping=True),)


def test_all_is_to_be_ended_so_a_host_is_tried_again():
    world = parked()
    world.do(s.CancelRunningAsked(reason="down --kill"))
    assert not world.state.worker("shell").parked
    assert world.asked_for == {"shell": 1}


def test_the_newest_decisions_about_a_type_are_remembered():
    world = World({"shell": 1})
    for _ in range(15):
        world.do(exhausted())
        world.do(s.ResumeAsked(graph=None, worker="shell"))
    assert list(world.state.decisions) == [f"d{number}" for number in range(6, 16)]
    world.restart()
    world.do(exhausted())
    assert world.decisions[0].ref == "d16"


def test_why():
    world = parked()
    ready, running = why(world.state, world.get("b")), why(world.state, world.get("a"))
    assert ready.sentence == f"the shell worker is parked until 08:01:00 UTC: {WHY}"
    assert (ready.reason["kind"], ready.reason["ref"], ready.reason["why"]) == ("worker_parked", "d1", WHY)
    assert ready.help == "orch-actors resume --worker shell"
    assert running.sentence.startswith("runs on, but nobody watches it: the shell worker is parked")
    world.do(s.CancelAsked(graph="g1", task="a", reason="enough"))
    assert why(world.state, world.get("a")).sentence.startswith("is to be ended (enough), and the shell worker")
    world.decide("d1", "keep")
    assert "parked until it is resumed" in why(world.state, world.get("b")).sentence


def test_a_fact_that_the_table_does_not_know():
    from orch_actors.actors.core.errors import InvalidTransition

    world = World()
    with pytest.raises(InvalidTransition, match="shell"):
        fold(world.state, f.WorkerUnparked(worker="shell"), world.now)
