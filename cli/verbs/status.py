"""`status`: the daemon with its workers and graphs, or one graph with its tasks. `--watch` is in `viewing.py`."""

import time
from typing import Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.mine import mine_of
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import say, say_json, stdout_style
from orch_actors.cli.render.graphs import graph_text
from orch_actors.cli.render.overview import overview_text
from orch_actors.cli.targets import graph_only

EXAMPLES = """
orch-actors status                 the daemon, its workers, the graphs that this folder or session submitted
orch-actors status --all           all graphs, whoever submitted them
orch-actors status g7              a graph with its tasks; its name will do where only one has it
orch-actors status g7 --watch      as it changes, until ctrl-C; with --json an object a line
orch-actors status --json          {"supervisor", "workers", "graphs"}
orch-actors status g7 --json       {"id", "name", "state", "tasks": [{"id", "worker", "state", "reason", "attempts"}]}
"""


def command(
    graph: Annotated[
        str | None, typer.Argument(metavar="GRAPH", help="Its id, the beginning of it, or its name.")
    ] = None,
    show_all: Annotated[
        bool, typer.Option("--all", help="All graphs, not only those of this folder or session; old ones, too.")
    ] = False,
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it anew as things happen, until ctrl-C.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show what is going on, at large or in one graph.

    The daemon, its workers, and the graphs that were submitted from this folder (the work tree around it), or under the
    same $ORCH_ACTORS_SESSION; or a graph with its tasks, each with the reason why it is where it is.
    """
    said = session(home, as_json)
    if graph is not None:
        graph_only(graph, "status")
    if watch:
        from orch_actors.cli.live.viewing import watch_status

        return watch_status(said, graph, show_all=show_all)
    with said.client() as client:
        if graph is None:
            overview = client.status() if show_all else mine_of(client.status())
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
