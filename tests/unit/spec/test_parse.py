"""Documents → Structs: every rule has a document that breaks it, and its refusal names the place."""

import itertools
from typing import Any

import pytest

from orch_actors.protocol.errors import Refused
from orch_actors.protocol.spec.document import task_to_document
from orch_actors.protocol.spec.graph import Dependency, GraphSpec, Limits, Retry, TaskSpec, Validate
from orch_actors.protocol.spec.parse import parse_graph, parse_task
from orch_actors.protocol.spec.places import MAX_PROBLEMS
from orch_actors.protocol.spec.work import BUILT_IN, PythonWork, ShellWork


def graph(*tasks: Any, **top: Any) -> dict[str, Any]:
    return {"name": "g", "tasks": list(tasks), **top}


def shell(**fields: Any) -> dict[str, Any]:
    return {"id": "a", "command": "true", **fields}


def parsed(document: object) -> GraphSpec:
    return parse_graph(document, base_dir="/base")


def problems(document: object) -> dict[str, str]:
    """Place → message of a document that must be refused."""
    with pytest.raises(Refused) as caught:
        parsed(document)
    info = caught.value.info
    assert info.code == "INVALID_GRAPH"
    assert info.message
    assert info.hint
    assert info.problems
    return {problem.where: problem.message for problem in info.problems}


def only(document: object, where: str, *words: str) -> None:
    """The document has this one problem, told in these words."""
    found = problems(document)
    assert list(found) == [where], found
    for word in words:
        assert word in found[where], found


# --- what is accepted -----------------------------------------------------------------------------------------


def test_the_least_graph() -> None:
    spec = parsed({"name": "demo", "tasks": [{"id": "hello", "command": "echo hi"}]})
    assert spec == GraphSpec(name="demo", tasks=(TaskSpec(id="hello", work=ShellWork(command="echo hi"), cwd="/base"),))


def test_everything_at_once() -> None:
    task = {
        "id": "b",
        "worker": "python",
        "call": "os.path:join",
        "args": ["a", {"n": 1}],
        "path": "src",
        "title": "B",
        "depends_on": ["a", {"task": "c", "on": "failed"}],
        "cwd": "sub",
        "env": {"N": 1, "F": 1.5, "T": "x"},
        "timeout": "1h30m",
        "idle_timeout": 5,
        "deadline": "2d",
        "grace": "500ms",
        "retry": {"attempts": 3, "backoff": "5s", "on": ["timeout", "exit"], "exit_codes": 75},
        "validate": {"files": "out.txt", "schema": {"type": "object"}, "command": ["test", "-e", "x"]},
        "on_fail": "continue",
        "on_unknown": "rerun",
        "priority": -5,
        "approve": True,
        "resources": {"gpu": 1},
        "exclusive": "db",
    }
    spec = parsed(graph(shell(), {"id": "c", "command": ["x"]}, task, goal="G", limits={"parallel": 2, "wall": "1h"}))
    assert spec.goal == "G"
    assert spec.limits == Limits(parallel=2, wall=3600.0)
    assert spec.tasks[1].work == ShellWork(command=("x",))
    assert spec.tasks[2] == TaskSpec(
        id="b",
        worker="python",
        work=PythonWork(call="os.path:join", args=["a", {"n": 1}], path=("src",)),
        title="B",
        depends_on=(Dependency(task="a"), Dependency(task="c", on="failed")),
        cwd="/base/sub",
        env={"N": "1", "F": "1.5", "T": "x"},
        timeout=5400.0,
        idle_timeout=5.0,
        deadline=172800.0,
        grace=0.5,
        retry=Retry(attempts=3, backoff=5.0, on=("timeout", "exit"), exit_codes=(75,)),
        validate=Validate(files=("out.txt",), json_schema={"type": "object"}, command=("test", "-e", "x")),
        on_fail="continue",
        on_unknown="rerun",
        priority=-5,
        approve=True,
        resources={"gpu": 1.0},
        exclusive=("db",),
    )


@pytest.mark.parametrize(
    "given",
    ["b", ["b"], {"task": "b"}, [{"task": "b"}], {"task": "b", "on": "done"}],
)
def test_forms_of_a_dependency(given: object) -> None:
    spec = parsed(graph({"id": "b", "command": "x"}, shell(depends_on=given)))
    assert spec.tasks[1].depends_on == (Dependency(task="b"),)


def test_tasks_by_id() -> None:
    by_id = parsed({"name": "g", "tasks": {"b": {"command": "x"}, "a": {"id": "a", "command": "y", "depends_on": "b"}}})
    assert by_id == parsed(graph({"id": "b", "command": "x"}, {"id": "a", "command": "y", "depends_on": "b"}))


def test_the_document_is_left_as_it_was() -> None:
    document = graph(shell(env={"A": 1}, depends_on=[]), defaults={"env": {"B": 2}})
    before = repr(document)
    parsed(document)
    assert repr(document) == before


# --- folders --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("top", "default", "own", "expected"),
    [
        (None, None, None, "/base"),
        ("g", None, None, "/base/g"),
        ("g", "d", None, "/base/g/d"),
        ("g", "d", "t", "/base/g/t"),
        ("/abs", None, "../t", "/t"),
        (None, None, "/t", "/t"),
        (None, "/d", ".", "/base"),
    ],
)
def test_cwd(top: str | None, default: str | None, own: str | None, expected: str) -> None:
    document = graph(shell(**({"cwd": own} if own else {})))
    if top:
        document["cwd"] = top
    if default:
        document["defaults"] = {"cwd": default}
    assert parsed(document).tasks[0].cwd == expected


def test_home_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert parsed(graph(shell(cwd="~/x"))).tasks[0].cwd == "/home/me/x"


def test_folders_that_are_none() -> None:
    only(graph(shell(cwd="~no-such-user-here/x")), "tasks[0] (a).cwd", "no such user")
    only(graph(shell(cwd="")), "tasks[0] (a).cwd", "empty")
    only(graph(shell(), cwd=""), "cwd", "empty")
    only(graph(shell(), defaults={"cwd": ""}), "defaults.cwd", "empty")
    with pytest.raises(Refused, match="absolute"):
        parse_graph(graph(shell()), base_dir="relative")


# --- defaults -------------------------------------------------------------------------------------------------


def test_defaults_are_inherited_and_env_is_merged() -> None:
    document = graph(
        shell(env={"A": "own"}, timeout=None),
        {"id": "p", "worker": "python", "call": "a:b"},
        defaults={"env": {"A": "1", "B": 2}, "timeout": "1m", "interpreter": "python3", "retry": {"attempts": 2}},
    )
    first, second = parsed(document).tasks
    assert first.env == {"A": "own", "B": "2"}
    assert first.timeout is None
    assert second.env == {"A": "1", "B": "2"}
    assert second.timeout == 60.0
    assert second.retry == Retry(attempts=2)
    assert second.work == PythonWork(call="a:b", interpreter="python3")


def test_defaults_may_name_worker_and_what_to_do() -> None:
    spec = parsed(
        {"name": "g", "defaults": {"worker": "python", "call": "m:f"}, "tasks": {"a": {"args": [1]}, "b": {}}}
    )
    assert [task.work for task in spec.tasks] == [PythonWork(call="m:f", args=[1]), PythonWork(call="m:f")]


def test_a_wrong_default_is_one_problem() -> None:
    many = [{"id": f"t{number}", "command": "x"} for number in range(5)]
    only(graph(*many, defaults={"timeout": "soon"}), "defaults.timeout", "'soon'", "90s")
    only(graph(*many, defaults={"timout": 3}), "defaults.timout", "`timeout`")
    only(graph(*many, defaults={"worker": "shel"}), "defaults.worker", "`shell`")
    only(graph(*many, defaults={"env": {"A": True}}), "defaults.env.A", "quotes")
    only(graph(*many, defaults={"env": {"ORCH_A": "x"}}), "defaults.env.ORCH_A", "reserved")
    only(graph(*many, defaults={"id": "x"}), "defaults.id", "no default")
    only(graph(*many, defaults={"depends_on": "t1"}), "defaults.depends_on", "no default")
    only(graph(*many, defaults=[]), "defaults", "a list", "a mapping")
    # Nobody here has use for it, and still it is wrong.
    only(graph(*many, defaults={"interpreter": 3}), "defaults.interpreter", "text")
    only(graph(*many, defaults={"retry": {"on": "exits"}}), "defaults.retry.on[0]", "`exit`")


# --- what is refused ------------------------------------------------------------------------------------------

WRONG_FIELDS: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"comand": "x"}, "comand", ["unknown field", "did you mean `command`"]),
    ({"needs": "b"}, "needs", ["did you mean `depends_on`"]),
    ({"call": "a:b"}, "call", ["worker `python`", "worker is `shell`"]),
    ({"prompt": "x"}, "prompt", ["worker `claude`", "worker is `shell`"]),
    ({"work": {}}, "work", ["unknown field"]),
    ({"command": ["sleep", 5]}, "command[1]", ["the number 5", "quotes"]),
    ({"command": ""}, "command", ["empty"]),
    ({"command": []}, "command", ["empty"]),
    ({"command": 5}, "command", ["the number 5", "text", "list"]),
    ({"command": None}, "command", ["null"]),
    ({"timeout": "5x"}, "timeout", ["'5x'", '"90s"']),
    ({"timeout": True}, "timeout", ["is true"]),
    ({"timeout": -1}, "timeout", ["never below 0"]),
    ({"timeout": 1e12}, "timeout", ["longest duration"]),
    ({"timeout": "9" * 400 + "s"}, "timeout", ["longest duration"]),
    ({"timeout": []}, "timeout", ["a list"]),
    ({"grace": None}, "grace", ["null"]),
    ({"retry": 3}, "retry", ["the number 3", "a mapping"]),
    ({"retry": {"attempts": 0}}, "retry.attempts", ["the number 0", "from 1 to 1000"]),
    ({"retry": {"attempts": "3"}}, "retry.attempts", ["the text '3'", "whole number"]),
    ({"retry": {"attempts": 1.5}}, "retry.attempts", ["1.5", "whole number"]),
    ({"retry": {"atempts": 3}}, "retry.atempts", ["`attempts`"]),
    ({"retry": {"factor": 0.5}}, "retry.factor", ["at least 1"]),
    ({"retry": {"exit_codes": ["x"]}}, "retry.exit_codes[0]", ["'x'", "whole number"]),
    ({"on_fail": "contine"}, "on_fail", ["`fail`", "did you mean `continue`"]),
    ({"priority": 2000}, "priority", ["from -1000 to 1000"]),
    ({"approve": "yes"}, "approve", ["'yes'", "true or false"]),
    ({"resources": {"gpu": 0}}, "resources.gpu", ["above 0"]),
    ({"resources": ["gpu"]}, "resources", ["a list", "a mapping"]),
    ({"exclusive": [1]}, "exclusive[0]", ["quotes"]),
    ({"env": {"A": None}}, "env.A", ["null", "text"]),
    ({"env": {"A": False}}, "env.A", ["is false", "quotes"]),
    ({"env": {"A": []}}, "env.A", ["a list"]),
    ({"env": ["A=1"]}, "env", ["a list", "a mapping"]),
    ({"env": {"A=B": "1"}}, 'env["A=B"]', ["`=`"]),
    ({"env": {"": "1"}}, 'env[""]', ["empty name"]),
    ({"env": {"ORCH_HOME": "1"}}, "env.ORCH_HOME", ["reserved"]),
    ({"title": "a\nb"}, "title", ["one line"]),
    ({"title": "x" * 200}, "title", ["at most 128"]),
    ({"depends_on": "zz"}, "depends_on[0]", ["no task", "'zz'"]),
    ({"depends_on": "a"}, "depends_on[0]", ["itself"]),
    ({"depends_on": [5]}, "depends_on[0]", ["the number 5"]),
    ({"depends_on": {"tsk": "b"}}, "depends_on.task", ["missing"]),
    ({"worker": "pyton"}, "worker", ["'pyton'", "`python`"]),
    ({"worker": "zzz"}, "worker", ["`shell`, `python`, `claude` and `opencode`"]),
    ({"worker": 3}, "worker", ["quotes"]),
    ({"worker": "claude"}, "command", ["worker `shell`", "worker is `claude`"]),
    ({"validate": {"schema": []}}, "validate.schema", ["a list", "a mapping"]),
]


@pytest.mark.parametrize(("fields", "where", "words"), WRONG_FIELDS, ids=lambda value: str(value)[:40])
def test_a_wrong_field(fields: dict[str, Any], where: str, words: list[str]) -> None:
    found = problems(graph(shell(**fields)))
    joint = "" if where.startswith("[") else "."
    place = f"tasks[0] (a){joint}{where}"
    assert place in found, found
    assert all(word in found[place] for word in words), found


WRONG_TOPS: list[tuple[object, str, list[str]]] = [
    (5, "", ["the number 5", "a mapping"]),
    (None, "", ["null"]),
    ([], "", ["a list"]),
    ({"tasks": [shell()]}, "name", ["missing"]),
    ({"name": "x"}, "tasks", ["missing"]),
    ({"name": "", "tasks": [shell()]}, "name", ["empty"]),
    ({"name": 5, "tasks": [shell()]}, "name", ["quotes"]),
    ({"name": "a\x1b[0m", "tasks": [shell()]}, "name", ["control character"]),
    ({"name": "x", "tasks": []}, "tasks", ["at least one"]),
    ({"name": "x", "tasks": {}}, "tasks", ["at least one"]),
    ({"name": "x", "tasks": "a"}, "tasks", ["list of tasks"]),
    ({"name": "x", "tasks": [5]}, "tasks[0]", ["the number 5"]),
    ({"name": "x", "tasks": {"a": None}}, "tasks.a", ["null"]),
    ({"name": "x", "tasks": {"a": {"id": "b", "command": "x"}}}, "tasks.a.id", ["leave it out"]),
    ({"name": "x", "tasks": {"A B": {"command": "x"}}}, 'tasks["A B"].id', ["no task id"]),
    ({"name": "x", "tasks": [{"command": "x"}]}, "tasks[0].id", ["missing"]),
    ({"name": "x", "tasks": [{"id": "a"}]}, "tasks[0] (a).command", ["missing", "shell"]),
    ({"name": "x", "tasks": [{"id": "../a", "command": "x"}]}, "tasks[0].id", ["no task id", "a-z"]),
    ({"name": "x", "tasks": [{"id": 1, "command": "x"}]}, "tasks[0].id", ["quotes"]),
    ({"name": "x", "tasks": [shell(), shell()]}, "tasks[1] (a).id", ["already"]),
    ({"name": "x", "steps": [], "tasks": [shell()]}, "steps", ["`tasks`"]),
    ({"name": "x", "params": {}, "tasks": [shell()]}, "params", ["filled in before"]),
    ({"name": "x", "limits": {"parallel": 0}, "tasks": [shell()]}, "limits.parallel", ["at least 1"]),
    ({"name": "x", "limits": {"paralel": 1}, "tasks": [shell()]}, "limits.paralel", ["`parallel`"]),
    ({"name": "x", "goal": ["y"], "tasks": [shell()]}, "goal", ["a list"]),
    ({"name": "x", 5: 1, "tasks": [shell()]}, "5", ["a key is int"]),
    ({"name": "x", "tasks": [shell(command="a\0b")]}, "tasks[0].command", ["NUL"]),
    ({"name": "x", "tasks": [shell(title="\ud800")]}, "tasks[0].title", ["surrogate"]),
    ({"name": "x", "tasks": [shell(timeout=float("nan"))]}, "tasks[0] (a).timeout", ["nan"]),
    ({"name": "x", "tasks": [shell(timeout=float("inf"))]}, "tasks[0] (a).timeout", ["inf"]),
    ({"name": "x", "tasks": [shell(command=b"x")]}, "tasks[0].command", ["type bytes"]),
    ({"name": "x", "tasks": [shell(priority=2**70)]}, "tasks[0] (a).priority", ["64 bits"]),
]


@pytest.mark.parametrize(("document", "where", "words"), WRONG_TOPS, ids=lambda value: str(value)[:40])
def test_a_wrong_graph(document: object, where: str, words: list[str]) -> None:
    only(document, where, *words)


def test_a_number_that_is_none_hides_nothing_else() -> None:
    found = problems(graph(shell(id="a", timeout=float("inf"), comand="x"), shell(id="b", depends_on="nope")))
    assert set(found) == {"tasks[0] (a).timeout", "tasks[0] (a).comand", "tasks[1] (b).depends_on[0]"}


def test_a_cycle_through_a_doubled_id_may_be_none() -> None:
    found = problems(graph(shell(id="a"), shell(id="b", depends_on="a"), shell(id="a", depends_on="b")))
    assert "unless 'a' means another of the tasks so called" in str(found)
    assert "unless" not in str(problems(graph(shell(id="a", depends_on="b"), shell(id="b", depends_on="a"))))


def test_all_problems_at_once() -> None:
    found = problems(
        graph(
            shell(id="a", timeout="x", depends_on="b"),
            shell(id="b", priority="x", depends_on="nope"),
            shell(id="b", retry={"attempts": 0, "backof": 1}),
            limits={"wall": "x"},
            gaol="x",
        )
    )
    assert set(found) == {
        "gaol",
        "limits.wall",
        "tasks[0] (a).timeout",
        "tasks[1] (b).priority",
        "tasks[1] (b).depends_on[0]",
        "tasks[2] (b).retry.attempts",
        "tasks[2] (b).retry.backof",
        "tasks[2] (b).id",
    }


def test_a_task_that_cannot_be_read_is_still_known() -> None:
    only(graph(shell(id="a", timeout="x"), shell(id="b", depends_on="a")), "tasks[0] (a).timeout")


def test_very_many_problems_are_counted() -> None:
    with pytest.raises(Refused) as caught:
        parsed(graph(*(shell(id=f"t{number}", timeout="x") for number in range(MAX_PROBLEMS + 50))))
    assert len(caught.value.info.problems) == MAX_PROBLEMS + 1
    assert caught.value.info.problems[-1].message == "and 50 more problems"
    assert str(MAX_PROBLEMS + 50) in caught.value.info.message


def test_the_one_problem_is_in_the_message() -> None:
    with pytest.raises(Refused, match=r"tasks\[0\] \(a\).timeout: is the text 'x'"):
        parsed(graph(shell(timeout="x")))


def test_deep_and_endless_documents() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert "deeper" in next(iter(problems(deep).values()))
    endless: dict[str, Any] = {"name": "x"}
    endless["tasks"] = endless
    assert "deeper" in next(iter(problems(endless).values()))
    while deep:  # freeing it in one go would recurse
        deep = deep.pop()


def test_too_many_tasks_and_dependencies() -> None:
    only({"name": "x", "tasks": [{}] * 100_001}, "tasks", "100000")
    every = [f"t{number}" for number in range(1001)]
    tasks = [{"id": name, "command": "x", "depends_on": every[:1000]} for name in every]
    only({"name": "x", "tasks": tasks}, "tasks", "1001000 dependencies")


# --- python tasks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "where", "word"),
    [
        ({}, "call", "expected either"),
        ({"call": "a:b", "script": "x.py"}, "call", "expected either"),
        ({"call": "a.b"}, "call", "package.module:function"),
        ({"script": "x.py", "args": [1]}, "args", "list of texts"),
        ({"call": "a:b", "args": "x"}, "args", "a list"),
        ({"call": "a:b", "command": "x"}, "command", "worker `shell`"),
    ],
)
def test_python(fields: dict[str, Any], where: str, word: str) -> None:
    only(graph({"id": "p", "worker": "python", **fields}), f"tasks[0] (p).{where}", word)


# --- cycles ---------------------------------------------------------------------------------------------------


def chain(*pairs: tuple[str, str]) -> dict[str, Any]:
    return graph(*({"id": name, "command": "x", "depends_on": after.split()} for name, after in pairs))


def test_cycles_are_named() -> None:
    found = problems(chain(("a", "b"), ("b", "a"), ("c", "a"), ("x", "y"), ("y", "z"), ("z", "x"), ("ok", "")))
    assert len(found) == 2
    assert "a → b → a " in found["tasks[0] (a).depends_on"]
    assert "x → y → z → x " in found["tasks[3] (x).depends_on"]


def test_a_long_chain_is_none_and_a_long_cycle_is_cut_short() -> None:
    names = [f"t{number}" for number in range(20_000)]
    tasks = [{"id": name, "command": "x", "depends_on": [after]} for name, after in itertools.pairwise(names)]
    assert len(parsed(graph(*tasks, {"id": names[-1], "command": "x"})).tasks) == 20_000
    found = problems(graph(*tasks, {"id": names[-1], "command": "x", "depends_on": ["t0"]}))
    (message,) = found.values()
    assert "t0 → t1 → " in message
    assert "more … → t19999 → t0 " in message
    assert len(message) < 1000


def test_a_dependency_named_twice() -> None:
    only(chain(("a", ""), ("b", "a a")), "tasks[1] (b).depends_on[1]", "twice")


# --- no problem hides another ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "places"),
    [
        ({"worker": "cobol", "timout": 5, "retry": {"attempts": 0}, "prompt": "x"}, "worker timout retry.attempts"),
        ({"worker": "shel", "comand": "x", "call": "a:b", "priority": "no"}, "worker comand call priority"),
        ({"worker": "shel"}, "worker command"),
        ({"worker": "shel", "command": ""}, "worker command"),
        ({"worker": "cobol", "env": {"ORCH_X": "1"}, "timeout": 0, "cwd": ""}, "worker env.ORCH_X timeout cwd"),
        ({"command": "x", "timout": 1, "retry": {"on": ["nope"]}, "title": "a\nb"}, "timout retry.on[0] title"),
        ({"command": "", "timeout": "soon"}, "timeout command"),
        ({"command": "${tasks.b.result}", "timeout": "soon"}, "timeout command"),
        ({"command": "${tasks.b.result}", "depends_on": 5}, "depends_on"),  # nobody knows what it depends on
        ({"command": "x", "approve": "yes", "ask": {"default": "approve"}}, "approve"),
        ({"command": "x", "approve": True, "on_fail": "no", "ask": {"default": "nope"}}, "on_fail"),
        ({"id": "A b", "comand": "x", "timeout": "soon"}, "id comand timeout"),
        ({"worker": "python", "call": "nope", "args": 5}, "args call"),
        ({"worker": 5, "command": "x", "timeout": "soon"}, "worker timeout"),
    ],
)
def test_all_problems_of_a_task_are_told(fields: dict[str, Any], places: str) -> None:
    found = problems(graph({"id": "a", **fields}))
    assert {place.partition(".")[2] for place in found} - {""} == set(places.split()), found


def test_a_worker_type_that_is_close_is_taken_for_it() -> None:
    found = problems(graph({"id": "a", "worker": "pyhton", "cal": "a:b", "command": "x"}))
    assert "did you mean `python`" in found["tasks[0] (a).worker"]
    assert "did you mean `call`" in found["tasks[0] (a).cal"]
    assert "field of worker `shell`" in found["tasks[0] (a).command"]


def test_a_doubled_id_hides_no_cycle() -> None:
    found = problems(chain(("a", ""), ("b", "a"), ("a", "b"), ("c", "a")))
    assert "the id of tasks[0] already" in found["tasks[2] (a).id"]
    assert "b → a → b " in found["tasks[1] (b).depends_on"]
    assert len(found) == 2


def test_very_many_tasks_with_one_id_make_no_heap_of_edges() -> None:
    found = problems(graph(*(shell(depends_on="b") for _ in range(20_000)), {**shell(depends_on="a"), "id": "b"}))
    assert len(found) <= 202


# --- worker types of others -----------------------------------------------------------------------------------


def test_worker_types_can_be_added() -> None:
    workers = {**BUILT_IN, "make": "shell"}
    document = graph({"id": "m", "worker": "make", "command": "all"})
    (task,) = parse_graph(document, base_dir="/", workers=workers).tasks
    assert (task.worker, task.kind, task.work) == ("make", "shell", ShellWork(command="all"))
    with pytest.raises(Refused, match="no worker type is called 'make'"):
        parse_graph(document, base_dir="/")
    kept = task_to_document(task)
    assert parse_task(kept, base_dir="/", accepted=True) == task  # whatever the configuration says by then
    with pytest.raises(Refused, match="no worker type is called 'make'"):
        parse_task(kept, base_dir="/")
    assert parse_task(kept, base_dir="/", workers=workers) == task
    with pytest.raises(Refused) as caught:
        parse_task(kept, base_dir="/", workers={**BUILT_IN, "make": "python"})
    assert "and worker `make` is of kind python" in str(caught.value.info.problems)


# --- single tasks ---------------------------------------------------------------------------------------------


def test_one_task() -> None:
    task = parse_task({"id": "a", "command": "x", "depends_on": "elsewhere"}, base_dir="/b")
    assert task == TaskSpec(id="a", work=ShellWork(command="x"), depends_on=(Dependency(task="elsewhere"),), cwd="/b")


def test_one_wrong_task() -> None:
    with pytest.raises(Refused) as caught:
        parse_task({"id": "a", "comand": "x", "env": {"a\0": "x"}, "timeout": "x"}, 3, base_dir="/b")
    assert [problem.where for problem in caught.value.info.problems] == ['tasks[3].env["a\\u0000"]']
    with pytest.raises(Refused) as caught:
        parse_task({"id": "a", "comand": "x", "timeout": "x"}, 3, base_dir="/b")
    assert [problem.where for problem in caught.value.info.problems] == ["tasks[3] (a).comand", "tasks[3] (a).timeout"]
