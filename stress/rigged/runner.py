"""The Python runner in a world with faults: what a rigged host starts in place of the real one.

A host starts `INTERPRETER RUNNER` and nothing more, so the rig travels in a small program of its own, made for it.
"""

import os
import sys
from typing import NoReturn

from orch_actors.stress.rigged import faults
from orch_actors.stress.rigged.rig import read_rig

_PROGRAM = "from orch_actors.stress.rigged import runner\nrunner.become({rig!r})\n"


def put_in_place(rig: str, folder: str) -> None:
    """From now on this host starts runners that live in the rig's world."""
    from orch_actors.actors.host import zygotes

    path = os.path.join(folder, "runner.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(_PROGRAM.format(rig=rig))
    vars(zygotes)["RUNNER"] = path


def become(path: str) -> NoReturn:
    """Be the runner; in that program."""
    from orch_actors.actors.host.runner import runner

    del sys.path[0]  # where that program lies: a job's imports are not for it
    rig = read_rig(path)
    if rig.count is not None:
        faults.plant(rig.fault, rig.count, "runner")
    sys.exit(runner.main())
