"""`update`: change options of a task that has not started."""

from typing import Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.changes import read_changes
from orch_actors.cli.edits import tell_edited
from orch_actors.cli.options import DryRunOption, HomeOption, IfVersionOption, JsonOption, JsonSetOption, session
from orch_actors.cli.targets import named_task

EXAMPLES = """
orch-actors update g7/test timeout=2h 'retry={attempts: 3, backoff: 10s}'
orch-actors update g7/test depends_on=[build,lint] priority=     an empty value: back to the default
orch-actors update g7/test --json-set '{"command": ["make", "test"]}' --dry-run
orch-actors update g7/test approve=true --if-version 4 --json    {"graph", "version", "changes", "dry_run"}
"""

ChangesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="Options, written as in a graph file; KEY= resets one."),
]


def command(
    target: Annotated[str, typer.Argument(metavar="GRAPH/TASK", help="The task.")],
    changes: ChangesArgument = None,
    *,
    json_set: JsonSetOption = None,
    dry_run: DryRunOption = False,
    if_version: IfVersionOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Change options of a task that has not started.

    Any option of a task, its dependencies included; all of the change, or nothing.
    """
    graph, task = named_task(target, "update")
    wanted = read_changes(changes or (), json_set)
    if not wanted:
        raise faults.usage("nothing to change was given", f"for example: orch-actors update {target} timeout=90s")
    with session(home, as_json).client() as client:
        edited = client.update(graph, task, wanted, if_version=if_version, dry_run=dry_run)
    tell_edited(edited, as_json=as_json)
    return faults.GOOD
