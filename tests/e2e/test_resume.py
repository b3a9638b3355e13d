"""`resume`. What it takes back is in `test_pause.py`."""

from .graphs import ended, submit, task, until, view


def test_a_graph_that_was_paused_before_it_began(shared):
    graph = submit(shared, task("gate", "true", approve=True), task("then", "true", "gate"))
    shared("pause", graph)
    shared("decide", shared("decisions", graph, "--json").json[0]["ref"], "approve")
    until(shared, graph, gate="ready")
    resumed = shared("resume", graph, "--json").json
    assert resumed == {"graph": graph, "version": 3, "changes": ["resumed"], "dry_run": False}
    ended(shared, graph)
    assert view(shared, graph)["state"] == "done"


def test_what_is_not_paused(shared):
    graph = submit(shared, task("long", "sleep 75"))
    assert shared("resume", graph).code == 0
    assert shared("resume", "--worker", "shell").out == "worker shell resumed\n"
    shared("cancel", graph)


def test_wrong(shared):
    assert shared("resume", "g999", "--json", code=4).error["code"] == "UNKNOWN_GRAPH"
    assert shared("resume", "--worker", "nope", "--json", code=4).error["code"] == "INVALID_REQUEST"
    assert "nothing was named" in shared("resume", code=2).err
