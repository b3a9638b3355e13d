"""How many columns text takes on a terminal, and cutting it to fit. Handles the colours that `style.py` puts in."""

import re
from typing import Final

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")


def display_width(text: str) -> int:
    """Columns that `text` takes: two for wide East Asian characters and emoji, none for combining marks."""
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    return len(text) if text.isascii() else sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if character.isascii():
        return 1
    import unicodedata

    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def clip(text: str, width: int, ellipsis: str = "…") -> str:
    """`text` cut to `width` columns, with an ellipsis where something is missing. Plain text only, no colours."""
    if width <= 0 or display_width(text) <= width:
        return text
    room = width - display_width(ellipsis)
    kept: list[str] = []
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + ellipsis if width >= display_width(ellipsis) else "".join(kept)[:width]


def clip_painted(text: str, width: int) -> str:
    """The same for text with colours; they are closed again at the cut."""
    if width <= 0 or display_width(text) <= width:
        return text
    if "\x1b" not in text:
        return clip(text, width)
    pieces: list[str] = []
    room = width - 1
    for part in re.split(r"(\x1b\[[0-9;]*m)", text):
        if part.startswith("\x1b"):
            pieces.append(part)
            continue
        for character in part:
            room -= _columns(character)
            if room < 0:
                return "".join(pieces) + "…\x1b[0m"
            pieces.append(character)
    return "".join(pieces)


def pad(text: str, width: int, *, right: bool = False) -> str:
    """`text` filled with spaces to `width` columns; `right`: set to the right."""
    space = " " * max(0, width - display_width(text))
    return space + text if right else text + space
