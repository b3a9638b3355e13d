"""Forgetting by itself: which graphs that are over a retention does not keep. Pure.

Oldest first, and in pieces: between two pieces whoever waits has a turn, and however much there is to forget (a home
from before there was a bound), no step is long. What is over stands in the state in the order in which it ended, with
its sum, so the question whether there is anything to forget costs the same whatever is kept. Rejected: to sort all
graphs each time, as `prune` does, which is asked for once in a while and by a person.
"""

from collections.abc import Iterator
from typing import Final

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers.reading import untold
from orch_actors.actors.core.state import State
from orch_actors.actors.core.turn import Turn

#: What is forgotten in one step: so many graphs, of so many tasks; but always one graph.
PIECE_GRAPHS: Final = 50
PIECE_TASKS: Final = 2_000


def on_retention_due(turn: Turn, due: s.RetentionDue) -> None:
    """Forget some of what need not be kept; who asks sees by `exceeded` whether there is more."""
    chosen: list[str] = []
    tasks = 0
    for graph in _excess(turn.state, due, turn.now_utc):
        tasks += turn.state.over[graph]
        if chosen and (len(chosen) == PIECE_GRAPHS or tasks > PIECE_TASKS):
            break
        chosen.append(graph)
    for graph in chosen:
        turn.emit(f.GraphForgotten(graph=graph))
        turn.ask(s.ForgetGraph(graph))


def exceeded(state: State, bounds: s.RetentionDue, now_utc: float) -> bool:
    """Whether there is anything to forget; with no bound of age at a cost that does not depend on how much is kept."""
    return next(_excess(state, bounds, now_utc), None) is not None


def _excess(state: State, bounds: s.RetentionDue, now_utc: float) -> Iterator[str]:
    """Ids of what is not kept, oldest first."""
    graphs, tasks = len(state.over), state.over_tasks
    for graph, size in state.over.items():
        many = bounds.keep is not None and graphs > bounds.keep
        # A bound on tasks leaves the newest be: whoever waited for it has yet to read what came of it.
        large = bounds.tasks is not None and tasks > bounds.tasks and graphs > 1
        if many or large or _is_old(state, graph, bounds.older_than_s, now_utc):
            if not untold(state, state.graphs[graph]):  # its callbacks come first; it counts as if it were gone
                yield graph
            graphs -= 1
            tasks -= size
        elif bounds.older_than_s is None:
            return  # those after it are newer


def _is_old(state: State, graph: str, older_than_s: float | None, now_utc: float) -> bool:
    ended_utc = state.graphs[graph].ended_utc
    return older_than_s is not None and ended_utc is not None and now_utc - ended_utc > older_than_s
