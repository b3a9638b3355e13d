"""`progress`: from inside a task, say how far it is."""

import os
from typing import Annotated

import msgspec
import typer

from orch_actors.cli import faults
from orch_actors.cli.options import JsonOption
from orch_actors.cli.output import say_json

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
    path = os.environ.get("ORCH_PROGRESS")
    if not path:
        raise faults.usage("this is no running task: ORCH_PROGRESS is not set", "say it from inside one")
    if not text.strip() and percent is None:
        raise faults.usage("nothing to say", 'for example: orch-actors progress "half of it" --percent 50')
    draft = f"{path}.{os.getpid()}"
    try:
        with open(draft, "xb") as file:
            file.write(msgspec.json.encode({"text": text, "percent": percent}))
        os.replace(draft, path)
    except OSError as error:
        raise faults.usage(f"{path} cannot be written: {error.strerror}", "the task may be over") from error
    if as_json:
        told = {"graph": os.environ.get("ORCH_GRAPH"), "task": os.environ.get("ORCH_TASK"), "text": text}
        say_json({**told, "percent": percent})
    return faults.GOOD
