"""Sizes: bytes as a number, or text such as "200MB", "1GiB"."""

import re
from typing import Annotated, Final

from msgspec import Meta

#: A number of bytes above 0. In a document it may also stand as text; `parse_size` reads that.
Size = Annotated[int, Meta(gt=0, extra={"size": True})]

SIZE_RULE: Final = 'bytes as a number above 0, or text such as "200MB", "1GiB"'

_UNITS: Final = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def parse_size(text: str) -> int:
    """Bytes from text.

    Raises:
        ValueError: it is no size; the message says what is one.
    """
    match = re.fullmatch(r"([0-9]{1,18})\s*([a-z]*)", text.strip().lower())
    if match is None or match.group(2) not in _UNITS:
        raise ValueError(f"{text!r} is no size: expected {SIZE_RULE}")
    return int(match.group(1)) * _UNITS[match.group(2)]
