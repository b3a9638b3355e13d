"""Named readers of events: opened, moved on by what they acknowledge, forgotten.

A cursor only moves forward, so an acknowledgement may come late, twice or out of order and does no harm. What a
reader has not acknowledged is delivered to it again; the journal keeps it as long as the cursor stands before it.
"""

import difflib
from typing import Final, get_args

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers.reading import is_own, is_through
from orch_actors.actors.core.lookup import find_consumer, find_graph
from orch_actors.actors.core.nodes import Consumer
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.ids import ID_RULE, is_id
from orch_actors.protocol.messages import Acknowledged, ConsumerOpened, ConsumersForgotten
from orch_actors.protocol.views import EventKind

#: Consumers that are remembered at the most; each keeps the events that it has not acknowledged.
MAX_CONSUMERS: Final = 1000
#: Kinds and graphs, each, that one may name.
MAX_WANTED: Final = 1000

_KINDS: Final[tuple[str, ...]] = get_args(EventKind)


def on_consumer_wanted(turn: Turn, asked: s.ConsumerWanted) -> ConsumerOpened:
    """Open a consumer; one that is there stays where it is.

    Raises:
        Refused: no possible name, an event number that there is not, too many, or the name is taken for other events.
    """
    if not is_id(asked.consumer):
        raise Refused.because("INVALID_REQUEST", f"{asked.consumer!r} is no possible consumer", f"it has {ID_RULE}")
    kinds = tuple(dict.fromkeys(asked.kinds))
    graphs = tuple(dict.fromkeys(find_graph(turn.state, ref).id for ref in asked.graphs))
    consumer = turn.state.consumers.get(asked.consumer)
    if consumer is None and is_own(asked.consumer):
        raise Refused.because(
            "NOT_ALLOWED",
            f"consumer {asked.consumer} would be a graph's own, and there is none of that name",
            "names beginning with `graph.` are those of graphs' callbacks and files: take another name",
        )
    if consumer is not None:
        _must_want_the_same(consumer, kinds, graphs)
        return _opened(consumer, asked.head, existing=True)
    _must_be_kinds(kinds)
    if max(len(kinds), len(graphs)) > MAX_WANTED:
        raise Refused.because("INVALID_REQUEST", f"it names more than {MAX_WANTED} of a sort", "name fewer, or none")
    others = [other for other in turn.state.consumers.values() if not is_own(other.name)]
    if len(others) >= MAX_CONSUMERS:
        idle = min(others, key=lambda other: other.idle_since_utc)
        raise Refused.because(
            "TOO_MANY_CONSUMERS",
            f"there are {MAX_CONSUMERS} consumers already, and each keeps events",
            f"`orch-actors consumers forget {idle.name}` forgets the one that was silent longest",
        )
    after = asked.oldest - 1 if asked.since is None else asked.since
    if not asked.oldest - 1 <= after <= asked.head:
        raise _no_such_event(after, asked.oldest, asked.head)
    turn.emit(f.ConsumerOpened(consumer=asked.consumer, seq=after, kinds=kinds, graphs=graphs))
    return _opened(turn.state.consumers[asked.consumer], asked.head, existing=False)


def on_events_acknowledged(turn: Turn, asked: s.EventsAcknowledged) -> Acknowledged:
    """Move a cursor on; what it has passed already changes nothing.

    Raises:
        Refused: unknown, or an event that has not happened.
    """
    consumer = find_consumer(turn.state, asked.consumer)
    if not 0 <= asked.seq <= asked.head:
        raise _no_such_event(asked.seq, 1, asked.head)
    if asked.seq > consumer.cursor:
        turn.emit(f.ConsumerAdvanced(consumer=consumer.name, seq=asked.seq))
        if is_through(turn.state, consumer):
            turn.emit(f.ConsumerForgotten(consumer=consumer.name))
    return Acknowledged(consumer=consumer.name, cursor=consumer.cursor)


def on_consumers_unwanted(turn: Turn, asked: s.ConsumersUnwanted) -> ConsumersForgotten:
    """Forget the named ones, all or none; or those that were silent for too long.

    Raises:
        Refused: one is unknown, or it is not said which.
    """
    if bool(asked.consumers) == (asked.idle_s is not None):
        raise Refused.because("INVALID_REQUEST", "which consumers?", "name them, or say how long they were idle")
    chosen = [find_consumer(turn.state, name) for name in dict.fromkeys(asked.consumers)]
    if asked.idle_s is not None:
        before_utc = turn.now_utc - asked.idle_s
        chosen = [
            consumer
            for consumer in turn.state.consumers.values()
            if consumer.idle_since_utc < before_utc and not is_own(consumer.name)
        ]
    for consumer in chosen:
        turn.emit(f.ConsumerForgotten(consumer=consumer.name))
    return ConsumersForgotten(consumers=tuple(consumer.name for consumer in chosen))


def _must_want_the_same(consumer: Consumer, kinds: tuple[str, ...], graphs: tuple[str, ...]) -> None:
    """Whoever says nothing of kinds and graphs takes a consumer as it is."""
    if (kinds or graphs) and (set(kinds), set(graphs)) != (set(consumer.kinds), set(consumer.graphs)):
        raise Refused.because(
            "NOT_ALLOWED",
            f"consumer {consumer.name} was opened for other events",
            f"take another name, or forget it first: `orch-actors consumers forget {consumer.name}`",
        )


def _must_be_kinds(kinds: tuple[str, ...]) -> None:
    for kind in kinds:
        if kind not in _KINDS:
            close = difflib.get_close_matches(kind, _KINDS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(_KINDS)}"
            raise Refused.because("INVALID_REQUEST", f"there are no events of the kind {kind!r}", hint)


def _no_such_event(seq: int, oldest: int, head: int) -> Refused:
    there = f"{oldest} to {head} are there" if oldest <= head else "none is there"
    return Refused.because(
        "NOT_ALLOWED", f"there is no event {seq}: {there}", "was it counted in another home? `hello` tells the newest"
    )


def _opened(consumer: Consumer, head: int, *, existing: bool) -> ConsumerOpened:
    return ConsumerOpened(
        consumer=consumer.name,
        cursor=consumer.cursor,
        head=head,
        kinds=consumer.kinds,
        graphs=consumer.graphs,
        existing=existing,
    )
