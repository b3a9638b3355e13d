"""See the package. The clock comes first: the program's modules take `time.time` as they are imported."""

import runpy
import sys

from orch_actors.stress.rigged import clock, faults, runner, sabotages
from orch_actors.stress.rigged.rig import RIGGED, read_rig

PROGRAMS = {
    "daemon": "orch_actors.actors",
    "host": "orch_actors.actors.host",
    "compactor": "orch_actors.actors.compaction",
}


def main() -> None:
    """Put the rig in place and become the program."""
    path, role, *rest = sys.argv[1:]
    rig = read_rig(path)
    if rig.clock is not None:
        clock.follow(rig.clock)
    if rig.count is not None:
        faults.plant(rig.fault, rig.count, role)
        if role == "host":
            runner.put_in_place(path, rig.count)
    if rig.sabotage is not None:
        sabotages.commit(rig.sabotage, role)
    if role == "daemon":
        _pass_on(path)
    sys.argv = [PROGRAMS[role], *rest]
    runpy.run_module(PROGRAMS[role], run_name="__main__", alter_sys=True)


def _pass_on(path: str) -> None:
    """A daemon's hosts live in the same world, and so does its compactor."""
    from orch_actors.actors.compaction.compactor import Compactor
    from orch_actors.actors.workforce import Workforce

    Workforce.program = (*RIGGED, path, "host")
    Compactor.program = (*RIGGED, path, "compactor")


if __name__ == "__main__":
    main()
