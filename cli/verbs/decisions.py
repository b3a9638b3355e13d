"""`decisions`: the questions that wait for an answer."""

import time
from typing import Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import say, say_json, stdout_style
from orch_actors.cli.render.decisions import decisions_text
from orch_actors.cli.targets import graph_only

EXAMPLES = """
orch-actors decisions              those that are open, oldest first
orch-actors decisions g7 --all     of one graph, the answered ones too
orch-actors decisions --json       [{"ref", "graph", "task", "question", "options", "default", "deadline_utc", …}]
"""


def command(
    graph: Annotated[str | None, typer.Argument(metavar="GRAPH", help="Only those of one graph.")] = None,
    *,
    show_all: Annotated[bool, typer.Option("--all", help="Show those that were answered, too.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show the questions that wait for an answer.

    Each is about one task, or a worker type that is parked; that waits, all else goes on. `decide` answers one.
    """
    said = session(home, as_json)
    if graph is not None:
        graph_only(graph, "decisions")
    with said.client() as client:
        found = client.decisions(graph, answered=show_all)
    if as_json:
        say_json(found)
    else:
        say(decisions_text(found, time.time(), stdout_style(), said.home))
    return faults.GOOD
