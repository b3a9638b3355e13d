"""How long the context of a graph takes to put together, and that it keeps within its bounds; in this process."""

import time

from orch_actors.actors.context.layers import of_graph
from orch_actors.actors.context.parts import BUDGETS, assemble
from orch_actors.actors.context.reading import read_some
from orch_actors.actors.core.state import State


def layers_s(state: State) -> float:
    """Seconds for L0 and L1 of the graph `g1`.

    Raises:
        ValueError: one is longer than it may be.
    """
    graph = state.graphs["g1"]
    begun_at = time.perf_counter()
    for layer in (0, 1):
        text, _cut = assemble(of_graph(state, graph, layer, "/"), BUDGETS[layer], read_some)
        if not text or len(text) > BUDGETS[layer]:
            raise ValueError(f"L{layer} has {len(text)} characters: expected 1 to {BUDGETS[layer]}")
    return time.perf_counter() - begun_at
