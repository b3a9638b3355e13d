"""`actors`: the living tree over all processes."""

from orch_actors.cli import faults
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import say, say_json, stdout_style
from orch_actors.cli.render.actors import actors_table

EXAMPLES = """
orch-actors actors
orch-actors actors --json      {"name", "kind", "state", "pid", "mailbox", "handled", "restarts", "children"}
"""


def command(home: HomeOption = None, as_json: JsonOption = False) -> int:
    """Show the living actors of all processes.

    These are the supervisor with its gateway and timekeeper, the workers, and one for each running attempt.
    """
    said = session(home, as_json)
    with said.client() as client:
        root = client.actors()
    if as_json:
        say_json(root)
    else:
        say(actors_table(root, stdout_style()))
    return faults.GOOD
