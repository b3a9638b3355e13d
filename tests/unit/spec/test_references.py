"""References in documents: where they may stand, and what they may mean."""

from typing import Any

import pytest

from orch_actors.protocol.errors import Refused
from orch_actors.protocol.spec.graph import GraphSpec
from orch_actors.protocol.spec.parse import parse_graph, parse_task
from orch_actors.protocol.spec.references import Reading, mentions

R = "${tasks.b.result.x}"


def graph(fields: dict[str, Any], *others: dict[str, Any], **top: Any) -> dict[str, Any]:
    task = {"id": "a", "command": "true", "depends_on": ["b"], **fields}
    b = {"id": "b", "command": "true", "artifacts": ["*"], "worktree": True}
    return {"name": "g", "tasks": [task, b, *others], **top}


def parsed(fields: dict[str, Any], *others: dict[str, Any], **top: Any) -> GraphSpec:
    return parse_graph(graph(fields, *others, **top), base_dir="/base")


def problems(document: object) -> dict[str, str]:
    with pytest.raises(Refused) as caught:
        parse_graph(document, base_dir="/base")
    return {problem.where: problem.message for problem in caught.value.info.problems}


def only(document: object, where: str, *words: str) -> None:
    found = problems(document)
    assert list(found) == [where], found
    for word in words:
        assert word in found[where], found


# --- where they may stand ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"command": f"echo {R} \"{R}\" '{R}'"},
        {"command": ["echo", R, f"-{R}"]},
        {"env": {"A": R, "B": f"<{R}>"}},
        {"command": "echo $${tasks.nope.result} ${tasks} ${task:-x} ${HOME} ${foo.bar}"},
        {"command": ["echo", "$${task.x} $${param.x}"], "env": {"A": "$${params.x}"}},
        {"worker": "python", "command": None, "call": "m:f", "args": [R, {"k": [f"{R}!"]}]},
        {"worker": "python", "command": None, "script": "s.py", "args": [R]},
        {"depends_on": [{"task": "b", "on": "finished"}], "command": f"echo {R}"},
        {"command": "echo ${tasks.b.result} ${tasks.b.result.0.a-b.C_d}"},
        {"command": 'for f in ${tasks.b.artifacts}; do x; done; (x ${tasks.b.artifacts}) | y "${tasks.b.artifacts}">z'},
        {"command": "x F=${tasks.b.artifacts.0} < ${tasks.b.artifacts.1}"},
        {"command": "cd ${tasks.b.worktree} && git merge '${tasks.b.branch}'"},
        {"command": ["x", "${tasks.b.artifacts}"], "env": {"A": "${tasks.b.artifacts}"}},
    ],
)
def test_they_are_taken(fields: dict[str, Any]) -> None:
    document = graph({name: value for name, value in fields.items() if value is not None})
    if fields.get("worker") == "python":
        del document["tasks"][0]["command"]
    assert parse_graph(document, base_dir="/")


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"title": R}, "title"),
        ({"cwd": f"sub/{R}"}, "cwd"),
        ({"validate": {"command": f"test {R}"}}, "validate.command"),
        ({"validate": {"files": [R]}}, "validate.files[0]"),
        ({"validate": {"schema": {"const": R}}}, "validate.schema.const"),
        ({"ask": {"question": f"{R}?"}}, "ask.question"),
        ({"exclusive": [R]}, "exclusive[0]"),
        ({"env": {R: "x"}}, f'env["{R}"]'),
        ({"worker": "python", "script": f"print('{R}')"}, "script"),
        ({"worker": "python", "script": "s.py", "interpreter": R}, "interpreter"),
        ({"worker": "python", "script": "s.py", "path": [R]}, "path[0]"),
        ({"worker": "python", "call": "m:f", "args": {R: 1}}, f'args["{R}"]'),
        ({"title": "$${tasks.b.result}"}, "title"),
        ({"title": "${params.x}"}, "title"),
    ],
)
def test_elsewhere_they_are_refused(fields: dict[str, Any], place: str) -> None:
    document = graph(fields)
    if "worker" in fields:
        del document["tasks"][0]["command"]
    found = problems(document)
    assert list(found) == [f"tasks[0] (a).{place}"]
    assert any(word in found[f"tasks[0] (a).{place}"] for word in ("alone", "not into names", "filled in before"))


@pytest.mark.parametrize("field", ["name", "goal", "cwd"])
def test_around_the_tasks_they_are_refused(field: str) -> None:
    only(graph({}, **{field: f"x{R}"}), field, "stays as it is", "alone")
    assert "filled in before" in problems(graph({}, **{field: "${params.x}"}))[field]


def test_in_defaults_they_are_told_once() -> None:
    others = [{"id": f"t{number}", "command": "x", "depends_on": ["b"]} for number in range(3)]
    document = graph({}, *others, defaults={"env": {"A": R}})
    only(document, "defaults.env.A", "the task's own result")  # of b, which inherits it too
    document["tasks"][1]["env"] = {"A": "x"}
    assert parse_graph(document, base_dir="/")
    only(graph({}, defaults={"cwd": R}), "defaults.cwd", "alone")


# --- what they may mean -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("${tasks.c.result}", ["does not depend on", "add `c` to depends_on"]),
        ("${tasks.bb.result.x}", ["no task has the id 'bb'", "did you mean `b`"]),
        ("${tasks.a.result}", ["own result"]),
        ("${tasks.a.artifacts}", ["own artifacts"]),
        ("${tasks.b.artifacts.x}", ["list of paths", "by its place"]),
        ("${tasks.b.artifacts.0.path}", ["list of paths"]),
        ("${tasks.b.branch.x}", ["a branch is a text"]),
        ("${tasks.d.branch}", ["`d` has no `worktree`"]),
        ("${tasks.d.artifacts}", ["`d` has no `artifacts`"]),
        ("${tasks.b.artifact}", ["no reference", "${tasks.ID.artifacts}"]),
        ("${tasks.b}", ["no reference", "${tasks.ID.result}"]),
        ("${tasks.b.results}", ["no reference"]),
        ("${tasks.b.result.}", ["no reference"]),
        ("${tasks.b.result[0]}", ["no reference"]),
        ("${tasks.B.result}", ["no reference"]),
        ("${tasks..result}", ["no reference"]),
        ("${tasks.b.result", ["no `}`"]),
        ("${task.b.result}", ["did you mean `${tasks.`"]),
        ("${params.x}", ["filled in before"]),
        ("${param.x}", ["`${params.`"]),
    ],
)
@pytest.mark.parametrize("field", ["command", "list", "env"])
def test_wrong_references(field: str, text: str, words: list[str]) -> None:
    fields: dict[str, Any] = {
        "command": {"command": f"x {text}"},
        "list": {"command": ["x", text]},
        "env": {"env": {"A": text}},
    }[field]
    place = {"command": "command", "list": "command[1]", "env": "env.A"}[field]
    fields["depends_on"] = ["b", "d"]
    others = [{"id": name, "command": "x"} for name in "cd"]
    only(graph(fields, *others), f"tasks[0] (a).{place}", *words)


def test_what_is_awaited_as_failed_has_no_result() -> None:
    only(
        graph({"command": f"x {R}", "depends_on": [{"task": "b", "on": "failed"}]}),
        "tasks[0] (a).command",
        "`on: failed`",
        "`finished`",
    )


def test_an_indirect_dependency_is_none() -> None:
    document = graph({"command": "x ${tasks.c.result}"}, {"id": "c", "command": "x"})
    document["tasks"][1]["depends_on"] = ["c"]
    only(document, "tasks[0] (a).command", "add `c`")


def test_single_tasks_are_held_against_the_same() -> None:
    with pytest.raises(Refused, match="add `c` to depends_on"):
        parse_task({"id": "a", "command": "x ${tasks.c.result}"}, base_dir="/")
    assert parse_task({"id": "a", "command": "x ${tasks.c.result}", "depends_on": "c"}, base_dir="/")


def test_what_was_accepted_is_not_held_against_it() -> None:
    document = graph({"command": "x ${tasks.nope.result}", "title": R, "retry": {"on": ["nope"]}, "timeout": 0})
    assert parse_graph(document, base_dir="/", accepted=True).tasks[0].title == R
    assert len(problems(document)) == 4


@pytest.mark.parametrize(
    "command",
    [
        f"cat <<E\n{R}\nE",
        f"# {R}\ntrue",
        f"echo `echo {R}`",
        f"echo $(({R}))",
        f"echo ${{x:-{R}}}",
        f"echo \\{R}",
        f"echo $'\\'' {R}",
    ],
)
def test_where_the_shell_has_no_place(command: str) -> None:
    only(graph({"command": command}), "tasks[0] (a).command", "stands", R[:-1])


@pytest.mark.parametrize(
    "command", ["F={} x", "x --in={}", "cat {}.bak", "x < {}", "x >> {}", "x 2>& {}", "x a{}", "x '' {}''"]
)
def test_several_words_stand_by_themselves(command: str) -> None:
    whole = command.format("${tasks.b.artifacts}")
    only(graph({"command": whole}), "tasks[0] (a).command", "by itself", "${tasks.b.artifacts.0}")
    assert parse_graph(graph({"command": command.format("${tasks.b.artifacts.0}")}), base_dir="/")


# --- how they are read ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "readings"),
    [
        ("b.result", [("b", ())]),
        ("b.result.x.0", [("b", ("x", "0"))]),
        ("a.b-c.result.x", [("a.b-c", ("x",))]),
        ("a.result.result", [("a.result", ()), ("a", ("result",))]),
        ("a.result.result.x", [("a.result", ("x",)), ("a", ("result", "x"))]),
        ("result.result", [("result", ())]),
        ("a.results.result", [("a.results", ())]),
        ("b.artifacts", [("b", (), "artifacts")]),
        ("b.artifacts.0", [("b", ("0",), "artifacts")]),
        ("a.artifacts.result", [("a.artifacts", ()), ("a", ("result",), "artifacts")]),
        ("a.result.artifacts", [("a.result", (), "artifacts"), ("a", ("artifacts",))]),
        (".result", []),
        ("a..b.result", []),
        ("a.result.x y", []),
        ("x" * 64 + ".result", [("x" * 64, ())]),
        ("x" * 65 + ".result", []),
    ],
)
def test_readings(body: str, readings: list[tuple[Any, ...]]) -> None:
    (mention,) = mentions(f"${{tasks.{body}}}")
    assert mention.readings() == [Reading(*reading) for reading in readings]


@pytest.mark.parametrize(
    ("dependencies", "task"),
    [(["a"], "a"), (["a.result"], "a.result"), (["a", "a.result"], "a.result"), ([], "a.result")],
)
def test_the_longest_id_of_a_dependency_counts(dependencies: list[str], task: str) -> None:
    (mention,) = mentions("${tasks.a.result.result}")
    reading = mention.reading(dependencies)
    assert reading is not None
    assert reading.task == task


def test_escapes_and_doubled_signs() -> None:
    found = mentions("$${tasks.a.result} $$${tasks.b.result} ${tasks.c.result}$${params.x}")
    assert [(mention.escaped, mention.body) for mention in found] == [
        (True, "a.result"), (True, "b.result"), (False, "c.result"), (True, "x")
    ]  # fmt: skip
