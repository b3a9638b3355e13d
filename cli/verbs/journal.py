"""`journal`: what is on disk, read and tended without the daemon; the words of the command line.

The journal's forms belong to the daemon's side, so the work is done by its program (`cli/journal.py` starts it), and
the command line only shows what that one says. The place for a new member: a function here, its line in MEMBERS, and
an action of the same name in `actors/journal/__main__.py`.
"""

from typing import Final

from orch_actors.cli import faults
from orch_actors.cli.journal import ask_program
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import say, say_json, stdout_style

GROUP: Final = "The journal on disk: what it consists of. Works with and without a daemon."

EXAMPLES = """
orch-actors journal files                 what it consists of
orch-actors journal files --json          {"folder", "journal", "files"}
"""


def files(home: HomeOption = None, as_json: JsonOption = False) -> int:
    """List the files of the journal: how large, from which sequence and event on."""
    said = session(home, as_json)
    found = ask_program(said, "files")
    if said.as_json:
        say_json(found)
    else:
        from orch_actors.cli.render.journal import files_table

        say(files_table(found, stdout_style()))
    return faults.GOOD


MEMBERS: Final = {"files": files}
