"""`decide`: answer one decision."""

from typing import Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.escape import one_line
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import say, say_json
from orch_actors.cli.render.decisions import subject_text

EXAMPLES = """
orch-actors decide d7 approve
orch-actors decide d7 retry --note "the network is back"
orch-actors decide d7 approve --json      {"ref", "graph", "task", "worker", "choice", "existing"}
"""


def command(
    ref: Annotated[str, typer.Argument(metavar="REF", help="The decision, as `decisions` shows it.")],
    choice: Annotated[str, typer.Argument(metavar="CHOICE", help="One of its options.")],
    *,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Kept, and handed to the task.")] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Answer one decision; its own task (or worker type) goes on, and no other.

    The same answer twice is fine; another one is refused (exit 4): an answer stands.
    """
    with session(home, as_json).client() as client:
        decided = client.decide(ref, choice, note=note)
    if as_json:
        say_json(
            {
                "ref": decided.ref,
                "graph": decided.graph,
                "task": decided.task,
                "worker": decided.worker,
                "choice": decided.choice,
                "existing": decided.existing,
            }
        )
        return faults.GOOD
    before = "  (it had been answered so before)" if decided.existing else ""
    say(f"{one_line(decided.ref)}  {subject_text(decided)}  {one_line(decided.choice)}{before}")
    return faults.GOOD
