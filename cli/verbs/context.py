"""`context`: what a graph or a task came to, in as few words as are wanted."""

from typing import Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.escape import many_lines
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import say, say_json
from orch_actors.cli.words import split_target

EXAMPLES = """
orch-actors context g7                      counts, and what matters now
orch-actors context g7/test --layer 2       results, verdicts, decisions
orch-actors context g7/test --layer 3 --budget 2000
orch-actors context g7 --json               {"graph", "task", "layer", "text", "cut"}
"""


def command(
    target: Annotated[str, typer.Argument(metavar="GRAPH[/TASK]", help="A graph, or one task of it.")],
    layer: Annotated[
        int, typer.Option("--layer", min=0, max=3, metavar="N", help="0 a line, 1 an overview, 2 details, 3 logs.")
    ] = 1,
    budget: Annotated[
        int | None,
        typer.Option("--budget", min=1, metavar="N", help="Most characters.  [default: 256, 4000, 20000, 20000]"),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Tell what a graph or a task came to, within a bound.

    For agents, whose context is short: what is cut is said, and where the rest is.
    """
    graph, task, _attempt = split_target(target)
    with session(home, as_json).client() as client:
        found = client.context(graph, task, layer=layer, budget=budget)
    if as_json:
        told = {"graph": found.graph, "task": found.task, "layer": found.layer, "text": found.text, "cut": found.cut}
        say_json(told)
    else:
        say(many_lines(found.text))
    return faults.GOOD
