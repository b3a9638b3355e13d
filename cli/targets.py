"""From GRAPH/TASK to one task, with the daemon's help where only the graph is named."""

from typing import TYPE_CHECKING

from orch_actors.cli import faults
from orch_actors.cli.words import split_target, typed

if TYPE_CHECKING:
    from orch_actors.protocol.client import Client


def graph_only(text: str, verb: str) -> str:
    """A graph's reference; an empty or slashed one is a slip of the fingers, said before the daemon is asked.

    Raises:
        CommandFault: it names a task, or nothing.
    """
    graph, task, _attempt = split_target(text)
    if task is not None:
        raise faults.usage(f"{verb} takes a graph, not a task: {text!r}", f"try: {typed(verb, graph)}")
    return graph


def task_whole(text: str, verb: str) -> tuple[str, str | None]:
    """Graph and task (None: only the graph is named); an attempt is neither.

    Raises:
        CommandFault: it names an attempt, or nothing.
    """
    graph, task, attempt = split_target(text)
    if attempt:
        raise faults.usage(f"{verb} takes a task whole, not an attempt: {text!r}", f"try: {graph}/{task}")
    return graph, task


def named_task(text: str, verb: str) -> tuple[str, str]:
    """Graph and task, both named.

    Raises:
        CommandFault: one is missing, or it names an attempt.
    """
    graph, task = task_whole(text, verb)
    if task is None:
        raise faults.usage(f"{verb} takes a task: {text!r}", f"expected GRAPH/TASK, such as {graph}/build")
    return graph, task


def one_of_two(graph: str | None, worker: str | None, verb: str, *more: str) -> None:
    """Either a graph or a worker type.

    Raises:
        CommandFault: both are given, or neither.
    """
    if (graph is None) == (worker is None):
        said = "both a graph and a worker type were given" if graph is not None else "nothing was named"
        tail = "".join(f" {word}" for word in more)
        raise faults.usage(said, f"{typed(verb, 'GRAPH')}{tail}, or {typed(verb, '--worker', 'TYPE')}{tail}")


def one_task(client: "Client", text: str) -> tuple[str, str, int]:
    """Graph, task and attempt (0: none was named). A graph alone will do where it has one task.

    Raises:
        CommandFault: the graph has several tasks and none is named.
        Refused: there is no such graph.
    """
    graph, task, attempt = split_target(text)
    if task is not None:
        return graph, task, attempt
    view = client.graph(graph)
    if len(view.tasks) == 1:
        return view.id, view.tasks[0].id, 0
    names = [found.id for found in view.tasks]
    listed = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    raise faults.usage(
        f"{graph} has {len(names)} tasks: {listed}", f"name one, such as {view.id}/{names[0]}; {typed('status', graph)}"
    )
