"""The files of a journal, and its lines."""

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

from orch_actors.cli.escape import one_line
from orch_actors.cli.render.style import Style, paint
from orch_actors.cli.render.table import table
from orch_actors.cli.render.times import stamp_of


def files_table(found: dict[str, Any], style: Style) -> str:
    """A file a row."""
    rows = [
        (
            one_line(file["name"]),
            one_line(file["kind"]),
            f"{file['bytes']:,}",
            str(file.get("sequence", "")),
            str(file.get("event", "")),
            one_line(file.get("time_utc", "")),
        )
        for file in found["files"]
    ]
    heading = f"journal {one_line(found['journal'] or 'none')} in {one_line(found['folder'])}"
    return f"{heading}\n" + table(("FILE", "KIND", "BYTES", "SEQUENCE", "EVENT", "BEGUN"), rows, style, right=(2, 3, 4))


def lines_text(found: dict[str, Any], style: Style, zone: tzinfo | None = None) -> str:
    """A fact, a command or a broken line a row."""
    rows = [row for line in found["lines"] for row in _rows(line, style, zone)]
    return table(("SEQUENCE", "TIME", "WHAT", "OF", ""), rows, style, right=(0,)) if rows else "there are no such lines"


def _rows(line: dict[str, Any], style: Style, zone: tzinfo | None) -> Iterator[tuple[str, ...]]:
    if line["type"] == "broken":
        place = one_line(f"{line['file']}, line {line['line']}: {line['fault']}")
        yield ("?", "", paint("broken", "red", style), "", place)
        return
    sequence, time = str(line["sequence"]), _day_and_time(line["time_utc"], zone)
    if line["type"] == "command":
        yield (sequence, time, paint(one_line(line["do"]["type"]), "cyan", style), "", f"by {one_line(line['client'])}")
        return
    facts = line.get("facts", [])
    answers = f"answers {line['of']}" if line.get("of") is not None else ""
    if not facts:
        yield (sequence, time, "refused" if line.get("refused") else "nothing", "", answers)
    for fact in facts:
        told = one_line(fact.get("message", "")) or answers
        yield (sequence, time, one_line(fact["kind"]), one_line(fact["about"]), told)
        sequence, time, answers = "", "", ""


def _day_and_time(text: str, zone: tzinfo | None) -> str:
    stamp = stamp_of(text)
    return text if stamp is None else datetime.fromtimestamp(stamp, zone).astimezone(zone).strftime("%m-%d %H:%M:%S")
