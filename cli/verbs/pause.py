"""`pause`: start nothing new of a graph, or of a worker type."""

from typing import Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.edits import tell_edited
from orch_actors.cli.options import DryRunOption, HomeOption, IfVersionOption, JsonOption, WorkerOption, session
from orch_actors.cli.targets import graph_only, one_of_two

EXAMPLES = """
orch-actors pause g7 --reason "the disk is full"
orch-actors pause --worker shell
orch-actors pause g7 --json      {"graph", "version", "changes", "dry_run"}
"""


def command(
    graph: Annotated[str | None, typer.Argument(metavar="GRAPH", help="The graph.")] = None,
    *,
    worker: WorkerOption = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="What `status` and `why` will say.")] = "",
    dry_run: DryRunOption = False,
    if_version: IfVersionOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Start nothing new of a graph, or of a worker type.

    What runs goes on to its end. `resume` takes it back.
    """
    one_of_two(graph, worker, "pause")
    if graph is not None:
        graph_only(graph, "pause")
    elif if_version is not None:
        raise faults.usage("a worker type has no version", "leave --if-version out")
    with session(home, as_json).client() as client:
        edited = client.pause(graph, worker=worker, reason=reason, if_version=if_version, dry_run=dry_run)
    tell_edited(edited, as_json=as_json)
    return faults.GOOD
