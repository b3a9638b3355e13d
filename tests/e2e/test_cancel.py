"""`cancel`."""

from .conftest import eventually

GRAPH = """
{"name": "two", "tasks": [
  {"id": "long", "command": "sleep 69"},
  {"id": "other", "command": "sleep 70"},
  {"id": "after", "command": "true", "depends_on": ["long"]}
]}
"""


def _running(cli, graph, count):
    eventually(lambda: cli("status", graph, "--json").json["counts"].get("running") == count)


def test_a_task(shared):
    graph = shared("submit", "-", "--json", text=GRAPH).json["graph"]
    _running(shared, graph, 2)
    would = shared("cancel", f"{graph}/long", "--dry-run", "--json").json
    assert would.pop("graphs") == []
    assert would == {"graph": graph, "tasks": ["long"], "skipped": ["after"], "version": 1, "dry_run": True}
    said = shared("cancel", f"{graph}/long", "--dry-run").out
    assert "would be cancelled long" in said
    assert "would be skipped after" in said
    assert shared("cancel", f"{graph}/long", "--if-version", "2", "--json", code=4).error["code"] == "STALE_VERSION"
    assert shared("status", graph, "--json").json["counts"]["running"] == 2
    answer = shared("cancel", f"{graph}/long", "--reason", "wrong branch", "--if-version", "1", "--json").json
    assert answer == {**would, "graphs": [], "version": 2, "dry_run": False}

    def states():
        return {task["id"]: task["state"] for task in shared("status", graph, "--json").json["tasks"]}

    eventually(lambda: states() == {"long": "cancelled", "other": "running", "after": "skipped"})
    (task, *_) = shared("status", graph, "--json").json["tasks"]
    assert "wrong branch" in task["reason"]
    shared("cancel", graph)
    shared("wait", graph, code=1)


def test_a_graph(shared):
    graph = shared("submit", "-", "--json", text=GRAPH).json["graph"]
    _running(shared, graph, 2)
    assert shared("cancel", graph).out.startswith(f"{graph}: cancelled ")
    ended = shared("wait", graph, "--json", code=1).json["graphs"][0]
    assert ended["state"] == "cancelled"
    assert shared("cancel", graph, "--json", code=4).error["code"] == "NOT_ALLOWED"


def test_wrong(shared):
    assert shared("cancel", "g999", "--json", code=4).error["code"] == "UNKNOWN_GRAPH"
    assert shared("cancel", code=2).err
    assert "cancelled whole" in shared("cancel", "g1/a/2", code=2).err
