"""A graph comes in."""

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.capacities import impossible_claims
from orch_actors.actors.core.handlers.endings import release
from orch_actors.actors.core.handlers.nesting import parent_of
from orch_actors.actors.core.handlers.reading import open_readers
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.messages import GraphAccepted
from orch_actors.protocol.spec.document import to_document
from orch_actors.protocol.spec.places import Findings


def on_graph_offered(turn: Turn, offer: s.GraphOffered) -> GraphAccepted:
    """Take the graph and make ready what waits for nothing. The same key and document again: the same graph.

    Raises:
        Refused: KEY_CONFLICT; NOT_ALLOWED, it is nested too deep.
    """
    known = existing(turn, offer)
    if known is not None:
        return known
    check_claims(turn, offer)
    parent, depth = parent_of(turn, offer.parent)
    if offer.dry_run:
        return GraphAccepted(graph="", name=offer.spec.name, tasks=len(offer.spec.tasks), dry_run=True)
    graph_id = f"g{turn.state.last_graph + 1}"
    turn.emit(
        f.GraphSubmitted(
            graph=graph_id,
            document=to_document(offer.spec),
            environment=dict(offer.environment),
            client=offer.client,
            key=offer.key,
            digest=offer.digest,
            parent=parent,
            depth=depth,
        )
    )
    graph = turn.state.graphs[graph_id]
    open_readers(turn, graph)
    for task in list(graph.tasks.values()):  # judges may come
        if not task.unmet:
            release(turn, task)
    if offer.spec.limits.wall is not None:
        turn.ask(s.ArmTimer(s.TimerKey("wall", graph_id), offer.spec.limits.wall))
    return GraphAccepted(graph=graph_id, name=offer.spec.name, tasks=len(offer.spec.tasks))


def check_claims(turn: Turn, offer: s.GraphOffered) -> None:
    """No task waits for ever for what can never be had.

    Raises:
        Refused: INVALID_GRAPH, with all such claims.
    """
    findings = Findings()
    for index, spec in enumerate(offer.spec.tasks):
        for path, message in impossible_claims(turn.state, spec):
            findings.names[index] = spec.id
            findings.add(("tasks", index, *path), message)
    if findings:
        problems = findings.problems()
        raise Refused.because(
            "INVALID_GRAPH",
            f"the graph asks for what there is not: {problems[0]}",
            "ask for less, or name more in the daemon's config.toml, [resources]",
            problems=problems,
        )


def existing(turn: Turn, offer: s.GraphOffered) -> GraphAccepted | None:
    """The graph that this key stands for already, if it does.

    Raises:
        Refused: KEY_CONFLICT, the key stands for another graph.
    """
    known = turn.state.keys.get(offer.key) if offer.key is not None else None
    if known is None:
        return None
    graph = turn.state.graphs[known]
    if graph.digest != offer.digest:
        raise Refused.because(
            "KEY_CONFLICT",
            f"key {offer.key!r} was used for another graph, {known} ({graph.spec.name})",
            "use a new key for a changed graph",
        )
    return GraphAccepted(graph=known, name=graph.spec.name, tasks=len(graph.tasks), existing=True)
