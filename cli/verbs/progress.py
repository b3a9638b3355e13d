"""`progress`: from inside a task, say how far it is."""

import os
from typing import Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.options import JsonOption
from orch_actors.cli.output import say_json
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.progressing import say_progress

EXAMPLES = """
orch-actors progress "half of the files" --percent 50
orch-actors progress --percent 75
orch-actors progress "tests run"          shows in status, why, events, and while one watches
orch-actors progress "tests run" --json   {"graph", "task", "text", "percent"}
"""


def command(
    text: Annotated[str, typer.Argument(metavar="[TEXT]", help="What it is at, in a few words.")] = "",
    *,
    percent: Annotated[
        float | None, typer.Option("--percent", min=0, max=100, metavar="N", help="How much is done, of 100.")
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Say how far a task is, from inside it.

    It is written into the file that $ORCH_PROGRESS names, and told within a few seconds; the newest counts.
    """
    if not text.strip() and percent is None:
        raise faults.usage("nothing to say", 'for example: orch-actors progress "half of it" --percent 50')
    try:
        say_progress(text, percent)
    except Refused as refused:
        raise faults.usage(refused.info.message, refused.info.hint) from refused
    if as_json:
        told = {"graph": os.environ.get("ORCH_GRAPH"), "task": os.environ.get("ORCH_TASK"), "text": text}
        say_json({**told, "percent": percent})
    return faults.GOOD
