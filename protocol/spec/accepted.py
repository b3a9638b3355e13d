"""The quick way through a document that was accepted once and is in the form in which it was written down.

A restart reads all graphs of a journal, and nothing in them is news: `to_document` wrote them, with defaults applied
and folders absolute. Such a document goes through msgspec in two pieces a task. Whatever is in any other form (an
earlier version may have written it) is left to `reading.py`, which knows all forms; so this decides nothing, and may
decline at any time. `tests/unit/spec/test_accepted.py` holds the two together.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import DecodeError, Struct, ValidationError, convert
from msgspec.structs import fields, force_setattr

from orch_actors.protocol.spec.graph import Callback, GraphSpec, Limits, TaskSpec
from orch_actors.protocol.spec.work import KINDS

_COMMON: Final = frozenset(field.encode_name for field in fields(TaskSpec)) - {"work"}
_WORK: Final = {kind: tuple(field.encode_name for field in fields(work)) for kind, work in KINDS.items()}


class _Top(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A graph document as `to_document` leaves it."""

    name: str
    tasks: list[dict[str, Any]]
    goal: str = ""
    limits: Limits = Limits()
    tolerant: bool = False
    callbacks: tuple[Callback, ...] = ()
    files: str | None = None


def accepted_graph(document: object, workers: Mapping[str, str]) -> GraphSpec | None:
    """The graph; None where the document is not in the plain form."""
    try:
        top = convert(document, _Top)
    except (ValidationError, DecodeError):
        return None
    tasks: list[TaskSpec] = []
    for raw in top.tasks:
        task = accepted_task(raw, workers)
        if task is None:
            return None
        tasks.append(task)
    if not top.name.strip() or not 0 < len({task.id for task in tasks}) == len(tasks):
        return None
    return GraphSpec(
        name=top.name,
        goal=top.goal,
        limits=top.limits,
        tolerant=top.tolerant,
        callbacks=top.callbacks,
        files=top.files,
        tasks=tuple(tasks),
    )


def accepted_task(raw: object, workers: Mapping[str, str]) -> TaskSpec | None:
    """The task; None where its document is not in the plain form."""
    if not isinstance(raw, dict):
        return None
    common = dict(raw)
    worker, kind = common.get("worker"), common.get("kind")
    if not isinstance(worker, str) or not isinstance(kind, str | None) or not _is_plain_folder(common.get("cwd")):
        return None
    if kind is None:
        kind = worker  # one that is named after its kind: otherwise its kind was written down
        if workers.get(worker) != kind:
            return None
    names = _WORK.get(kind)
    if names is None:
        return None
    work = {name: common.pop(name) for name in names if name in common}
    if not common.keys() <= _COMMON:
        return None
    wanted = common.get("depends_on")
    if isinstance(wanted, list | tuple):
        common["depends_on"] = [{"task": one} if isinstance(one, str) else one for one in wanted]
    common["work"] = {}
    try:
        done = convert(work, KINDS[kind])
        task = convert(common, TaskSpec)
    except (ValidationError, DecodeError):
        return None
    force_setattr(task, "work", done)  # nobody has seen this Struct yet; convert() takes no subclass of Work
    return task


def _is_plain_folder(cwd: object) -> bool:
    """Whether it is an absolute path that needs no tidying."""
    return (
        isinstance(cwd, str)
        and cwd[:1] == "/"
        and "/." not in cwd
        and "//" not in cwd
        and (cwd == "/" or cwd[-1] != "/")
    )
