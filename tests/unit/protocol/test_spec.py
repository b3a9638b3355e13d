"""SPEC.md says what the code does, and all of it: every tag, field, code, kind, state and limit, both ways."""

import importlib.resources
import re
from typing import get_args

import msgspec
import pytest

from orch_actors.actors.attempts.references import VARIABLE
from orch_actors.actors.core.facts import DecisionAnswered, DecisionAsked, ToldFact
from orch_actors.actors.core.handlers import asking, consuming
from orch_actors.actors.gateway import connections, gateway, outflow, waiting_room
from orch_actors.actors.host import leavings
from orch_actors.actors.views import queries, telling
from orch_actors.protocol import codec, environment, errors, messages, views
from orch_actors.protocol.spec import check, failures, foreach, graph, load, parse, plain, policies, references, work

SPEC = importlib.resources.files("orch_actors.protocol").joinpath("SPEC.md").read_text("utf-8")


def section(title):
    """The text under a heading."""
    return re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", SPEC, re.MULTILINE | re.DOTALL)[1]


def rows(title, first_column):
    """The cells of the table whose header begins with `first_column`."""
    lines = iter(section(title).splitlines())
    for line in lines:
        if line.startswith((f"| {first_column} |", f"| `{first_column}` |")):
            break
    else:
        raise AssertionError(f"no table {first_column!r} under {title!r}")
    next(lines)
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split(" |")])
    return found


def names(text):
    return re.findall(r"`([^`]+)`", text)


def fields(kind):
    return list(kind.__struct_encode_fields__)


def tag(kind):
    return kind.__struct_config__.tag


REQUESTS = {tag(kind): kind for kind in get_args(messages.Command | messages.Query)}
RESULTS = {tag(kind): kind for kind in get_args(messages.Result)}
CODES = set(get_args(errors.ErrorCode))
COMMON_CODES = {"INVALID_REQUEST", "UNSUPPORTED_VERSION", "OVERLOADED", "STOPPING", "INTERNAL"}


def test_requests():
    assert {names(row[0])[0] for row in rows("Requests", "type")} == set(REQUESTS)
    for name, said, _, refusals in rows("Requests", "type"):
        kind = REQUESTS[names(name)[0]]
        assert names(said) == fields(kind), name
        assert set(names(refusals)) <= CODES - COMMON_CODES


@pytest.mark.parametrize("row", rows("Requests", "type"), ids=lambda row: row[0])
def test_defaults_of_requests(row):
    kind = REQUESTS[names(row[0])[0]]
    for field, text in zip(msgspec.structs.fields(kind), re.split(r"; ", row[1]), strict=False):
        given = re.search(r"\(([^:)]*)", text)
        if field.required:
            assert given is None, field.name
        else:
            default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
            assert msgspec.json.decode(given[1]) == msgspec.json.decode(msgspec.json.encode(default)), field.name


def test_every_result_is_some_requests():
    answers = {names(row[2])[0] for row in rows("Requests", "type")}
    assert answers == set(RESULTS)


def test_results_by_docstring():
    """The docstring of each request names the result that the table names."""
    for name, _, result, _ in rows("Requests", "type"):
        assert f"Answer: {RESULTS[names(result)[0]].__name__}" in REQUESTS[names(name)[0]].__doc__


def test_results():
    assert {names(row[0])[0] for row in rows("Results", "type")} == set(RESULTS)
    for name, said in rows("Results", "type"):
        assert names(said) == fields(RESULTS[names(name)[0]]), name


def test_envelopes():
    found = {row[0]: names(row[1]) for row in rows("Envelopes", "object")}
    kinds = {"Request": messages.Request, "Reply": messages.Reply, "ErrorInfo": errors.ErrorInfo,
             "Problem": errors.Problem}  # fmt: skip
    assert found.keys() == kinds.keys()
    for name, kind in kinds.items():
        assert sorted(found[name]) == sorted(fields(kind)), name


def test_published():
    kinds = {tag(kind): kind for kind in (messages.Published, messages.Heartbeat)}
    found = {names(row[1])[0]: (row[0], names(row[2])) for row in rows("Events", "published object")}
    assert found == {name: (kind.__name__, fields(kind)) for name, kind in kinds.items()}


def test_errors():
    found = [names(row[0])[0] for row in rows("Errors", "code")]
    assert found == list(get_args(errors.ErrorCode))
    assert all(row[1] for row in rows("Errors", "code"))
    assert set(names(section("Errors"))) - {"retriable", "problems", "oldest", "get_status", "get_graph"} == CODES


def test_event_kinds():
    found = [names(row[0])[0] for row in rows("Events", "kind")]
    assert found == list(get_args(views.EventKind))
    assert set(found) == {tag(kind) for kind in get_args(ToldFact)}
    assert names(re.search(r"^Event: (.*)$", section("Events"), re.MULTILINE)[1]) == fields(views.Event)


VALUES = {
    "document": {"name": "n", "tasks": [1]}, "state": "failed", "cls": "exit", "why": "w", "pid": 1, "at_utc": 1.0,
    "delay_s": 1.0, "task": "t", "attempt": 1, "graph": "g", "ref": "d1", "about": "approve", "question": "q",
    "options": ("a",), "default": "a", "choice": "a", "documents": ({"id": "t"},), "worker": "shell",
    "judge": "t#judge-1", "reason": "r",
    "outcome": "pass",
}  # fmt: skip


@pytest.mark.parametrize("kind", get_args(ToldFact), ids=tag)
def test_what_an_event_carries(kind):
    known = set(kind.__struct_fields__) - ({"worker"} if "task" in kind.__struct_fields__ else set())
    fact = kind(**{name: value for name, value in VALUES.items() if name in known})
    event = telling.event_of(fact, 1, 1.0)
    [(_, _, of, state, data)] = [row for row in rows("Events", "kind") if names(row[0]) == [tag(kind)]]
    assert names(re.sub(r"where.*", "", data)) == list(event.data)
    assert (event.graph, event.task, event.attempt) == {
        "graph": ("g", None, None), "task": ("g", "t", None), "attempt": ("g", "t", 1), "worker": (None, None, None),
    }[of]  # fmt: skip
    expected = {"its end": "failed", "": None}
    assert event.state == (expected[state] if state in expected else names(state)[0])


@pytest.mark.parametrize("kind", [DecisionAsked, DecisionAnswered], ids=tag)
def test_what_an_event_of_a_decision_about_a_worker_type_carries(kind):
    known = set(kind.__struct_fields__) - {"graph", "task"}
    fact = kind(**{name: value for name, value in VALUES.items() if name in known}, **BLOCKS[kind])
    event = telling.event_of(fact, 1, 1.0)
    [(*_, data)] = [row for row in rows("Events", "kind") if names(row[0]) == [tag(kind)]]
    assert names(data) == list(event.data)
    assert (event.graph, event.task, event.state, event.data["worker"]) == (None, None, None, "shell")


BLOCKS = {DecisionAsked: {"blocks": False}, DecisionAnswered: {}}


def test_views():
    found = {row[0]: names(row[1]) for row in rows("Views", "view")}
    structs = {
        name: kind
        for name, kind in vars(views).items()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct
    }
    assert found.keys() == structs.keys()
    for name, kind in structs.items():
        assert found[name] == fields(kind), name


def test_states():
    found = {row[0]: names(row[1]) for row in rows("States", "of")}
    assert found == {
        "graph": list(get_args(views.GraphState)),
        "task": list(get_args(views.TaskState)),
        "attempt": list(get_args(views.AttemptState)),
        "worker": list(get_args(views.WorkerState)),
    }
    final = {row[0]: names(row[2]) for row in rows("States", "of")}
    assert set(final["graph"]) == views.GRAPH_ENDINGS


DOCUMENTS = {
    "limits field": graph.Limits,
    "callback field": graph.Callback,
    "secret field": graph.Secret,
    "dependency field": graph.Dependency,
    "retry field": graph.Retry,
    "validate field": graph.Validate,
    "artifacts field": graph.Artifacts,
    "ask field": graph.Asking,
    "shell field": work.ShellWork,
    "python field": work.PythonWork,
    "agent field": work.AgentWork,
}


@pytest.mark.parametrize("table", DOCUMENTS)
def test_documents(table):
    assert [names(row[0])[0] for row in rows("Graph documents", table)] == fields(DOCUMENTS[table])


def test_graph_and_task_documents():
    tasks = [names(row[0])[0] for row in rows("Graph documents", "task field")]
    assert tasks == [name for name in fields(graph.TaskSpec) if name != "work"]
    graphs = {names(row[0])[0] for row in rows("Graph documents", "graph field")}
    assert graphs == {*fields(graph.GraphSpec), "defaults", "cwd"}
    for worker in work.KINDS:
        assert f"| {worker} field |" in SPEC


@pytest.mark.parametrize(
    ("table", "kind"), [("task field", graph.TaskSpec), ("graph field", graph.GraphSpec), *DOCUMENTS.items()]
)
def test_defaults_of_documents(table, kind):
    by_name = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name, form, _ in rows("Graph documents", table):
        field = by_name.get(names(name)[0])
        given = re.search(r"\(([^()]*)\)$", form)
        if field is None or given is None or names(name)[0] in ("cwd", "interpreter"):
            assert field is None or field.required or names(name)[0] in ("cwd", "interpreter"), name
            continue
        default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
        assert msgspec.json.decode(given[1]) == msgspec.json.decode(msgspec.json.encode(default)), name


EXAMPLES = re.findall(r"```yaml\n(.*?)```", section("Graph documents"), re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.split("\n")[0])
def test_examples_are_graphs(text, tmp_path):
    file = tmp_path / "graph.yaml"
    file.write_text(text, "utf-8")
    document, spec, _ = load.check_file(str(file))
    assert parse.parse_graph(document, base_dir=str(tmp_path)) == spec
    assert len(spec.tasks) > len(document["tasks"])


def test_examples_show_every_field():
    """But for those that need no example."""
    shown = set(re.findall(r"(\w+):\s", "".join(EXAMPLES)))
    kinds = (graph.GraphSpec, graph.Callback, graph.Limits, graph.Dependency, graph.Asking, work.ShellWork)
    assert set().union(*map(fields, kinds)) - shown <= {"tolerant", "tasks", "append", "cwd"}


def test_failures():
    found = {names(row[0])[0]: row[1:] for row in rows("States", "class")}
    assert {name: said.replace("`", "") for name, (said, _) in found.items()} == {
        name: said.replace("`", "") for name, said in failures.FAILURES.items()
    }
    assert {name for name, (_, retry) in found.items() if retry.startswith("never")} == set(failures.FINAL_FAILURES)


def test_choices():
    found = {names(row[0])[0]: row for row in rows("Graph documents", "what is asked")}
    assert found.pop("question")[2] == "its own"
    worker = found.pop("worker")
    assert tuple(names(worker[2]))[:2] == asking.WORKER_OPTIONS
    assert names(worker[3])[0] == asking.WORKER_DEFAULT
    assert {about: tuple(names(row[2])) for about, row in found.items()} == failures.CHOICES
    assert {about: names(row[3])[0] for about, row in found.items()} == failures.LEAST


def test_what_is_filled_in():
    found = {name for row in rows("Graph documents", "written") for name in names(row[0])}
    assert found == {
        "${params.NAME}", "${item}", "${item.PATH}", "${index}",
        "${tasks.ID.result}", "${tasks.ID.result.PATH}", "${tasks.ID.artifacts}", "${tasks.ID.artifacts.N}",
        "${tasks.ID.worktree}", "${tasks.ID.branch}",
    }  # fmt: skip
    for tasks in [row for row in rows("Graph documents", "written") if "tasks" in row[0]]:
        assert set(names(tasks[3])) in (references.FILLED, set())


def test_variables_that_a_task_finds():
    found = {name for row in rows("Graph documents", "variable") for name in names(row[0])}
    code = importlib.resources.files("orch_actors.actors.host").joinpath("local.py").read_text("utf-8")
    assert found == {*re.findall(r'"(ORCH_\w+)"', code), VARIABLE + "1"}


def test_bounds_of_documents():
    text = section("Graph documents")
    for bound in (foreach.MAX_EXPANDED, work.MAX_TEXT_BYTES, policies.MAX_PATTERN, policies.MAX_QUESTION,
                  leavings.MAX_RESULT_BYTES):  # fmt: skip
        assert f"{bound:,}" in text


def test_limits():
    told = {row[0]: row[1].split(" ")[0].replace(",", "").rstrip(";") for row in rows("Limits", "of")}
    said = {of: int(number) for of, number in told.items() if number.isdigit()}
    assert told.keys() - said.keys() == {"of one process, or by tcp one key"}
    assert said["a body"] == codec.MAX_BODY_BYTES
    assert said["nesting of a document"] == plain.MAX_DEPTH
    assert said["`events` of an answer"] == queries.MAX_EVENTS
    assert said["frames of a client's message"] == gateway.MAX_FRAMES - 1
    waiting = [row[1] for row in rows("Limits", "of") if row[0].startswith("requests")]
    assert waiting == [f"{waiting_room.MAX_WAITING:,}; {waiting_room.MAX_WAITING_BYTES:,}"]
    places = [row[1] for row in rows("Limits", "of") if row[0].startswith("connections")]
    assert places == [f"{connections.MAX_CONNECTIONS}; {connections.MAX_SERVED}"]
    assert said["bytes of replies that clients do not take in"] == outflow.MAX_UNSENT_BYTES
    assert said["an event that is published"] == gateway.MAX_PUBLISHED_BYTES
    consumers = [row[1] for row in rows("Limits", "of") if row[0].startswith("consumers")]
    assert consumers == [f"{consuming.MAX_CONSUMERS:,}; {consuming.MAX_WANTED:,}"]
    pair = [row[1] for row in rows("Limits", "of") if row[0].startswith("tasks")]
    assert pair == [f"{check.MAX_TASKS:,}; {check.MAX_EDGES:,}"]


def test_the_variables_that_pass():
    listed = re.search(r"Only (.*) pass", section("Requests"))[1].split()
    expected = {*environment.ALLOWED_NAMES, *(prefix + "*" for prefix in environment.ALLOWED_PREFIXES)}
    assert set(listed) == expected


SESSION = re.search(r"```json\n(.*?)```", section("A session"), re.DOTALL)[1].splitlines()


@pytest.mark.parametrize("line", SESSION)
def test_the_session_is_what_the_code_reads_and_writes(line):
    decoder = {">": codec.REQUEST, "<": codec.REPLY, "*": codec.PUBLISHED}[line[0]]
    body = line[2:].encode()
    message = decoder.decode(body)
    again = msgspec.json.decode(codec.encode(message, "json"))
    told = msgspec.json.decode(body)
    if line[0] != ">":  # a reply is shown whole; a request may leave out what has a default
        assert again == told
    else:
        assert codec.REQUEST.decode(codec.encode(message, "json")) == message


def test_the_session_is_answered():
    asked = [codec.REQUEST.decode(line[2:].encode()).id for line in SESSION if line[0] == ">"]
    answered = [codec.REPLY.decode(line[2:].encode()).id for line in SESSION if line[0] == "<"]
    assert asked == answered == sorted(asked)
