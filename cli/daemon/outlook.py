"""What a daemon that started now would find and do (`up --dry-run`), and whether there is anything to end."""

from typing import Any

from orch_actors.cli import faults
from orch_actors.cli.daemon.daemon import listener
from orch_actors.cli.daemon.journal import INSPECTION, ask_program
from orch_actors.cli.output import say, say_json
from orch_actors.cli.session import Session


def look_ahead(said: Session) -> dict[str, Any]:
    """The outlook (actors/inspection/outlook.py).

    Raises:
        CommandFault: a daemon would not start; says why.
    """
    pid = listener(said.place)
    words = [] if pid is None else ["--daemon", str(pid)]
    return ask_program(said, "outlook", *words, program=INSPECTION)


def tell_outlook(said: Session) -> int:
    """Show it."""
    found = look_ahead(said)
    if said.as_json:
        say_json(found)
    else:
        from orch_actors.cli.render.outlook import outlook_text

        say(outlook_text(found))
    return faults.GOOD
