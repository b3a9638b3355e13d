"""Durations: seconds as a number, or text such as "90s", "5m", "1h30m", "1.5h", "2d"."""

import re
from typing import Annotated, Final

from msgspec import Meta

#: Longest length of time, about 31 years: beyond some centuries, waits overflow in the platform's calls.
MAX_DURATION_S: Final = 1_000_000_000

#: A length of time in seconds. In a document it may also stand as text; `parse_duration` reads that.
Duration = Annotated[float, Meta(ge=0, le=MAX_DURATION_S, extra={"duration": True})]

DURATION_RULE: Final = 'seconds as a number, or text such as "90s", "5m", "1h30m"'

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_WHOLE: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+", re.ASCII)


def parse_duration(text: str) -> float:
    """Seconds from text; a bare number in text counts as seconds.

    Raises:
        ValueError: the text is no duration; the message says what is one.
    """
    compact = text.strip().replace(" ", "")
    if _WHOLE.fullmatch(compact):
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(compact))
    if re.fullmatch(r"\d+(?:\.\d+)?", compact, re.ASCII):
        return float(compact)
    raise ValueError(f"{text!r} is no duration: expected {DURATION_RULE}")


def format_duration(seconds: float) -> str:
    """A duration for people: `0.4s`, `12s`, `3m05s`, `2h10m`, `3d04h`."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"
