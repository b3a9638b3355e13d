"""Power cuts at random operations of the journal's disk, on a disk that loses what was not synced."""

from typing import Final

from orch_actors.stress.powercut.campaign import run_campaign
from orch_actors.stress.proofs.proof import Proof, Report, Trial


def run(trial: Trial) -> Report:
    """See the module."""
    found = run_campaign(trial.size, trial.seed, trial.tell)
    told = ("power cuts", "failed syncs", "kills", "commands answered", "answers repeated", "lines kept", "segments")
    return Report(
        done=found.counts["power cuts"],
        counts={what: found.counts[what] for what in told} | {"promises broken": len(found.faults)},
        faults=found.faults,
    )


PROOF: Final = Proof(
    name="powercut",
    proves="Whatever was acknowledged survives a power cut at any moment, and the journal opens.",
    asked="5,000 simulated power cuts: 0 acknowledged records lost, 0 refusals to open",
    full=5000,
    quick=150,
    unit="power cuts",
    run=run,
)
