"""`limit`: how many attempts of a graph, or of a worker type, may run at once; and what a graph may use in all."""

from typing import Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.edits import tell_edited
from orch_actors.cli.options import DryRunOption, HomeOption, IfVersionOption, JsonOption, WorkerOption, session
from orch_actors.cli.targets import graph_only, one_of_two

EXAMPLES = """
orch-actors limit g7 4
orch-actors limit g7 none                 as many as there are slots
orch-actors limit g7 --usd 20 --attempts 300    in all; a graph that is over can then be retried
orch-actors limit g7 --tokens none        no bound any more
orch-actors limit --worker shell 2
orch-actors limit --worker shell none     as configured
orch-actors limit g7 4 --json             {"graph", "version", "changes", "dry_run"}
"""


def _budget_option(what: str, example: str) -> typer.models.OptionInfo:
    found: typer.models.OptionInfo = typer.Option(
        metavar=f"{example}|none", help=f"{what} that the graph may use in all."
    )
    return found


def command(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[GRAPH] [N|none]", help="The graph, and the limit.")
    ] = None,
    *,
    worker: WorkerOption = None,
    usd: Annotated[str | None, _budget_option("Dollars", "X")] = None,
    tokens: Annotated[str | None, _budget_option("Tokens", "N")] = None,
    attempts: Annotated[str | None, _budget_option("Attempts", "N")] = None,
    dry_run: DryRunOption = False,
    if_version: IfVersionOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Change how many attempts may run at once, or what a graph may use in all.

    Of a graph, or of a worker type. What runs beyond a lowered limit goes on to its end. What is used up is not
    started any more.
    """
    given = {"usd": usd, "tokens": tokens, "attempts": attempts}
    budget = {name: _read_amount(name, text) for name, text in given.items() if text is not None}
    if budget:
        graph = _graph_of(words or [], worker)
        with session(home, as_json).client() as client:
            edited = client.set_budget(graph, budget, if_version=if_version, dry_run=dry_run)
        tell_edited(edited, as_json=as_json)
        return faults.GOOD
    graph_or_none, number = _graph_and_limit(words or [], worker, if_version)
    parallel = _read_limit(number)
    with session(home, as_json).client() as client:
        edited = client.limit(graph_or_none, parallel=parallel, worker=worker, if_version=if_version, dry_run=dry_run)
    tell_edited(edited, as_json=as_json)
    return faults.GOOD


def _graph_of(words: list[str], worker: str | None) -> str:
    if worker is not None or len(words) != 1:
        said = "a worker type has no budget" if worker is not None else "a budget is changed by itself"
        raise faults.usage(said, "orch-actors limit GRAPH --usd X")
    return graph_only(words[0], "limit")


def _graph_and_limit(words: list[str], worker: str | None, if_version: int | None) -> tuple[str | None, str]:
    if not words:
        raise faults.usage("no limit was given", "orch-actors limit GRAPH N, or --worker TYPE N")
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
    return graph, words[-1]


def _read_limit(text: str) -> int | None:
    if text == "none":
        return None
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= 10_000:
        return int(text)
    raise faults.usage(f"{text!r} is no limit", "expected a number from 1 to 10000, or none")


def _read_amount(name: str, text: str) -> float | int | None:
    if text == "none":
        return None
    try:
        amount = float(text) if name == "usd" else int(text)
    except ValueError:
        amount = 0
    if not 0 < amount <= 10**15:
        what = "an amount above 0" if name == "usd" else "a whole number from 1"
        raise faults.usage(f"--{name} {text!r} is no budget", f"expected {what}, or none")
    return amount
