"""Findings of `doctor`, and what became of orphans."""

from collections.abc import Iterator, Sequence
from typing import Any

from orch_actors.cli.escape import one_line
from orch_actors.cli.render.style import Style, paint

_MARKS = {"good": ("✓", "ok", "green"), "note": ("·", "note", "dim"), "warning": ("!", "warn", "yellow"),
          "error": ("✗", "ERROR", "red")}  # fmt: skip


def findings_text(findings: Sequence[dict[str, Any]], style: Style) -> str:
    """A line for each, what to do below it, and how many there are of each kind."""
    width = max(len(finding["what"]) for finding in findings)
    lines = [line for finding in findings for line in _lines(finding, width, style)]
    counts = {level: sum(finding["level"] == level for finding in findings) for level in ("error", "warning")}
    if any(counts.values()):
        lines.append(", ".join(_many(number, level) for level, number in counts.items() if number))
    else:
        lines.append("all is well")
    return "\n".join(lines)


def _lines(finding: dict[str, Any], width: int, style: Style) -> Iterator[str]:
    symbol, word, colour = _MARKS[finding["level"]]
    mark = paint(symbol, colour, style) if style.unicode else f"{word:<5}"
    yield f"{mark} {one_line(finding['what']):<{width}}  {one_line(finding['message'])}"
    if finding.get("hint"):
        indent = " " * (width + (4 if style.unicode else 8))
        yield f"{indent}→ {one_line(finding['hint'])}" if style.unicode else f"{indent}> {one_line(finding['hint'])}"


def orphan_text(orphan: dict[str, Any]) -> str:
    """One, in a line."""
    return one_line(f"attempt {orphan['attempt']} (pid {orphan['pid']}) runs, and {orphan['why']}")


def ended_text(found: dict[str, Any]) -> str:
    """What was ended, and what is left."""
    if not found["ended"] and not found["left"]:
        return f"no orphans of {one_line(found['home'])} run"
    lines = [f"ended {one_line(attempt)}" for attempt in found["ended"]]
    lines += [f"{one_line(attempt)} runs on all the same" for attempt in found["left"]]
    return "\n".join(lines)


def _many(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
