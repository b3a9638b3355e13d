"""The state machine of all decisions against everything that can come: submit, edit, decide, crash, restart, replay.

The property test of the core (tests/property/test_machine.py), with more examples than a test run has time for. It
needs a checkout and what `pip install -e '.[dev]'` installs.
"""

import importlib.util
import os
import re
import subprocess
import sys
from typing import Final

from orch_actors.stress.proofs.proof import Proof, Report, Trial

TEST: Final = os.path.join("tests", "property", "test_machine.py")

#: Lines of a failure that are told.
MOST_LINES: Final = 60


def run(trial: Trial) -> Report:
    """See the module."""
    checkout = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    if not os.path.isfile(os.path.join(checkout, TEST)):
        return Report.skip("this is no checkout: the tests are not installed")
    missing = [name for name in ("pytest", "hypothesis") if importlib.util.find_spec(name) is None]
    if missing:
        return Report.skip(f"{missing[0]} is not installed: pip install -e '.[dev]'")
    # A database of its own: what an earlier run has found must not come first here.
    command = [sys.executable, "-m", "pytest", "-q", TEST, f"--hypothesis-seed={trial.seed}"]
    done = subprocess.run(
        [*command, "-o", "faulthandler_timeout=0", "-p", "no:cacheprovider"],
        cwd=checkout,
        env={**os.environ, "ORCH_EXAMPLES": str(trial.size), "HYPOTHESIS_STORAGE_DIRECTORY": trial.folder},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    passed = re.search(r"(\d+) passed", done.stdout)
    good = done.returncode == 0 and passed is not None
    lines = (done.stdout + done.stderr).strip().splitlines()
    return Report(
        done=trial.size if good else 0,
        counts={"examples": trial.size if good else 0},
        faults=() if good else ("\n".join(lines[-MOST_LINES:]),),
    )


PROOF: Final = Proof(
    name="machine",
    proves="Whatever comes, in whatever order: no illegal transition, every graph ends, replay equals live.",
    asked="10,000 random lives of the state machine: every invariant after every step",
    full=10_000,
    quick=60,
    unit="examples",
    run=run,
)
