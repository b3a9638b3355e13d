"""`retry`: run again, in place, what is over."""

from typing import Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.changes import read_changes
from orch_actors.cli.edits import tell_edited
from orch_actors.cli.options import DryRunOption, HomeOption, IfVersionOption, JsonOption, JsonSetOption, session
from orch_actors.cli.targets import task_whole

EXAMPLES = """
orch-actors retry g7                      all that failed or was cancelled
orch-actors retry g7/build                one task, whatever its end was
orch-actors retry g7/build --set timeout=2h --set 'env={DEBUG: "1"}'
orch-actors retry g7 --dry-run --json     {"graph", "version", "changes", "dry_run"}
"""


def command(
    target: Annotated[str, typer.Argument(metavar="GRAPH[/TASK]", help="The task; of a graph, all that failed.")],
    *,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change an option of the task before it runs."),
    ] = None,
    json_set: JsonSetOption = None,
    dry_run: DryRunOption = False,
    if_version: IfVersionOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Run again, in place, what is over or has failed.

    What depends on it runs again too; every attempt and its log stay.
    """
    graph, task = task_whole(target, "retry")
    changes = read_changes(sets or (), json_set, "--set")
    if changes and task is None:
        raise faults.usage("changes are for one task", f"name it: orch-actors retry {graph}/TASK --set …")
    with session(home, as_json).client() as client:
        edited = client.retry(graph, task, changes=changes, if_version=if_version, dry_run=dry_run)
    tell_edited(edited, as_json=as_json)
    return faults.GOOD
