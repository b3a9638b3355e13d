"""Structs → documents; the round trip itself is a property (tests/property/test_documents.py)."""

from orch_actors.protocol.spec.document import task_to_document, to_document
from orch_actors.protocol.spec.graph import Dependency, GraphSpec, Limits, Retry, TaskSpec, Validate
from orch_actors.protocol.spec.work import PythonWork, ShellWork


def test_a_task_is_flat() -> None:
    task = TaskSpec(
        id="b",
        worker="python",
        work=PythonWork(call="m:f", args={"x": 1}),
        depends_on=(Dependency(task="a"), Dependency(task="c", on="failed")),
        cwd="/w",
        retry=Retry(attempts=2),
        validate=Validate(json_schema={"type": "object"}),
    )
    assert task_to_document(task) == {
        "id": "b",
        "worker": "python",
        "call": "m:f",
        "args": {"x": 1},
        "depends_on": ["a", {"task": "c", "on": "failed"}],
        "cwd": "/w",
        "retry": {"attempts": 2},
        "validate": {"schema": {"type": "object"}},
    }


def test_a_graph() -> None:
    spec = GraphSpec(
        name="g", goal="G", limits=Limits(parallel=2), tasks=(TaskSpec(id="a", work=ShellWork(command=("x", "y"))),)
    )
    assert to_document(spec) == {
        "name": "g",
        "goal": "G",
        "limits": {"parallel": 2},
        "tasks": [{"id": "a", "worker": "shell", "command": ["x", "y"]}],
    }
