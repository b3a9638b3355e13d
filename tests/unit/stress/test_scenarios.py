"""The scenarios' files fit their expectations; the kills' moments; the command line's edges."""

import json

import pytest

from orch_actors.cli import entry
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.spec.load import check_file
from orch_actors.stress.cli import default_folder, write_report
from orch_actors.stress.kills import choose_moments
from orch_actors.stress.scenario import Place
from orch_actors.stress.scenarios import NAMES, graph_file, load
from orch_actors.stress.scenarios.pilot import scenario as pilot
from orch_actors.stress.scenarios.review import scenario as review
from orch_actors.stress.scenarios.stress import agent
from orch_actors.stress.scenarios.stress import scenario as stress


@pytest.mark.parametrize(("name", "expected", "size"), [("pilot", pilot.EXPECTED, 6), ("stress", stress.EXPECTED, 40)])
def test_graph_and_expectations_name_the_same_tasks(name, expected, size):
    parameters = load(name).parameters(Place(folder="/a b", out="/c"))
    _, graph, _ = check_file(graph_file(name), parameters)
    added = {str(document["id"]) for document in agent.ADDED} if name == "stress" else set()
    assert {task.id for task in graph.tasks} == set(expected) - added
    assert added <= set(expected)
    assert len(graph.tasks) == size
    assert {task.worker for task in graph.tasks} == {"shell", "python"}


def test_the_stress_graph_says_what_its_expectations_assume():
    _, graph, _ = check_file(graph_file("stress"), {"dir": "/x"})
    assert graph.limits.parallel == stress.PARALLEL
    priority = {task.id: task.priority for task in graph.tasks}
    assert sorted(stress.BY_PRIORITY, key=lambda name: -priority[name]) == list(stress.BY_PRIORITY)
    assert len({priority[name] for name in stress.BY_PRIORITY}) == len(stress.BY_PRIORITY)


@pytest.mark.parametrize("name", ["pilot", "stress"])
def test_there_are_moments_for_kills(name):
    runs = sum(want.attempts > 0 for want in (pilot if name == "pilot" else stress).EXPECTED.values())
    assert 10 < load(name).least_events(Place(folder="/a", out="/b")) <= runs * 4 + 2


def test_the_review_graph_says_what_its_checks_assume():
    _, graph, _ = check_file(graph_file("review"), load("review").parameters(Place(folder="/a", out="/o")))
    tasks = {task.id: task for task in graph.tasks}
    assert tuple(tasks) == review.TASKS
    assert (tasks["write"].worker, tasks["write"].judge.worker, tasks["write"].retry.attempts) == (
        "opencode",
        "claude",
        review.MOST,
    )
    told = tasks["write"].work.prompt
    assert "reviewed" not in told  # or nothing would be sent back
    assert "reviewed" in tasks["write"].judge.by_id["signed"]


def test_an_unknown_scenario_is_refused_with_the_nearest():
    with pytest.raises(Refused) as caught:
        load("pilto")
    assert "pilot" in caught.value.info.hint


def test_moments_are_seeded_different_and_in_reach():
    first = choose_moments(20, 7, 60)
    assert first == choose_moments(20, 7, 60)
    assert first != choose_moments(20, 8, 60)
    assert len(set(first)) == 20
    assert sorted(first) == list(first)
    assert first[0] >= 3
    assert first[-1] < 60
    assert choose_moments(0, 7, 60) == ()
    with pytest.raises(ValueError, match="at most 57"):
        choose_moments(58, 7, 60)


def test_reports_are_json(tmp_path):
    path = tmp_path / "r.json"
    write_report(str(path), {"a": "ü"})
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": "ü"}


def test_the_default_folder_is_the_checkout():
    with open(f"{default_folder()}/pyproject.toml", encoding="utf-8") as file:
        assert "orch-actors" in file.read()


def fault(capsys, *words):
    code = entry.main(["stress", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)["error"]


def test_list(capsys):
    assert entry.main(["stress", "list", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)["scenarios"]] == list(NAMES)
    assert entry.main(["--json", "stress", "list"]) == 0
    json.loads(capsys.readouterr().out)
    assert entry.main(["stress", "list"]) == 0
    assert "pilot" in capsys.readouterr().out


def test_wrong_words_are_told_without_a_daemon(capsys, tmp_path):
    code, error = fault(capsys, "run", "pilto")
    assert (code, error["hint"]) == (4, "did you mean pilot?")
    code, error = fault(capsys, "run", "stress", "--kills", "10000")
    assert code == 4
    assert "moments" in error["message"]
    code, error = fault(capsys, "run", "stress", "--folder", str(tmp_path))
    assert code == 2
    code, error = fault(capsys, "run", "pilot", "--folder", str(tmp_path / "none"))
    assert code == 2
    code, error = fault(capsys, "run", "stress", "--settings", str(tmp_path / "none"))
    assert (code, "none cannot be read" in error["message"]) == (100, True)
    (tmp_path / "wrong.toml").write_text("[workers.claud]\n")
    code, error = fault(capsys, "run", "stress", "--settings", str(tmp_path / "wrong.toml"))
    assert (code, "claud" in error["message"]) == (100, True)
    code, error = fault(capsys, "run", "stress", "--settings", "x", "--home", str(tmp_path))
    assert code == 2
    code, error = fault(capsys, "replay", str(tmp_path / "none.json"))
    assert code == 111
    assert "none.json" in error["message"]
    (tmp_path / "wrong.json").write_text("{}")
    code, error = fault(capsys, "replay", str(tmp_path / "wrong.json"))
    assert (code, error["code"]) == (4, "INVALID_GRAPH")
    code, error = fault(capsys, "replay", "x", "--speed", "0")
    assert code == 4
    code, error = fault(capsys, "replay", "x", "--slots", "0")
    assert code == 4
    code, error = fault(capsys, "bench", "--only", "speed")
    assert code == 4
    assert "accepted" in error["hint"]
    code, error = fault(capsys, "bench", "--home", str(tmp_path))
    assert code == 2


def test_a_used_output_folder_is_refused(capsys, tmp_path):
    (tmp_path / "x").touch()
    code, error = fault(capsys, "run", "stress", "--out", str(tmp_path))
    assert code == 100
    assert "not empty" in error["message"]
