"""`add`: what is typed, and graph files whose tasks join a graph that is there."""

import json

import pytest

from orch_actors.cli.additions import Offer, addition, check_offer
from orch_actors.cli.faults import CommandFault
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.spec.addition import OF_THE_WHOLE
from orch_actors.protocol.spec.graph import GraphSpec
from orch_actors.protocol.views import GraphView, TaskView

from . import sample_views as sample


def view():
    tasks = (
        TaskView(id="fetch", worker="shell", state="done", reason=""),
        TaskView(
            id="build",
            worker="shell",
            state="failed",
            reason="",
            depends_on=("fetch",),
            conditions={"fetch": "finished"},
        ),
    )
    return GraphView(
        id="g7", name="n", state="failed", goal="", reason="", counts={}, submitted_utc=sample.at(0), ended_utc=None,
        tasks=tasks,
    )  # fmt: skip


def made(offer):
    check_offer(offer)
    return addition(offer, view())


def test_a_command(tmp_path):
    more = made(
        Offer(
            words=("make", "deploy"), id="deploy", after=("fetch", "build:failed"), timeout="1m", retry=2,
            env=("A=b",), cwd=str(tmp_path),
        )
    )  # fmt: skip
    assert more.base_dir == str(tmp_path)
    assert more.tasks == (
        {
            "id": "deploy", "command": ["make", "deploy"], "timeout": 60.0, "retry": {"attempts": 2}, "env": {"A": "b"},
            "depends_on": ["fetch", {"task": "build", "on": "failed"}],
        },
    )  # fmt: skip


def test_a_command_without_an_id():
    assert made(Offer(words=("./My Tool.sh",))).tasks[0]["id"] == "my-tool.sh"


@pytest.mark.parametrize(
    ("offer", "said"),
    [
        (Offer(), "nothing to add"),
        (Offer(file="x.yaml", words=("true",)), "both a file"),
        (Offer(file="x.yaml", id="a"), "--id is for a command"),
        (Offer(file="x.yaml", after=("a",)), "--after is for a command"),
        (Offer(file="x.yaml", timeout="1s"), "--timeout is for a command"),
        (Offer(words=("true",), param=("a=b",)), "--param is for graph files"),
        (Offer(words=("true",), id="A b"), "cannot be a task's id"),
        (Offer(words=("true",), after=("a:bad",)), "no condition 'bad'"),
        (Offer(words=("true",), after=("a:",)), "no condition ''"),
        (Offer(words=("true",), after=("a/b",)), "cannot be a task's id"),
        (Offer(words=()), "no command"),
    ],
)
def test_wrong(offer, said):
    with pytest.raises(CommandFault, match=said):
        made(offer)


FILE = """
name: more
params: {who: {default: you}}
defaults: {timeout: 5m, env: {A: "1"}}
cwd: sub
tasks:
  - {id: greet, command: "echo ${params.who}", depends_on: [fetch], env: {B: "2"}}
  - {id: mend, command: "true", depends_on: [{task: build, on: failed}, greet], timeout: 9}
"""


def test_a_file(tmp_path):
    path = tmp_path / "more.yaml"
    path.write_text(FILE)
    more = made(Offer(file=str(path), param=("who=me",)))
    greet, mend = more.tasks
    assert greet == {
        "id": "greet", "worker": "shell", "command": "echo me", "depends_on": ["fetch"], "timeout": 300.0,
        "env": {"A": "1", "B": "2"}, "cwd": str(tmp_path / "sub"),
    }  # fmt: skip
    assert mend["depends_on"] == [{"task": "build", "on": "failed"}, "greet"]
    assert mend["timeout"] == 9.0


def test_tasks_by_id(tmp_path):
    path = tmp_path / "more.json"
    path.write_text(json.dumps({"tasks": {"x": {"command": "true", "depends_on": ["build"]}}}))
    assert [task["id"] for task in made(Offer(file=str(path))).tasks] == ["x"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("name: m\nlimits: {parallel: 2}\ntasks: [{id: x, command: a}]\n", 2, "about the graph as a whole"),
        ("name: m\ngoal: win\ntasks: [{id: x, command: a}]\n", 2, "about the graph as a whole"),
        ("name: m\ntolerant: true\ntasks: [{id: x, command: a}]\n", 2, "about the graph as a whole"),
        ("name: m\nfiles: box\ntasks: [{id: x, command: a}]\n", 2, "about the graph as a whole"),
        ("name: m\ntasks:\n- {id: build, command: a}\n", 3, "has a task `build` already"),
        ("name: m\ntasks:\n  build: {command: a}\n", 3, "has a task `build` already"),
        ("name: m\ntasks:\n- {id: x, command: a, depends_on: [nope]}\n", 3, "no task has the id 'nope'"),
        ("name: m\ntasks:\n- {id: x, command: a, timeot: 3}\n", 3, "unknown field"),
        (
            "name: m\ntasks:\n- {id: x, command: a, depends_on: [y]}\n- {id: y, command: a, depends_on: [x]}\n",
            3,
            "cycle",
        ),
        ("name: m\ntasks: []\n", 2, "at least one"),
        ("name: m\ntasks: 3\n", 2, "expected a list of tasks"),
        ("name: m\n", 0, "tasks"),
    ],
)
def test_problems_have_lines(tmp_path, text, line, said):
    path = tmp_path / "more.yaml"
    path.write_text(text)
    with pytest.raises(Refused) as caught:
        made(Offer(file=str(path)))
    assert [problem for problem in caught.value.info.problems if said in problem.message and problem.line == line]


def test_whatever_is_about_the_whole_is_refused():
    assert set(OF_THE_WHOLE) == set(GraphSpec.__struct_fields__) - {"name", "tasks"}
