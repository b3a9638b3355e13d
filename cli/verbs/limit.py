"""`limit`: how many attempts of a graph, or of a worker type, may run at once."""

from typing import Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.edits import tell_edited
from orch_actors.cli.options import DryRunOption, HomeOption, IfVersionOption, JsonOption, WorkerOption, session
from orch_actors.cli.targets import graph_only, one_of_two

EXAMPLES = """
orch-actors limit g7 4
orch-actors limit g7 none                 as many as there are slots
orch-actors limit --worker shell 2
orch-actors limit --worker shell none     as configured
orch-actors limit g7 4 --json             {"graph", "version", "changes", "dry_run"}
"""


def command(
    words: Annotated[list[str], typer.Argument(metavar="[GRAPH] N|none", help="The graph, and the limit.")],
    *,
    worker: WorkerOption = None,
    dry_run: DryRunOption = False,
    if_version: IfVersionOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Change how many attempts may run at once.

    Of a graph, or of a worker type. What runs beyond a lowered limit goes on to its end.
    """
    if len(words) > 2:
        raise faults.usage(f"too many words: {' '.join(words)}", "expected GRAPH N, or --worker TYPE N")
    graph = words[0] if len(words) == 2 else None
    if graph is None and worker is None:
        raise faults.usage(f"expected a graph and a number, and got {words[0]!r} alone", "orch-actors limit GRAPH N")
    one_of_two(graph, worker, "limit", "N")
    if graph is not None:
        graph_only(graph, "limit")
    elif if_version is not None:
        raise faults.usage("a worker type has no version", "leave --if-version out")
    parallel = _read_limit(words[-1])
    with session(home, as_json).client() as client:
        edited = client.limit(graph, parallel=parallel, worker=worker, if_version=if_version, dry_run=dry_run)
    tell_edited(edited, as_json=as_json)
    return faults.GOOD


def _read_limit(text: str) -> int | None:
    if text == "none":
        return None
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= 10_000:
        return int(text)
    raise faults.usage(f"{text!r} is no limit", "expected a number from 1 to 10000, or none")
