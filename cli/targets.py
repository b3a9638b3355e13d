"""From GRAPH/TASK to one task, with the daemon's help where only the graph is named."""

from typing import TYPE_CHECKING

from orch_actors.cli import faults
from orch_actors.cli.words import split_target, typed

if TYPE_CHECKING:
    from orch_actors.protocol.client import Client


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
