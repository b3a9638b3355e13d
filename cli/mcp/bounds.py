"""Fitting what agents are told into what they can afford to read. Pure."""

import json
from typing import Any, Final

#: Most characters of any answer, as text and as JSON.
ANSWER: Final = 12_000
#: Of an error.
ERROR: Final = 4_000
#: Of a tool's text that is asked for by the piece: a log, a result.
PIECE: Final = 8_000
#: Of one line.
LINE: Final = 256
#: Things of a list.
ITEMS: Final = 20
NAMES: Final = 50


def line(text: str, most: int = LINE) -> str:
    """A text in one line of at most `most` characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def piece(text: str, most: int) -> tuple[str, int]:
    """The beginning of a text, and how many characters were left out."""
    return text[:most], max(0, len(text) - most)


def names(texts: tuple[str, ...], most: int = NAMES) -> tuple[tuple[str, ...], int]:
    """The first names, each bounded, and how many were left out."""
    return tuple(line(text, 160) for text in texts[:most]), max(0, len(texts) - most)


def spelled(value: Any) -> str:
    """A JSON value as text."""
    return json.dumps(value, ensure_ascii=False)


def fits(value: Any, most: int) -> bool:
    """Whether a JSON value is of at most so many characters."""
    return len(spelled(value)) <= most


def log_budget(text: str, most: int) -> str:
    """The beginning of a text such that it takes at most `most` characters as JSON, where escapes are longer."""
    while not fits(text, most):
        text = text[: len(text) * most // (len(spelled(text)) + 1)]
    return text
