"""Readers of what an agent's program prints: line by line, into words for people and a report.

The place for a program that needs more than configuration: one module here, one line in STREAMS.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, Protocol

from orch_actors.actors.host.agents.job import Report


class Stream(Protocol):
    """One run's output.

    Attributes:
        report: what is known so far.
        ended: it has said its last word; it may live on for a moment.
        hopeless: why there is no use in letting it go on, or empty.
        waiting: it waits in silence for something: class and message of the failure that this is, if it lasts.
    """

    report: Report
    ended: bool
    hopeless: str
    waiting: tuple[str, str] | None

    def __init__(self, options: Mapping[str, Any]) -> None: ...

    def take(self, line: str) -> list[str]:
        """One line of its output; what there is to tell people of it."""

    def complain(self, line: str) -> None:
        """One line of its stderr."""

    def answer(self) -> Any:
        """What it answered in the form that was asked for; None: nothing of that kind."""

    def close(self, code: int, stderr: str) -> None:
        """It has ended with this exit code (128 + signal): complete the report, class and message included."""


def stream_named(name: str) -> type[Stream]:
    """The reader of this name; imported when it is needed."""
    match name:
        case "claude":
            from orch_actors.actors.host.agents.streams.claude import ClaudeStream  # noqa: PLC0415

            return ClaudeStream
        case "opencode":
            from orch_actors.actors.host.agents.streams.opencode import OpencodeStream  # noqa: PLC0415

            return OpencodeStream
        case "program":
            from orch_actors.actors.host.agents.streams.program import ProgramStream  # noqa: PLC0415

            return ProgramStream
        case _:
            raise ValueError(f"nobody reads what {name!r} prints")


#: Words by which programs say, in whatever form, what went wrong → its class. In this order.
SAID: Final = (
    (
        "context_overflow",
        ("prompt is too long", "context length", "context window", "maximum context", "too many tokens"),
    ),
    ("quota", ("rate limit", "rate_limit", "usage limit", "quota", "too many requests", "insufficient credit")),
    (
        "auth",
        (
            "invalid api key",
            "invalid x-api-key",
            "authentication",
            "unauthorized",
            "not logged in",
            "please run /login",
        ),
    ),
    ("budget", ("maximum budget", "budget exceeded")),
    ("permission", ("permission denied by", "permission rejected", "user rejected permission")),
)


def class_of_words(text: str) -> str | None:
    """The failure class that a message speaks of, if it is one of those that are told by words alone."""
    lowered = text.lower()
    return next((cls for cls, words in SAID if any(word in lowered for word in words)), None)


def class_of_status(status: int | None) -> str | None:
    """The failure class of an API's HTTP status."""
    match status:
        case 401 | 403:
            return "auth"
        case 429 | 402:
            return "quota"
        case 413:
            return "context_overflow"
        case _:
            return None


def one_line(text: str, most: int = 200) -> str:
    """A text in one line, cut where it is long."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"


#: What people look for first in a tool call's input.
_TELLING: Final = ("command", "file_path", "filePath", "path", "pattern", "url", "query", "description", "prompt")


def of_input(given: object) -> str:
    """A tool call's input in a few words."""
    if not isinstance(given, dict):
        return ""
    for name in _TELLING:
        if isinstance(given.get(name), str):
            return one_line(given[name], 120)
    return one_line(json.dumps(given), 120) if given else ""
