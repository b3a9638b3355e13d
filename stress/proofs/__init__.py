"""The figures of reliability that `orch-actors stress prove` runs, by name, loaded when they are asked for.

How to add one: a module here with one `PROOF = Proof(...)` (proof.py says what that is), and its name in NAMES. Its
`run` takes a Trial and returns a Report; all else (temporary folder, seed, time, table, JSON, exit code) is done by
run.py. What it must keep to:

- `asked` is the figure in words, as people read it; `full` and `quick` are sizes in `unit`. `quick` takes seconds: it
  shows that the proof works. `run` reads `trial.size` alone, and tells in `done` how much it really did: less than
  asked for is a failure by itself, so a proof that did nothing cannot hold.
- Everything random comes from `trial.seed`. Whatever a fault is, it goes into `faults` as a sentence with what is
  needed to see it again; it is not raised, and no fault stops the rest.
- `trial.folder` is its own, exists, is empty, has a short path, and is removed afterwards (kept after a fault).
  Processes that it starts are ended by their pids, whatever happens.
- A machine that cannot do it: `Report.skip("why")`. Said in the table; neither good nor bad.
- Its tests (tests/unit/stress, tests/crash, tests/e2e) run it small, and show that it can fail: plant the violation,
  see the fault. Imports of the daemon's inside need an exception in pyproject.toml ("hostwire"), with its reason.
"""

import difflib
import importlib
from typing import Final

from orch_actors.protocol.errors import Refused
from orch_actors.stress.proofs.proof import Proof

#: Modules of this package that have a PROOF, in the order in which they run.
NAMES: Final = (
    "machine",
    "marathon",
    "chaos",
    "shims",
    "noticed",
    "crash",
    "starts",
    "readers",
    "repeats",
    "abuse",
    "fsync",
    "powercut",
    "damage",
    "sabotage",
    "fuzz",
)


def load(name: str) -> Proof:
    """The proof of this name.

    Raises:
        Refused: there is none; says which there are.
    """
    if name not in NAMES:
        close = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(NAMES)}"
        raise Refused.because("INVALID_REQUEST", f"there is no proof {name!r}", hint)
    proof = importlib.import_module(f"{__name__}.{name}").PROOF
    if not isinstance(proof, Proof):
        raise TypeError(f"proofs/{name}.py: PROOF is no Proof")
    return proof
