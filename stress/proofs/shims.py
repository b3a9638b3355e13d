"""Shims are killed too: their attempts, and no others, may be unknown; never run again in silence."""

from typing import Final

from orch_actors.stress.chaos.campaign import Campaign, run_campaign
from orch_actors.stress.proofs.proof import Proof, Report, Trial


def run(trial: Trial) -> Report:
    """See the module."""
    found = run_campaign(Campaign(seed=trial.seed, kills=trial.size, shims=True, tell=trial.tell))
    return Report(done=found.kills, counts={**found.counts, **found.violations}, faults=found.faults())


PROOF: Final = Proof(
    name="shims",
    proves="Where a shim dies as well, its attempt says so, no other does, and nothing runs again in silence.",
    asked="150 kills with shims among the victims: 0 lost, 0 twice, 0 wrong exit codes, 0 orphans, unknown only theirs",
    full=150,
    quick=10,
    unit="kills",
    run=run,
)
