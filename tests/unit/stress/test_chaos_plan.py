"""What a campaign does comes from its seed alone; and what it offers is good."""

import itertools
import json
from collections import Counter

import pytest

from orch_actors.protocol.spec.parse import parse_graph
from orch_actors.stress.chaos.jobs import jobs
from orch_actors.stress.chaos.plan import AT_MOST_S, BIRTH_S, MOMENT_S, WEIGHTS, strikes


def first(things, count):
    return list(itertools.islice(things, count))


def test_a_seed_gives_the_same_strikes():
    assert first(strikes(7), 200) == first(strikes(7), 200)
    assert first(strikes(7), 200) != first(strikes(8), 200)


def test_all_kinds_of_strikes_come_and_shims_only_where_they_are_asked_for():
    acts = Counter(strike.act for strike in first(strikes(1), 2000))
    assert set(acts) == set(WEIGHTS)
    assert acts["supervisor"] > acts["zombie"] > 50
    assert Counter(strike.act for strike in first(strikes(1, shims=True), 2000))["shim"] > 200


def test_strikes_stay_within_bounds():
    for strike in first(strikes(3), 2000):
        assert 0 <= strike.which < 1
        assert 0 <= strike.moment_s <= MOMENT_S < AT_MOST_S
        assert all(0 <= life_s <= BIRTH_S for life_s in strike.births)
    assert sum(len(strike.births) for strike in first(strikes(3), 1000)) > 150


def test_a_seed_and_a_number_give_the_same_jobs():
    assert first(jobs(7, 1, "/e"), 50) == first(jobs(7, 1, "/e"), 50)
    assert first(jobs(7, 1, "/e"), 50) != first(jobs(7, 2, "/e"), 50)
    assert first(jobs(7, 1, "/e"), 50) != first(jobs(8, 1, "/e"), 50)


@pytest.mark.parametrize("agent", [1, 2, 3])
def test_every_graph_is_a_good_one(agent):
    kinds = Counter()
    for job in first(jobs(5, agent, "/e"), 100):
        graph = parse_graph(json.loads(json.dumps(job.document)), base_dir="/")
        kinds.update(task.worker for task in graph.tasks)
    assert kinds["shell"] > 100
    assert kinds["python"] > 20


def test_tokens_occur_once():
    tokens = Counter()
    for agent in (1, 2, 3):
        for job in first(jobs(5, agent, "/e"), 100):
            for step in job.steps:
                tokens[step.token] += 1
                tokens.update(task["id"] for task in step.tasks)
    assert len(tokens) > 500
    assert set(tokens.values()) == {1}


def test_every_kind_of_step_is_tried():
    verbs = Counter(
        step.verb
        for agent in range(1, 8)
        for job in first(jobs(2, agent, "/e"), 30)
        for step in (*job.steps, *job.last)
    )
    assert set(verbs) == {
        "repeat",
        "rekey",
        "conflict",
        "add",
        "update",
        "cancel_task",
        "cancel",
        "pause",
        "limit",
        "look",
        "retry",
        "prune",
    }
