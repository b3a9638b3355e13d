"""What a judge's words come to. The outcome is computed here; the judge only supplies what it found.

Pass: the verdict says so, every criterion is met with evidence, and nothing blocks. Fail: the verdict says so, and a
criterion is unmet or something blocks. Whatever contradicts itself is unsure. Anything that is not of the form, or not
in the judge's own words (the nonce), is an error of the judge's, never a pass. Nothing that a model says of its own
confidence is looked at.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

Outcome = Literal["pass", "fail", "unsure", "impossible", "error"]

#: Longest text of a judge's that is kept, in characters.
MAX_TEXT: Final = 4000

#: Findings and criteria that are kept at the most.
_MOST: Final = 100


class Criterion(Struct, frozen=True):
    """What was found of one criterion."""

    id: str
    status: Literal["met", "unmet", "unverified"]
    evidence: str = ""


class Finding(Struct, frozen=True):
    """Something that the judge noticed."""

    severity: Literal["block", "warn"]
    what: str


class Verdict(Struct, frozen=True):
    """What a judge hands back (protocol/spec/judging.py, VERDICT_SCHEMA)."""

    verdict: Literal["pass", "fail", "unsure"]
    criteria: tuple[Criterion, ...] = ()
    findings: tuple[Finding, ...] = ()
    feedback: str = ""
    impossible: bool = False
    nonce: str = ""


class Choice(Struct, frozen=True):
    """How a judge answers a decision (CHOICE_SCHEMA)."""

    choice: str
    reason: str = ""
    nonce: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """The outcome, why, what the next attempt should hear, and what to keep of it."""

    outcome: Outcome
    why: str
    feedback: str = ""
    kept: Mapping[str, Any] | None = None


def judge(result: bytes | None, criteria: Collection[str], nonce: str) -> Judged:
    """What the JSON text of a verdict comes to.

    Args:
        result: as the judge handed it back; None: nothing.
        criteria: the ids that it had to speak of.
        nonce: what tells its own words; empty: it is no agent.
    """
    try:
        verdict = msgspec.json.decode(result or b"", type=Verdict)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return Judged("error", f"what the judge handed back is no verdict: {error}"[:MAX_TEXT])
    if nonce and verdict.nonce != nonce:
        return Judged("error", "what was handed back is not in the judge's own words: it lacks its nonce")
    outcome, why = _outcome(verdict, criteria)
    feedback = _feedback(verdict) if outcome in ("fail", "unsure", "impossible") else ""
    return Judged(outcome, why, feedback, _kept(verdict))


def _outcome(verdict: Verdict, criteria: Collection[str]) -> tuple[Outcome, str]:
    said = [criterion.id for criterion in verdict.criteria]
    strange = [name for name in said if name not in criteria]
    if strange:
        return "unsure", f"the judge speaks of a criterion that there is not: {strange[0][:100]}"
    if len(set(said)) != len(said):
        return "unsure", "the judge speaks of a criterion twice"
    by_id = {criterion.id: criterion for criterion in verdict.criteria}
    unmet = [name for name in criteria if name in by_id and by_id[name].status == "unmet"]
    blocking = [finding.what for finding in verdict.findings if finding.severity == "block"]
    against = [f"{name} is not met: {by_id[name].evidence}" for name in unmet] + blocking
    if verdict.impossible:
        return "impossible", against[0][:MAX_TEXT] if against else "the judge says that it cannot be done"
    match verdict.verdict:
        case "pass":
            return _passes(by_id, criteria, against)
        case "fail" if against:
            return "fail", against[0][:MAX_TEXT]
        case "fail":
            return "unsure", "the judge says fail, and names nothing that is against it"
        case "unsure":
            return "unsure", (against[0] if against else verdict.feedback or "the judge is not sure")[:MAX_TEXT]


def _passes(by_id: Mapping[str, Criterion], criteria: Collection[str], against: list[str]) -> tuple[Outcome, str]:
    if against:
        return "unsure", f"the judge says pass, although {against[0]}"[:MAX_TEXT]
    for name in criteria:
        found = by_id.get(name)
        if found is None or found.status != "met":
            return "unsure", f"the judge says pass, and did not verify {name}"
        if not found.evidence.strip():
            return "unsure", f"the judge says pass, and has no evidence that {name} is met"
    return "pass", ""


def _feedback(verdict: Verdict) -> str:
    lines = [verdict.feedback.strip()] if verdict.feedback.strip() else []
    lines += [f"- {each.id} is {each.status}: {each.evidence}" for each in verdict.criteria if each.status != "met"]
    lines += [f"- {finding.what}" for finding in verdict.findings if finding.severity == "block"]
    return "\n".join(lines)[:MAX_TEXT]


def _kept(verdict: Verdict) -> dict[str, Any]:
    """For the journal: bounded."""
    cut = 1000
    return {
        "verdict": verdict.verdict,
        "criteria": [
            {"id": each.id[:64], "status": each.status, "evidence": each.evidence[:cut]}
            for each in verdict.criteria[:_MOST]
        ],
        "findings": [{"severity": each.severity, "what": each.what[:cut]} for each in verdict.findings[:_MOST]],
        "impossible": verdict.impossible,
    }


def choose(result: bytes | None, options: Collection[str], nonce: str) -> tuple[str | None, str]:
    """The option that a judge chose, and its reason; None: it is not sure, or broke, and why."""
    try:
        said = msgspec.json.decode(result or b"", type=Choice)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return None, f"what the judge handed back is no answer: {error}"[:MAX_TEXT]
    if nonce and said.nonce != nonce:
        return None, "what was handed back is not in the judge's own words: it lacks its nonce"
    if said.choice not in options:
        return None, (said.reason or f"the judge is not sure ({said.choice[:100]})")[:MAX_TEXT]
    return said.choice, said.reason[:MAX_TEXT]
