"""How states look: a symbol and a colour, with plain substitutes where the terminal or the person wants none."""

from typing import Final

from msgspec import Struct


class Style(Struct, frozen=True, kw_only=True):
    """What the place where the text goes can show."""

    colour: bool = False
    unicode: bool = True
    #: Columns; 0: as wide as it gets (a pipe, a file).
    width: int = 0


PLAIN: Final = Style()

_CODES: Final = {"green": "32", "red": "31", "yellow": "33", "blue": "34", "cyan": "36", "dim": "2", "bold": "1"}

#: State of a task, graph, attempt or worker → symbol, the same without Unicode, colour.
_LOOKS: Final[dict[str, tuple[str, str, str]]] = {
    "pending": ("·", ".", "dim"),
    "ready": ("○", "o", "cyan"),
    "running": ("▶", ">", "blue"),
    "stopping": ("◼", "#", "yellow"),
    "judging": ("◇", "j", "blue"),
    "blocked": ("?", "?", "yellow"),
    "paused": ("‖", "=", "yellow"),
    "done": ("✓", "+", "green"),
    "failed": ("✗", "x", "red"),
    "unknown": ("?", "?", "red"),
    "cancelled": ("⊘", "!", "yellow"),
    "skipped": ("–", "-", "dim"),
    "stopped": ("○", "o", "dim"),
    "starting": ("◔", "o", "cyan"),
    "backoff": ("◔", "o", "yellow"),
    "parked": ("‖", "=", "red"),
}

#: In the order in which counts are told: how it went first, then what is left.
STATE_ORDER: Final = ("done", "failed", "cancelled", "skipped", "blocked", "judging", "running", "ready", "pending")


def paint(text: str, colour: str, style: Style) -> str:
    """`text` in a colour, where there may be colour."""
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if style.colour and colour and text else text


def symbol(state: str, style: Style) -> str:
    """One column that stands for a state; a state of a newer daemon gets a space."""
    fine, plain, _colour = _LOOKS.get(state, (" ", " ", ""))
    return fine if style.unicode else plain


def colour_of(state: str) -> str:
    """The colour of a state; empty: none."""
    return _LOOKS.get(state, ("", "", ""))[2]


def state_text(state: str, style: Style) -> str:
    """`✓ done`, in its colour."""
    return paint(f"{symbol(state, style)} {state}", colour_of(state), style)


def counts_text(counts: dict[str, int]) -> str:
    """`3 done, 1 failed, 2 pending`."""
    known = [state for state in STATE_ORDER if counts.get(state)]
    newer = sorted(state for state, number in counts.items() if number and state not in STATE_ORDER)
    return ", ".join(f"{counts[state]} {state}" for state in [*known, *newer])
