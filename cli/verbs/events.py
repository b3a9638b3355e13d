"""`events`: what happened, in order, each exactly once."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from orch_actors.cli import faults
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import say, say_json, stdout_style
from orch_actors.cli.render.events import event_line
from orch_actors.protocol.views import GRAPH_ENDINGS, Event

if TYPE_CHECKING:
    from orch_actors.protocol.client import Client

EXAMPLES = """
orch-actors events                            all of them
orch-actors events --since -20 --follow       the last 20, and on
orch-actors events --graph g7 --follow        until g7 has ended
orch-actors events --json                     one {"seq", "kind", "graph", "task", "time_utc", …} a line
"""


def command(
    since: Annotated[
        int, typer.Option("--since", metavar="N", help="Those after number N; -N: the last N.  [default: 0, all]")
    ] = 0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens from now on.")] = False,
    graph: Annotated[str | None, typer.Option("--graph", metavar="GRAPH", help="Only those of one graph.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show what happened, in order, each event once.

    Events are numbered without gaps, and on disk before anybody is told.
    """
    said = session(home, as_json)
    style = stdout_style()
    with said.client() as client:
        for event in _events(client, since, graph, follow=follow):
            if as_json:
                say_json(event_document(event))
            else:
                say(event_line(event, style))
            if follow:
                sys.stdout.flush()
    return faults.GOOD


def event_document(event: Event) -> dict[str, object]:
    """The event as `--json` prints it: every field, also those that say nothing."""
    return msgspec.structs.asdict(event)


def _events(client: "Client", since: int, ref: str | None, *, follow: bool) -> Iterator[Event]:
    graph: str | None = None
    if ref is not None:
        found = client.summaries([ref])
        graph, head = found.graphs[0].id, found.head
        follow = follow and found.graphs[0].state not in GRAPH_ENDINGS
    else:
        head = client.hello().head
    after = max(0, head + since) if since < 0 else since
    stream = client.follow(after) if follow else _pages(client, after, head)
    for event in stream:
        if graph is None or event.graph == graph:
            yield event
            if graph is not None and event.task is None and event.state in GRAPH_ENDINGS:
                return


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
