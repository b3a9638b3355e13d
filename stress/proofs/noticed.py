"""The campaign against products that are broken on purpose: each must be noticed, by the rule that is there for it."""

import os
import shutil
from collections.abc import Iterator
from typing import Final

from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.stress.chaos.checker.verdict import judge
from orch_actors.stress.chaos.round import Order, Round
from orch_actors.stress.proofs.proof import Proof, Report, Trial
from orch_actors.stress.rigged.sabotages import SABOTAGES

#: Of each round; and how many rounds there are before a sabotage counts as not noticed: chance has a say in it.
KILLS: Final = 12
MOST_ROUNDS: Final = 3
#: A broken product may never come to an end.
END_S: Final = 15.0


def run(trial: Trial) -> Report:
    """See the module."""
    names = list(SABOTAGES)[: trial.size]
    counts: dict[str, int | float] = {}
    faults: list[str] = []
    for name in names:
        sabotage = SABOTAGES[name]
        found = next(filter(None, _rounds(name, trial)), 0)
        counts[f"violations where {sabotage.what}"] = found
        trial.tell(f"{name}: {found} violations")
        if not found:
            faults.append(f"{sabotage.what}, and no rule {sabotage.rule!r} was broken")
    return Report(done=len(names), counts=counts, faults=tuple(faults))


def _rounds(name: str, trial: Trial) -> Iterator[int]:
    """How often the rule was broken that must notice it, round by round."""
    for number in range(MOST_ROUNDS):
        folder = os.path.join(trial.folder, f"{name}{number}")
        os.mkdir(folder, 0o700)
        order = Order(folder=folder, seed=trial.seed + number, kills=KILLS, sabotage=name, end_s=END_S)
        try:
            Round(order).run()
            yield len(judge(folder).violations[SABOTAGES[name].rule])
        except EnvironmentFault as fault:
            trial.tell(f"{name}: the round could not be finished: {fault}")
            yield 0
        finally:
            shutil.rmtree(folder, ignore_errors=True)


PROOF: Final = Proof(
    name="noticed",
    proves="A product without one of its safeties does not survive the campaign: the checker is not blind.",
    asked="7 sabotages, each broken out by a small campaign",
    full=len(SABOTAGES),
    quick=1,
    unit="sabotages",
    run=run,
)
