"""A campaign: rounds, one after the other, each judged as soon as it is over; and what they came to together."""

import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from orch_actors.protocol.errors import EnvironmentFault, Refused
from orch_actors.stress.chaos.checker.rules import RULES
from orch_actors.stress.chaos.checker.verdict import Verdict, judge
from orch_actors.stress.chaos.round import Order, Round
from orch_actors.stress.daemon import fresh_folder

#: So many kills are a round.
KILLS_A_ROUND: Final = 50
#: From one round's seed to the next: a round can be run again, alone, by its own.
NEXT_SEED: Final = 1_000_003


class RoundReport(Struct, frozen=True, kw_only=True):
    """One round."""

    seed: int
    kills: int
    seconds: float
    faults: tuple[str, ...]
    #: Where it can be looked into; None where there is nothing to see.
    folder: str | None


class CampaignReport(Struct, frozen=True, kw_only=True):
    """All of them."""

    ok: bool
    seed: int
    kills: int
    #: Rule → violations.
    violations: dict[str, int]
    #: What there was to judge.
    counts: dict[str, int]
    seconds: float
    rounds: tuple[RoundReport, ...]

    def document(self) -> dict[str, Any]:
        """As a plain mapping."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def faults(self) -> tuple[str, ...]:
        """All violations, each with the seed of its round."""
        return tuple(f"round of seed {one.seed}: {fault}" for one in self.rounds for fault in one.faults)


class Campaign(Struct, frozen=True, kw_only=True):
    """What is asked for: so many kills, or so many seconds."""

    seed: int
    kills: int | None = None
    most_s: float | None = None
    shims: bool = False
    #: Keep every round's folder, not only those that failed.
    keep: bool = False
    tell: Callable[[str], None]


def run_campaign(campaign: Campaign) -> CampaignReport:
    """Run it.

    Raises:
        EnvironmentFault: this system does not let it.
    """
    if sys.platform != "linux":
        raise EnvironmentFault("chaos finds its victims in /proc, which this system has not", "run it on Linux")
    begun_at = time.monotonic()
    rounds: list[RoundReport] = []
    violations, counts = Counter(dict.fromkeys(RULES, 0)), Counter[str]()
    while True:
        kills = KILLS_A_ROUND if campaign.kills is None else min(KILLS_A_ROUND, campaign.kills - counts["kills"])
        left_s = None if campaign.most_s is None else campaign.most_s - (time.monotonic() - begun_at)
        if kills <= 0 or (left_s is not None and left_s <= 0):
            break
        seed = campaign.seed + len(rounds) * NEXT_SEED
        report, verdict = run_round(seed, kills, left_s, campaign)
        rounds.append(report)
        for name, found in verdict.violations.items():
            violations[name] += len(found)
        counts.update(verdict.counts)
        said = "holds" if not report.faults else f"{len(report.faults)} VIOLATIONS, see {report.folder}"
        campaign.tell(f"round {len(rounds)}, seed {seed}: {report.kills} kills in {report.seconds:.0f} s, {said}")
        if not report.kills:
            break  # it could not even begin: the next one would not, either
    return _sum_up(rounds, violations, counts, campaign.seed, time.monotonic() - begun_at)


def judge_again(folder: str) -> CampaignReport:
    """The verdict on a round that was kept.

    Raises:
        Refused: it is no such folder.
    """
    try:
        verdict = judge(folder)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise Refused.because(
            "INVALID_REQUEST", f"{folder} is no round of a campaign: {error}", "name one that `--keep` has kept"
        ) from error
    kills = verdict.counts["kills"]
    report = RoundReport(seed=0, kills=kills, seconds=0.0, faults=tuple(verdict.faults()), folder=folder)
    violations = {name: len(found) for name, found in verdict.violations.items()}
    return _sum_up([report], violations, verdict.counts, 0, 0.0)


def _sum_up(
    rounds: list[RoundReport], violations: Mapping[str, int], counts: Mapping[str, int], seed: int, seconds: float
) -> CampaignReport:
    return CampaignReport(
        ok=bool(rounds) and not any(one.faults for one in rounds),
        seed=seed,
        kills=counts["kills"],
        violations=dict(violations),
        counts=dict(counts),
        seconds=round(seconds, 1),
        rounds=tuple(rounds),
    )


def run_round(seed: int, kills: int, most_s: float | None, campaign: Campaign) -> tuple[RoundReport, Verdict]:
    """One round, judged; its folder goes unless there is something to see."""
    folder = fresh_folder("oac-")
    begun_at = time.monotonic()
    os.mkdir(folder, 0o700)
    kept: str | None = folder
    try:
        verdict = _judged(Order(folder=folder, seed=seed, kills=kills, shims=campaign.shims, most_s=most_s))
        if verdict.ok and not campaign.keep:
            kept = None
    except BaseException:
        kept = None  # it was interrupted
        raise
    finally:
        if kept is None:
            shutil.rmtree(folder, ignore_errors=True)
    report = RoundReport(
        seed=seed,
        kills=verdict.counts.get("kills", 0),
        seconds=round(time.monotonic() - begun_at, 1),
        faults=tuple(verdict.faults()),
        folder=kept,
    )
    return report, verdict


def _judged(order: Order) -> Verdict:
    try:
        Round(order).run()
    except EnvironmentFault as fault:
        return Verdict({"strange things": [f"the round could not be finished: {fault} ({fault.hint})"]}, {})
    return judge(order.folder)
