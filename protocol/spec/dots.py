"""Dotted keys of TOML that would eat the memory: refused before the parser sees them.

`a.a.a…` of 20,000 names in a file of 40 KB makes `tomllib` take 10 s and 1.6 GB, since it keeps every beginning of a
key. No document may be nested as deeply as such a key says, so nothing is lost by looking first.
"""

import re
from typing import Final

from orch_actors.protocol.spec.plain import MAX_DEPTH

#: Strings, comments and line ends in one go, so that a dot in any of them is none of a key's.
_TOKEN: Final = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"""|'
    r"'''(?:[^']|'(?!''))*'''"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'|#[^\n]*|[\n=,{}]|\.",
    re.DOTALL,
)


def too_many_dots(text: str) -> int | None:
    """The line of the first key that has more names than a document may be deep; None: there is none."""
    # Nearly every file has no line with so many dots at all.
    if all(line.count(".") <= MAX_DEPTH for line in text.split("\n")):
        return None
    dots, line = 0, 1
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word == ".":
            dots += 1
            if dots > MAX_DEPTH:
                return line
            continue
        if word in "\n=,{}":
            dots = 0
        line += word.count("\n")
    return None
