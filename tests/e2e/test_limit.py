"""`limit`."""

import os

from .conftest import eventually
from .graphs import ended, states, submit, task, view


def running(cli, graph):
    return list(states(cli, graph).values()).count("running")


def worker(cli):
    return next(each for each in cli("status", "--json").json["workers"] if each["type"] == "shell")


def test_a_graph(shared, tmp_path):
    os.mkfifo(tmp_path / "go")
    # The pipe is never written to: its readers all go when it is opened for writing and closed again.
    jobs = [task(f"t{n}", "read x < go; true", cwd=str(tmp_path)) for n in range(3)]
    graph = submit(shared, *jobs, limits={"parallel": 1})
    eventually(lambda: running(shared, graph) == 1)
    dry = shared("limit", graph, "2", "--dry-run", "--json").json
    assert dry == {"graph": graph, "version": 1, "changes": ["limits.parallel 1 → 2"], "dry_run": True}
    assert running(shared, graph) == 1
    assert shared("limit", graph, "2", "--if-version", "1", "--json").json["version"] == 2
    eventually(lambda: running(shared, graph) == 2)
    assert view(shared, graph)["parallel"] == 2
    assert shared("limit", graph, "none").out == f"limits.parallel 2 → none\n{graph} is at version 3\n"
    eventually(lambda: running(shared, graph) == 3)
    assert view(shared, graph)["parallel"] is None
    with open(tmp_path / "go", "w"):
        pass
    ended(shared, graph)


def test_a_worker_type(cli):
    cli("up")
    before = worker(cli)["limit"]
    edited = cli("limit", "--worker", "shell", "1", "--json").json
    assert edited == {
        "graph": None, "version": 0, "changes": [f"worker shell: {before} → 1"], "dry_run": False,
    }  # fmt: skip
    graph = submit(cli, task("a", "sleep 76"), task("b", "sleep 76"))
    eventually(lambda: running(cli, graph) == 1)
    assert worker(cli)["limit"] == 1
    (waits,) = [name for name, state in states(cli, graph).items() if state == "ready"]
    assert cli("why", f"{graph}/{waits}", "--json").json["reason"]["kind"] == "slot"
    cli.kill_daemon()
    cli("up")
    assert worker(cli)["limit"] == 1  # it outlives the daemon
    cli("limit", "--worker", "shell", "none")
    eventually(lambda: running(cli, graph) == 2)
    assert worker(cli)["limit"] == before
    cli("cancel", graph)


def test_what_a_graph_may_use_in_all(cli):
    graph = submit(cli, task("a"), task("b", "true", "a"), limits={"attempts": 1})
    ended(cli, graph, "failed")
    told = view(cli, graph)
    assert (told["tries"], told["budget"], told["usage"]) == (1, {"attempts": 1}, None)
    why = cli("why", f"{graph}/b", "--json").json
    assert why["reason"] == {"kind": "failed", "class": "budget", "whose": "graph", "bound": "attempts"}
    assert why["help"] == f"orch-actors limit {graph} --attempts N; then orch-actors retry {graph}/b"
    assert "1 of 1 attempts" in cli("status", graph).out
    cli.kill_daemon()
    cli("up")
    dry = cli("limit", graph, "--attempts", "5", "--dry-run", "--json").json
    assert dry["changes"] == ["limits.attempts 1 → 5"]
    cli("limit", graph, "--attempts", "5", "--usd", "2")
    cli("retry", graph)
    ended(cli, graph)
    assert view(cli, graph)["budget"] == {"attempts": 5, "usd": 2.0}


def test_a_budget_is_no_number_of_slots(shared):
    assert "by itself" in shared("limit", "g1", "3", "--usd", "2", code=2).err
    assert "no budget" in shared("limit", "--worker", "shell", "--usd", "2", code=2).err
    assert "no budget" in shared("limit", "g1", "--tokens", "1.5", code=2).err
    assert "no limit was given" in shared("limit", code=2).err
    assert shared("limit", "g999", "--usd", "3", "--json", code=4).error["code"] == "UNKNOWN_GRAPH"


def test_wrong(shared):
    assert shared("limit", "g999", "3", "--json", code=4).error["code"] == "UNKNOWN_GRAPH"
    assert "no limit" in shared("limit", "g1", "0", code=2).err
    assert "no limit" in shared("limit", "g1", "many", code=2).err
    assert "alone" in shared("limit", "g1", code=2).err
    assert "both" in shared("limit", "g1", "3", "--worker", "shell", code=2).err
    assert "no version" in shared("limit", "3", "--worker", "shell", "--if-version", "1", code=2).err
    graph = submit(shared, task("a", "sleep 77"))
    assert shared("limit", graph, "3", "--if-version", "9", "--json", code=4).error["code"] == "STALE_VERSION"
    shared("cancel", graph)
