"""`inbox`: what came of this session's or folder's graphs since it last acknowledged. See `protocol/inbox.py`."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import say, say_json, stdout_style

if TYPE_CHECKING:
    from orch_actors.protocol.client import Client

EXAMPLES = """
orch-actors inbox                  what ended or asks, a line for each graph; the same again until acknowledged
orch-actors inbox --ack            the same, and acknowledge what was shown
orch-actors inbox --done 412       acknowledge what an earlier look showed (its "through"); show what came after
orch-actors inbox --of nightly     another session's
orch-actors inbox --json           {"consumer", "items": [{"graph", "state", "ended", "line", …}], "through", "more"}
"""


def command(
    ack: Annotated[bool, typer.Option("--ack", help="Acknowledge what is shown: it will not be shown again.")] = False,
    done: Annotated[
        int | None, typer.Option("--done", metavar="N", min=1, help="First acknowledge everything up to N.")
    ] = None,
    of: Annotated[
        str | None,
        typer.Option("--of", metavar="NAME", help="A session's.  [default: $ORCH_ACTORS_SESSION, or this folder's]"),
    ] = None,
    *,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="At most so many graphs.")] = 20,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show what came of the graphs that were submitted from here, since it was last acknowledged.

    Graphs that ended, tasks that failed, questions that are open: a line for each graph, however much happened in it.
    It survives restarts of everything; whoever submits and forgets, looks here.
    """
    from orch_actors.cli.render.inbox import inbox_text
    from orch_actors.protocol.inbox import read_inbox
    from orch_actors.protocol.submitter import of_session, submitter

    said = session(home, as_json)
    name = of_session(of) if of else submitter()
    with said.client() as client:
        if done is not None:
            acknowledge(client, name, done)
        found = read_inbox(client, name, graphs=limit)
        if as_json:
            say_json(found)
        else:
            say(inbox_text(found, stdout_style(), said.home, acknowledged=ack))
        sys.stdout.flush()  # a reader that has gone is told again
        if ack and (found.items or found.lost):
            client.ack_events(found.consumer, found.through)
    return faults.GOOD


def acknowledge(client: "Client", name: str, through: int) -> None:
    """Acknowledge for a submitter whose inbox may never have been read."""
    from orch_actors.protocol.inbox import KINDS, consumer_of

    client.open_consumer(consumer_of(name), kinds=KINDS)
    client.ack_events(consumer_of(name), through)
