"""What a check has found."""

from typing import Literal

from msgspec import Struct

#: `note`: worth knowing, nothing is wrong. `warning`: it works, and may not for long. `error`: it does not work.
Level = Literal["good", "note", "warning", "error"]


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One; `what` it is about, in a word."""

    what: str
    level: Level
    message: str
    #: What to do; a good one has none.
    hint: str = ""


class Checkup(Struct, frozen=True, kw_only=True):
    """All of them. `well`: none is an error."""

    home: str
    well: bool
    findings: tuple[Finding, ...]


def good(what: str, message: str) -> Finding:
    """Nothing to do."""
    return Finding(what=what, level="good", message=message)


def note(what: str, message: str, hint: str = "") -> Finding:
    """Nothing is wrong."""
    return Finding(what=what, level="note", message=message, hint=hint)


def warning(what: str, message: str, hint: str) -> Finding:
    """It works, and may not for long."""
    return Finding(what=what, level="warning", message=message, hint=hint)


def error(what: str, message: str, hint: str) -> Finding:
    """It does not work."""
    return Finding(what=what, level="error", message=message, hint=hint)
