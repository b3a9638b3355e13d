"""`logs`: an attempt's output; the words of the command line. The work is in `logreading.py`."""

from typing import Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.live.logreading import BOTH, Stream, Wanted, show_logs
from orch_actors.cli.options import HomeOption, JsonOption, session

EXAMPLES = """
orch-actors logs g7/build                  both streams, each to its own: `> file` takes stdout alone
orch-actors logs g7/build -f               as it comes, until the attempt ends
orch-actors logs g7/build --stderr --tail 20
orch-actors logs g7/build --attempt 1
orch-actors logs g7/build --validation     what `validate.command` wrote
orch-actors logs g7/build --json           {"graph", "task", "attempt", "ended", "streams": {"stdout", "stderr"}}
"""


def command(
    target: Annotated[str, typer.Argument(metavar="GRAPH/TASK", help="The task; of a graph with one task, the graph.")],
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the attempt ends.")] = False,
    attempt: Annotated[
        int | None, typer.Option("--attempt", metavar="N", help="Its number, from 1.  [default: the latest]")
    ] = None,
    stdout: Annotated[bool, typer.Option("--stdout", help="Only its stdout.")] = False,
    stderr: Annotated[bool, typer.Option("--stderr", help="Only its stderr (it then goes to stdout).")] = False,
    validation: Annotated[
        bool, typer.Option("--validation", help="What its validation command wrote, instead.")
    ] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", "-n", metavar="N", help="Begin with the last N lines of each.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show what a task wrote.

    A pipe gets it byte for byte, a terminal with control characters made visible.
    """
    if attempt is not None and attempt < 1:
        raise faults.usage(f"--attempt {attempt}: attempts are numbered from 1", "without it: the latest")
    if tail is not None and tail < 0:
        raise faults.usage(f"--tail {tail}: expected 0 or more lines")
    if validation and (stdout or stderr):
        raise faults.usage("--validation is instead of --stdout and --stderr", "give one of them")
    only: tuple[Stream, ...] = ("stdout",) if stdout and not stderr else ("stderr",) if stderr and not stdout else BOTH
    only = ("validation",) if validation else only
    said = session(home, as_json)
    with said.client() as client:
        show_logs(
            client, Wanted(target=target, attempt=attempt or 0, streams=only, tail=tail, follow=follow), as_json=as_json
        )
    return faults.GOOD
