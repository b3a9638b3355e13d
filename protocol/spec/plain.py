"""Is a value plain data: what JSON and msgpack can both carry, unchanged, at a bounded depth?

Clients hand in whatever a decoder or a program made: bytes, dates, NaN, lone surrogates, mappings that contain
themselves. All later code relies on what is checked here, so none of it needs to fear a RecursionError.

A first, quick walk says only yes or no; the second, slow one looks for the places and runs only after a no.
"""

import math
from collections.abc import Iterator
from typing import Final, cast

from orch_actors.protocol.spec.places import Finding, Path

#: Deepest nesting of lists and mappings.
MAX_DEPTH: Final = 64

#: Range of whole numbers that msgpack has.
_SMALLEST: Final = -(2**63)
_LARGEST: Final = 2**64 - 1


def is_plain(value: object, depth: int = MAX_DEPTH) -> bool:
    """Whether `value` is surely plain data.

    Subclasses of the plain types count as doubtful: `faults` has the last word.
    """
    kind = type(value)
    if kind is str:
        return _text_fault(cast("str", value)) is None
    if kind is dict:
        return depth > 0 and all(
            type(key) is str and _text_fault(key) is None and is_plain(inner, depth - 1)
            for key, inner in cast("dict[object, object]", value).items()
        )
    if kind is list or kind is tuple:
        return depth > 0 and all(is_plain(inner, depth - 1) for inner in cast("list[object]", value))
    return (kind is int or kind is float or kind is bool or value is None) and _scalar_fault(value) is None


def faults(value: object, path: Path = ()) -> Iterator[Finding]:
    """What in `value` is no plain data."""
    if isinstance(value, str):
        fault = _text_fault(value)
        if fault is not None:
            yield Finding(path, fault)
    elif isinstance(value, (dict, list, tuple)):
        if len(path) >= MAX_DEPTH:
            yield Finding(path, f"is nested deeper than {MAX_DEPTH} levels")
        elif isinstance(value, dict):
            for key, inner in value.items():
                fault = _key_fault(key)
                step = key if isinstance(key, str) else repr(key)
                if fault is not None:
                    yield Finding((*path, step), fault)
                yield from faults(inner, (*path, step))
        else:
            for index, inner in enumerate(value):
                yield from faults(inner, (*path, index))
    else:
        fault = _scalar_fault(value)
        if fault is not None:
            yield Finding(path, fault)


def with_numbers_mended(value: object, depth: int = MAX_DEPTH) -> object:
    """A copy in which 1 stands for every number that is none for JSON: what else is wrong can then be told, too."""
    if depth > 0 and isinstance(value, dict):
        return {key: with_numbers_mended(inner, depth - 1) for key, inner in value.items()}
    if depth > 0 and isinstance(value, (list, tuple)):
        return [with_numbers_mended(inner, depth - 1) for inner in value]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return 1 if is_number and _scalar_fault(value) is not None else value


def _key_fault(key: object) -> str | None:
    if not isinstance(key, str):
        return f"a key is {type(key).__name__}: expected text"
    fault = _text_fault(key)
    return None if fault is None else f"the key {fault}"


def _text_fault(text: str) -> str | None:
    if "\0" in text:
        return "holds a NUL character, which no program can be given"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "holds half of a surrogate pair, which is no text"
    return None


def _scalar_fault(value: object) -> str | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        return None if _SMALLEST <= value <= _LARGEST else "is a number of more than 64 bits: write it as text"
    if isinstance(value, float):
        return None if math.isfinite(value) else f"is {value}, which is no number that JSON knows"
    return f"is of type {type(value).__name__}: expected text, number, true, false, null, list or mapping"
