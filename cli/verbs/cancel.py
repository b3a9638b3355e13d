"""`cancel`: end a graph, or one task of it."""

from typing import Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.escape import one_line
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import say, say_json
from orch_actors.cli.words import split_target

EXAMPLES = """
orch-actors cancel g7
orch-actors cancel g7/build --reason "wrong branch"
orch-actors cancel g7 --json      {"graph", "tasks"}
"""

#: More names than this help nobody.
_NAMED = 10


def command(
    target: Annotated[str, typer.Argument(metavar="GRAPH[/TASK]", help="What to end.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Kept with the tasks it ends.")] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """End a graph, or one task of it.

    Running attempts get TERM, and KILL after their grace; what depends on a cancelled task is skipped.
    """
    said = session(home, as_json)
    graph, task, attempt = split_target(target)
    if attempt:
        raise faults.usage(f"{target!r} is an attempt; a task is cancelled whole", f"try: {graph}/{task}")
    with said.client() as client:
        cancelled = client.cancel(graph, task, reason=reason)
    if as_json:
        say_json({"graph": cancelled.graph, "tasks": cancelled.tasks})
        return faults.GOOD
    names = ", ".join(one_line(name) for name in cancelled.tasks[:_NAMED])
    more = f" and {len(cancelled.tasks) - _NAMED} more" if len(cancelled.tasks) > _NAMED else ""
    say(f"{one_line(cancelled.graph)}: cancelled {names}{more}" if names else f"{cancelled.graph}: nothing to cancel")
    return faults.GOOD
