"""`wait`: back when graphs have ended."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.options import HomeOption, JsonOption, TimeoutOption, session
from orch_actors.cli.output import say, say_json, stdout_style
from orch_actors.cli.render.graphs import graph_line
from orch_actors.cli.words import read_duration
from orch_actors.protocol.views import GRAPH_ENDINGS

if TYPE_CHECKING:
    from orch_actors.protocol.client import Client

EXAMPLES = """
orch-actors wait g7
orch-actors wait g7 g8 --any --timeout 5m      exit 124 where none has ended by then
orch-actors wait --any                         until one ends of those that this folder or session submitted
orch-actors wait g7 --json                     {"graphs": [{"id", "name", "state", "counts"}]}
"""


def command(
    graphs: Annotated[
        list[str] | None,
        typer.Argument(metavar="GRAPH", help="Ids, or names.  [default: all that were submitted from here and go on]"),
    ] = None,
    any_: Annotated[bool, typer.Option("--any", help="Until one of them has ended, not all.")] = False,
    timeout: TimeoutOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Wait until graphs have ended: those that are named, or all that were submitted from here.

    The exit code is 0 where all that have ended are `done`, otherwise 1.
    """
    said = session(home, as_json)
    timeout_s = None if timeout is None else read_duration(timeout, "--timeout")
    with said.client() as client:
        wanted = graphs or _mine(client)
        if not wanted and not as_json:
            say(f"nothing that was submitted from here goes on; what ended: {said.typed('inbox')}")
            return faults.GOOD
        try:
            summaries = client.wait(wanted, any_=any_, timeout_s=timeout_s)
        except TimeoutError as error:
            raise faults.timed_out(str(error), f"look: {said.typed('status', wanted[0])}") from error
    ended = [summary for summary in summaries if summary.state in GRAPH_ENDINGS]
    if as_json:
        say_json({"graphs": summaries})
    else:
        for summary in ended:
            say(graph_line(summary, time.time(), stdout_style()))
    return faults.GOOD if all(summary.state == "done" for summary in ended) else faults.NOT_DONE


def _mine(client: "Client") -> list[str]:
    from orch_actors.cli.mine import mine_of

    return [graph.id for graph in mine_of(client.status()).graphs if graph.state not in GRAPH_ENDINGS]
