"""Text from outside, made safe to show: what is in `protocol/visible.py`, and for JSON and for logs in pieces."""

import codecs
import re
from typing import Final

from orch_actors.protocol.visible import INVISIBLE, many_lines, one_line

__all__ = ["TerminalText", "json_text", "many_lines", "one_line"]

_IN_JSON: Final = re.compile(rf"[\x7f-\x9f{INVISIBLE}]")


def json_text(text: str) -> str:
    """JSON that a terminal cannot be harmed by: the same value, control characters spelled as JSON escapes.

    A JSON encoder escapes C0 by itself; what else is unsafe can only stand inside strings.
    """
    return text if text.isascii() and "\x7f" not in text else _IN_JSON.sub(_json_escape, text)


def _json_escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


class TerminalText:
    r"""Bytes of a log, piece by piece → text that is safe on a terminal.

    Characters that are cut by the end of a piece wait for the next one; bytes that are no UTF-8 show as `\xff`.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="backslashreplace")
        #: A return at the end of a piece, which is only dropped if a newline follows.
        self._held = ""

    def feed(self, data: bytes, *, final: bool = False) -> str:
        """What can be shown after these bytes; `final`: none will follow."""
        text = self._held + self._decoder.decode(data, final)
        self._held = ""
        if text.endswith("\r") and not final:
            text, self._held = text[:-1], "\r"
        return many_lines(text)
