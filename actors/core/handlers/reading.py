"""A graph's own readers of events: one for each of its callbacks, and one for its `files`.

They are consumers like any other, opened in the step that takes the graph (or has it run again), so that whoever serves
them, whenever that is, finds all that they are to be told. Each goes once it was told of the graph's end; a graph that
is over is not forgotten while one of them is left, but for those that somebody forgets by name.
"""

from collections.abc import Iterator
from typing import Final

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.nodes import Consumer, Graph
from orch_actors.actors.core.state import State
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol.callbacks import GRAPH_PREFIX, graph_consumer
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.spec.graph import Callback

#: Of a graph's `files`.
FILES: Final = "files"
FILES_KINDS: Final = ("task_ended", "decision_asked", "decision_answered", "graph_ended")


def readers_of(graph: Graph) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Name of each, and the kinds that it wants; the graph's end is always among them."""
    for number, callback in enumerate(graph.spec.callbacks, 1):
        yield graph_consumer(graph.id, number), _kinds(callback)
    if graph.spec.files is not None:
        yield graph_consumer(graph.id, FILES), FILES_KINDS


def _kinds(callback: Callback) -> tuple[str, ...]:
    kinds = ["task_ended"] if "task_failed" in callback.on else []
    kinds += ["decision_asked"] if "decision_asked" in callback.on else []
    return (*kinds, "graph_ended")


def open_readers(turn: Turn, graph: Graph) -> None:
    """Have those begin, here, that are not there."""
    wanted = False
    for name, kinds in readers_of(graph):
        wanted = True
        if name not in turn.state.consumers:
            turn.emit(f.ConsumerOpened(consumer=name, seq=turn.state.told, kinds=kinds, graphs=(graph.id,)))
    if wanted:
        turn.ask(s.WakeCourier())


def is_own(name: str) -> bool:
    """Whether it is the name of a graph's reader, which no client opens."""
    return name.startswith(GRAPH_PREFIX)


def is_through(state: State, consumer: Consumer) -> bool:
    """Whether it is a graph's reader that was told of the graph's end, so that nothing is left for it."""
    if not is_own(consumer.name) or len(consumer.graphs) != 1:
        return False
    graph = state.graphs.get(consumer.graphs[0])
    return graph is None or (graph.ended_utc is not None and consumer.cursor >= graph.ended_seq)


def untold(state: State, graph: Graph) -> list[str]:
    """Its readers that were not told of everything."""
    if not graph.spec.callbacks and graph.spec.files is None:
        return []
    return [name for name, _ in readers_of(graph) if name in state.consumers]


def check_told(state: State, graph: Graph) -> None:
    """Nobody who is to be called back is left without.

    Raises:
        Refused: NOT_ALLOWED.
    """
    left = untold(state, graph)
    if left:
        raise Refused.because(
            "NOT_ALLOWED",
            f"graph {graph.id} is over, and not all of its callbacks were told of it: {', '.join(left)}",
            f"wait, and see logs/courier.log; or give them up: `orch-actors consumers forget {' '.join(left)}`",
        )


def serves(state: State) -> bool:
    """Whether any graph needs somebody who serves callbacks or files."""
    return any(graph.spec.files is not None or untold(state, graph) for graph in state.graphs.values())
