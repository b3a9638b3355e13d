"""`resume`: take a pause back."""

from typing import Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.edits import tell_edited
from orch_actors.cli.options import DryRunOption, HomeOption, IfVersionOption, JsonOption, WorkerOption, session
from orch_actors.cli.targets import graph_only, one_of_two

EXAMPLES = """
orch-actors resume g7
orch-actors resume --worker shell
orch-actors resume g7 --json      {"graph", "version", "changes", "dry_run"}
"""


def command(
    graph: Annotated[str | None, typer.Argument(metavar="GRAPH", help="The graph.")] = None,
    *,
    worker: WorkerOption = None,
    dry_run: DryRunOption = False,
    if_version: IfVersionOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Let a paused graph, or worker type, go on; a type that is parked is tried again."""
    one_of_two(graph, worker, "resume")
    if graph is not None:
        graph_only(graph, "resume")
    elif if_version is not None:
        raise faults.usage("a worker type has no version", "leave --if-version out")
    with session(home, as_json).client() as client:
        edited = client.resume(graph, worker=worker, if_version=if_version, dry_run=dry_run)
    tell_edited(edited, as_json=as_json)
    return faults.GOOD
