"""`consumers`: who reads events under a name. `events --consumer NAME` makes one."""

import time
from typing import Annotated, Final

import typer

from orch_actors.cli import faults
from orch_actors.cli.escape import one_line
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import say, say_json, stdout_style
from orch_actors.cli.words import read_duration

GROUP: Final = "Who reads events under a name: list them, forget those that nobody uses."

EXAMPLES = """
orch-actors consumers list                   how far each is behind
orch-actors consumers list --json            [{"name", "cursor", "behind", "kinds", "graphs", …}]
orch-actors consumers forget mailer
orch-actors consumers forget --idle 30d      those that have acknowledged nothing for 30 days
"""


def list_(home: HomeOption = None, as_json: JsonOption = False) -> int:
    """Show who reads events under a name, and how far each is behind.

    What a consumer has not acknowledged is kept on disk for it.
    """
    from orch_actors.cli.render.consumers import consumers_table

    with session(home, as_json).client() as client:
        found = client.consumers().consumers
    if as_json:
        say_json(found)
    else:
        say(consumers_table(found, time.time(), stdout_style()))
    return faults.GOOD


def forget(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Which.")] = None,
    idle: Annotated[
        str | None, typer.Option("--idle", metavar="TIME", help="Those that have acknowledged nothing for so long.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Forget consumers: nothing is kept for them any longer.

    The name may be used again; it then begins anew.
    """
    if bool(names) == (idle is not None):
        raise faults.usage("which consumers?", "give names, or --idle TIME; `orch-actors consumers list` shows them")
    idle_s = None if idle is None else read_duration(idle, "--idle")
    with session(home, as_json).client() as client:
        forgotten = client.forget_consumers(names or (), idle_s=idle_s).consumers
    if as_json:
        say_json({"consumers": forgotten})
    else:
        say("\n".join(f"{one_line(name)} forgotten" for name in forgotten) or "nothing to forget")
    return faults.GOOD


MEMBERS: Final = {"list": list_, "forget": forget}
