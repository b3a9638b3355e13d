"""What is wrong with a journal, and what a salvage of it gives up."""

from collections.abc import Iterator, Sequence
from typing import Any

from orch_actors.cli.escape import one_line
from orch_actors.cli.render.style import Style, paint

#: Of each kind so many are named.
SHOWN = 20


def survey_text(found: dict[str, Any], style: Style, salvage: str) -> str:
    """The verdict, then a line for each fault, then what to do."""
    said = {
        "whole": paint("whole", "green", style),
        "torn": paint("whole", "green", style) + ", but for a tail that was promised to nobody",
        "damaged": paint("damaged", "red", style),
        "too_new": "of a newer version",
        "none": "there is none",
    }[found["verdict"]]
    lines = [f"journal {one_line(found['journal'])} in {one_line(found['folder'])}: {said}"]
    if found["verdict"] == "none":
        return f"there is no journal in {one_line(found['folder'])}"
    size = f"{_many(found['segments'], 'segment')}, {_many(found['bytes'], 'byte')}"
    lines.append(f"  {size}, {_many(found['lines'], 'line')} that hold")
    lines.append(
        f"  nothing is missing up to sequence {found['whole_to']}; up to {found['durable']} it was on disk for sure"
    )
    if found["torn"]:
        lines.append(f"  the last {_many(found['torn'], 'byte')} are kept aside and cut off by the next start")
    if found["snapshot"]:
        lines.append(f"  a start begins with {one_line(found['snapshot'])}")
    lines += [f"  passed over: {one_line(what)}" for what in found["passed_over"][:SHOWN]]
    lines += [f"  {_fault(fault)}" for fault in found["faults"][:SHOWN]]
    more = len(found["faults"][SHOWN:]) + found["more"]
    lines += [f"  … and {more} more"] if more else []
    if found["verdict"] == "damaged":
        lines.append(f"restore what is damaged from a copy; or see what can be saved: {salvage}")
    return "\n".join(lines)


def _fault(fault: dict[str, Any]) -> str:
    place = one_line(fault["file"])
    if fault.get("line"):
        place += f", line {fault['line']}, byte {fault.get('offset', 0)}"
    size = f" ({_many(fault['bytes'], 'byte')})" if fault.get("bytes") else ""
    missing = fault.get("missing")
    if missing:
        last = fault["sequence"] + missing - 1
        behind = f"sequence {fault['sequence']}" + (f" to {last}" if missing > 1 else "") + " is missing"
    else:
        behind = f"at sequence {fault['sequence']}" if missing == 0 else f"from sequence {fault['sequence']} on"
    return f"{place}{size}: {one_line(fault['what'])}; {behind}"


def salvage_text(found: dict[str, Any], accept: str, up: str) -> str:
    """What is kept and what is lost, and what to do."""
    if found.get("finished"):
        kept = f"the damaged journal is in {one_line(found['folder'])}"
        return f"the salvage that was interrupted is finished; {kept}; now: {up}"
    if found["verdict"] != "damaged":
        none = "there is no journal" if found["verdict"] == "none" else "the journal is not damaged"
        return f"{none}: nothing to salvage"
    lost = "is lost" if found["done"] else "would be lost"
    kept = f"all up to sequence {found.get('kept', 0)}, with {_many(found.get('graphs', 0), 'graph')}"
    rows = [("kept", kept), *_lost(found, lost)]
    width = max(len(what) for what, _ in rows)
    lines = [f"{what:<{width}}  {text}" for what, text in rows]
    if found["done"]:
        lines.append(f"the damaged journal is kept in {one_line(found['folder'])}; now: {up}")
    else:
        lines.append(f"nothing was changed; to go on with what is kept: {accept}")
    return "\n".join(lines)


def _lost(found: dict[str, Any], lost: str) -> Iterator[tuple[str, str]]:
    highest, kept = found.get("highest", 0), found.get("kept", 0)
    whole = found.get("given_up", 0)
    also = f", {_many(whole, 'line')} that hold among it" if whole else ""
    yield lost, f"what stands from sequence {kept + 1} on{f' to {highest}' if highest > kept else ''}{also}"
    yield from _bounded("forgotten", found.get("forgotten", ()), "graph {}")
    yield from _bounded("set back", found.get("set_back", ()), "graph {}, to how it was then")
    yield from _bounded("not known", found.get("commands", ()), "what came of {}: its client is told so")
    yield from _bounded("unknown", found.get("unknown", ()), "attempt {}: its record is gone")
    yield from _bounded("set aside", found.get("aside", ()), "{}")
    yield from _bounded("runs on", found.get("running", ()), "attempt {}, of which nobody will know (see: doctor)")


def _bounded(what: str, names: Sequence[str], form: str) -> Iterator[tuple[str, str]]:
    for name in names[:SHOWN]:
        yield what, form.format(one_line(name))
    if len(names) > SHOWN:
        yield what, f"… and {len(names) - SHOWN} more"


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
