"""Judges: asked after an attempt that is good, or about a decision; followed; and never believed when they broke."""

import json

import pytest
from core_world import World
from msgspec import Raw

from orch_actors.actors.attempts.feedback import feedback_of
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.sessions import nonce_of
from orch_actors.actors.core.verdicts import choose, judge
from orch_actors.actors.views.why import explain
from orch_actors.protocol.errors import Refused

CRITERIA = ["it builds", "it is tested"]
JUDGE = {"worker": "shell", "command": "./judge", "criteria": CRITERIA}


def world_of(*tasks, **top):
    world = World(limits={"shell": 4, "claude": 4})
    world.submit(*tasks, **top)
    return world


def judged(name="a", *, retry=1, **more):
    return {"id": name, "command": "x", "judge": {**JUDGE, **more}, "retry": {"attempts": retry}}


def verdict(kind="pass", *, met=("c1", "c2"), evidence="seen", block=(), **more):
    criteria = [
        {"id": name, "status": "met" if name in met else "unmet", "evidence": evidence} for name in ("c1", "c2")
    ]
    findings = [{"severity": "block", "what": what} for what in block]
    return {"verdict": kind, "criteria": criteria, "findings": findings, **more}


def says(world, value, name="a#judge-1"):
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    world.end(name, result=Raw(text))


# --- what words come to ---------------------------------------------------------------------------------------------


BOTH = verdict()["criteria"]


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (verdict(), "pass"),
        (verdict(confidence=0.1), "pass"),
        (verdict(evidence=" "), "unsure"),
        (verdict(met=["c1"]), "unsure"),
        (verdict(block=["no"]), "unsure"),
        ({"verdict": "pass", "criteria": []}, "unsure"),
        ({"verdict": "pass", "criteria": [{"id": "c1", "status": "met", "evidence": "x"}]}, "unsure"),
        ({"verdict": "pass", "criteria": [*BOTH, {"id": "c3", "status": "met", "evidence": "x"}]}, "unsure"),
        ({"verdict": "pass", "criteria": [*BOTH, *BOTH]}, "unsure"),
        (verdict("fail", met=["c1"]), "fail"),
        (verdict("fail", block=["it is wrong"]), "fail"),
        (verdict("fail"), "unsure"),
        (verdict("fail", confidence=0.99), "unsure"),
        (verdict("unsure"), "unsure"),
        (verdict("fail", met=[], impossible=True), "impossible"),
        (verdict(impossible=True), "impossible"),
        (verdict("PASS"), "error"),
        ({"verdict": "pass"}, "unsure"),
        ([], "error"),
        ("pass", "error"),
        (None, "error"),
    ],
)  # fmt: skip
def test_the_outcome_is_computed(value, outcome):
    assert judge(json.dumps(value).encode(), ["c1", "c2"], "").outcome == outcome


@pytest.mark.parametrize("text", [None, b"", b"pass", b"{", b'{"verdict": "pass"', b"\xff", b"[" * 5000])
def test_rubbish_is_an_error(text):
    assert judge(text, ["c1"], "").outcome == "error"
    assert choose(text, ["yes"], "")[0] is None


def test_an_agents_words_must_be_its_own():
    assert judge(json.dumps(verdict()).encode(), ["c1", "c2"], "n1").outcome == "error"
    assert judge(json.dumps(verdict(nonce="n2")).encode(), ["c1", "c2"], "n1").outcome == "error"
    assert judge(json.dumps(verdict(nonce="n1")).encode(), ["c1", "c2"], "n1").outcome == "pass"
    assert choose(b'{"choice": "yes", "nonce": "n1"}', ["yes"], "n1") == ("yes", "")
    assert choose(b'{"choice": "yes"}', ["yes"], "n1")[0] is None
    assert choose(b'{"choice": "perhaps", "reason": "hm"}', ["yes", "no"], "") == (None, "hm")


# --- a verdict ------------------------------------------------------------------------------------------------------


def test_a_pass_is_done_and_only_then_do_dependents_run():
    world = world_of(judged(), {"id": "b", "command": "x", "depends_on": ["a"]})
    world.end("a")
    assert world.states() == "a:judging b:pending a#judge-1:running"
    assert explain(world.state, world.get("a"))[1] == {"kind": "judging", "judge": "a#judge-1", "state": "running"}
    says(world, verdict())
    assert world.states() == "a:done b:running a#judge-1:done"
    assert world.get("a").attempts[0].verdict["outcome"] == "pass"
    assert world.state.graphs["g1"].counts == {"done": 1, "running": 1}
    world.end("b")
    assert world.state.graphs["g1"].state == "done"


def test_what_failed_or_is_not_valid_is_not_judged():
    world = world_of(judged(retry=2))
    world.end("a", 1)
    assert world.states() == "a:running"
    world.end("a", invalid="no file")
    assert world.states() == "a:failed"


def test_a_fail_sends_it_back_with_the_judges_words():
    world = world_of(judged(retry=3))
    world.end("a")
    says(world, verdict("fail", met=["c1"], feedback="write tests"))
    task = world.get("a")
    assert (task.state, len(task.attempts), task.rounds) == ("running", 2, 1)
    told = feedback_of(task, 2)
    assert "was not accepted by its judge: c2 is not met: seen" in told
    assert "write tests" in told
    world.end("a")
    says(world, verdict(), "a#judge-2")
    assert task.state == "done"


@pytest.mark.parametrize(
    ("value", "says_what"),
    [
        (verdict("fail", met=[]), "is not satisfied"),
        (verdict("unsure"), "is not sure"),
        (verdict("fail", met=[], impossible=True), "cannot be done"),
    ],
)
def test_what_a_judge_cannot_settle_is_asked_and_nothing_else_waits(value, says_what):
    world = world_of(judged(), {"id": "b", "command": "x"})
    world.end("a")
    says(world, value)
    (decision,) = world.decisions
    assert (decision.about, decision.options, decision.default) == ("judge", ("retry", "accept", "fail"), "fail")
    assert says_what in decision.question
    assert decision.evidence["criteria"]
    assert world.states() == "a:blocked b:running a#judge-1:done"


@pytest.mark.parametrize(("choice", "state"), [("accept", "done"), ("fail", "failed"), ("retry", "running")])
def test_people_settle_it(choice, state):
    world = world_of(judged())
    world.end("a")
    says(world, verdict("unsure"))
    world.decide("d1", choice)
    assert world.get("a").state == state
    if choice == "fail":
        assert world.get("a").cls == "judge"


def test_rounds_are_bounded():
    world = world_of(judged(retry=9, max_rounds=1))
    world.end("a")
    says(world, verdict("fail", met=[]))
    world.end("a")
    says(world, verdict("fail", met=[]), "a#judge-2")
    assert world.get("a").state == "blocked"


# --- a judge that breaks --------------------------------------------------------------------------------------------


def break_it(world, how):
    """Twice: it has two tries."""
    for _ in range(2):
        match how:
            case "crash":
                world.end("a#judge-1", 1)
            case "rubbish":
                world.end("a#judge-1", invalid="no verdict")
            case "timeout":
                world.fire(world.timer("timeout"))
                world.end("a#judge-1", 143, ending="killed")
        for key in [key for key in world.armed if key.kind == "retry"]:
            world.fire(key)


@pytest.mark.parametrize("how", ["crash", "rubbish", "timeout"])
def test_a_broken_judge_is_never_a_pass_and_spends_no_attempt(how):
    world = world_of(judged(retry=2))
    world.end("a")
    break_it(world, how)
    task = world.get("a")
    assert (task.state, task.tries, world.decisions[0].about) == ("blocked", 1, "judge")
    assert "broke" in world.decisions[0].question


@pytest.mark.parametrize(("on_error", "state"), [("accept", "done"), ("reject", "failed")])
def test_on_error(on_error, state):
    world = world_of(judged(on_error=on_error))
    world.end("a")
    break_it(world, "crash")
    task = world.get("a")
    assert task.state == state
    assert "the judge broke" in task.reason
    assert world.state.graphs["g1"].state == state


def test_a_verdict_that_exit_code_0_does_not_make():
    world = world_of(judged())
    world.end("a")
    world.end("a#judge-1")  # no result at all
    assert world.get("a").state == "blocked"


# --- its task goes, or is edited ------------------------------------------------------------------------------------


def test_a_cancelled_task_takes_its_judge_along():
    world = world_of(judged(), {"id": "b", "command": "x"})
    world.end("a")
    world.do(s.CancelAsked(graph="g1", task="a", reason="no"))
    assert world.get("a").state == "cancelled"
    assert world.get("a#judge-1").attempts[0].stopping[0] == "cancelled"
    world.end("b")
    assert world.state.graphs["g1"].ended_utc is None  # its judge still runs
    world.end("a#judge-1", 143, ending="killed")
    assert world.state.graphs["g1"].state == "cancelled"


def test_a_cancelled_judge_is_a_broken_one():
    world = world_of(judged())
    world.end("a")
    world.do(s.CancelAsked(graph="g1", task="a#judge-1", reason="no"))
    world.end("a#judge-1", 143, ending="killed")
    assert world.get("a").state == "blocked"


def test_a_deadline_counts_while_it_is_judged():
    world = world_of({**judged(), "deadline": 5})
    world.end("a")
    world.fire(world.timer("deadline"))
    assert (world.get("a").state, world.get("a").cls) == ("failed", "deadline")
    world.end("a#judge-1", 143, ending="killed")
    assert world.state.graphs["g1"].state == "failed"


def test_judges_are_not_retried_or_updated_themselves():
    world = world_of(judged(on_error="reject"))
    world.end("a")
    for wish in (
        s.UpdateAsked(graph="g1", task="a#judge-1", set={"timeout": 5}, base_dir="/"),
        s.RetryAsked(graph="g1", task="a#judge-1"),
    ):
        assert isinstance(world.tell(wish), Refused)
    break_it(world, "crash")
    world.do(s.RetryAsked(graph="g1", task=None))
    assert world.states() == "a:running a#judge-1:failed"
    world.end("a")
    says(world, verdict(), "a#judge-2")
    assert world.get("a").state == "done"


def test_a_judge_waits_for_a_slot_like_anybody():
    world = World(limits={"shell": 1})
    world.submit(judged(), {"id": "b", "command": "x"})
    world.end("a")
    assert world.states() == "a:judging b:running a#judge-1:ready"
    world.end("b")
    assert world.get("a#judge-1").state == "running"


# --- decisions ------------------------------------------------------------------------------------------------------


def asks(by, **more):
    decisions = {"by": by, "worker": "shell", "command": "./decide"}
    return {"id": "a", "command": "x", "on_fail": "ask", "decisions": decisions, **more}


def test_a_judge_answers_a_decision():
    world = world_of(asks("judge_then_human"))
    world.end("a", 1)
    assert world.states() == "a:blocked a#decide-1:running"
    says(world, {"choice": "accept", "reason": "good enough"}, "a#decide-1")
    decision = world.state.decisions["d1"]
    assert (decision.choice, decision.note, decision.by) == ("accept", "good enough", "judge")
    assert world.get("a").state == "done"


@pytest.mark.parametrize(("by", "state"), [("judge_then_human", "blocked"), ("judge", "failed")])
@pytest.mark.parametrize("broken", [True, False])
def test_what_it_is_not_sure_of(by, state, broken):
    world = world_of(asks(by, ask={"default": "fail"}))
    world.end("a", 1)
    if broken:
        for _ in range(2):
            world.end("a#decide-1", 1)
            for key in [key for key in world.armed if key.kind == "retry"]:
                world.fire(key)
    else:
        says(world, {"choice": "unsure"}, "a#decide-1")
    assert world.get("a").state == state
    if state == "blocked":
        assert world.decisions[0].open
        world.decide("d1", "accept")
        assert world.get("a").state == "done"


def test_a_person_may_be_quicker():
    world = world_of(asks("judge"))
    world.end("a", 1)
    world.decide("d1", "accept")
    assert world.get("a").state == "done"
    assert world.get("a#decide-1").attempts[0].stopping is not None
    world.end("a#decide-1", result=Raw(b'{"choice": "fail"}'))
    assert world.state.decisions["d1"].choice == "accept"
    assert world.state.graphs["g1"].state == "done"


def test_an_approval_may_be_a_judges():
    world = world_of({**asks("judge"), "approve": True})
    says(world, {"choice": "approve"}, "a#decide-1")
    assert world.get("a").state == "running"


@pytest.mark.parametrize(
    ("worker", "env", "field", "value"),
    [
        ("claude", {}, "extra_args", ("--tools", "", "--setting-sources", "user", "--strict-mcp-config")),
        ("opencode", {"OPENCODE_DISABLE_PROJECT_CONFIG": "1", "OPENCODE_DISABLE_CLAUDE_CODE": "1"}, "extra_args", ()),
    ],
)
def test_an_agent_that_judges_sees_nothing_of_the_folder(worker, env, field, value):
    world = World(limits={"shell": 4, worker: 4})
    world.submit({"id": "a", "command": "x", "env": {"K": "v"}, "judge": {"worker": worker, "criteria": CRITERIA}})
    world.end("a")
    spec = world.get("a#judge-1").spec
    assert spec.env == {"K": "v", **env}
    assert getattr(spec.work, field) == value
    assert worker == "claude" or spec.work.permission["*"] == "deny"


def test_an_agents_judgement_needs_its_nonce():
    world = world_of(judged(worker="claude", command=None) | {"judge": {"worker": "claude", "criteria": CRITERIA}})
    world.end("a")
    says(world, verdict(nonce="guessed"))
    assert world.decisions[0].about == "judge"
    world.decide("d1", "retry")
    world.end("a")
    says(world, verdict(nonce=nonce_of("", "g1/a#judge-2")), "a#judge-2")
    assert world.get("a").state == "done"
