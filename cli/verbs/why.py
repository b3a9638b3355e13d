"""`why`: why a task is where it is."""

from typing import Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import say, say_json, stdout_style
from orch_actors.cli.render.why import why_text
from orch_actors.cli.session import Session
from orch_actors.cli.targets import one_task

EXAMPLES = """
orch-actors why g7/test
orch-actors why g7/test --json     {"graph", "task", "state", "sentence", "reason": {"kind", …}, "story", "help"}
"""


def command(
    target: Annotated[str, typer.Argument(metavar="GRAPH/TASK", help="The task; of a graph with one task, the graph.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show why a task is where it is, and what would help.

    Also what led there, with times.
    """
    said = session(home, as_json)
    with said.client() as client:
        graph, task, _attempt = one_task(client, target)
        view = client.why(graph, task)
    if as_json:
        say_json(view)
    else:
        say(why_text(view, stdout_style(), _for_home(view.help, said)))
    return faults.GOOD


def _for_home(help_: str, said: Session) -> str:
    """The commands as they have to be typed here: with the home, where one was named."""
    if not help_ or said.home is None:
        return help_
    behind = said.typed().removeprefix("orch-actors")
    return "; ".join(part + behind for part in help_.split("; "))
