"""Random graphs with every policy, held against an independent model, while supervisor and hosts die.

The scenario `marathon` under kills; what must come of each task is known beforehand, whatever dies.
"""

import os
from typing import Final

from orch_actors.stress.proofs.proof import Proof, Report, Trial
from orch_actors.stress.run import Options, run_scenario
from orch_actors.stress.scenarios import load

#: One kill for so many tasks.
TASKS_A_KILL: Final = 50


def run(trial: Trial) -> Report:
    """See the module."""
    kills = max(1, trial.size // TASKS_A_KILL)
    options = Options(
        folder=trial.folder,
        out=os.path.join(trial.folder, "out"),
        kills=kills,
        seed=trial.seed,
        tasks=trial.size,
    )
    found = run_scenario(load("marathon"), options)
    failed = [check for check in found.checks if not check.ok]
    return Report(
        done=found.tasks,
        counts={
            "graphs": len(found.graphs),
            "tasks": found.tasks,
            "kills": len(found.kills),
            "checks": len(found.checks),
            "failed": len(failed),
        },
        faults=tuple(f"{check.name}: {check.detail}" for check in failed),
    )


PROOF: Final = Proof(
    name="marathon",
    proves="Every policy does what an independent model says, whatever of ours dies meanwhile.",
    asked="2,000 tasks with 40 kills: every task as the model says",
    full=2000,
    quick=60,
    unit="tasks",
    run=run,
)
