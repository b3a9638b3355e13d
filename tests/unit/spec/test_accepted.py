"""The quick way through accepted documents: it says the same as the slow one, or declines."""

import pytest

from orch_actors.protocol.errors import Refused
from orch_actors.protocol.spec.accepted import accepted_graph, accepted_task
from orch_actors.protocol.spec.document import to_document
from orch_actors.protocol.spec.parse import parse_graph, parse_task
from orch_actors.protocol.spec.work import BUILT_IN

FILE = {
    "name": "all",
    "limits": {"parallel": 2},
    "tasks": {
        "a": {"command": ["x", "y"], "retry": {"attempts": 3, "backoff": "2s"}, "env": {"N": 1}, "timeout": "5m"},
        "b": {"worker": "python", "call": "m:f", "args": [1], "depends_on": "a", "validate": {"files": "out"}},
        "c": {"command": "true", "depends_on": [{"task": "a", "on": "failed"}, "b"], "approve": True},
    },
}
TASK = {"id": "a", "worker": "shell", "command": "true", "cwd": "/w"}


def test_what_was_written_down_takes_the_quick_way() -> None:
    spec = parse_graph(FILE, base_dir="/w")
    document = to_document(spec)
    assert accepted_graph(document, BUILT_IN) == spec
    for task, raw in zip(spec.tasks, document["tasks"], strict=True):
        assert accepted_task(raw, BUILT_IN) == task


def test_a_kind_that_was_written_down_stands() -> None:
    raw = {"id": "a", "worker": "builder", "kind": "shell", "command": "true", "cwd": "/w"}
    quick = accepted_task(raw, {})
    assert quick is not None
    assert quick == parse_task(raw, base_dir="/", accepted=True)


@pytest.mark.parametrize(
    "document",
    [
        FILE,
        None,
        {},
        {"name": " ", "tasks": [TASK]},
        {"name": "x", "tasks": []},
        {"name": "x", "tasks": [TASK, TASK]},
        {"name": "x", "tasks": [TASK, {**TASK, "id": 7}]},
        {"name": "x", "tasks": [TASK], "cwd": "/"},
        {"name": 1, "tasks": [TASK]},
    ],
)
def test_graphs_in_any_other_form_are_left_to_the_reader(document: object) -> None:
    assert accepted_graph(document, BUILT_IN) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"cwd": "w"},
        {"cwd": None},
        {"cwd": "/w/"},
        {"cwd": "/w/../x"},
        {"cwd": "//w"},
        {"worker": "nobody"},
        {"worker": 1},
        {"kind": 1},
        {"kind": "nothing"},
        {"timeout": "5m"},
        {"depends_on": "b"},
        {"depends_on": 1},
        {"foreach": [1]},
        {"work": {}},
        {"command": 1},
        {"call": "m:f"},
    ],
)
def test_tasks_in_any_other_form_are_left_to_the_reader(changes: dict[str, object]) -> None:
    assert accepted_task({**TASK, **changes}, BUILT_IN) is None


def test_a_type_that_is_configured_with_another_kind_is_left_to_the_reader() -> None:
    assert accepted_task(TASK, {"shell": "python"}) is None
    with pytest.raises(Refused):
        parse_task({"id": "a"}, base_dir="/", accepted=True)
    assert accepted_task("a", BUILT_IN) is None
