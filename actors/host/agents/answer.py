"""The JSON in an agent's answer: which value is its own, and whether that can be told at all.

A judge's verdict comes so, and what is judged may get a verdict of its own quoted in the answer: where in doubt, there
is none.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

_FENCE: Final = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)

#: Braces that begin nothing, in an answer that is looked through: each takes time. With more, what else is in it is
#: unknown, and stands for another object.
_MOST_BRACES: Final = 10_000
_UNKNOWN: Final = object()


def json_in(text: str) -> Any:
    """The JSON value that an answer is or holds: the whole of it, its last fenced block, or its outermost braces.

    An answer that holds another object besides has none: one of them may be quoted, and which one nobody can tell.
    """
    candidates = [text, *reversed(_FENCE.findall(text))]
    if "{" in text and "}" in text:
        candidates.append(text[text.index("{") : text.rindex("}") + 1])
    for candidate in candidates:
        try:
            found = json.loads(candidate, object_pairs_hook=_without_doubles)
        except (ValueError, RecursionError):
            continue
        before, _, after = text.partition(candidate)
        return found if all(one == found for rest in (before, after) for one in _objects_in(rest)) else None
    return None


def _objects_in(text: str) -> Iterator[Any]:
    """Each object that stands in a text and in no other whole one, but for empty ones."""
    decoder, begin, broken = json.JSONDecoder(), text.find("{"), 0
    while begin >= 0 and broken < _MOST_BRACES:
        try:
            found, end = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError):
            broken, end = broken + 1, begin + 1
        else:
            if found:
                yield found
        begin = text.find("{", end)
    if begin >= 0:
        yield _UNKNOWN


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; one that says a key twice is none: what an agent quotes badly could stand for its own words."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found
