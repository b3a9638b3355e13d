"""Pieces of a context, and fitting them into a budget of characters. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

#: Layer → characters, where nobody names a budget; and the most that may be named.
BUDGETS: Final = {0: 256, 1: 4_000, 2: 20_000, 3: 20_000}
MAX_BUDGET: Final = 200_000

#: A piece that has less room than this is left out rather than cut.
_LEAST: Final = 80


@dataclass(frozen=True, slots=True)
class Part:
    """One piece: a text, or a file that is still to be read."""

    text: str = ""
    #: Put before it, on the same line where the text has only one.
    label: str = ""
    path: str = ""
    #: Its end matters more than its beginning.
    tail: bool = False
    #: Most of its characters.
    most: int = 2_000


#: Reads a file: path, characters, from the end → text; empty where there is nothing to be read.
Read = Callable[[str, int, bool], str]


def assemble(parts: Sequence[Part], budget: int, read: Read) -> tuple[str, int]:
    """The text, of at most `budget` characters, and how many were cut, at least (of files nobody counts the rest)."""
    lines: list[str] = []
    used = cut = 0
    for index, part in enumerate(parts):
        text = part.text or (read(part.path, part.most + 1, part.tail) if part.path else "")
        text = text.strip("\n")
        if not text.strip():
            continue
        text, lost = shortened(text, part.most, tail=part.tail)
        whole = f"{part.label}{_joint(part.label, text)}{text}"
        room = budget - used - (1 if lines else 0)
        if len(whole) > room:
            left_out = sum(1 for later in parts[index + 1 :] if later.text or later.path)
            mark = f"[… cut: {left_out} more … ask for a larger budget …]" if left_out else ""
            if room - len(mark) - 1 >= _LEAST:
                kept, more = shortened(whole, room - len(mark) - (1 if mark else 0), tail=False)
                lines.append(kept)
                lost += more
            cut += lost + len(whole)
            if mark and used + len(mark) <= budget:
                lines.append(mark)
            break
        cut += lost
        lines.append(whole)
        used += len(whole) + (1 if len(lines) > 1 else 0)
    text = "\n".join(lines)
    return text[:budget], cut


def _joint(label: str, text: str) -> str:
    if not label:
        return ""
    return "\n" if "\n" in text else " "


def shortened(text: str, most: int, *, tail: bool) -> tuple[str, int]:
    """A text of at most `most` characters, with a mark where it was cut; and how many characters that were."""
    if len(text) <= most:
        return text, 0
    mark = "[… cut …]"
    room = max(0, most - len(mark) - 1)
    if tail:
        return f"{mark}\n{text[len(text) - room :]}"[:most], len(text) - room
    return f"{text[:room]}\n{mark}"[:most], len(text) - room


def one_line(text: str, most: int) -> str:
    """A text in one line of at most `most` characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"
