"""`status`."""

import re

from .conftest import eventually

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_a_graph(shared):
    graph = shared("run", "--json", "--name", "sole", "--", "sh", "-c", "exit 4", code=1).json["id"]
    view = shared("status", graph, "--json").json
    assert {"id", "name", "state", "tasks"} <= set(view)
    (task,) = view["tasks"]
    assert {"id", "worker", "state", "reason", "attempts"} <= set(task)
    (attempt,) = task["attempts"]
    assert {"number", "state", "exit_code", "class", "started_utc", "ended_utc", "duration_s"} <= set(attempt)
    assert (attempt["number"], attempt["state"], attempt["exit_code"], attempt["class"]) == (1, "failed", 4, "exit")
    assert RFC3339.fullmatch(attempt["started_utc"])
    assert RFC3339.fullmatch(attempt["ended_utc"])
    assert attempt["duration_s"] >= 0
    by_name = shared("status", "sole")
    assert by_name.out == shared("status", graph).out
    assert re.search(r"^sh +shell +✗ failed +1 +\S+ +4  exit code 4", by_name.out, re.MULTILINE)


def test_at_large(shared):
    graph = shared("submit", "--json", "--", "sleep", "65").json["graph"]
    eventually(lambda: shared("status", graph, "--json").json["tasks"][0]["state"] == "running")
    status = shared("status", "--json").json
    assert set(status) == {"supervisor", "workers", "graphs", "traffic", "elsewhere", "compaction"}
    (found,) = [each for each in status["graphs"] if each["id"] == graph]
    assert {"id", "name", "state", "counts"} <= set(found)
    assert found["counts"] == {"running": 1}
    text = shared("status").out
    assert re.search(rf"^{graph} +sleep +▶ running +1 running", text, re.MULTILINE)
    shared("cancel", graph)


def test_what_is_not_there(shared):
    assert shared("status", "g999", "--json", code=4).error["code"] == "UNKNOWN_GRAPH"
    assert "error: there is no graph 'g999'" in shared("status", "g999", code=4).err
    assert shared("status", "g1/a", code=2).err.startswith("error: status takes a graph")
    assert shared("status", "", code=2).err


def test_a_name_that_two_have(shared):
    for _ in range(2):
        shared("submit", "--name", "twin", "--", "true")
    assert shared("status", "twin", "--json", code=4).error["code"] == "AMBIGUOUS_ID"
