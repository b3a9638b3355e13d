"""`config`: the settings of the home; the words of the command line. The work is in `configuring.py`."""

from enum import StrEnum
from typing import Annotated

import typer

from orch_actors.cli.configuring import reload, show, show_path
from orch_actors.cli.options import HomeOption, JsonOption, session

EXAMPLES = """
orch-actors config              what holds, from config.toml and by default
orch-actors config path
orch-actors config reload       check the file, have the daemon take it over, see that it did
orch-actors config --json       {"path", "exists", "workers", "resources", "defaults", "retention", "output_limit", …}
"""


class Action(StrEnum):
    """What to do with it."""

    SHOW = "show"
    RELOAD = "reload"
    PATH = "path"


def command(
    action: Annotated[Action, typer.Argument(help="What to do.", show_default="show")] = Action.SHOW,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show the settings, or have the daemon read them again.

    A file with a mistake is refused here, and changes nothing.
    """
    said = session(home, as_json)
    match action:
        case Action.SHOW:
            return show(said)
        case Action.RELOAD:
            return reload(said)
        case Action.PATH:
            return show_path(said)
