"""Programs of the daemon's side: what looks into a home, or tends it, run in a process of its own and heard out.

The command line does not import the daemon's code; it starts it, as it does with the daemon itself.
"""

import subprocess
import sys
from typing import Any, Final

import msgspec

from orch_actors.cli import faults
from orch_actors.cli.session import Session

#: `-P`: the current folder is not a place to import from.
PROGRAM: Final = (sys.executable, "-P", "-m")

#: Reads and tends the journal; looks at all of a home.
JOURNAL: Final = "orch_actors.actors.journal"
INSPECTION: Final = "orch_actors.actors.inspection"


def ask_program(session: Session, action: str, *words: str, program: str = JOURNAL) -> dict[str, Any]:
    """Run one action of a program for this home, to its end.

    Returns:
        The object that it printed.

    Raises:
        CommandFault: it could not do it; says why, and what to do.
    """
    command = [*PROGRAM, program, action, "--home", session.place.path, *words]
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    try:
        said = msgspec.json.decode(ran.stdout.splitlines()[-1], type=dict[str, Any])
    except (msgspec.DecodeError, IndexError):
        raise faults.environment(f"`{' '.join(command)}` ended ({ran.returncode}) without a word", "") from None
    error = said.get("error")
    if error is None:
        return said
    raise faults.CommandFault(
        faults.Fault(
            code=str(error["code"]),
            message=str(error["message"]),
            hint=str(error["hint"]),
            exit_code=ran.returncode or faults.ENVIRONMENT,
        )
    )
