"""Structs → document: the exact reverse of parse.py.

`parse_graph(to_document(spec), base_dir=…) == spec` holds for every spec that `parse_graph` gives,
and through JSON and msgpack. Fields that have their default are left out: they mean the same, and a graph of
100,000 tasks stays small.
"""

from typing import Any, cast

from msgspec import Struct, msgpack

from orch_actors.protocol.spec.graph import GraphSpec, TaskSpec


def task_to_document(task: TaskSpec) -> dict[str, Any]:
    """One task, flat: its own fields and those of its worker type side by side."""
    return _flat(task, _plain(task))


def to_document(spec: GraphSpec) -> dict[str, Any]:
    """A graph as plain data, complete: what a graph file could hold, what travels, what is journalled."""
    document = _plain(spec)
    if not document.get("limits", True):
        del document["limits"]
    document["tasks"] = [_flat(task, fields) for task, fields in zip(spec.tasks, document["tasks"], strict=True)]
    return document


def _plain(struct: Struct) -> dict[str, Any]:
    # Through msgpack, since to_builtins() would leave tuples: a document equals itself after a journey.
    return cast("dict[str, Any]", msgpack.decode(msgpack.encode(struct)))


def _flat(task: TaskSpec, fields: dict[str, Any]) -> dict[str, Any]:
    work = fields.pop("work")
    for name in ("retry", "ask", "decisions", "budget"):  # empty: all in it has its default
        if not fields.get(name, True):
            del fields[name]
    document = {"id": fields.pop("id"), "worker": task.worker, **work, **fields}
    if task.depends_on:
        document["depends_on"] = [
            dependency["task"] if dependency["on"] == "done" else dependency for dependency in fields["depends_on"]
        ]
    return document
