"""`cancel`: end a graph, or one task of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.escape import one_line
from orch_actors.cli.options import DryRunOption, HomeOption, IfVersionOption, JsonOption, session
from orch_actors.cli.output import say, say_json
from orch_actors.cli.words import split_target

if TYPE_CHECKING:
    from orch_actors.protocol.messages import Cancelled

EXAMPLES = """
orch-actors cancel g7
orch-actors cancel g7/build --reason "wrong branch"
orch-actors cancel g7/build --dry-run --if-version 4
orch-actors cancel g7 --json      {"graph", "tasks", "skipped", "version", "dry_run"}
"""

#: More names than this help nobody.
_NAMED = 10


def command(
    target: Annotated[str, typer.Argument(metavar="GRAPH[/TASK]", help="What to end.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Kept with the tasks it ends.")] = "",
    *,
    dry_run: DryRunOption = False,
    if_version: IfVersionOption = None,
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
        cancelled = client.cancel(graph, task, reason=reason, if_version=if_version, dry_run=dry_run)
    if as_json:
        say_json(
            {
                "graph": cancelled.graph,
                "tasks": cancelled.tasks,
                "skipped": cancelled.skipped,
                "graphs": cancelled.graphs,
                "version": cancelled.version,
                "dry_run": cancelled.dry_run,
            }
        )
    else:
        say(_text(cancelled))
    return faults.GOOD


def _text(cancelled: "Cancelled") -> str:
    would = "would be " if cancelled.dry_run else ""
    lines = [f"{one_line(cancelled.graph)}: {would}cancelled {_named(cancelled.tasks)}"]
    if cancelled.skipped:
        lines.append(f"{one_line(cancelled.graph)}: {would}skipped {_named(cancelled.skipped)}")
    if cancelled.graphs:
        lines.append(f"{would}cancelled with it, submitted from inside: {_named(cancelled.graphs)}")
    if cancelled.dry_run:
        lines.append("dry run: nothing was changed")
    return "\n".join(lines)


def _named(tasks: Sequence[str]) -> str:
    more = f" and {len(tasks) - _NAMED} more" if len(tasks) > _NAMED else ""
    return ", ".join(one_line(name) for name in tasks[:_NAMED]) + more
