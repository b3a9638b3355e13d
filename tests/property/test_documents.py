"""Graph documents: nothing is lost on the way through them, and nothing that comes in does harm."""

import math
import string
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orch_actors.protocol.errors import Refused
from orch_actors.protocol.spec.accepted import accepted_graph
from orch_actors.protocol.spec.check import cycles
from orch_actors.protocol.spec.document import task_to_document, to_document
from orch_actors.protocol.spec.durations import MAX_DURATION_S
from orch_actors.protocol.spec.graph import (
    Artifacts,
    Asking,
    Budget,
    Callback,
    Dependency,
    GraphSpec,
    Limits,
    Retry,
    Secret,
    TaskSpec,
    Validate,
)
from orch_actors.protocol.spec.judging import Deciding, Judge
from orch_actors.protocol.spec.load import Format, check_file, read_bytes
from orch_actors.protocol.spec.params import fill
from orch_actors.protocol.spec.parse import parse_graph, parse_task
from orch_actors.protocol.spec.places import Findings, where
from orch_actors.protocol.spec.reading import Reader
from orch_actors.protocol.spec.work import BUILT_IN, PythonWork, ShellWork

# --- what a graph may say -------------------------------------------------------------------------------------

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
lines = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=20).filter(str.isprintable)
ids = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,8}(\.[a-z0-9]{1,3})?", fullmatch=True)
names = st.from_regex(r"[a-z_][a-z0-9_]{0,6}", fullmatch=True).filter(str.isidentifier)
durations = st.floats(0, MAX_DURATION_S) | st.integers(0, 10**6).map(float)
folders = st.lists(st.from_regex(r"[\w -]{1,8}", fullmatch=True), max_size=3).map(lambda parts: "/" + "/".join(parts))
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
argv = st.lists(texts, min_size=1, max_size=4).filter(lambda parts: bool(parts[0])).map(tuple)

shell_work = st.builds(ShellWork, command=texts.filter(bool) | argv)
calls = st.builds("{}.{}:{}".format, names, names, names)
interpreters = st.none() | texts
python_work = st.builds(
    PythonWork,
    call=calls,
    args=st.lists(json_values, max_size=3) | st.dictionaries(texts, json_values, max_size=3),
    interpreter=interpreters,
    path=st.lists(texts, max_size=2).map(tuple),
) | st.builds(PythonWork, script=texts, args=st.lists(texts, max_size=3), interpreter=interpreters)

counts = st.none() | st.integers(1, 10**9)
dollars = st.none() | st.floats(0.01, 1e6)
#: Not in dollars or tokens: most of these tasks are no agents'.
budgets = st.builds(Budget, attempts=counts, wall=st.none() | durations)
retries = st.builds(
    Retry,
    attempts=st.integers(1, 1000),
    backoff=durations,
    factor=st.floats(1, 100),
    max_backoff=durations,
    jitter=st.floats(0, 1),
    on=st.lists(texts, max_size=2).map(tuple),
    exit_codes=st.lists(st.integers(0, 255), max_size=2).map(tuple),
)
validations = st.builds(
    Validate,
    command=st.none() | texts | argv,
    files=st.lists(texts, max_size=2).map(tuple),
    pattern=st.none() | texts,
    json_schema=st.none() | st.dictionaries(texts, json_values, max_size=3),
    timeout=durations,
)
asks = st.builds(Asking, question=texts, deadline=st.none() | durations, default=st.none() | texts)
variables = st.text(string.ascii_letters + string.digits + "_.-", min_size=1, max_size=10).filter(
    lambda name: not name.startswith("ORCH_")
)

judge_work = {
    "worker": ids,
    "kind": st.just("") | st.sampled_from(["shell", "python", "claude"]),
    "prompt": texts,
    "model": st.none() | texts,
    "command": st.none() | texts | argv,
    "call": st.none() | texts,
    "script": st.none() | texts,
    "args": st.lists(texts, max_size=2) | st.dictionaries(texts, texts, max_size=2),
    "timeout": durations,
    "attempts": st.integers(1, 20),
    "budget_usd": st.none() | st.floats(0.01, 100),
}
judges = st.builds(
    Judge,
    criteria=st.lists(texts, min_size=1, max_size=2).map(tuple) | st.dictionaries(names, texts, min_size=1, max_size=2),
    on_error=st.sampled_from(["ask", "accept", "reject"]),
    max_rounds=st.none() | st.integers(1, 5),
    **judge_work,
)
deciding = st.builds(Deciding, by=st.sampled_from(["human", "judge", "judge_then_human"]), **judge_work)

secrets = (
    st.builds(Secret, env=names) | st.builds(Secret, file=texts.filter(str.strip)) | st.builds(Secret, command=argv)
)


places = folders.filter(lambda folder: folder != "/")
sources = st.builds(Secret, env=names) | st.builds(Secret, file=places) | st.builds(Secret, command=argv)
occasions = st.lists(st.sampled_from(["graph_ended", "task_failed", "decision_asked"]), min_size=1, unique=True).map(
    tuple
)
told = {"on": occasions, "cwd": folders, "timeout": st.floats(0.1, 1e6), "give_up": durations}
urls = st.just("https://h.example/x") | sources
callbacks = (
    st.builds(Callback, command=texts.filter(bool) | argv, **told)
    | st.builds(Callback, url=urls, secret=st.none() | sources, **told)
    | st.builds(Callback, append=places, **told)
)


@st.composite
def tasks(draw: st.DrawFn, name: str, earlier: list[str]) -> TaskSpec:
    kind, work = draw(shell_work.map(lambda work: ("shell", work)) | python_work.map(lambda work: ("python", work)))
    worker = draw(st.just(kind) | names.map(lambda name: f"{kind}-{name}"))
    after = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=4)) if earlier else []
    optional = st.none() | durations
    return TaskSpec(
        id=name,
        worker=worker,
        kind="" if worker == kind else kind,
        work=work,
        title=draw(lines),
        depends_on=tuple(
            Dependency(task=task, on=draw(st.sampled_from(["done", "failed", "finished"]))) for task in after
        ),
        cwd=draw(folders),
        env=draw(st.dictionaries(variables, texts, max_size=3)),
        secrets=draw(st.dictionaries(names, secrets, max_size=2)),
        timeout=draw(optional),
        idle_timeout=draw(optional),
        deadline=draw(optional),
        grace=draw(durations),
        retry=draw(st.just(Retry()) | retries),
        validate=draw(st.none() | validations),
        worktree=draw(st.booleans()),
        artifacts=draw(st.builds(Artifacts, paths=st.lists(texts, max_size=2).map(tuple), copy=st.booleans())),
        judge=draw(st.none() | judges),
        decisions=draw(st.just(Deciding()) | deciding),
        on_fail=draw(st.sampled_from(["fail", "continue", "ask", "cancel_graph"])),
        on_unknown=draw(st.sampled_from(["ask", "rerun", "fail"])),
        priority=draw(st.integers(-1000, 1000)),
        approve=draw(st.booleans()),
        ask=draw(st.just(Asking()) | asks),
        resources=draw(st.dictionaries(texts, st.floats(0.001, 1e9), max_size=2)),
        exclusive=draw(st.lists(texts, max_size=2).map(tuple)),
        budget=draw(st.just(Budget()) | budgets),
    )


@st.composite
def graphs(draw: st.DrawFn) -> GraphSpec:
    names_ = draw(st.lists(ids, min_size=1, max_size=5, unique=True))
    made = [draw(tasks(name, names_[:index])) for index, name in enumerate(names_)]
    return GraphSpec(
        name=draw(lines.filter(lambda name: bool(name.strip()))),
        goal=draw(texts),
        limits=draw(
            st.builds(
                Limits,
                parallel=st.none() | st.integers(1, 10**6),
                wall=st.none() | durations,
                usd=dollars,
                tokens=counts,
                attempts=counts,
            )
        ),
        tolerant=draw(st.booleans()),
        callbacks=tuple(draw(st.lists(callbacks, max_size=2))),
        files=draw(st.none() | places),
        tasks=tuple(draw(st.permutations(made))),
    )


# --- the round trip -------------------------------------------------------------------------------------------


@given(graphs())
@settings(max_examples=150, deadline=None)
def test_nothing_is_lost_on_the_way(spec: GraphSpec) -> None:
    document = to_document(spec)
    for arrived in (
        document,
        msgspec.json.decode(msgspec.json.encode(document)),
        msgspec.msgpack.decode(msgspec.msgpack.encode(document)),
    ):
        assert arrived == document
        assert parse_graph(arrived, base_dir="/elsewhere", accepted=True) == spec
        assert Reader(Findings(), "/elsewhere", BUILT_IN, accepted=True).graph(arrived) == spec
        assert accepted_graph(arrived, BUILT_IN) in (spec, None)


@given(graphs())
@settings(max_examples=30, deadline=None)
def test_a_file_says_the_same(spec: GraphSpec) -> None:
    document = to_document(spec)
    text = msgspec.json.encode(document).replace(b"${params.", b"$${params.")
    loaded = read_bytes(text, "json", name="x", base_dir="/")
    findings = Findings()
    filled = fill(loaded.document, {}, findings)
    assert msgspec.json.encode(filled).replace(b"$${params.", b"${params.") == msgspec.json.encode(document)
    assert not findings


@given(graphs())
@settings(max_examples=50, deadline=None)
def test_nothing_is_lost_of_a_single_task(spec: GraphSpec) -> None:
    for task in spec.tasks:
        assert parse_task(task_to_document(task), base_dir="/elsewhere", accepted=True) == task


def test_every_field_is_generated() -> None:
    """A field that is added to a Struct must be added to the strategies above as well."""
    seen: dict[type[msgspec.Struct], set[str]] = {}

    @given(graphs())
    @settings(max_examples=200, deadline=None, database=None)
    def look(spec: GraphSpec) -> None:
        for struct in (spec, spec.limits, *spec.tasks):
            parts = [struct]
            if isinstance(struct, TaskSpec):
                parts += [
                    struct.work,
                    struct.retry,
                    struct.ask,
                    struct.decisions,
                    *([struct.judge] if struct.judge else []),
                    *struct.secrets.values(),
                    *struct.depends_on,
                    *([struct.validate] if struct.validate else []),
                ]
            for part in parts:
                document = msgspec.to_builtins(part)
                seen.setdefault(type(part), set()).update(document)

    look()
    seen[TaskSpec].add("kind")  # of worker types that a configuration names
    for kind in (
        GraphSpec,
        Limits,
        TaskSpec,
        Retry,
        Validate,
        Asking,
        Judge,
        Deciding,
        Dependency,
        Secret,
        ShellWork,
        PythonWork,
    ):
        assert seen[kind] == set(kind.__struct_encode_fields__)


# --- arbitrary input ------------------------------------------------------------------------------------------

#: Anything that a decoder could give, and some more.
wild = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.binary(max_size=4)
    | st.sampled_from(["done", "shell", "python", "5m", "a", "${tasks.a}", "~", "~x/y"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=10,
)
fields = st.sampled_from(
    [*TaskSpec.__struct_fields__, "command", "call", "script", "args", "path", "interpreter", "prompt", "comand", ""]
)
wild_tasks = st.dictionaries(fields, wild, max_size=6)
near_documents = st.fixed_dictionaries(
    {"tasks": st.lists(wild_tasks | wild, max_size=4) | st.dictionaries(ids, wild_tasks | wild, max_size=3) | wild},
    optional={
        "name": st.just("x") | wild,
        "goal": wild,
        "limits": wild,
        "callbacks": wild | st.lists(st.fixed_dictionaries({}, optional={"url": wild, "command": wild, "on": wild})),
        "files": wild,
        "cwd": wild,
        "defaults": wild_tasks | wild,
        "params": wild,
        "surplus": wild,
    },
)


@given(wild | near_documents)
@settings(max_examples=400, deadline=None)
@example({"name": "x", "tasks": [{"id": "a", "command": "\ud800"}]})
@example({"name": "x", "tasks": [{"id": "a", "command": "x", "timeout": -0.0}]})
@example({"name": "x", "tasks": [{"id": "a", "command": "x", "priority": 1.0}]})
def test_any_value_gives_a_graph_or_a_refusal(document: object) -> None:
    try:
        spec = parse_graph(document, base_dir="/b")
    except Refused as refused:
        info = refused.info
    else:
        assert parse_graph(to_document(spec), base_dir="/c") == spec
        assert parse_graph(to_document(spec), base_dir="/c", accepted=True) == spec
        return
    assert info.problems
    msgspec.json.encode(info)  # it must be able to travel


bodies = st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass"))
marks = [*"{}[]:,-&*!|>'\"#%@?~=\n\t ", "\n  ", "- ", ": ", "---\n", "!!str ", "\x00", "\x85", "\ufeff", '"""']
words = ["name", "tasks", "a", "1", "1.5", "true", "null", "[[tasks]]\n", "a = 1\n", '"x"', "${params.a}", "params"]
snippets = st.lists(
    st.sampled_from([*marks, *words, "2024-01-01"]),
    max_size=25,
).map(lambda parts: "".join(parts).encode())


@given(bodies | snippets, st.sampled_from(["yaml", "json", "toml", None]))
@settings(max_examples=600, deadline=None)
def test_any_bytes_give_a_document_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, format_: Format | None
) -> None:
    suffix = f".{format_}" if format_ else ""
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(data)
    try:
        check_file(str(path), {"a": "x"})
    except Refused as refused:
        info = refused.info
    else:
        return
    assert info.hint
    msgspec.json.encode(info)
    # YAML has more kinds of line breaks than the others.
    count = data.count(b"\n") + data.count(b"\r") + data.count(b"\xc2\x85") + data.count(b"\xe2\x80") + 1
    assert all(0 <= problem.line <= count for problem in info.problems)


@given(near_documents, st.dictionaries(st.text(max_size=3), st.text(max_size=5), max_size=2))
@settings(max_examples=100, deadline=None)
def test_filling_any_document(document: dict[str, Any], values: dict[str, str]) -> None:
    try:
        plain = msgspec.json.decode(msgspec.json.encode(document))
    except (TypeError, UnicodeEncodeError, ValueError):
        return
    findings = Findings()
    filled = fill(plain, values, findings)
    assert "params" not in filled
    if not findings and "${" not in str(plain):
        assert filled == {key: value for key, value in plain.items() if key != "params"}


# --- lines ----------------------------------------------------------------------------------------------------


def paths(value: object, path: tuple[str | int, ...] = ()) -> list[str]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [where(path)] * bool(path) + [text for key, below in inner for text in paths(below, (*path, key))]


@given(st.dictionaries(texts, json_values, max_size=4), st.sampled_from([None, 0, 2]))
@settings(max_examples=200, deadline=None)
def test_everything_in_a_json_file_has_a_line(document: dict[str, Any], indent: int | None) -> None:
    import json

    from orch_actors.protocol.spec.from_json import json_places

    text = json.dumps(document, indent=indent)
    found = list(json_places(text))
    assert [where(path) for path, _line in found] == paths(document)
    at = [line for _path, line in found]
    assert at == sorted(at)
    assert not at or at[-1] <= text.count("\n") + 1


@given(st.dictionaries(texts, json_values, max_size=4))
@settings(max_examples=200, deadline=None)
def test_everything_in_a_yaml_file_has_a_line(document: dict[str, Any]) -> None:
    import yaml

    from orch_actors.protocol.spec.from_yaml import read_yaml, yaml_places

    text = yaml.safe_dump(document, allow_unicode=False, sort_keys=False)
    if "&id" in text:
        return  # equal empty lists, which PyYAML writes as aliases
    read = read_yaml(text)
    assert [where(path) for path, _line in yaml_places(text)] == paths(read)
    assert isinstance(read, dict)
    assert list(read) == list(document)


# --- cycles ---------------------------------------------------------------------------------------------------


@st.composite
def edge_lists(draw: st.DrawFn) -> list[list[int]]:
    size = draw(st.integers(1, 8))
    return [draw(st.lists(st.integers(0, size - 1), unique=True, max_size=3)) for _ in range(size)]


@given(edge_lists())
@settings(max_examples=300, deadline=None)
def test_cycles_are_found_if_and_only_if_there_are_some(edges: list[list[int]]) -> None:
    found = list(cycles(edges))
    for cycle in found:
        assert all(after in edges[node] for node, after in zip(cycle, [*cycle[1:], cycle[0]], strict=True))
    reach = [set(targets) for targets in edges]
    for _ in edges:
        for targets in reach:
            for target in list(targets):
                targets.update(reach[target])
    assert bool(found) == any(node in targets for node, targets in enumerate(reach))
    visited = [node for cycle in found for node in cycle]
    assert len(visited) == len(set(visited))


def test_infinity_is_no_number_anywhere() -> None:
    with pytest.raises(Refused):
        parse_graph({"name": "x", "tasks": [{"id": "a", "command": "x", "grace": math.inf}]}, base_dir="/")
