"""`result`: the JSON value that a task handed back, and the files that it left."""

import sys
from typing import Annotated

import msgspec
import typer

from orch_actors.cli import faults
from orch_actors.cli.escape import json_text, one_line
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import is_terminal, note, say, say_json
from orch_actors.cli.targets import one_task

EXAMPLES = """
orch-actors result g7/count               the value, as JSON
orch-actors result g7/count --json        {"graph", "task", "attempt", "value", "usage", "artifacts", …}
orch-actors result g7/build --artifacts   files that it left, as sha256sum prints them: | sha256sum -c
"""


def command(
    target: Annotated[str, typer.Argument(metavar="GRAPH/TASK", help="The task; of a graph with one task, the graph.")],
    artifacts: Annotated[bool, typer.Option("--artifacts", help="The files that it left: SHA-256 and path.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show the JSON value that a task handed back.

    It is that of the latest successful attempt. With --artifacts, the files that this attempt left.
    """
    said = session(home, as_json)
    with said.client() as client:
        graph, task, _attempt = one_task(client, target)
        found = client.result(graph, task)
    if as_json:
        told = {"graph": found.graph, "task": found.task, "attempt": found.attempt, "value": found.value}
        say_json(
            {
                **told,
                "usage": found.usage,
                "artifacts": found.artifacts,
                "worktree": found.worktree,
                "branch": found.branch,
            }
        )
        return faults.GOOD
    if artifacts:
        for file in found.artifacts:
            say(one_line(f"{file.sha256}  {file.path}"))
        return faults.GOOD
    if found.value is None and found.artifacts:
        note(f"it handed back no value; the files that it left ({len(found.artifacts)}): --artifacts")
    value = msgspec.json.encode(found.value)
    say(json_text((msgspec.json.format(value, indent=2) if is_terminal(sys.stdout) else value).decode()))
    return faults.GOOD
