r"""Text from outside, made safe to show or to log.

Names, reasons and log lines are written by tasks and agents. Shown as they are, an escape sequence in them can
repaint the terminal, a bidirectional override can reverse what a line says, an invisible tag can carry text that
only a machine sees. So control characters become visible (`\x1b`), and everything else, in any script, stays.
Not escaped: the zero-width joiner and variation selectors, since emoji and several scripts are spelled with them.
"""

import re
from typing import Final

#: Zero width, bidirectional and line-separating characters, invisible operators, annotations; tags.
INVISIBLE: Final = (
    r"\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f"
)
#: C0 but newline and tab, DEL, C1, and those; lone surrogates.
_UNSAFE: Final = rf"\x00-\x08\x0b-\x1f\x7f-\x9f{INVISIBLE}\ud800-\udfff"
_IN_TEXT: Final = re.compile(f"[{_UNSAFE}]")
_IN_LINE: Final = re.compile(f"[\n\t{_UNSAFE}]")
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


def log_entry(text: str) -> str:
    """The same for a log: what follows the first line is set in, so that no text from outside looks like an entry."""
    return text if text.isascii() and text.isprintable() else many_lines(text).replace("\n", "\n    ")
