"""`prune`: forget graphs that are over, with their files."""

from typing import Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.escape import one_line
from orch_actors.cli.options import DryRunOption, HomeOption, JsonOption, session
from orch_actors.cli.output import say, say_json
from orch_actors.cli.targets import graph_only
from orch_actors.cli.words import read_duration

EXAMPLES = """
orch-actors prune g7 g8
orch-actors prune --older-than 30d --dry-run
orch-actors prune --keep 100               all that are over but the 100 that ended last
orch-actors prune --keep 0 --json          {"graphs", "dry_run"}
"""


def command(
    graphs: Annotated[list[str] | None, typer.Argument(metavar="GRAPH", help="Ids, or names.")] = None,
    *,
    older_than: Annotated[
        str | None, typer.Option("--older-than", metavar="TIME", help="Those that ended longer ago: 12h, 30d.")
    ] = None,
    keep: Annotated[
        int | None, typer.Option("--keep", metavar="N", help="All that are over, but the N that ended last.")
    ] = None,
    dry_run: DryRunOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Forget graphs that are over, with all their files.

    What is not over is never forgotten. Retention in config.toml does the same by itself.
    """
    _check(graphs, older_than, keep)
    older_than_s = None if older_than is None else read_duration(older_than, "--older-than")
    with session(home, as_json).client() as client:
        pruned = client.prune(graphs or (), older_than_s=older_than_s, keep=keep, dry_run=dry_run)
    if as_json:
        say_json({"graphs": pruned.graphs, "dry_run": pruned.dry_run})
        return faults.GOOD
    verb = "would be forgotten" if pruned.dry_run else "forgotten"
    say("\n".join(f"{one_line(graph)} {verb}" for graph in pruned.graphs) or "nothing to forget")
    return faults.GOOD


def _check(graphs: list[str] | None, older_than: str | None, keep: int | None) -> None:
    if not graphs and older_than is None and keep is None:
        raise faults.usage(
            "nothing was named", "give graphs, --older-than TIME or --keep N; --keep 0 is all that are over"
        )
    if graphs and (older_than is not None or keep is not None):
        raise faults.usage(
            "graphs are named, so there is nothing to choose by --older-than or --keep", "give one of them"
        )
    if keep is not None and keep < 0:
        raise faults.usage(f"--keep {keep}: expected 0 or more")
    for graph in graphs or ():
        graph_only(graph, "prune")
