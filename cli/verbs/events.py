"""`events`: what happened, in order, each exactly once; or under a name, until it is acknowledged."""

from typing import Annotated, get_args

import msgspec
import typer

from orch_actors.cli import faults
from orch_actors.cli.live.audience import leave_with_the_reader, must_have_a_reader
from orch_actors.cli.live.eventreading import Wanted, read_events
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import say, say_json, stdout_style
from orch_actors.cli.render.events import event_line
from orch_actors.protocol.ids import ID_RULE, is_id
from orch_actors.protocol.views import Event, EventKind

EXAMPLES = """
orch-actors events                                  all of them
orch-actors events --since -20 --follow             the last 20, and on
orch-actors events --graph g7 --follow              until g7 has ended
orch-actors events --kind graph_ended --json        one {"seq", "kind", "graph", "task", "time_utc", …} a line
orch-actors events --consumer me --ack              what came since the last time
orch-actors events --consumer me --ack -f --limit 1   wait for the next
"""


def command(
    since: Annotated[
        int | None,
        typer.Option(
            "--since",
            metavar="N",
            help="Those after number N; -N: the last N. With --consumer, where a new one begins.  [default: all]",
        ),
    ] = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens from now on.")] = False,
    graph: Annotated[str | None, typer.Option("--graph", metavar="GRAPH", help="Only those of one graph.")] = None,
    kinds: Annotated[
        list[str] | None, typer.Option("--kind", metavar="KIND", help="Only these, such as graph_ended; repeatable.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", help="At most so many, then end.")] = None,
    consumer: Annotated[
        str | None,
        typer.Option("--consumer", metavar="NAME", help="Those that this reader has not acknowledged; made where new."),
    ] = None,
    ack: Annotated[
        bool, typer.Option("--ack", help="Acknowledge what was printed: the consumer is not shown it again.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show what happened, in order, each event once.

    Events are numbered without gaps, and on disk before anybody is told. Under a name, what is not acknowledged is
    shown again next time, over restarts of the daemon too; --graph and --kind then belong to the name.
    """
    _check(limit, consumer, kinds or [], ack=ack)
    said = session(home, as_json)
    style = stdout_style()

    def show(event: Event) -> None:
        if as_json:
            say_json(event_document(event))
        else:
            say(event_line(event, style))

    wanted = Wanted(since, graph, tuple(kinds or ()), limit, follow, consumer, ack)
    if follow:
        must_have_a_reader()
        leave_with_the_reader()
    with said.client() as client:
        read_events(client, wanted, show)
    return faults.GOOD


def event_document(event: Event) -> dict[str, object]:
    """The event as `--json` prints it: every field, also those that say nothing."""
    return msgspec.structs.asdict(event)


def _check(limit: int | None, consumer: str | None, kinds: list[str], *, ack: bool) -> None:
    if limit is not None and limit < 1:
        raise faults.usage(f"--limit {limit}: expected 1 or more")
    if ack and consumer is None:
        raise faults.usage("--ack acknowledges for a consumer, and none is named", "add --consumer NAME")
    if consumer is not None and not is_id(consumer):
        raise faults.usage(f"--consumer {consumer!r}: no possible name", f"a name is {ID_RULE}")
    known = get_args(EventKind)
    for kind in kinds:
        if kind not in known:
            from difflib import get_close_matches

            near = get_close_matches(kind, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"the kinds are: {', '.join(known)}"
            raise faults.usage(f"--kind {kind!r}: there are no such events", hint)
