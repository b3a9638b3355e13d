"""Pause, resume and limits, of a graph or a worker type; and forgetting graphs that are over."""

from typing import Final

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers import parking
from orch_actors.actors.core.handlers.reading import check_told, untold
from orch_actors.actors.core.lookup import find_graph
from orch_actors.actors.core.nodes import Graph, WorkerType
from orch_actors.actors.core.table import GRAPH_REACTIONS, WORKER_REACTIONS, GraphStimulus
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.messages import Edited, Pruned


def on_pause_asked(turn: Turn, asked: s.PauseAsked) -> Edited:
    """Start nothing new; what runs goes on. Pausing what is paused is fine.

    Raises:
        Refused: unknown, or over.
    """
    _exactly_one(asked.graph, asked.worker)
    reason = asked.reason or "paused on request"
    if asked.graph is not None:
        graph = find_graph(turn.state, asked.graph)
        check_phase(graph, "pause")
        check_version(graph, asked.if_version)
        if GRAPH_REACTIONS[graph.phase, "pause"] == "act" and not asked.dry_run:
            turn.emit(f.GraphPaused(graph=graph.id, reason=reason))
        return Edited(graph=graph.id, version=graph.version, changes=("paused",), dry_run=asked.dry_run)
    _no_version(asked.if_version)
    worker, record = _worker(turn, asked.worker or "")
    if not record.paused and not asked.dry_run:
        turn.emit(f.WorkerPaused(worker=worker, reason=reason))
    return Edited(graph="", version=0, changes=(f"worker {worker} paused",), dry_run=asked.dry_run)


def on_resume_asked(turn: Turn, asked: s.ResumeAsked) -> Edited:
    """Go on: a pause is taken back, and a worker type that is parked is tried again. Resuming what does is fine.

    Raises:
        Refused: unknown, or over.
    """
    _exactly_one(asked.graph, asked.worker)
    if asked.graph is not None:
        graph = find_graph(turn.state, asked.graph)
        check_phase(graph, "resume")
        check_version(graph, asked.if_version)
        if GRAPH_REACTIONS[graph.phase, "resume"] == "act" and not asked.dry_run:
            turn.emit(f.GraphResumed(graph=graph.id))
        return Edited(graph=graph.id, version=graph.version, changes=("resumed",), dry_run=asked.dry_run)
    _no_version(asked.if_version)
    worker, record = _worker(turn, asked.worker or "")
    if record.paused and not asked.dry_run:
        turn.emit(f.WorkerResumed(worker=worker))
        turn.ask(s.DisarmTimer(s.TimerKey("worker", ref=worker)))
    if WORKER_REACTIONS[record.state, "resume"] == "act" and not asked.dry_run:
        parking.end_parking(turn, record, by="`resume`")
    return Edited(graph="", version=0, changes=(f"worker {worker} resumed",), dry_run=asked.dry_run)


def on_limit_asked(turn: Turn, asked: s.LimitAsked) -> Edited:
    """Change how many attempts may run at once; what runs beyond a lowered limit runs on.

    Raises:
        Refused: unknown, over, stale, or no positive number.
    """
    _exactly_one(asked.graph, asked.worker)
    if asked.parallel is not None and not 1 <= asked.parallel <= 10_000:
        raise Refused.because("INVALID_REQUEST", f"a limit of {asked.parallel} makes no sense", "1 to 10000, or none")
    new = "none" if asked.parallel is None else str(asked.parallel)
    if asked.graph is not None:
        graph = find_graph(turn.state, asked.graph)
        check_phase(graph, "limit")
        check_version(graph, asked.if_version)
        changes = (f"limits.parallel {graph.parallel or 'none'} → {new}",)
        if not asked.dry_run:
            turn.emit(f.GraphLimited(graph=graph.id, parallel=asked.parallel))
        return Edited(graph=graph.id, version=graph.version, changes=changes, dry_run=asked.dry_run)
    _no_version(asked.if_version)
    worker, record = _worker(turn, asked.worker or "")
    changes = (f"worker {worker}: {record.limit} → {asked.parallel or record.configured}",)
    if not asked.dry_run:
        turn.emit(f.WorkerLimited(worker=worker, parallel=asked.parallel))
    return Edited(graph="", version=0, changes=changes, dry_run=asked.dry_run)


def on_prune_asked(turn: Turn, asked: s.PruneAsked) -> Pruned:
    """Forget graphs that are over, oldest first.

    Raises:
        Refused: one that is named is unknown or not over.
    """
    chosen = _to_forget(turn, asked)
    if not asked.dry_run:
        for graph in chosen:
            turn.emit(f.GraphForgotten(graph=graph.id))
            turn.ask(s.ForgetGraph(graph.id))
    return Pruned(graphs=tuple(graph.id for graph in chosen), dry_run=asked.dry_run)


def _to_forget(turn: Turn, asked: s.PruneAsked) -> list[Graph]:
    if asked.graphs:
        named = [find_graph(turn.state, ref) for ref in asked.graphs]
        for graph in named:
            check_phase(graph, "prune")
            check_told(turn.state, graph)
        return list(dict.fromkeys(named))
    over = [
        (graph.ended_utc, graph)
        for graph in turn.state.graphs.values()
        if graph.ended_utc is not None and not untold(turn.state, graph)
    ]
    over.sort(key=lambda pair: pair[0])
    if asked.keep is None and asked.older_than_s is None:
        return [graph for _, graph in over]
    spared = len(over) if asked.keep is None else max(0, len(over) - asked.keep)
    chosen = over[:spared] if asked.keep is not None else []
    if asked.older_than_s is not None:
        chosen += [pair for pair in over[len(chosen) :] if turn.now_utc - pair[0] > asked.older_than_s]
    return [graph for _, graph in chosen]


def check_version(graph: Graph, if_version: int | None) -> None:
    """Compare and set.

    Raises:
        Refused: STALE_VERSION.
    """
    if if_version is not None and if_version != graph.version:
        raise Refused.because(
            "STALE_VERSION",
            f"graph {graph.id} is at version {graph.version}, not {if_version}: it has changed since",
            "look at it again, then edit with its present version",
        )


def _no_version(if_version: int | None) -> None:
    if if_version is not None:
        raise Refused.because("INVALID_REQUEST", "a worker type has no version", "leave if_version out")


_STEERABLE: Final = "only what is not over can be steered"
#: What to do instead, where a graph's state does not allow it.
_HINTS: Final[dict[GraphStimulus, str]] = {
    "update": "only what has not started can be changed; `retry` takes changes",
    "pause": _STEERABLE,
    "resume": _STEERABLE,
    "limit": _STEERABLE,
    "budget": _STEERABLE,
    "cancel": "there is nothing to cancel",
    "prune": "only what is over can be forgotten",
}
_LATER: Final = "wait for its end; then it can be edited again"


def check_phase(graph: Graph, asked: GraphStimulus) -> None:
    """Hold a client's wish against the graph's state.

    Raises:
        Refused: NOT_ALLOWED.
    """
    if GRAPH_REACTIONS[graph.phase, asked] != "refuse":
        return
    if graph.phase == "cancelling":
        raise Refused.because("NOT_ALLOWED", f"graph {graph.id} is being cancelled", _LATER)
    already = " already" if asked == "cancel" else ""
    raise Refused.because("NOT_ALLOWED", f"graph {graph.id} is {graph.state}{already}", _HINTS[asked])


def _worker(turn: Turn, worker: str) -> tuple[str, WorkerType]:
    record = turn.state.workers.get(worker)
    if record is None:
        known = ", ".join(turn.state.workers)
        raise Refused.because("INVALID_REQUEST", f"there is no worker type {worker!r}", f"there are: {known}")
    return worker, record


def _exactly_one(graph: str | None, worker: str | None) -> None:
    if (graph is None) == (worker is None):
        raise Refused.because("INVALID_REQUEST", "expected either a graph or a worker type", "name exactly one")
