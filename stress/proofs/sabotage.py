"""The safety broken on purpose, in a copy of the tree; the tests must find out. Needs a checkout, or an sdist."""

import json
import os
import subprocess
import sys
from typing import Any, Final

from orch_actors.stress.proofs.proof import Proof, Report, Trial

#: The tree that this code stands in, if it stands in one.
ROOT: Final = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
PROGRAM: Final = os.path.join(ROOT, "tests", "sabotage")

#: As many as are asked for at least; a run of them all has more.
FULL: Final = 10
QUICK: Final = 3


def run(trial: Trial) -> Report:
    """See the module."""
    if not os.path.isdir(PROGRAM):
        return Report.skip("the tests are not here: run it from a checkout")
    command = [sys.executable, PROGRAM, "--json", *(["--fast"] if trial.size <= QUICK else [])]
    outcomes: list[dict[str, Any]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=trial.folder) as ran:
        for line in ran.stdout or ():
            outcomes.append(json.loads(line))
            trial.tell(f"{outcomes[-1]['verdict']}: {outcomes[-1]['name']}")
        words = (ran.stderr.read() if ran.stderr else "").strip()
    verdicts = [one["verdict"] for one in outcomes]
    faults = [f"{one['name']}: {one['verdict']}, {one['said']}" for one in outcomes if one["verdict"] != "caught"]
    if ran.returncode != 0 and not faults:
        faults.append(words or f"tests/sabotage ended with {ran.returncode}")
    return Report(
        done=verdicts.count("caught"),
        counts={"sabotages": len(outcomes), "caught": verdicts.count("caught"), "survived": verdicts.count("SURVIVED")},
        faults=tuple(faults),
    )


PROOF: Final = Proof(
    name="sabotage",
    proves="Whoever breaks the safety of the code turns the tests red.",
    asked="10 or more sabotages, each caught",
    full=FULL,
    quick=QUICK,
    unit="sabotages",
    run=run,
)
