"""1,000 kills of supervisor and worker hosts at random; see stress/chaos."""

from typing import Final

from orch_actors.stress.chaos.campaign import Campaign, run_campaign
from orch_actors.stress.proofs.proof import Proof, Report, Trial


def run(trial: Trial) -> Report:
    """See the module."""
    found = run_campaign(Campaign(seed=trial.seed, kills=trial.size, tell=trial.tell))
    return Report(done=found.kills, counts={**found.counts, **found.violations}, faults=found.faults())


PROOF: Final = Proof(
    name="chaos",
    proves="Whatever of ours dies, and whenever: nothing accepted is lost, run twice, or left unknown.",
    asked="1,000 kills: 0 accepted commands lost, 0 attempts run twice, 0 wrong exit codes, 0 orphans, 0 unknown",
    full=1000,
    quick=15,
    unit="kills",
    run=run,
)
