"""What `events` does: which events, from where on, how many; and what is acknowledged of them.

A consumer's events are acknowledged once they have left this process: after the flush, not before. What was printed
and not acknowledged (a pipe broke, somebody pressed ctrl-C) is printed again next time.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from orch_actors.cli.output import note
from orch_actors.protocol.views import GRAPH_ENDINGS, Event

if TYPE_CHECKING:
    from orch_actors.protocol import messages as m
    from orch_actors.protocol.client import Client

#: Events of a page, and so those that are acknowledged at once.
PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for."""

    #: Negative: the last so many. None: all, or what the consumer has not acknowledged.
    since: int | None
    #: A reference.
    graph: str | None
    kinds: tuple[str, ...]
    limit: int | None
    follow: bool
    consumer: str | None
    ack: bool


def read_events(client: "Client", wanted: Wanted, show: Callable[[Event], None]) -> None:
    """Show what is wanted, in order."""
    if wanted.consumer is None:
        for event in islice(_events(client, wanted), wanted.limit):
            show(event)
            if wanted.follow:
                sys.stdout.flush()
    elif wanted.follow:
        _follow_consumer(client, wanted, wanted.consumer, show)
    else:
        _page_consumer(client, wanted, wanted.consumer, show)


def _since(since: int | None, head: int) -> int | None:
    return max(0, head + since) if since is not None and since < 0 else since


def _after(client: "Client", since: int | None) -> int:
    """After which event to begin. Whoever names none, or only how many, has what there is, and is told of the rest."""
    welcome = client.hello()
    after = _since(since, welcome.head)
    kept = welcome.oldest - 1
    if after is not None and (since or 0) >= 0:
        return after
    if after is None and kept > 0:
        note(f"the events up to {kept} are not kept any more")
    return max(after or 0, kept)


# --- without a name -------------------------------------------------------------------------------------------------


def _events(client: "Client", wanted: Wanted) -> Iterator[Event]:
    graph, follow = None, wanted.follow
    after = _after(client, wanted.since)
    if wanted.graph is not None:
        found = client.summaries([wanted.graph])
        graph, head = found.graphs[0].id, found.head
        follow = follow and found.graphs[0].state not in GRAPH_ENDINGS
    else:
        head = client.hello().head
    stream = client.follow(after) if follow else _pages(client, after, head)
    for event in stream:
        if (graph is None or event.graph == graph) and (not wanted.kinds or event.kind in wanted.kinds):
            yield event
        if graph is not None and _ends(event, graph):
            return


def _ends(event: Event, graph: str) -> bool:
    return event.graph == graph and event.task is None and event.state in GRAPH_ENDINGS


def _pages(client: "Client", after: int, head: int) -> Iterator[Event]:
    """All events up to number `head`: what happens while they are printed does not keep it going for ever."""
    while after < head:
        page = client.events(after)
        if not page.events:
            return
        for event in page.events:
            if event.seq > head:
                return
            yield event
        after = page.events[-1].seq


# --- under a name ---------------------------------------------------------------------------------------------------


def _page_consumer(client: "Client", wanted: Wanted, name: str, show: Callable[[Event], None]) -> None:
    """What it has not acknowledged up to now."""
    opened = _open(client, wanted, name)
    after, left = opened.cursor, wanted.limit
    while after < opened.head and left != 0:
        page = client.read_consumer(name, since=after, limit=PAGE if left is None else min(PAGE, left))
        events = [event for event in page.events if event.seq <= opened.head]
        for event in events:
            show(event)
        sys.stdout.flush()
        after = min(page.through, opened.head)
        left = None if left is None else left - len(events)
        if wanted.ack:
            client.ack_events(name, after)


def _follow_consumer(client: "Client", wanted: Wanted, name: str, show: Callable[[Event], None]) -> None:
    """What it has not acknowledged, and what comes; acknowledged whenever nothing more is at hand."""
    graph = None if wanted.graph is None else client.summaries([wanted.graph]).graphs[0].id
    _open(client, wanted, name)
    shown = acknowledged = 0
    with client.consume(name) as events:
        while True:
            event = events.next_event(time.monotonic())
            if shown > acknowledged and wanted.ack and (event is None or shown - acknowledged >= PAGE):
                events.ack(events.after if event is None else event.seq - 1)
                acknowledged = shown
            event = event or events.next_event(None)
            if event is None:
                return
            show(event)
            sys.stdout.flush()
            shown += 1
            if shown == wanted.limit or (graph is not None and _ends(event, graph)):
                if wanted.ack:
                    events.ack()
                return


def _open(client: "Client", wanted: Wanted, name: str) -> "m.ConsumerOpened":
    head = client.hello().head if wanted.since is not None and wanted.since < 0 else 0
    graphs = () if wanted.graph is None else (wanted.graph,)
    return client.open_consumer(name, since=_since(wanted.since, head), kinds=wanted.kinds, graphs=graphs)
