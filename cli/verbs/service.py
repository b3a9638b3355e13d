"""`service`: the daemon as a service of the user's session; the words of the command line."""

from typing import Annotated, Final

import typer

from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.service import service

GROUP: Final = "The daemon as a service of your session: systemd, or launchd on macOS."

EXAMPLES = """
orch-actors service install             start it now, and with every session
orch-actors service install --print     show the unit, do nothing
orch-actors service install --dry-run   say what would be done
orch-actors service status --json       {"manager", "name", "path", "home", "installed", "current", "enabled", …}
orch-actors service uninstall           running tasks go on
"""

ManagerOption = Annotated[
    str | None, typer.Option("--manager", metavar="NAME", help="systemd or launchd.  [default: the platform's]")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


def install(
    *,
    print_only: Annotated[bool, typer.Option("--print", help="Show the unit's text, and do nothing.")] = False,
    dry_run: DryRunOption = False,
    manager: ManagerOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Have it started now and with every session; a daemon that runs is replaced, and its tasks are adopted.

    Repeating it brings the unit up to date, after the program has moved for instance.
    """
    wanted = service.Wanted(manager=manager, print_only=print_only, dry_run=dry_run)
    return service.install(session(home, as_json), wanted)


def uninstall(
    *,
    dry_run: DryRunOption = False,
    manager: ManagerOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Stop it and take it away; running tasks go on, and the next `up` adopts them."""
    return service.uninstall(session(home, as_json), service.Wanted(manager=manager, dry_run=dry_run))


def status(*, manager: ManagerOption = None, home: HomeOption = None, as_json: JsonOption = False) -> int:
    """Say whether it is installed, enabled and up."""
    return service.status(session(home, as_json), service.Wanted(manager=manager))


MEMBERS: Final = {"install": install, "uninstall": uninstall, "status": status}
