"""A fault at every write, sync, spawn and send of supervisor and worker hosts; see stress/crash."""

from typing import Final

from orch_actors.stress.crash.cells import least_cells
from orch_actors.stress.crash.run import run_cells
from orch_actors.stress.proofs.proof import Proof, Report, Trial


def run(trial: Trial) -> Report:
    """See the module. In full it is every cell that there is, however many."""
    most = None if trial.size == PROOF.full else trial.size
    found = run_cells([], most=most, seed=trial.seed, tell=trial.tell)
    failed = [cell for cell in found.cells if not cell.ok]
    return Report(
        done=len(found.cells),
        counts={
            "places": len({cell.place for cell in found.cells}),
            "cells": len(found.cells),
            "failed": len(failed),
            "daemons that died": sum(len(cell.deaths) for cell in found.cells),
            "unknown, as they must be": sum(cell.unknown for cell in found.cells),
        },
        faults=found.faults(),
    )


PROOF: Final = Proof(
    name="crash",
    proves="Wherever a write, sync, spawn or send fails or is cut off by kill -9, the promise holds.",
    asked="every cell: kill before, after and half-way, EIO, ENOSPC, short write",
    full=least_cells(),
    quick=8,
    unit="cells",
    run=run,
)
