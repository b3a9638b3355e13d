"""A stalled subscriber, restarts, and very many events; see stress/readers."""

from typing import Final

from orch_actors.stress.proofs.proof import Proof, Report, Trial
from orch_actors.stress.readers.campaign import run_campaign

#: One kill of the daemon for so many events.
EVENTS_A_KILL: Final = 5000


def run(trial: Trial) -> Report:
    """See the module."""
    found = run_campaign(trial.seed, trial.size, max(2, trial.size // EVENTS_A_KILL), trial.tell)
    counts = {f"given to the {name}": count for name, count in found.given.items()}
    return Report(
        done=found.events,
        counts={
            "kills": found.kills,
            **counts,
            "given again before they were acknowledged": found.again,
            "gaps and duplicates": len(found.faults),
            "daemon MiB": round(found.memory_mib),
        },
        faults=tuple(found.faults),
    )


PROOF: Final = Proof(
    name="readers",
    proves="Each reader is given each event once and in order, whoever else stalls and however often the daemon dies.",
    asked="a stalled subscriber, 20 restarts, 100,000 events: 0 gaps, 0 duplicates",
    full=100_000,
    quick=2000,
    unit="events",
    run=run,
)
