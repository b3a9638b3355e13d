"""Tasks that are repeated: what comes out, and what is refused, at its place in the document."""

import subprocess
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orch_actors.protocol.errors import Refused
from orch_actors.protocol.spec import foreach
from orch_actors.protocol.spec.document import to_document
from orch_actors.protocol.spec.graph import Dependency, GraphSpec, TaskSpec
from orch_actors.protocol.spec.load import check_file
from orch_actors.protocol.spec.parse import parse_added, parse_graph, parse_task
from orch_actors.protocol.spec.places import Findings
from orch_actors.protocol.spec.work import PythonWork, ShellWork


def graph(*tasks: Any, **top: Any) -> dict[str, Any]:
    return {"name": "g", "tasks": list(tasks), **top}


def each(items: object, **fields: Any) -> dict[str, Any]:
    return {"id": "a", "command": ["run", "${item}"], "foreach": items, **fields}


def parsed(*tasks: Any, **top: Any) -> GraphSpec:
    return parse_graph(graph(*tasks, **top), base_dir="/base")


def problems(document: object) -> dict[str, str]:
    with pytest.raises(Refused) as caught:
        parse_graph(document, base_dir="/base")
    return {problem.where: problem.message for problem in caught.value.info.problems}


def only(document: object, where: str, *words: str) -> None:
    found = problems(document)
    assert list(found) == [where], found
    for word in words:
        assert word in found[where], found


def commands(spec: GraphSpec) -> dict[str, Any]:
    return {task.id: task.work.command for task in spec.tasks if isinstance(task.work, ShellWork)}


def waits(spec: GraphSpec) -> dict[str, list[str]]:
    return {
        task.id: [each.task if each.on == "done" else f"{each.task}:{each.on}" for each in task.depends_on]
        for task in spec.tasks
    }


# --- what comes out -----------------------------------------------------------------------------------------------


def test_a_list() -> None:
    spec = parsed(each(["x", 2, None, {"k": [1]}]))
    assert commands(spec) == {
        "a-1": ("run", "x"), "a-2": ("run", "2"), "a-3": ("run", "null"), "a-4": ("run", '{"k":[1]}')
    }  # fmt: skip


def test_a_mapping() -> None:
    spec = parsed(each({"linux": {"arch": "x86"}, "mac": {"arch": "arm"}}, command=["${index}", "${item.arch}"]))
    assert commands(spec) == {"a-linux": ("linux", "x86"), "a-mac": ("mac", "arm")}


def test_text_of_a_list() -> None:
    assert list(commands(parsed(each('["x", "y"]')))) == ["a-1", "a-2"]
    assert list(commands(parsed(each('{"x": 1}')))) == ["a-x"]


def test_tasks_by_id() -> None:
    spec = parse_graph(
        {"name": "g", "tasks": {"b": {"command": "x", "depends_on": "a"}, "a": {"command": "x", "foreach": [1, 2]}}},
        base_dir="/",
    )
    assert waits(spec) == {"b": ["a-1", "a-2"], "a-1": [], "a-2": []}


def test_who_depends_on_it_depends_on_all() -> None:
    spec = parsed(
        each([1, 2]),
        {"id": "b", "command": "x", "depends_on": "a"},
        {"id": "c", "command": "x", "depends_on": ["b", {"task": "a", "on": "finished"}, "a-1.x"]},
        {"id": "d", "command": "x", "depends_on": {"task": "a", "on": "failed"}},
        {"id": "a-1.x", "command": "x", "depends_on": ["a-2"]},
        {"id": "e", "command": "x", "foreach": ["p", "q"], "depends_on": ["a", "b"]},
    )
    assert waits(spec) == {
        "a-1": [],
        "a-2": [],
        "b": ["a-1", "a-2"],
        "c": ["b", "a-1:finished", "a-2:finished", "a-1.x"],
        "d": ["a-1:failed", "a-2:failed"],
        "a-1.x": ["a-2"],
        "e-1": ["a-1", "a-2", "b"],
        "e-2": ["a-1", "a-2", "b"],
    }


def test_pairs_by_index() -> None:
    names = {"x": 1, "y": 2}
    spec = parsed(
        {"id": "make", "command": "x", "foreach": names},
        {
            "id": "test",
            "command": "t ${tasks.make-${index}.result.path}",
            "foreach": names,
            "depends_on": "make-${index}",
        },
    )
    assert waits(spec) == {"make-x": [], "make-y": [], "test-x": ["make-x"], "test-y": ["make-y"]}
    assert commands(spec)["test-y"] == "t ${tasks.make-y.result.path}"


def test_every_field_is_filled_in_its_own_type() -> None:
    item = {"n": 5, "t": True, "w": "python", "e": {"K": "v", "N": 1}, "d": "1m", "l": ["p", "q"], "r": {"attempts": 2}}
    spec = parsed(
        {
            "id": "a",
            "foreach": [item],
            "worker": "${item.w}",
            "call": "m:f",
            "args": ["${item.n}", "n=${item.n}", "${item}", "${index}", {"k": ["${item.t}"]}],
            "path": "${item.l}",
            "title": "${item.n}",
            "cwd": "${item.w}/${item.n}",
            "env": "${item.e}",
            "timeout": "${item.d}",
            "deadline": "${item.n}",
            "priority": "${item.n}",
            "approve": "${item.t}",
            "retry": "${item.r}",
            "exclusive": ["${item.n}", "l-${item.l.1}"],
            "validate": {"files": "${item.l}", "schema": {"const": "${item.n}"}, "pattern": "^${item.n}"},
            "ask": {"question": "${item.t}?"},
        }
    )
    (task,) = spec.tasks
    assert task.work == PythonWork(call="m:f", args=[5, "n=5", item, 1, {"k": [True]}], path=("p", "q"))
    assert (task.title, task.cwd, task.env) == ("5", "/base/python/5", {"K": "v", "N": "1"})
    assert (task.timeout, task.deadline, task.priority, task.approve, task.retry.attempts) == (60, 5, 5, True, 2)
    assert task.exclusive == ("5", "l-q")
    assert task.validate is not None
    assert (task.validate.files, task.validate.pattern) == (("p", "q"), "^5")
    assert task.validate.json_schema == {"const": 5}
    assert task.ask.question == "true?"


def test_arguments_of_a_script_are_texts() -> None:
    spec = parsed({"id": "a", "worker": "python", "script": "s.py", "args": ["${item}", "${index}"], "foreach": [7]})
    assert spec.tasks[0].work == PythonWork(script="s.py", args=["7", "1"])


def test_defaults_and_folders_count_as_ever() -> None:
    spec = parsed(each(["x"], env={"A": "${item}"}), defaults={"env": {"B": "b"}, "timeout": "1m"}, cwd="sub")
    assert spec.tasks == (
        TaskSpec(
            id="a-1", work=ShellWork(command=("run", "x")), env={"A": "x", "B": "b"}, timeout=60.0, cwd="/base/sub"
        ),
    )


def test_what_is_not_ours_stays() -> None:
    text = "${HOME} $${HOME} ${items} ${item:-x} ${index%x} $item ${tasks.b.result} $${tasks.b.result}"
    spec = parsed(
        {"id": "b", "command": "x"}, each(["x"], command=["run", text, "$${item} $${index} $${item.a}"], depends_on="b")
    )
    assert commands(spec)["a-1"] == ("run", text, "${item} ${index} ${item.a}")


def test_without_foreach_an_item_is_the_shells() -> None:
    assert commands(parsed({"id": "a", "command": "for item in x; do echo ${item} ${index}; done"}))


def test_what_is_put_in_is_not_read_again() -> None:
    spec = parsed(each(["${item}", "${index} $${item}"], command=["run", "${item}", "-${item}-"]))
    assert commands(spec) == {
        "a-1": ("run", "${item}", "-${item}-"),
        "a-2": ("run", "${index} $${item}", "-${index} $${item}-"),
    }


def test_it_is_gone_from_the_document_and_reads_the_same_again() -> None:
    spec = parsed(
        each([1, {"x": "'"}], command="echo ${item} $${item}"), {"id": "b", "command": "x", "depends_on": "a"}
    )
    document = to_document(spec)
    assert "foreach" not in str(document)
    assert parse_graph(document, base_dir="/x") == spec


def test_the_document_is_left_as_it_was() -> None:
    document = graph(each([{"x": 1}], env={"A": "${item.x}"}), {"id": "b", "command": "x", "depends_on": "a"})
    before = repr(document)
    parse_graph(document, base_dir="/")
    assert repr(document) == before


# --- in text for sh -----------------------------------------------------------------------------------------------


def test_nothing_but_an_item_is_the_command() -> None:
    assert commands(parsed(each(["make a", ["ls", "-l"]], command="${item}"))) == {"a-1": "make a", "a-2": ("ls", "-l")}


def test_quoting() -> None:
    spec = parsed(each(["it's"], command="echo ${item} \"${item}\" '${item}' $${item} ${index}"))
    assert commands(spec)["a-1"] == """echo 'it'\\''s' "it's" 'it'\\''s' ${item} '1'"""


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12))
@example("'; \"$(echo bad)`echo bad`\\\n")
@example("${item} $${item} ${index}")
@settings(max_examples=40, deadline=None)
def test_sh_gets_every_item_as_it_is(item: str) -> None:
    if foreach.has_mentions(item):
        return
    command = "printf '%s\\0' ${item} \"${item}\" '${item}' ${index}"
    spec = parsed(each([item], command=command, validate={"command": command}))
    assert isinstance(spec.tasks[0].work, ShellWork)
    assert spec.tasks[0].validate is not None
    assert spec.tasks[0].work.command == spec.tasks[0].validate.command
    said = subprocess.run(["sh", "-c", str(spec.tasks[0].work.command)], capture_output=True, timeout=20, check=True)
    assert said.stdout.decode() == f"{item}\0{item}\0{item}\x001\0"


@pytest.mark.parametrize("command", ["cat <<E\n${item}\nE", "true # ${item}", "echo `echo ${item}`", "echo \\${item}"])
def test_where_the_shell_has_no_place(command: str) -> None:
    only(graph(each(["x"], command=command)), "tasks[0] (a).command", "${item} stands")
    assert "stands" in problems(graph(each(["x"], validate={"command": command})))["tasks[0] (a).validate.command"]
    assert parsed(each(["x"], command=["sh", "-c", command]))


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "place", "words"),
    [
        ([], "", ["0 items", "at least one"]),
        ({}, "", ["0 items"]),
        ("[]", "", ["0 items"]),
        (5, "", ["the number 5", "a list of items"]),
        (None, "", ["null"]),
        ("a b", "", ["'a b'", "JSON"]),
        ("5", "", ["'5'"]),
        ('"x"', "", ["JSON"]),
        ("[" * 100_000, "", ["JSON"]),
        ("[" * 100 + "]" * 100, "", ["JSON"]),
        ({"A b": 1}, '["A b"]', ["'a-A b'", "a-z"]),
        ({"x" * 64: 1}, ".", ["a-xx"]),
        (["${tasks.b.result}"], "[0]", ["cannot refer"]),
        ([{"x": "${params.p}"}], "[0]", ["cannot refer"]),
        ([0] * 100_001, "", ["100001 items", "at most 100000"]),
    ],
)
def test_items_that_are_none(items: object, place: str, words: list[str]) -> None:
    found = problems(graph(each(items)))
    ((where, message),) = found.items()
    assert where.startswith(f"tasks[0] (a).foreach{place}")
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("fields", "place", "words"),
    [
        ({"title": "${item.z}"}, "title", ["${item.z}", "item 1 has no 'z'", "`x`"]),
        ({"title": "-${item.x.y}"}, "title", ["no 'y'", "the number 1"]),
        ({"title": "${item.}"}, "title", ["no ''"]),
        ({"env": {"A": {"B": "${item}"}}}, "env.A", ["a mapping"]),
        ({"env": {"${item.x}": "v"}}, 'env["${item.x}"]', ["not into names"]),
        ({"priority": "${item.x}!"}, "priority", ["'1!'", "whole number"]),
        ({"timeout": "${item}"}, "timeout", ["the text '{", "5m"]),
        ({"command": "x ${tasks.b-${item}.result}"}, "command", ["cannot be in a task's id"]),
        ({"depends_on": "b-${index}"}, "depends_on[0]", ["no task", "'b-1'"]),
        ({"depends_on": "a"}, "depends_on[0]", ["itself"]),
        ({"id": "a-${index}"}, "id", ["no task id", "<id>-1"]),
        ({"id": 5}, "id", ["no task id"]),
        ({"comand": "x"}, "comand", ["`command`"]),
    ],
)
def test_fields_that_cannot_be_filled(fields: dict[str, Any], place: str, words: list[str]) -> None:
    found = problems(graph(each([{"x": 1}], **fields)))
    where = next(where for where in found if where.replace("tasks[0] (a)", "tasks[0]") == f"tasks[0].{place}")
    assert all(word in found[where] for word in words), found


def test_no_id() -> None:
    only(graph({"command": "x", "foreach": [1]}), "tasks[0].id", "missing")


def test_all_copies_tell_the_same_problem_once() -> None:
    only(graph(each([1, 2, 3], timeout="x")), "tasks[0] (a).timeout", "'x'")


def test_every_item_that_lacks_something_is_told() -> None:
    with pytest.raises(Refused) as caught:
        parsed(each([{"x": 1}, {}, {"x": 2}, {"y": 1}], timeout="${item.x}"))
    found = [(problem.where, problem.message.split(";")[0]) for problem in caught.value.info.problems]
    assert found == [
        ("tasks[0] (a).timeout", "${item.x}: item 2 has no 'x'"),
        ("tasks[0] (a).timeout", "${item.x}: item 4 has no 'x'"),
    ]


def test_what_depends_on_something_broken_is_no_second_problem() -> None:
    only(graph(each([]), {"id": "b", "command": "x", "depends_on": "a"}), "tasks[0] (a).foreach")


def test_places_are_those_of_the_document() -> None:
    found = problems(
        graph(each([1, 2, 3]), {"id": "b", "command": "x", "depends_on": ["a", "nope", "a-2"], "timeout": "x"})
    )
    assert found.keys() == {"tasks[1] (b).timeout", "tasks[1] (b).depends_on[1]", "tasks[1] (b).depends_on[2]"}
    assert "twice" in found["tasks[1] (b).depends_on[2]"]


def test_doubled_ids() -> None:
    only(graph(each([1, 2]), {"id": "a-2", "command": "x"}), "tasks[1] (a-2).id", "is the id of tasks[0] already")
    assert "repeated" in problems(graph({"id": "a", "command": "x"}, each([1])))["tasks[0] (a).id"]
    only(graph(each([1]), each([1])), "tasks[1] (a).id", "is the id of tasks[0] already")


def test_a_cycle_through_repeated_tasks() -> None:
    found = problems(graph(each([1], depends_on="b"), {"id": "b", "command": "x", "depends_on": "a"}))
    assert "a-1 → b → a-1" in found["tasks[0] (a).depends_on"]


def test_the_result_of_a_repeated_task_is_that_of_one() -> None:
    found = problems(graph(each([1]), {"id": "b", "command": "x ${tasks.a.result}", "depends_on": "a"}))
    assert "did you mean `a-1`" in found["tasks[1] (b).command"]


def test_defaults_are_not_repeated() -> None:
    only(graph(each([1]), defaults={"foreach": [1]}), "defaults.foreach", "no default")
    only(graph(each([1, 2]), defaults={"env": {"A": "x ${item}"}}), "defaults.env.A", "${item}", "write it there")
    # Nobody is repeated: it is the shell's.
    assert parsed({"id": "a", "command": "x"}, defaults={"env": {"A": "${item}"}})


def test_one_task_is_not_repeated() -> None:
    with pytest.raises(Refused, match="cannot be repeated"):
        parse_task(each([1]), base_dir="/")
    with pytest.raises(Refused, match="`foreach`"):
        parse_task({"id": "a", "command": "x", "for_each": [1]}, base_dir="/")


def test_what_was_accepted_has_none() -> None:
    with pytest.raises(Refused, match="foreach"):
        parse_graph(graph(each([1])), base_dir="/", accepted=True)


# --- bounds -------------------------------------------------------------------------------------------------------


def test_too_many_tasks() -> None:
    items = list(range(40_000))
    only(graph(*(each(items, id=name) for name in "abc")), "tasks", "120000 tasks", "at most 100000")


def test_too_many_dependencies() -> None:
    items = list(range(1001))
    only(graph(each(items), each(items, id="b", depends_on="a")), "tasks", "1000000 dependencies")


@pytest.mark.parametrize(
    "fields",
    [
        {"env": {"A": "x" * 1_000_000}, "foreach": [0] * 100},
        {"env": {"A": "${item}" * 1000}, "foreach": ["x" * 100_000]},
        {"command": "echo '" + "${item}" * 1000, "foreach": ["x" * 100_000]},
        {"args": ["${item}"] * 1000, "worker": "python", "call": "m:f", "foreach": [["x" * 1000] * 100]},
    ],
)
def test_too_much_text(fields: dict[str, Any]) -> None:
    only(graph({"id": "a", **({} if "args" in fields else {"command": "x"}), **fields}), "tasks", "16777216 characters")


# --- tasks by themselves, and files ---------------------------------------------------------------------------------


def added(documents: Sequence[object]) -> list[tuple[int, TaskSpec]]:
    findings = Findings()
    found = parse_added(documents, findings, base_dir="/", known={"old"})
    if findings:
        findings.refuse()
    return found


def test_tasks_to_add() -> None:
    tasks = [{"id": "b", "command": "x", "depends_on": ["a", "old"]}, each([1, 2], timeout=5)]
    found = added(tasks)
    assert [(index, task.id) for index, task in found] == [(0, "b"), (1, "a-1"), (1, "a-2")]
    assert [dependency.task for dependency in found[0][1].depends_on] == ["a-1", "a-2", "old"]
    assert [task.work.command for _, task in found[1:]] == [("run", "1"), ("run", "2")]  # type: ignore[attr-defined]
    assert {task.timeout for _, task in found} == {None, 5}
    assert added([]) == []


def test_tasks_that_cannot_be_added() -> None:
    with pytest.raises(Refused) as caught:
        added([each([]), 5, each(["x"], id="b", title="${item.y}")])
    assert {problem.where for problem in caught.value.info.problems} == {
        "tasks[1]", "tasks[0] (a).foreach", "tasks[2] (b).title"
    }  # fmt: skip
    with pytest.raises(Refused):
        added([{"id": "a", "command": b"x"}])


def test_a_list_given_as_a_parameter(tmp_path: Any) -> None:
    file = tmp_path / "g.yaml"
    file.write_text(
        "name: g\nparams: {list: '[]'}\ntasks:\n  a:\n    foreach: ${params.list}\n    command: [run, '${item}']\n"
    )
    _, spec, _ = check_file(str(file), {"list": '["x", 1.50]'})
    assert commands(spec) == {"a-1": ("run", "x"), "a-2": ("run", "1.5")}
    with pytest.raises(Refused) as caught:
        check_file(str(file))
    assert caught.value.info.problems[0].line == 5


def test_versions_in_yaml_stay_what_they_look_like(tmp_path: Any) -> None:
    file = tmp_path / "g.yaml"
    file.write_text("name: g\ntasks:\n  a:\n    foreach: [3.9, 3.10, {v: 1.20}, 4]\n    command: [run, '${item}']\n")
    _, spec, _ = check_file(str(file))
    assert list(commands(spec).values()) == [("run", "3.9"), ("run", "3.10"), ("run", '{"v":"1.20"}'), ("run", "4")]


# --- anything -----------------------------------------------------------------------------------------------------

texts = [
    "a",
    "${item}",
    "${index}",
    "x${item.a}",
    "$${item}",
    "${tasks.a-${index}.result}",
    "'${item}'",
    "a-1",
    "shell",
]
wild = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 300) | st.sampled_from([*texts, "python", '["a"]', "5m", ""]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "task", "${item}"]), inner, max_size=3)
    ),
    max_leaves=6,
)
fields = st.sampled_from([*TaskSpec.__struct_encode_fields__, "command", "args", "call", "script", "foreach", "path"])
tasks = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from(["a", "b", "a-1"]) | wild, "foreach": wild}, optional={"command": wild}
    )
    | st.dictionaries(fields, wild, max_size=5),
    max_size=3,
)


@given(tasks)
@settings(max_examples=300, deadline=None)
def test_any_tasks_give_tasks_or_a_refusal(documents: list[dict[str, Any]]) -> None:
    try:
        spec = parse_graph({"name": "g", "tasks": documents}, base_dir="/")
    except Refused as refused:
        msgspec.json.encode(refused.info)
    else:
        assert parse_graph(to_document(spec), base_dir="/") == spec
    try:
        found = added(documents)
    except Refused as refused:
        msgspec.json.encode(refused.info)
    else:
        assert all(0 <= index < len(documents) for index, _ in found)


def test_dependencies_keep_their_conditions() -> None:
    spec = parsed(each([1]), {"id": "b", "command": "x", "depends_on": [{"task": "a", "on": "failed"}]})
    assert spec.tasks[1].depends_on == (Dependency(task="a-1", on="failed"),)
