"""All rules over one round: what was counted, and what does not hold."""

from dataclasses import dataclass

from orch_actors.stress.chaos.checker.evidence import Evidence, read_evidence
from orch_actors.stress.chaos.checker.rules import RULES


@dataclass
class Verdict:
    """Rule → its violations; and how much there was to judge."""

    violations: dict[str, list[str]]
    counts: dict[str, int]

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return not any(self.violations.values())

    def faults(self) -> list[str]:
        """All violations, each with its rule."""
        return [f"{name}: {what}" for name, found in self.violations.items() for what in found]


def judge(folder: str) -> Verdict:
    """Judge what a round left in a folder.

    Raises:
        OSError, ValueError, KeyError: it is no such folder.
    """
    evidence = read_evidence(folder)
    return Verdict({name: list(rule(evidence)) for name, rule in RULES.items()}, _counts(evidence))


def _counts(evidence: Evidence) -> dict[str, int]:
    return {
        "kills": evidence.kills,
        "strikes": evidence.strikes,
        "shims killed": len(evidence.shims),
        "commands sent": len({call.command for call in evidence.calls}),
        "accepted": len({call.command for call in evidence.calls if call.result is not None}),
        "refused": len([call for call in evidence.calls if call.error is not None]),
        "without an answer": len([call for call in evidence.calls if call.result is None and call.error is None]),
        "graphs": len(evidence.graphs),
        "attempts": len(evidence.effects),
        "events": evidence.head,
        "journal lines": evidence.ledger.lines,
    }
