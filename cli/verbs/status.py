"""`status`: the daemon with its workers and graphs, or one graph with its tasks."""

import time
from typing import Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import say, say_json, stdout_style
from orch_actors.cli.render.graphs import graph_text
from orch_actors.cli.render.overview import overview_text
from orch_actors.cli.words import split_target

EXAMPLES = """
orch-actors status                 the daemon, its workers, its graphs
orch-actors status g7              a graph with its tasks; its name will do where only one has it
orch-actors status --json          {"supervisor", "workers", "graphs"}
orch-actors status g7 --json       {"id", "name", "state", "tasks": [{"id", "worker", "state", "reason", "attempts"}]}
"""


def command(
    graph: Annotated[
        str | None, typer.Argument(metavar="GRAPH", help="Its id, the beginning of it, or its name.")
    ] = None,
    show_all: Annotated[bool, typer.Option("--all", help="Show all graphs, not only the newest and the open.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show what is going on, at large or in one graph.

    The daemon, its workers and its graphs; or a graph with its tasks, each with the reason why it is where it is.
    """
    said = session(home, as_json)
    if graph is not None:
        _check_graph(graph)
    with said.client() as client:
        if graph is None:
            overview = client.status()
            if as_json:
                say_json(overview)
            else:
                say(overview_text(overview, time.time(), stdout_style(), show_all=show_all))
            return faults.GOOD
        view = client.graph(graph)
    if as_json:
        say_json(view)
    else:
        say(graph_text(view, time.time(), stdout_style()))
    return faults.GOOD


def _check_graph(text: str) -> None:
    """An empty or slashed reference is a slip of the fingers; say so before the daemon is asked."""
    graph, task, _attempt = split_target(text)
    if task is not None:
        raise faults.usage(f"status takes a graph, not a task: {text!r}", f"try: orch-actors status {graph}")
