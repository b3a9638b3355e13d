"""What a daemon that started now would find and do."""

from collections.abc import Iterator
from typing import Any

from orch_actors.cli.escape import one_line

#: Of each kind so many are named.
SHOWN = 20

#: What becomes of an attempt in flight → how that is said.
_WORDS = {"adopt": "adopt", "collect": "collect", "begin": "start", "end": "end", "unknown": "call unknown"}


def outlook_text(found: dict[str, Any]) -> str:
    """A line for each thing that would be done."""
    lines = []
    if found["daemon"] is not None:
        which = f" (pid {found['daemon']})" if found["daemon"] else ""
        lines.append(f"a daemon runs{which}; were it gone now, this is what the next one would find")
    if not found["journal"]:
        return "\n".join([*lines, f"there is no journal in {one_line(found['home'])}: a start would begin one"])
    read = f"{found['lines']:,} lines, {found['graphs']:,} graphs, of journal {one_line(found['journal'])}"
    rows = [("read", read), *_rows(found)]
    if len(rows) == 1:
        rows.append(("", "nothing was under way, and nothing waits to be started"))
    width = max(len(what) for what, _ in rows)
    return "\n".join([*lines, *(f"{what:<{width}}  {text}" for what, text in rows)])


def _rows(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if found["torn"]:
        yield "cut off", f"{found['torn']:,} bytes of a line that is not whole; a copy is kept"
    for one in found["quarantine"]:
        yield "quarantine", one_line(f"{one['task']}: {one['why']}")
    commands = [f"{one['type']} of {one['client']}, which has no outcome" for one in found["commands"]]
    yield from _bounded("decide", commands)
    for what, words in _WORDS.items():
        yield from _bounded(words, [_attempt(one) for one in found["in_flight"] if one["what"] == what])
    yield from _bounded("start", found["start"])


def _attempt(one: dict[str, Any]) -> str:
    said = [f"pid {one['pid']}"] if one.get("pid") is not None else []
    said += [one["message"]] if one.get("message") else []
    return f"{one['attempt']}" + (f" ({', '.join(said)})" if said else "")


def _bounded(what: str, texts: list[str]) -> Iterator[tuple[str, str]]:
    for text in texts[:SHOWN]:
        yield what, one_line(text)
    if len(texts) > SHOWN:
        yield what, f"… and {len(texts) - SHOWN} more"
