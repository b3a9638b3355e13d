"""`add`: more tasks for a graph; the words of the command line. The work is in `additions.py`."""

import sys
from typing import Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.additions import Offer, addition, check_offer, inside
from orch_actors.cli.app import command_words
from orch_actors.cli.edits import tell_edited
from orch_actors.cli.options import DryRunOption, HomeOption, IfVersionOption, JsonOption, session
from orch_actors.cli.output import is_terminal, note
from orch_actors.cli.targets import graph_only
from orch_actors.cli.verbs.submit import CwdOption, EnvOption, ParamOption, RetryOption, TimeoutOption

EXAMPLES = """
orch-actors add g7 more.yaml                                      the tasks of a graph file
orch-actors add g7 --id deploy --after test -- make deploy
orch-actors add g7 --id alarm --after test:failed --after build:finished -- ./alarm.sh
generate-tasks | orch-actors add g7 - --dry-run
orch-actors add --id lint --after "$ORCH_TASK" -- make lint       from inside a task: more for its own graph
orch-actors add g7 more.yaml --if-version 3 --json     {"graph", "version", "changes", "dry_run"}
"""


def command(
    ctx: typer.Context,
    graph: Annotated[
        str | None,
        typer.Argument(metavar="[GRAPH]", help="The graph; one that is over runs again.  [default: $ORCH_GRAPH]"),
    ] = None,
    file: Annotated[
        str | None, typer.Argument(metavar="FILE|-", help="A graph file, for its tasks; - reads it from stdin.")
    ] = None,
    *,
    id_: Annotated[str | None, typer.Option("--id", metavar="ID", help="Of a command: the task's id.")] = None,
    after: Annotated[
        list[str] | None,
        typer.Option("--after", metavar="TASK[:END]", help="Of a command: waits for it; END: done, failed, finished."),
    ] = None,
    param: ParamOption = None,
    timeout: TimeoutOption = None,
    retry: RetryOption = None,
    env: EnvOption = None,
    cwd: CwdOption = None,
    dry_run: DryRunOption = False,
    if_version: IfVersionOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Add tasks to a graph that runs, or is over.

    They may depend on any of its tasks, finished ones too; all of them are taken, or none.
    """
    graph, file = inside(graph, file, command_words(ctx))
    graph_only(graph, "add")
    offer = Offer(
        file=file,
        words=command_words(ctx),
        id=id_,
        after=tuple(after or ()),
        param=tuple(param or ()),
        timeout=timeout,
        retry=retry,
        env=tuple(env or ()),
        cwd=cwd,
        home=home,
    )
    check_offer(offer)
    if file == "-" and is_terminal(sys.stdin):
        note("reading tasks from the terminal; end them with ctrl-D")
    with session(home, as_json).client() as client:
        view = client.graph(graph)
        if if_version not in (None, view.version):  # refused, before it is told what is wrong with what was meant
            client.add(view.id, (), if_version=if_version, dry_run=True)
        more = addition(offer, view)
        edited = client.add(view.id, more.tasks, base_dir=more.base_dir, if_version=if_version, dry_run=dry_run)
    tell_edited(edited, as_json=as_json)
    return faults.GOOD
