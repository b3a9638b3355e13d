"""The last task of the pilot, for the python worker: the Markdown report, from what the other five left.

It checks its own work before it counts as done: every section is there, the file is on disk.
"""

import json
import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from orch_actors.stress.scenarios.pilot.folders import hand_on, shown

REPORT: Final = "health.md"
PARTS: Final = ("inventory", "languages", "duplicates", "syntax", "largest")
MOST_ROWS: Final = 20

Parts = dict[str, dict[str, Any]]


class Incomplete(Exception):
    """A part is missing or the report does not hold what it should; the text says which."""


def write(folder: str, out: str) -> dict[str, Any]:
    """Write `<out>/health.md` and check it. Returns its path and the figures of its summary.

    Raises:
        Incomplete: a finding that it is made of is missing, or a section is.
    """
    parts = {name: _read(out, name) for name in PARTS}
    text = compose(folder, parts)
    path = os.path.join(out, REPORT)
    handle, temporary = tempfile.mkstemp(dir=out, prefix=".report-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)
    with open(path, encoding="utf-8") as file:
        verify(file.read())
    return hand_on(out, "report", {"report": path, **summary(parts)})


def _read(out: str, name: str) -> dict[str, Any]:
    path = os.path.join(out, f"{name}.json")
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError) as error:
        raise Incomplete(f"the finding of task {name} cannot be read from {shown(path)}: {error}") from error
    if not isinstance(value, dict):
        raise Incomplete(f"{shown(path)} holds no object")
    return value


def summary(parts: Parts) -> dict[str, int]:
    """The figures at the head of the report."""
    return {
        "files": parts["inventory"]["files"],
        "bytes": parts["inventory"]["bytes"],
        "languages": len(parts["languages"]["languages"]),
        "lines": sum(row["lines"] for row in parts["languages"]["languages"]),
        "duplicate_groups": parts["duplicates"]["group_count"],
        "wasted_bytes": parts["duplicates"]["wasted_bytes"],
        "checked": sum(parts["syntax"]["checked"].values()),
        "syntax_findings": parts["syntax"]["finding_count"],
        "unreadable": len(unreadable(parts)),
    }


def compose(folder: str, parts: Parts) -> str:
    """The report as Markdown."""
    head = f"# Health of {cell(os.path.basename(os.path.abspath(folder)) or folder)}\n\n"
    head += f"{cell(os.path.abspath(folder))}, looked at {datetime.now(UTC):%Y-%m-%d %H:%M} UTC\n"
    return head + "".join(f"\n## {title}\n\n{section(parts)}\n" for title, section in SECTIONS.items())


def verify(text: str) -> None:
    """Hold a finished report against what it promises.

    Raises:
        Incomplete: a section is missing, twice there, or empty.
    """
    lines = text.split("\n")
    for title in SECTIONS:
        places = [number for number, line in enumerate(lines) if line == f"## {title}"]
        if len(places) != 1:
            raise Incomplete(f"the section {title!r} is there {len(places)} times, expected once")
        rest = lines[places[0] + 1 :]
        end = next((n for n, line in enumerate(rest) if line.startswith("## ")), len(rest))
        if not any(line.strip() for line in rest[:end]):
            raise Incomplete(f"the section {title!r} is empty")


def cell(text: str) -> str:
    """Text from outside as literal text within a line of Markdown."""
    return "".join("\\" + c if c in "\\`*_{}[]<>()#+-.!|~&$" and c not in ".-" else c for c in shown(text))


def size(number: int) -> str:
    """Bytes for people."""
    value = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def unreadable(parts: Parts) -> list[str]:
    """What no task could read, each once."""
    return sorted({name for part in parts.values() for name in part.get("unreadable", ())})


def _table(head: tuple[str, ...], rows: list[tuple[object, ...]], more: int = 0) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(value) for value in row) + " |" for row in rows[:MOST_ROWS]]
    left = max(more, len(rows)) - min(len(rows), MOST_ROWS)
    return "\n".join(lines) + (f"\n\n… and {left} more" if left > 0 else "")


def _summary(parts: Parts) -> str:
    figures = summary(parts)
    verdict = "every source that was checked parses"
    if figures["syntax_findings"]:
        verdict = f"**{figures['syntax_findings']} of the sources do not parse**"
    return (
        f"- {figures['files']} files, {size(figures['bytes'])}\n"
        f"- {figures['lines']} lines in {figures['languages']} languages\n"
        f"- {figures['duplicate_groups']} groups of equal files, {size(figures['wasted_bytes'])} could be saved\n"
        f"- {figures['checked']} sources checked: {verdict}\n"
        f"- {figures['unreadable']} files or folders cannot be read"
    )


def _inventory(parts: Parts) -> str:
    found = parts["inventory"]
    names = ("files", "empty", "executable", "folders", "links", "other")
    rows: list[tuple[object, ...]] = [(name, found[name]) for name in names]
    return _table(("what", "how many"), [*rows, ("bytes in files", f"{found['bytes']} ({size(found['bytes'])})")])


def _languages(parts: Parts) -> str:
    found = parts["languages"]
    rows: list[tuple[object, ...]] = [
        (row["language"], row["files"], row["lines"], row["filled"], size(row["bytes"])) for row in found["languages"]
    ]
    if not rows:
        return "No file of a language that is known here."
    table = _table(("language", "files", "lines", "not blank", "size"), rows)
    return f"{table}\n\nOther files: {found['other_files']}"


def _largest(parts: Parts) -> str:
    rows: list[tuple[object, ...]] = [(size(row["bytes"]), cell(row["file"])) for row in parts["largest"]["files"]]
    return _table(("size", "file"), rows) if rows else "No files."


def _duplicates(parts: Parts) -> str:
    found = parts["duplicates"]
    rows: list[tuple[object, ...]] = [
        (size(group["bytes"]), len(group["files"]), "<br>".join(cell(name) for name in group["files"][:5]))
        for group in found["groups"]
    ]
    if not rows:
        return "No two files have the same content."
    return _table(("size each", "files", "the first of them"), rows, found["group_count"])


def _syntax(parts: Parts) -> str:
    found = parts["syntax"]
    text = "Checked: " + (", ".join(f"{count} {kind}" for kind, count in found["checked"].items()) or "nothing")
    if found["not_checked"]:
        text += "\n\nNot checked: " + ", ".join(f"{count} ({why})" for why, count in found["not_checked"].items())
    if not found["findings"]:
        return f"{text}\n\nNo findings."
    rows: list[tuple[object, ...]] = [(cell(f["file"]), f["kind"], cell(f["what"])) for f in found["findings"]]
    return f"{text}\n\n{_table(('file', 'kind', 'what'), rows, found['finding_count'])}"


def _left_out(parts: Parts) -> str:
    left_out = parts["languages"]["left_out"]
    text = "The inventory counts all but version control."
    if left_out:
        text += " The other sections leave out what programs made:\n\n"
        text += _table(("folder",), [(cell(name),) for name in left_out])
    hidden = unreadable(parts)
    if hidden:
        text += "\n\nCannot be read:\n\n" + _table(("path",), [(cell(name),) for name in hidden])
    return text


SECTIONS: Final[dict[str, Callable[[Parts], str]]] = {
    "Summary": _summary,
    "Inventory": _inventory,
    "Lines by language": _languages,
    "Largest files": _largest,
    "Duplicate files": _duplicates,
    "Syntax": _syntax,
    "Not looked into": _left_out,
}
