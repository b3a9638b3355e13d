"""`upgrade`: the daemon that runs makes room for one of the installed version."""

from typing import Annotated

import typer

from orch_actors.cli.daemon.upgrading import upgrade
from orch_actors.cli.options import HomeOption, JsonOption, session

EXAMPLES = """
pip install -U orch-actors && orch-actors upgrade
orch-actors upgrade --force    replace it although it is of this version already
orch-actors upgrade --json     {"replaced", "before", "after", "adopted"}
"""


def command(
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace it even if it is of this version already.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Replace the daemon by one of the installed version; running tasks go on, and are adopted.

    The new one is tried before the old one goes. Where no daemon runs, that is said, and all is well.
    """
    return upgrade(session(home, as_json), force=force)
