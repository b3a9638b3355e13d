"""Structs → document: the exact reverse of parse.py.

`parse_graph(to_document(spec), base_dir=…, unsupported={}) == spec` holds for every spec that `parse_graph` gives,
and through JSON and msgpack. Fields that have their default are left out: they mean the same, and a graph of
100,000 tasks stays small.
"""

from typing import Any, cast

import msgspec

from orch_actors.protocol.spec.graph import GraphSpec, TaskSpec


def task_to_document(task: TaskSpec) -> dict[str, Any]:
    """One task, flat: its own fields and those of its worker type side by side."""
    fields = cast("dict[str, Any]", msgspec.to_builtins(task))
    work = fields.pop("work")
    document = {"id": fields.pop("id"), "worker": task.worker, **work, **fields}
    if task.depends_on:
        document["depends_on"] = [
            dependency["task"] if dependency["on"] == "done" else dependency for dependency in fields["depends_on"]
        ]
    return document


def to_document(spec: GraphSpec) -> dict[str, Any]:
    """A graph as plain data, complete: what a graph file could hold, what travels, what is journalled."""
    document = cast("dict[str, Any]", msgspec.to_builtins(spec))
    document["tasks"] = [task_to_document(task) for task in spec.tasks]
    return document
