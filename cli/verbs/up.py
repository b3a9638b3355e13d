"""`up`: start the daemon, or say that it runs."""

from typing import Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.daemon.daemon import become, listener, start
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import say, say_json
from orch_actors.cli.render.overview import daemon_line

EXAMPLES = """
orch-actors up                     in the background; back once it answers
orch-actors up --home ~/src/app/.orch
orch-actors up --foreground        for systemd, launchd, containers
orch-actors up --dry-run           what a start would adopt, start, call unknown
orch-actors up --json              {"supervisor", "workers", "graphs"}, as status --json
"""


def command(
    foreground: Annotated[bool, typer.Option("--foreground", help="Become the daemon; for service managers.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what a start would find and do.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Start the daemon in the background.

    Where it runs already, that is said, and all is well. Other verbs start it by themselves where they need it.
    """
    said = session(home, as_json)
    place = said.place
    running = listener(place) is not None
    if dry_run:
        if foreground:
            raise faults.usage("--dry-run starts nothing, so there is no --foreground", "leave one of them out")
        from orch_actors.cli.daemon.outlook import tell_outlook

        return tell_outlook(said)
    if foreground:
        if as_json:
            raise faults.usage("--foreground does not end, so it has no --json answer", "use: status --json")
        if running:
            raise faults.environment(f"a daemon is running for {place.path} already", f"stop it: {said.typed('down')}")
        become(place)
    started = not running and start(place)
    with said.client() as client:
        status = client.status()
    if as_json:
        say_json(status)
    else:
        say(daemon_line(status.supervisor) + ("" if started else " (it was up already)"))
    return faults.GOOD
