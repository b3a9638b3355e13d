"""Blotting the values of secrets out of what an attempt leaves for others to read.

Knows values and texts; where values come from is `secrets.py`'s knowledge. What a task does to a value (encodes it,
takes it apart) is beyond it: the forms below are those in which programs print a value that they were given.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from orch_actors.protocol.hostwire import Question

#: A line of a longer value that is blotted out on its own: half a key is still a key.
_LEAST_LINE: Final = 8


class Mask:
    """Blots values out of texts."""

    def __init__(self, values: Iterable[str] = (), *, complete: bool = True) -> None:
        forms = {form for value in values for form in _forms(value)}
        #: Characters of the longest form; 0: there is nothing to blot out.
        self.longest: Final = max(map(len, forms), default=0)
        #: Every value that the attempt has is among them.
        self.complete: Final = complete
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def text(self, text: str) -> str:
        """`text` with `***` in place of each value."""
        return text if self._pattern is None else self._pattern.sub("***", text)

    def holds(self, value: Any) -> bool:
        """Whether a JSON value has one of them anywhere in it."""
        match value:
            case str():
                return self._pattern is not None and self._pattern.search(value) is not None
            case dict():
                return any(self.holds(key) or self.holds(inner) for key, inner in value.items())
            case list():
                return any(self.holds(inner) for inner in value)
            case int() | float() if not isinstance(value, bool):
                return self.holds(str(value))
            case _:
                return False

    def question(self, asked: Question) -> Question:
        """A question with its texts blotted out; options that become the same are one."""
        return msgspec.structs.replace(
            asked,
            question=self.text(asked.question),
            options=tuple(dict.fromkeys(map(self.text, asked.options))),
            default=None if asked.default is None else self.text(asked.default),
        )


#: Of attempts without secrets.
NOTHING: Final = Mask()


def _forms(value: str) -> Iterable[str]:
    """How a value may stand in a text: as it is, as JSON has it, its lines."""
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    lines = value.splitlines()
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _LEAST_LINE)
