"""100,000 messages between a request and noise at a real daemon; see stress/fuzz."""

from typing import Final

from orch_actors.stress.daemon import TrialDaemon
from orch_actors.stress.fuzz.attack import Attack
from orch_actors.stress.proofs.proof import Proof, Report, Trial


def run(trial: Trial) -> Report:
    """See the module."""
    with TrialDaemon() as daemon:
        found = Attack(daemon, trial.seed).run(trial.size, trial.tell)
        daemon.keep = daemon.keep or bool(found.faults)
    faults = [*found.faults, *(f"process {pid} is left" for pid in daemon.left)]
    counts = {
        **dict(found.counts),
        "crashes": sum("answers" in fault and "daemon" in fault for fault in found.faults),
        "memory when warm (KiB)": found.warm_kb,
        "at the end (KiB)": found.end_kb,
        "at the most (KiB)": found.most_kb,
        "longest answer (s)": round(found.longest_s, 2),
    }
    return Report(done=found.sent, counts=counts, faults=tuple(faults))


PROOF: Final = Proof(
    name="fuzz",
    proves="Whatever arrives at its sockets, the daemon lives, stays small, and serves everybody else.",
    asked="100,000 fuzzed frames: 0 crashes, memory flat, service as ever afterwards",
    full=100_000,
    quick=2_000,
    unit="messages",
    run=run,
)
