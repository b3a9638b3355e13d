"""`add`."""

import json
import os

from .conftest import PROGRAM, say_go
from .graphs import UNTIL_GO, ended, states, submit, task, tasks, until, view

MORE = """
name: more
params: {who: you}
defaults: {env: {A: "1"}}
tasks:
  - {id: greet, command: "echo $A $B ${params.who}", depends_on: [first], env: {B: "2"}}
  - {id: mend, command: "true", depends_on: [{task: first, on: failed}]}
  - {id: last, command: "true", depends_on: [greet]}
"""


def test_a_file_to_a_graph_that_is_over(shared, write):
    graph = submit(shared, task("first", "exit 0"))
    ended(shared, graph)
    version = view(shared, graph)["version"]
    path = write(MORE)
    dry = shared("add", graph, path, "--dry-run", "--json").json
    assert dry == {"graph": graph, "version": version, "changes": ["+ greet", "+ mend", "+ last"], "dry_run": True}
    assert states(shared, graph) == {"first": "done"}
    added = shared("add", graph, path, "--param", "who=me", "--if-version", str(version), "--json").json
    assert added == {**dry, "version": version + 1, "dry_run": False}
    ended(shared, graph)
    assert states(shared, graph) == {"first": "done", "greet": "done", "mend": "skipped", "last": "done"}
    assert shared("logs", f"{graph}/greet").out == "1 2 me\n"
    assert len(tasks(shared, graph)["first"]["attempts"]) == 1


def test_a_stale_edit_is_told_before_what_is_wrong_with_it(shared, write):
    graph = submit(shared, task("first"))
    path = write("tasks:\n  - {id: first, command: 'true'}\n")
    assert shared("add", graph, path, "--if-version", "7", "--json", code=4).error["code"] == "STALE_VERSION"
    assert shared("add", graph, path, "--json", code=4).error["code"] == "INVALID_GRAPH"


def test_a_file_may_name_worker_types_of_the_configuration(cli, write):
    with open(os.path.join(cli.home, "config.toml"), "w", encoding="utf-8") as file:
        file.write('[workers.heavy]\nkind = "shell"\nlimit = 1\n')
    graph = submit(cli, task("first"))
    cli("add", graph, write("tasks:\n  - {id: more, worker: heavy, command: 'true'}\n"))
    ended(cli, graph)


def test_a_command_to_a_running_graph(shared, tmp_path):
    os.mkfifo(tmp_path / "go")
    graph = submit(shared, task("first", UNTIL_GO, cwd=str(tmp_path)))
    until(shared, graph, first="running")
    out = shared("add", graph, "--id", "then", "--after", "first", "--env", "X=y", "--", "sh", "-c", "echo $X; pwd",
                 cwd=str(tmp_path)).out  # fmt: skip
    assert out == f"+ then\n{graph} is at version 2\n"
    shared("add", graph, "--id", "alarm", "--after", "first:failed", "--", "true")
    shared("add", graph, "--after", "first:finished", "--retry", "3", "--timeout", "5s", "--", "false")
    say_go(tmp_path / "go")
    ended(shared, graph, "failed")
    assert states(shared, graph) == {"first": "done", "then": "done", "alarm": "skipped", "false": "failed"}
    assert shared("logs", f"{graph}/then").out == f"y\n{os.path.realpath(tmp_path)}\n"
    assert len(tasks(shared, graph)["false"]["attempts"]) == 3


def test_from_a_pipe(shared):
    graph = submit(shared, task("first"))
    document = json.dumps({"tasks": [{"id": "more", "command": "true", "depends_on": ["first"]}]})
    assert shared("add", graph, "-", text=document).out.startswith("+ more\n")
    ended(shared, graph)


def test_all_or_nothing(shared, write):
    graph = submit(shared, task("first"))
    ended(shared, graph)
    path = write("name: m\ntasks:\n  - {id: good, command: a}\n  - {id: bad, command: a, depends_on: [nope]}\n")
    refused = shared("add", graph, path, "--json", code=4).error
    assert refused["code"] == "INVALID_GRAPH"
    assert [(each["line"], "nope" in each["message"]) for each in refused["problems"]] == [(4, True)]
    assert "line 4: " in shared("add", graph, path, code=4).err
    assert shared("add", graph, "--id", "first", "--json", "--", "true", code=4).error["code"] == "INVALID_GRAPH"
    assert shared("add", graph, "--if-version", "9", "--json", "--", "true", code=4).error["code"] == "STALE_VERSION"
    assert states(shared, graph) == {"first": "done"}
    assert view(shared, graph)["version"] == 1


def test_wrong(shared):
    assert shared("add", "g999", "--json", "--", "true", code=4).error["code"] == "UNKNOWN_GRAPH"
    assert "nothing to add" in shared("add", "g1", code=2).err
    assert "takes a graph" in shared("add", "g1/a", "--", "true", code=2).err
    assert "no condition" in shared("add", "g1", "--after", "a:never", "--", "true", code=2).err


def test_from_inside_a_task_its_own_graph_is_meant(cli, tmp_path):
    (tmp_path / "more.yaml").write_text("name: more\ntasks:\n- {id: late, command: echo late, depends_on: [sh]}\n")
    inside = f"{PROGRAM} add --id next --after sh -- echo next && {PROGRAM} add {tmp_path}/more.yaml"
    graph = cli("submit", "--json", "--", "sh", "-c", inside).json["graph"]
    ended(cli, graph)
    assert states(cli, graph) == {"sh": "done", "next": "done", "late": "done"}


def test_outside_a_graph_must_be_named(cli):
    assert "no graph was named" in cli("add", "--id", "x", "--", "true", code=2).err
