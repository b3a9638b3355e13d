"""From what a person types to a graph or task: an id, a unique beginning of an id, or an unambiguous name."""

import difflib

from orch_actors.actors.core.nodes import Consumer, Graph, Task
from orch_actors.actors.core.state import State
from orch_actors.protocol.errors import Refused


def find_graph(state: State, ref: str) -> Graph:
    """The graph that `ref` means: exact id first, then exact name, then prefix of an id.

    Raises:
        Refused: UNKNOWN_GRAPH or AMBIGUOUS_ID, with what there is.
    """
    graph = state.graphs.get(ref)
    if graph is not None:
        return graph
    named = state.names.get(ref, [])
    if len(named) == 1:
        return state.graphs[named[0]]
    if named:
        raise Refused.because(
            "AMBIGUOUS_ID",
            f"{len(named)} graphs are named {ref!r}: {_some(named)}",
            f"use an id; the newest is {named[-1]}",
        )
    starting = [graph_id for graph_id in state.graphs if graph_id.startswith(ref)] if ref else []
    if len(starting) == 1:
        return state.graphs[starting[0]]
    if starting:
        raise Refused.because("AMBIGUOUS_ID", f"{ref!r} fits {_some(starting)}", "type more of the id")
    close = difflib.get_close_matches(ref, [*list(state.names)[-1000:], *list(state.graphs)[-1000:]], n=1)
    hint = f"did you mean {close[0]}?" if close else "`orch-actors status` lists the graphs"
    raise Refused.because("UNKNOWN_GRAPH", f"there is no graph {ref!r}", hint)


def find_task(graph: Graph, task_id: str) -> Task:
    """A task of a graph.

    Raises:
        Refused: UNKNOWN_TASK.
    """
    task = graph.tasks.get(task_id)
    if task is None:
        close = difflib.get_close_matches(task_id, list(graph.tasks)[:5000], n=1)
        hint = f"did you mean {close[0]}?" if close else f"`orch-actors status {graph.id}` lists its tasks"
        raise Refused.because("UNKNOWN_TASK", f"graph {graph.id} has no task {task_id!r}", hint)
    return task


def find_consumer(state: State, name: str) -> Consumer:
    """A named reader of events.

    Raises:
        Refused: UNKNOWN_CONSUMER.
    """
    consumer = state.consumers.get(name)
    if consumer is None:
        close = difflib.get_close_matches(name, state.consumers, n=1)
        hint = (
            f"did you mean {close[0]}?"
            if close
            else "`orch-actors consumers list` shows them; `events --consumer NAME` makes one"
        )
        raise Refused.because("UNKNOWN_CONSUMER", f"there is no consumer {name!r}", hint)
    return consumer


def _some(ids: list[str]) -> str:
    return ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
