"""Budgets: what is used up is not started, and says so; judges count; more can be given."""

import pytest
from core_world import LIMITS, World, offer, restored, task
from msgspec import Raw

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.budgets import left_usd
from orch_actors.actors.views.why import why
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.views import Usage

USED = Usage(turns=2, cost_usd=0.4, input_tokens=30, output_tokens=10)


@pytest.fixture
def world():
    return World({**LIMITS, "claude": 2})


def agent(name, *after, **options):
    return task(name, *after, worker="claude", **options)


def update(world, name, **budget):
    return world.tell(s.UpdateAsked(graph="g1", task=name, set={"budget": budget}, base_dir="/"))


def limit(world, graph="g1", **bounds):
    return world.tell(s.BudgetAsked(graph=graph, set=bounds))


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ({"usd": 0.4}, "$0.4 of $0.4"),
        ({"tokens": 40}, "40 tokens of 40 tokens"),
        ({"attempts": 1}, "1 attempts of 1 attempts"),
        ({"wall": 1}, "1.0s of 1.0s run time"),
    ],
)
def test_a_task_stops_at_its_budget(world, budget, said):
    world.submit(agent("a", retry={"attempts": 5}, budget=budget), task("b", ("a", "failed")), task("c", "a"))
    world.end("a", 1, usage=USED)
    node = world.get("a")
    assert (node.state, node.cls, len(node.attempts)) == ("failed", "budget", 1)
    assert node.reason == f"no further attempt: its budget is used up: {said}; the last one failed: exit code 1"
    assert (world.get("b").state, world.get("c").state) == ("running", "skipped")
    told = why(world.state, node)
    assert told.reason == {"kind": "failed", "class": "budget", "whose": "task", "bound": next(iter(budget))}
    assert told.help == f"orch-actors retry g1/a --set 'budget={{{next(iter(budget))}: N}}'"


def test_while_there_is_something_left_it_goes_on(world):
    world.submit(agent("a", retry={"attempts": 5}, budget={"usd": 1, "tokens": 100}))
    world.end("a", 1, usage=USED)
    world.end("a", 1, usage=USED)
    assert world.get("a").state == "running"
    world.end("a", usage=USED)
    assert world.get("a").state == "done"
    assert world.graphs[0].spent.usage == Usage(turns=6, cost_usd=1.2, input_tokens=90, output_tokens=30)


def test_a_graph_stops_its_agents_and_no_others(world):
    world.submit(agent("a"), agent("b", "a"), task("c", "b"), task("d", ("b", "failed")), limits={"usd": 0.3})
    world.end("a", usage=USED)
    node = world.get("b")
    assert (node.state, node.cls, node.attempts) == ("failed", "budget", [])
    assert node.reason == "not started: the graph's budget is used up: $0.4 of $0.3"
    assert (world.get("c").state, world.get("d").state) == ("skipped", "running")
    assert why(world.state, node).help == "orch-actors limit g1 --usd N; then orch-actors retry g1/b"


def running(world):
    return [name for name in world.graphs[0].tasks if world.get(name).state == "running"]


@pytest.fixture
def wide():
    return World({**LIMITS, "claude": 9})


def test_side_by_side_they_stay_within_their_graphs_dollars(wide):
    wide.submit(*[agent(f"t{n}", budget_usd=0.5) for n in range(6)], limits={"usd": 1.2})
    assert running(wide) == ["t0", "t1"]
    told = why(wide.state, wide.get("t2"))
    assert told.sentence == "waits for $0.5 of the graph's budget: of the $1.2 that are left, $1 are kept for what runs"
    assert told.reason == {
        "kind": "budget",
        "name": "usd",
        "wanted": 0.5,
        "free": pytest.approx(0.2),
        "left": 1.2,
        "ahead": None,
    }
    assert told.help == "orch-actors limit g1 --usd N"
    wide.end("t0", usage=Usage(cost_usd=0.1))  # 1.1 are left, 0.5 of it kept
    assert running(wide) == ["t1", "t2"]
    wide.end("t1", usage=Usage(cost_usd=0.4))
    assert running(wide) == ["t2"]  # 0.7 are left
    wide.end("t2", usage=Usage(cost_usd=0.4))
    assert running(wide) == ["t3"]  # with the 0.3 that are left, and beside nobody
    assert left_usd(wide.get("t3")) == pytest.approx(0.3)
    wide.end("t3", usage=Usage(cost_usd=0.3))
    assert [wide.get(f"t{n}").cls for n in range(6)] == [None] * 4 + ["budget"] * 2


def test_who_waits_behind_another_is_told_of_it(wide):
    wide.submit(*[agent(name, budget_usd=usd) for name, usd in (("a", 0.5), ("b", 1), ("c", 0.5))], limits={"usd": 1.2})
    assert running(wide) == ["a"]
    told = why(wide.state, wide.get("c"))
    assert told.sentence == (
        "waits for $0.5 of the graph's budget: of the $1.2 that are left, $0.5 are kept for what runs, "
        "the rest for g1/b, which is before it"
    )
    assert (told.reason["ahead"], told.help) == ("g1/b", "orch-actors why g1/b")


def test_tokens_are_kept_as_dollars_are_and_what_has_no_bound_keeps_nothing(wide):
    tasks = [agent("a", budget={"tokens": 60}), agent("b", budget={"tokens": 60}), agent("c"), task("d")]
    wide.submit(*tasks, limits={"tokens": 100})
    assert running(wide) == ["a", "c", "d"]
    limit(wide, tokens=150)
    assert running(wide) == ["a", "b", "c", "d"]


def test_of_other_graphs_nothing_is_kept(wide):
    for _ in range(2):
        wide.submit(agent("a", budget_usd=1), agent("b", budget_usd=1), limits={"usd": 1})
    assert [[one.state for one in graph.tasks.values()] for graph in wide.graphs] == [["running", "ready"]] * 2
    limit(wide, "g1", usd=None)
    assert [[one.state for one in graph.tasks.values()] for graph in wide.graphs] == [
        ["running", "running"],
        ["running", "ready"],
    ]


def test_a_budget_that_changes_while_it_runs_changes_what_is_kept(wide):
    wide.submit(agent("a", budget={"usd": 1}), agent("b", budget={"usd": 1}), limits={"usd": 1.5})
    assert running(wide) == ["a"]
    update(wide, "a", usd=0.5)
    assert running(wide) == ["a", "b"]
    again = restored(wide.state)
    assert again.state.scheduler.used() == wide.state.scheduler.used()


def test_what_its_judge_may_spend_is_kept_for_it(wide):
    judge = {"worker": "claude", "criteria": ["good"], "budget_usd": 0.8}
    wide.submit(agent("a", budget_usd=0.5, judge=judge), agent("b", budget_usd=0.5), limits={"usd": 1})
    wide.end("a", usage=Usage(cost_usd=0.1))
    assert why(wide.state, wide.get("a#judge-1")).reason["kind"] == "budget"
    wide.end("b", usage=Usage(cost_usd=0.1))
    assert wide.get("a#judge-1").state == "running"


def test_when_nothing_is_left_what_waits_fails_at_once_beside_what_runs(wide):
    wide.submit(agent("a", budget_usd=1), agent("b"), agent("c", budget_usd=1), limits={"usd": 1})
    wide.end("b", usage=Usage(cost_usd=1.5))
    assert (wide.get("a").state, wide.get("c").cls) == ("running", "budget")


@pytest.mark.parametrize("parallel", [1, 2, None])
def test_attempts_of_a_graph_stop_everything(world, parallel):
    """To the number, also where several run at once."""
    world.submit(*[task(f"t{n}") for n in range(5)], limits={"attempts": 3, "parallel": parallel})
    for n in range(3):
        world.end(f"t{n}")
    assert [world.get(f"t{n}").cls for n in range(5)] == [None, None, None, "budget", "budget"]
    assert world.graphs[0].state == "failed"


def test_a_graph_that_is_over_gets_more_and_is_retried(world):
    world.submit(agent("a"), agent("b", "a"), limits={"usd": 0.3})
    world.end("a", usage=USED)
    assert world.graphs[0].state == "failed"
    assert limit(world, usd=1).answer.changes == ("limits.usd 0.3 → 1",)
    world.restart(from_picture=True)
    world.do(s.RetryAsked(graph="g1", task="b"))
    world.end("b", usage=USED)
    assert world.graphs[0].state == "done"


def test_a_task_gets_more_while_it_runs(world):
    world.submit(agent("a", retry={"attempts": 3}, budget={"attempts": 1}))
    assert update(world, "a", attempts=2).answer.changes == ("~ a: budget {'attempts': 1} → {'attempts': 2}",)
    world.end("a", 1)
    assert world.get("a").state == "running"
    refused = world.tell(s.UpdateAsked(graph="g1", task="a", set={"budget": None, "title": "x"}, base_dir="/"))
    assert refused.info.code == "NOT_ALLOWED"


def test_retried_by_hand_it_is_still_used_up(world):
    world.submit(task("a", budget={"attempts": 1}))
    world.end("a", 1)
    world.do(s.RetryAsked(graph="g1", task="a"))
    assert (world.get("a").cls, len(world.get("a").attempts)) == ("budget", 1)
    world.do(s.RetryAsked(graph="g1", task="a", set={"budget": {"attempts": 2}}))
    world.end("a")
    assert world.get("a").state == "done"


def test_what_was_no_try_counts_for_nothing_but_what_it_spent(world):
    world.submit(agent("a", budget={"attempts": 1, "usd": 1}))
    world.end("a", 1, cls="quota", usage=USED)
    world.fire(world.timer("worker"))
    world.end("a", usage=USED)
    assert world.get("a").state == "done"
    assert (world.graphs[0].spent.attempts, world.graphs[0].spent.usd) == (1, 0.8)


JUDGE = {"worker": "claude", "criteria": ["good"]}


def test_a_judge_spends_its_tasks_budget_and_one_that_is_not_started_broke(world):
    world.submit(task("a", judge=JUDGE, budget={"attempts": 1}))
    world.end("a")
    assert world.get("a#judge-1").cls == "budget"
    assert world.get("a").state == "blocked"
    assert "judge of a broke" in world.get("a").decision.question
    world.decide("d1", "accept")
    assert world.get("a").state == "done"


def test_what_a_judge_spent_keeps_its_task_from_another_attempt(world):
    unmet = b'{"verdict": "fail", "criteria": [{"id": "c1", "status": "unmet", "evidence": "no"}]}'
    judge = {"worker": "shell", "command": "j", "criteria": ["good"]}
    world.submit(task("a", judge=judge, retry={"attempts": 5}, budget={"attempts": 2}))
    world.end("a")
    world.end("a#judge-1", result=Raw(unmet))
    assert (world.get("a").state, world.get("a").cls) == ("failed", "budget")


def test_on_fail_ask_asks_before_it_was_ever_started(world):
    world.submit(agent("a"), agent("b", "a", on_fail="ask"), limits={"usd": 0.1})
    world.end("a", usage=USED)
    assert world.get("b").state == "blocked"
    assert world.get("b").decision.evidence["class"] == "budget"
    world.decide("d1", "retry")
    assert world.get("b").decision.ref == "d2"  # still used up
    limit(world, usd=None)
    world.decide("d2", "retry")
    assert world.get("b").state == "running"


def test_no_answer_fails_what_was_not_started_for_its_budget(world):
    world.submit(agent("a"), agent("b", "a", on_fail="ask"), limits={"usd": 0.1})
    world.end("a", usage=USED)
    world.decide("d1", "fail")
    assert (world.get("b").state, world.get("b").cls) == ("failed", "budget")


def test_dependents_of_what_is_not_started_have_a_host_called_for(world):
    world = World({**LIMITS, "claude": 1}, ready=False)
    world.do(s.WorkerReady(worker="claude"))
    world.submit(agent("a"), agent("b", "a"), task("clean", ("b", "failed")), limits={"usd": 0.1})
    world.end("a", usage=USED)
    assert world.asked_for["shell"] == 1


def test_its_run_time_bounds_an_attempt_and_its_end_is_told(world):
    world.submit(task("a", retry={"attempts": 3}, timeout=10, budget={"wall": 15}))
    assert world.armed[world.timer("timeout")] == world.now + 10
    world.end("a", 1, duration_s=9.0)
    key = world.timer("timeout")
    assert world.armed[key] == world.now + 6
    update(world, "a", wall=12)
    assert world.armed[key] == world.now + 3
    world.fire(key)
    assert world.get("a").attempts[-1].stopping == ("budget", "its attempts ran longer than the 12s of its budget")
    world.end("a", ending="killed")
    assert (world.get("a").state, world.get("a").cls) == ("failed", "budget")


@pytest.mark.parametrize("bounds", [{}, {"wall": 3}, {"usd": 0}, {"attempts": 1.5}, {"tokens": "many"}, {"usd": True}])
def test_what_makes_no_sense_is_refused(world, bounds):
    world.submit(task("a"))
    assert limit(world, **bounds).info.code == "INVALID_REQUEST"


def test_an_unchanged_budget_is_no_edit(world):
    world.submit(task("a"), limits={"usd": 3})
    assert not limit(world, usd=3.0).facts
    assert [type(fact) for fact in limit(world, usd=4).facts] == [f.GraphBudgeted]


def test_dollars_for_who_spends_none_are_refused_by_name():
    with pytest.raises(Refused, match="only agents spend it"):
        offer(task("a", budget={"usd": 1}))
    offer(task("a", judge=JUDGE, budget={"usd": 1}))
    offer(task("a"), agent("b"), defaults={"budget": {"usd": 1}})  # for those that it is for
