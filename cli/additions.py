"""`add`: more tasks for a graph, from a graph file or as one command.

A file is read as `submit` reads it, with its parameters, its `defaults` and its `cwd`, and every problem is told with
its line. Its tasks may also depend on tasks that the graph has already. What a file says of the graph as a whole
cannot be honoured here, so it is refused by name; but for `name`, which every graph file has.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from orch_actors.cli import faults
from orch_actors.cli.submission import Submission, prepare, worker_types
from orch_actors.cli.words import read_pairs
from orch_actors.protocol.ids import ID_RULE, is_id

if TYPE_CHECKING:
    from orch_actors.protocol.views import GraphView, TaskView

_CONDITIONS: Final = ("done", "failed", "finished")


class Offer(Struct, frozen=True, kw_only=True):
    """What was typed after `add`, but for the graph."""

    file: str | None = None
    #: The words behind `--`; None: there was no `--`.
    words: tuple[str, ...] | None = None
    id: str | None = None
    after: Sequence[str] = ()
    param: Sequence[str] = ()
    timeout: str | None = None
    retry: int | None = None
    env: Sequence[str] = ()
    cwd: str | None = None
    home: str | None = None


class Addition(Struct, frozen=True, kw_only=True):
    """Tasks that can be sent."""

    tasks: tuple[dict[str, Any], ...]
    base_dir: str


def check_offer(offer: Offer) -> None:
    """What can be said before the graph is known.

    Raises:
        CommandFault: the arguments make no sense together.
    """
    if offer.words is not None and offer.file is not None:
        raise faults.usage(f"both a file ({offer.file}) and a command were given", "give one of them")
    if offer.words is None and offer.file is None:
        raise faults.usage("nothing to add", "give a graph file, - for stdin, or a command behind --")
    if offer.words is None:
        only_commands = (("--id", offer.id), ("--after", offer.after or None), ("--timeout", offer.timeout),
                         ("--retry", offer.retry), ("--env", offer.env or None), ("--cwd", offer.cwd))  # fmt: skip
        for option, value in only_commands:
            if value is not None:
                raise faults.usage(f"{option} is for a command behind --", "in a graph, say it in the file")
    elif offer.param:
        raise faults.usage("--param is for graph files", "the shell fills in the words of a command")
    for text in offer.after:
        _dependency(text)
    if offer.id is not None and not is_id(offer.id):
        raise faults.usage(f"--id {offer.id!r} cannot be a task's id", f"an id is {ID_RULE}")


def inside(graph: str | None, file: str | None, words: tuple[str, ...] | None) -> tuple[str, str | None]:
    """The graph that is meant, and the file: inside a task, its own graph where none is named.

    Raises:
        CommandFault: none is named, and this is no task.
    """
    own = os.environ.get("ORCH_GRAPH")
    if graph is not None and file is None and words is None and own:
        return own, graph  # one word alone: what is to be added
    if graph is None and not own:
        raise faults.usage("no graph was named", "inside a task its own is meant; elsewhere: orch-actors add GRAPH …")
    return graph or own or "", file


def addition(offer: Offer, view: "GraphView") -> Addition:
    """The tasks, checked as far as can be seen from here.

    Raises:
        CommandFault: the arguments make no sense.
        Refused: the document has problems; they carry their lines.
    """
    if offer.words is not None:
        return _from_command(offer, offer.words)
    from orch_actors.protocol.spec.addition import check_addition

    known = {task.id: [_condition(task, name) for name in task.depends_on] for task in view.tasks}
    tasks, base_dir = check_addition(
        offer.file or "-", known, read_pairs(tuple(offer.param), "--param"), workers=worker_types(offer.home)
    )
    return Addition(tasks=tasks, base_dir=base_dir)


def _from_command(offer: Offer, words: tuple[str, ...]) -> Addition:
    prepared = prepare(
        Submission(words=words, timeout=offer.timeout, retry=offer.retry, env=tuple(offer.env), cwd=offer.cwd)
    )
    task = dict(prepared.document["tasks"][0])
    if offer.id is not None:
        task["id"] = offer.id
    if offer.after:
        task["depends_on"] = [_dependency(text) for text in offer.after]
    return Addition(tasks=(task,), base_dir=prepared.base_dir)


def _dependency(text: str) -> str | dict[str, str]:
    task, colon, condition = text.partition(":")
    if not is_id(task):
        raise faults.usage(f"--after {text!r}: {task!r} cannot be a task's id", f"an id is {ID_RULE}")
    if colon and condition not in _CONDITIONS:
        raise faults.usage(
            f"--after {text!r}: there is no condition {condition!r}", f"one of: {', '.join(_CONDITIONS)}"
        )
    return {"task": task, "on": condition} if colon else task


def _condition(task: "TaskView", name: str) -> dict[str, str]:
    return {"task": name, "on": task.conditions.get(name, "done")}
