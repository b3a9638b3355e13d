"""The state machine of all decisions against everything that can come: submit, edit, decide, crash, restart, replay.

The property test of the core (tests/property/test_machine.py), with more examples than a test run has time for, and
that of the core on a journal which is cut off, opened again and compacted (test_durable.py), with a tenth of them: its
examples are files. It needs a checkout and what `pip install -e '.[dev]'` installs.
"""

import importlib.util
import os
import re
import subprocess
import sys
from typing import Final

from orch_actors.stress.proofs.proof import Proof, Report, Trial

#: (what is counted, test, of how many examples that are asked for it has one)
TESTS: Final = (
    ("examples", os.path.join("tests", "property", "test_machine.py"), 1),
    ("durable_examples", os.path.join("tests", "property", "test_durable.py"), 10),
)

#: Lines of a failure that are told.
MOST_LINES: Final = 60


def run(trial: Trial) -> Report:
    """See the module."""
    checkout = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    if not all(os.path.isfile(os.path.join(checkout, test)) for _, test, _ in TESTS):
        return Report.skip("this is no checkout: the tests are not installed")
    missing = [name for name in ("pytest", "hypothesis") if importlib.util.find_spec(name) is None]
    if missing:
        return Report.skip(f"{missing[0]} is not installed: pip install -e '.[dev]'")
    counts = {name: 0 for name, _, _ in TESTS}
    for name, test, of in TESTS:
        examples = max(1, trial.size // of)
        fault = _fault(checkout, test, trial, examples)
        if fault:
            return Report(done=0, counts=counts, faults=(fault,))
        counts[name] = examples
    return Report(done=trial.size, counts=counts, faults=())


def _fault(checkout: str, test: str, trial: Trial, examples: int) -> str:
    """The last lines of a test that does not hold."""
    # A database of its own: what an earlier run has found must not come first here.
    command = [sys.executable, "-m", "pytest", "-q", test, f"--hypothesis-seed={trial.seed}"]
    done = subprocess.run(
        [*command, "-o", "faulthandler_timeout=0", "-p", "no:cacheprovider"],
        cwd=checkout,
        env={**os.environ, "ORCH_EXAMPLES": str(examples), "HYPOTHESIS_STORAGE_DIRECTORY": trial.folder},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0 and re.search(r"\d+ passed", done.stdout):
        return ""
    return "\n".join((done.stdout + done.stderr).strip().splitlines()[-MOST_LINES:])


PROOF: Final = Proof(
    name="machine",
    proves="Whatever comes, in whatever order: no illegal transition, every graph ends, replay equals live.",
    asked="10,000 random lives of the state machine, 1,000 on a journal that is cut and compacted: every invariant",
    full=10_000,
    quick=60,
    unit="examples",
    run=run,
)
