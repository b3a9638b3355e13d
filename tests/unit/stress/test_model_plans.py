"""The marathon's plans: as many tasks as asked for, the same from the same seed, and all policies among them."""

import json
import os
import subprocess

import msgspec
import pytest

from orch_actors.protocol.spec.graph import Retry, TaskSpec, Validate
from orch_actors.protocol.spec.parse import parse_graph
from orch_actors.stress.scenario import Place
from orch_actors.stress.scenarios.marathon.driver import BASE_DIR
from orch_actors.stress.scenarios.marathon.generate import KINDS, make_plans
from orch_actors.stress.scenarios.marathon.model import dependencies, predict
from orch_actors.stress.scenarios.marathon.scenario import SCENARIO
from orch_actors.stress.scenarios.marathon.scenes import SCENES


@pytest.mark.parametrize("tasks", [20, 21, 150, 999, 2000])
def test_as_many_tasks_as_asked_for(tasks):
    plans = make_plans(tasks, 5, "/x")
    assert sum(len(predict(plan).tasks) for plan in plans) == tasks
    assert len({plan.name for plan in plans}) == len(plans)


def test_the_same_from_the_same_seed():
    assert make_plans(200, 7, "/x") == make_plans(200, 7, "/x")
    assert make_plans(200, 7, "/x") != make_plans(200, 8, "/x")


@pytest.mark.parametrize("seed", range(5))
def test_the_documents_are_good(seed):
    for plan in make_plans(400, seed, "/x"):
        parse_graph(plan.document, base_dir=BASE_DIR)


def test_every_policy_is_among_them():
    plans = make_plans(2000, 1, "/x")
    documents = [document for plan in plans for document in predict(plan).documents.values()]
    work = {"id", "work", "worker", "kind", "title", "cwd"}
    judged = {"judge", "decisions"}  # sub-agents have their own: tests/unit/core/test_judging.py
    work.add("worktree")  # where it is done: tests/actors/host/test_worktrees.py
    judged.add("budget")  # held by a ledger of its own: tests/core_world.py
    assert {name for document in documents for name in document} >= set(TaskSpec.__struct_fields__) - work - judged
    for field, struct in (("retry", Retry), ("validate", Validate)):
        used = {name for document in documents for name in document.get(field, {})}
        assert used == set(msgspec.structs.asdict(struct())) - {"json_schema"} | ({"schema"} & used)
    assert {document.get("on_fail", "fail") for document in documents} == {"fail", "continue", "ask", "cancel_graph"}
    assert {document.get("on_unknown", "ask") for document in documents} == {"ask", "rerun", "fail"}
    conditions = {on for document in documents for _, on in dependencies(document)}
    assert conditions == {"done", "failed", "finished"}
    verbs = {action.verb for plan in plans for cue in plan.script for action in cue.actions}
    assert len(verbs) == 15
    assert {state for plan in plans for state in predict(plan).states} == {"done", "failed", "cancelled"}
    ends = {end.state for plan in plans for found in predict(plan).tasks.values() for end in found}
    assert {"done", "failed", "cancelled", "skipped"} <= ends
    classes = {cls for plan in plans for found in predict(plan).tasks.values() for end in found for cls in end.attempts}
    assert classes == {None, "exit", "timeout", "idle_timeout", "output_limit", "deadline", "spawn", "result"} | {
        "validation",
        "reference",
        "secret",
        "unknown",
        "cancelled",
    }
    assert len(plans) >= len(KINDS)
    assert SCENES


def test_there_are_moments_for_kills():
    assert SCENARIO.least_events(Place(folder="/a", out="/b", tasks=150, seed=1)) > 300


def act(folder, number, *acts, **env):
    """Run act.sh as an attempt; its exit code."""
    variables = {
        "PATH": os.environ["PATH"],
        "DIR": str(folder),
        "ORCH_GRAPH": "g1",
        "ORCH_TASK": "a",
        "ORCH_ATTEMPT_NUMBER": str(number),
        "ORCH_RESULT": str(folder / "result"),
        "ORCH_QUESTION": str(folder / "question"),
        "ORCH_ANSWER": str(folder / "answer"),
    }
    command = ["sh", os.path.join(BASE_DIR, "act.sh"), *acts]
    return subprocess.run(command, env={**variables, **env}, check=False, timeout=60).returncode


def test_acts(tmp_path):
    (tmp_path / "answer").write_text(json.dumps({"ref": "d1", "choice": "left"}))
    assert [act(tmp_path, number, "leave 7", "leave 0", "leave 3") for number in (1, 2, 3, 4)] == [7, 0, 3, 3]
    assert act(tmp_path, 1, "result '{\"n\": 1}'") == 0
    assert json.loads((tmp_path / "result").read_text()) == {"n": 1}
    assert act(tmp_path, 1, "ask 'Well?'") == 0
    assert (tmp_path / "question").read_text() == "Well?"
    assert [act(tmp_path, 1, f"answered {choice}") for choice in ("left", "right")] == [0, 66]
    assert [act(tmp_path, 1, "given 'a  b'", GIVEN=text) for text in ("a  b", "a b")] == [0, 67]
    (tmp_path / "go-g1-a").touch()
    assert act(tmp_path, 1, "let_go") == 0
    lines = (tmp_path / "effects.log").read_text().splitlines()
    assert lines[:4] == ["g1/a/1 begin", "g1/a/1 end", "g1/a/2 begin", "g1/a/2 end"]
    assert lines.count("g1/a/1 begin") == lines.count("g1/a/1 end")
