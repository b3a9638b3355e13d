"""Graphs for the tests of verbs that steer them: submitted by the command line, waited for by their states."""

import json
import os

from .conftest import eventually, say_go

#: Waits for a line in the named pipe `go` of its folder.
UNTIL_GO = "read x < go"


def submit(cli, *tasks, **graph):
    """Submit tasks, given as documents; the graph's id."""
    document = {"name": "t", **graph, "tasks": list(tasks)}
    return cli("submit", "-", "--json", text=json.dumps(document), cwd=cli.home).json["graph"]


def task(name, command="true", *after, **more):
    """A task's document; `after` as `build` or `build:failed`."""
    needs = [{"task": need.partition(":")[0], "on": need.partition(":")[2] or "done"} for need in after]
    return {"id": name, "command": command, "depends_on": needs, **more}


def say_go_file(cli):
    """Let go a task that waits for its folder's `go`."""
    say_go(os.path.join(cli.home, "go"))


def view(cli, graph):
    """The graph, as `status --json` shows it."""
    return cli("status", graph, "--json").json


def tasks(cli, graph):
    """Task id → its view."""
    return {each["id"]: each for each in view(cli, graph)["tasks"]}


def states(cli, graph):
    """Task id → its state."""
    return {name: each["state"] for name, each in tasks(cli, graph).items()}


def until(cli, graph, **wanted):
    """Wait until tasks are in the wanted states; in names `_` stands for `-`."""
    want = {name.replace("_", "-"): state for name, state in wanted.items()}
    eventually(lambda: want.items() <= states(cli, graph).items())


def ended(cli, graph, state="done"):
    """Wait for the graph's end; it must be this one."""
    summary = cli("wait", graph, "--timeout", "40s", "--json", code=0 if state == "done" else 1).json["graphs"][0]
    assert summary["state"] == state, summary
    return summary


def open_decision(cli, graph, about=None):
    """The one open decision of a graph (of one task), once it is there."""

    def found():
        listed = cli("decisions", graph, "--json").json
        return [each for each in listed if about in (None, each["task"])]

    (decision,) = eventually(found)
    return decision
