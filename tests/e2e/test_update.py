"""`update`."""

import os

from .conftest import say_go
from .graphs import UNTIL_GO, ended, open_decision, states, submit, task, tasks, until, view


def waiting(cli, folder, *more):
    """A graph whose first task waits for a word."""
    os.mkfifo(folder / "go")
    graph = submit(cli, task("first", UNTIL_GO, cwd=str(folder)), *more)
    until(cli, graph, first="running")
    return graph


def test_options_take_effect(shared, tmp_path):
    graph = waiting(shared, tmp_path, task("then", "exit 1", "first", timeout=9))
    target = f"{graph}/then"
    dry = shared("update", target, "timeout=", "--dry-run", "--json").json
    assert dry == {"graph": graph, "version": 1, "changes": ["~ then: timeout 9.0 → none"], "dry_run": True}
    assert view(shared, graph)["version"] == 1
    out = shared("update", target, "command=echo $WHO # kept", 'env={WHO: "a b"}', "timeout=1m").out
    assert "~ then: command exit 1 → echo $WHO # kept\n" in out
    assert "~ then: timeout 9.0 → 60.0\n" in out
    assert out.endswith(f"{graph} is at version 2\n")
    shared("update", target, "--json-set", '{"title": "later", "priority": 5}', "--if-version", "2")
    assert (tasks(shared, graph)["then"]["title"], tasks(shared, graph)["then"]["priority"]) == ("later", 5)
    say_go(tmp_path / "go")
    ended(shared, graph)
    assert shared("logs", target).out == "a b\n"


def test_dependencies(shared, tmp_path):
    graph = waiting(
        shared, tmp_path, task("free", "true", "first"), task("bound", "true"), task("last", "true", "bound")
    )
    shared("update", f"{graph}/free", "depends_on=[]")
    until(shared, graph, free="done", bound="done", last="done")
    shared("add", graph, "--id", "held", "--after", "first", "--", "true")
    shared("update", f"{graph}/held", "depends_on=[{task: first, on: failed}]")
    say_go(tmp_path / "go")
    ended(shared, graph)
    assert states(shared, graph)["held"] == "skipped"


def test_approval_can_be_put_on_and_taken_off(shared, tmp_path):
    graph = waiting(shared, tmp_path, task("then", "true", "first"))
    shared("update", f"{graph}/then", "approve=true")
    say_go(tmp_path / "go")
    open_decision(shared, graph)
    shared("update", f"{graph}/then", "approve=")
    ended(shared, graph)
    assert shared("decisions", graph, "--json").json == []


def test_refused_whole(shared, tmp_path):
    graph = waiting(shared, tmp_path, task("then", "true", "first"), task("last", "true", "then"))
    for words, code in (
        (("then", "timeot=5"), "INVALID_GRAPH"),
        (("then", "timeout=soon"), "INVALID_GRAPH"),
        (("then", "depends_on=[last]"), "INVALID_GRAPH"),
        (("then", "depends_on=[nope]"), "INVALID_GRAPH"),
        (("then", "id=other"), "NOT_ALLOWED"),
        (("first", "timeout=5"), "NOT_ALLOWED"),
        (("nope", "timeout=5"), "UNKNOWN_TASK"),
        (("then", "timeout=5", "--if-version", "7"), "STALE_VERSION"),
    ):
        target, *rest = words
        refused = shared("update", f"{graph}/{target}", *rest, "--json", code=4).error
        assert refused["code"] == code, words
        assert refused["hint"]
    assert view(shared, graph)["version"] == 1
    shared("cancel", graph)


def test_wrong(shared):
    assert "takes a task" in shared("update", "g1", "timeout=5", code=2).err
    assert "nothing to change" in shared("update", "g1/a", code=2).err
    assert "set as a whole" in shared("update", "g1/a", "retry.attempts=5", code=2).err
    assert "no JSON" in shared("update", "g1/a", "--json-set", "{", code=2).err
