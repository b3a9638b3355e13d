"""Graphs that come from inside a task: whose they are, and how many and how deep they may be.

A client says from inside which attempt it submits: what it found in ORCH_ATTEMPT, which every process of a task has
unless it takes it away. So this bounds programs that lose their way (an agent that delegates to agents that delegate),
not programs that mean harm; those may do anything in their user's name anyway. A parent that is not known, of another
journal or forgotten, is none; and what is forgotten counts no more, so the bound is on what there is at a time.

A graph that is cancelled takes those along that were submitted from inside it: whoever stops an agent means what it
set going, too. Its end by itself takes nothing along: work may be handed over to be done later.
"""

from collections.abc import Iterator
from typing import Final

from orch_actors.actors.core.nodes import Graph
from orch_actors.actors.core.state import State
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.ids import split_attempt_id

#: So many of the journal's last digits stand in a cookie (host/local.py).
_OF_JOURNAL: Final = 12


def parent_of(turn: Turn, cookie: str) -> tuple[str, int]:
    """The attempt that a cookie names (`g1/build/2`), and the depth of what is submitted from inside it; ("", 0): none.

    Raises:
        Refused: NOT_ALLOWED, there would be too many of them, or too deep.
    """
    journal, _, attempt = cookie.rpartition(":")
    if not attempt or journal != turn.name[-_OF_JOURNAL:]:
        return "", 0
    try:
        graph_id, task, number = split_attempt_id(attempt)
    except ValueError:
        return "", 0
    graph, node = turn.state.graphs.get(graph_id), turn.state.find(graph_id, task)
    if graph is None or node is None or not 1 <= number <= len(node.attempts):
        return "", 0
    depth, most = turn.state.nesting
    instead = f"add its tasks to {graph.id} (`orch-actors add`), or allow more in config.toml, [nesting]"
    if graph.depth >= depth:
        raise Refused.because(
            "NOT_ALLOWED", f"it would be nested {graph.depth + 1} deep, inside {attempt}; at most {depth}", instead
        )
    root = _outermost(turn.state, graph)
    count = _nested(turn.state, root)
    if count >= most:
        raise Refused.because(
            "NOT_ALLOWED", f"{count} graphs were submitted from inside {root.id}; at most {most}", instead
        )
    return attempt, graph.depth + 1


def _outermost(state: State, graph: Graph) -> Graph:
    """The graph from outside, or the outermost that is not forgotten, from inside which this one comes."""
    while (parent := state.graphs.get(graph.parent.partition("/")[0])) is not None:
        graph = parent
    return graph


def _nested(state: State, graph: Graph) -> int:
    """Graphs inside it, at any depth, that are not forgotten; no more than are allowed, and each is looked at."""
    return sum(1 + _nested(state, state.graphs[name]) for name in graph.children)


def inside(state: State, graph: Graph, task: str | None = None) -> Iterator[Graph]:
    """Graphs that were submitted from inside this one (of one of its tasks), at any depth, and are not over."""
    for name in graph.children:
        child = state.graphs[name]
        if task is None or child.parent.split("/")[1] == task:
            if child.ended_utc is None:
                yield child
            yield from inside(state, child)
