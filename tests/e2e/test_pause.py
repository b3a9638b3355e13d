"""`pause`."""

import os

from .conftest import say_go
from .graphs import UNTIL_GO, ended, states, submit, task, until, view


def test_a_graph(shared, tmp_path):
    os.mkfifo(tmp_path / "go")
    graph = submit(shared, task("first", UNTIL_GO, cwd=str(tmp_path)), task("then", "true", "first"))
    until(shared, graph, first="running")
    paused = shared("pause", graph, "--reason", "the disk is full", "--json").json
    assert paused == {"graph": graph, "version": 2, "changes": ["paused"], "dry_run": False}
    assert view(shared, graph)["state"] == "paused"
    say_go(tmp_path / "go")  # what runs goes on to its end
    until(shared, graph, first="done", then="ready")
    why = shared("why", f"{graph}/then", "--json").json
    assert why["reason"]["kind"] == "paused"
    assert "the disk is full" in why["sentence"]
    assert why["help"] == f"orch-actors resume {graph}"
    assert shared("pause", graph).code == 0  # twice is fine
    assert "dry run" in shared("resume", graph, "--dry-run", "--if-version", "2").out
    assert view(shared, graph)["state"] == "paused"
    assert shared("resume", graph, "--if-version", "1", "--json", code=4).error["code"] == "STALE_VERSION"
    shared("resume", graph, "--if-version", "2")
    ended(shared, graph)


def test_a_worker_type(cli):
    cli("up")
    cli("pause", "--worker", "shell", "--reason", "no money")
    graph = submit(cli, task("a"))
    until(cli, graph, a="ready")
    assert cli("why", f"{graph}/a", "--json").json["reason"]["kind"] == "worker_paused"
    (shell,) = [each for each in cli("status", "--json").json["workers"] if each["type"] == "shell"]
    assert shell["reason"] == "paused: no money"
    cli.kill_daemon()
    cli("up")
    assert states(cli, graph) == {"a": "ready"}
    cli("resume", "--worker", "shell")
    ended(cli, graph)
    (shell,) = [each for each in cli("status", "--json").json["workers"] if each["type"] == "shell"]
    assert shell["reason"] == ""


def test_wrong(shared):
    assert shared("pause", "g999", "--json", code=4).error["code"] == "UNKNOWN_GRAPH"
    assert shared("pause", "--worker", "nope", "--json", code=4).error["code"] == "INVALID_REQUEST"
    assert "nothing was named" in shared("pause", code=2).err
    assert "both" in shared("pause", "g1", "--worker", "shell", code=2).err
    for verb in ("pause", "resume"):
        assert "no version" in shared(verb, "--worker", "shell", "--if-version", "1", code=2).err
    graph = submit(shared, task("a"))
    ended(shared, graph)
    assert shared("pause", graph, "--json", code=4).error["code"] == "NOT_ALLOWED"
