"""A journal cut off and changed at every byte."""

from collections import Counter
from typing import Final

from orch_actors.stress.powercut.damage import PATTERNS, change_everywhere, cut_everywhere, rich_journal
from orch_actors.stress.proofs.proof import Proof, Report, Trial


def run(trial: Trial) -> Report:
    """See the module."""
    files, counts = rich_journal(trial.seed, trial.size), Counter[str]()
    trial.tell(f"a journal of {sum(map(len, files.values())):,} bytes in {len(files)} segments")
    faults = [*cut_everywhere(files, counts)]
    trial.tell(f"cut {counts['cuts']:,} times, {len(faults)} faults; changing each byte in {len(PATTERNS)} ways …")
    faults += change_everywhere(files, counts)
    return Report(
        done=counts["cuts"],
        counts={"bytes": counts["cuts"], "segments": len(files)} | counts | {"not as it must be": len(faults)},
        faults=tuple(faults),
    )


PROOF: Final = Proof(
    name="damage",
    proves="Cut at any byte the journal opens to the exact prefix; a changed byte is detected, or was never promised.",
    asked="every byte truncated and changed in 5 ways: 100 % as they must",
    full=20_000,
    quick=3_000,
    unit="bytes",
    run=run,
)
