"""`actors`."""

from .conftest import eventually

FIELDS = {"name", "kind", "state", "pid", "mailbox", "handled", "restarts", "children"}


def _all(actor):
    assert set(actor) == FIELDS
    return [actor, *(found for child in actor["children"] for found in _all(child))]


def test_the_tree_spans_the_processes(shared):
    graph = shared("submit", "--json", "--", "sleep", "71").json["graph"]
    eventually(lambda: any(graph in actor["name"] for actor in _all(shared("actors", "--json").json)))
    actors = _all(shared("actors", "--json").json)
    kinds = [actor["kind"] for actor in actors]
    for kind in ("supervisor", "gateway", "timekeeper", "worker"):
        assert kind in kinds
    (task,) = [actor for actor in actors if graph in actor["name"]]
    (supervisor,) = [actor for actor in actors if actor["kind"] == "supervisor"]
    assert supervisor["pid"] == shared.pid()
    assert task["pid"] != supervisor["pid"]
    text = shared("actors").out
    assert text.startswith("ACTOR ")
    assert "└─ " in text
    assert graph in text
    shared("cancel", graph)
