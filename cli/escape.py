r"""Text from outside, made safe to show.

Names, reasons and log lines are written by tasks and agents. Shown as they are, an escape sequence in them can
repaint the terminal, a bidirectional override can reverse what a line says, an invisible tag can carry text that
only a machine sees. So control characters become visible (`\x1b`), and everything else, in any script, stays.
Not escaped: the zero-width joiner, since emoji and several scripts are spelled with it.
"""

import codecs
import re
from typing import Final

#: C0 but newline and tab, DEL, C1; zero width, bidirectional and line-separating characters; tags; lone surrogates.
_UNSAFE: Final = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff"
    r"\U000e0000-\U000e007f\ud800-\udfff"
)
_IN_TEXT: Final = re.compile(f"[{_UNSAFE}]")
_IN_LINE: Final = re.compile(f"[\n\t{_UNSAFE}]")
_IN_JSON: Final = re.compile(
    r"[\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)
_NAMED: Final = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}


def _visible(match: re.Match[str]) -> str:
    character = match.group()
    if character in _NAMED:
        return _NAMED[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def one_line(text: str) -> str:
    """`text` without anything that a terminal would act on; newlines and tabs become visible too."""
    return text if text.isascii() and text.isprintable() else _IN_LINE.sub(_visible, text)


def many_lines(text: str) -> str:
    """The same, with newlines and tabs left as they are; a return that ends a line (CR LF) goes."""
    return _IN_TEXT.sub(_visible, text.replace("\r\n", "\n"))


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
