"""`retry`."""

from .graphs import ended, states, submit, task, tasks, view


def counts(cli, graph):
    return {name: len(each["attempts"]) for name, each in tasks(cli, graph).items()}


def test_all_that_failed(shared, tmp_path):
    mark = tmp_path / "mark"
    graph = submit(
        shared,
        task("fetch", "echo once"),
        task("build", f"echo at work; test -e {mark}", "fetch"),
        task("test", "true", "build"),
        task("other", "true"),
    )
    ended(shared, graph, "failed")
    assert states(shared, graph) == {"fetch": "done", "build": "failed", "test": "skipped", "other": "done"}
    mark.touch()
    dry = shared("retry", graph, "--dry-run", "--json").json
    assert dry == {"graph": graph, "version": 1, "changes": ["↻ build", "↻ test"], "dry_run": True}
    assert states(shared, graph)["build"] == "failed"
    assert shared("retry", graph).out.splitlines()[:2] == ["↻ build", "↻ test"]
    ended(shared, graph)
    assert counts(shared, graph) == {"fetch": 1, "build": 2, "test": 1, "other": 1}
    for attempt in ("1", "2"):  # every attempt keeps its log
        assert shared("logs", f"{graph}/build", "--attempt", attempt).out == "at work\n"


def test_one_task_with_changes(shared):
    graph = submit(shared, task("a", "exit 3"), task("b", "exit 4"), task("c", "true", "a:finished"))
    ended(shared, graph, "failed")
    out = shared("retry", f"{graph}/a", "--set", "command=echo mended", "--json-set", '{"timeout": "1m"}').out
    assert "~ a: command exit 3 → echo mended\n" in out
    ended(shared, graph, "failed")
    assert states(shared, graph) == {"a": "done", "b": "failed", "c": "done"}
    assert counts(shared, graph) == {"a": 2, "b": 1, "c": 2}
    assert shared("logs", f"{graph}/a").out == "mended\n"


def test_what_is_done_can_run_again(shared):
    graph = submit(shared, task("a"), task("b", "true", "a"), task("c"))
    ended(shared, graph)
    shared("retry", f"{graph}/a", "--if-version", "1")
    ended(shared, graph)
    assert counts(shared, graph) == {"a": 2, "b": 2, "c": 1}


def test_refused(shared):
    graph = submit(shared, task("a"), task("long", "sleep 74"), task("after", "true", "a", "long"))
    assert shared("retry", f"{graph}/long", "--json", code=4).error["code"] == "NOT_ALLOWED"
    assert shared("retry", graph, "--json", code=4).error["code"] == "NOT_ALLOWED"
    assert shared("retry", f"{graph}/nope", "--json", code=4).error["code"] == "UNKNOWN_TASK"
    assert shared("retry", "g999", "--json", code=4).error["code"] == "UNKNOWN_GRAPH"
    assert shared("retry", graph, "--if-version", "5", "--json", code=4).error["code"] == "STALE_VERSION"
    assert view(shared, graph)["version"] == 1
    assert "for one task" in shared("retry", graph, "--set", "timeout=5", code=2).err
    assert "takes a task whole" in shared("retry", f"{graph}/a/1", code=2).err
    shared("cancel", graph)
