"""`result`: the JSON value that a task handed back."""

import sys
from typing import Annotated

import msgspec
import typer

from orch_actors.cli import faults
from orch_actors.cli.escape import json_text
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import is_terminal, say, say_json
from orch_actors.cli.targets import one_task

EXAMPLES = """
orch-actors result g7/count               the value, as JSON
orch-actors result g7/count --json        {"graph", "task", "attempt", "value", "usage"}
"""


def command(
    target: Annotated[str, typer.Argument(metavar="GRAPH/TASK", help="The task; of a graph with one task, the graph.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show the JSON value that a task handed back.

    It is that of the latest successful attempt.
    """
    said = session(home, as_json)
    with said.client() as client:
        graph, task, _attempt = one_task(client, target)
        found = client.result(graph, task)
    if as_json:
        told = {"graph": found.graph, "task": found.task, "attempt": found.attempt, "value": found.value}
        say_json({**told, "usage": found.usage})
        return faults.GOOD
    value = msgspec.json.encode(found.value)
    say(json_text((msgspec.json.format(value, indent=2) if is_terminal(sys.stdout) else value).decode()))
    return faults.GOOD
