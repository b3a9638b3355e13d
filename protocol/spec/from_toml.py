"""TOML text → plain data, and the lines of what stands in it as far as they can be told line by line."""

import datetime as dt
import re
import tomllib
from collections.abc import Iterator
from typing import Final

from orch_actors.protocol.spec.dots import too_many_dots
from orch_actors.protocol.spec.places import Path
from orch_actors.protocol.spec.plain import MAX_DEPTH
from orch_actors.protocol.spec.syntax import SyntaxFault

_PLACE: Final = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)
_KEY: Final = r"(?:[A-Za-z0-9_-]+|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*')"
_KEYS: Final = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_HEADER: Final = re.compile(rf"\s*(\[\[?)\s*({_KEYS})\s*\]")
_PAIR: Final = re.compile(rf"\s*({_KEYS})\s*=\s*(.*)", re.DOTALL)


def read_toml(text: str) -> object:
    """The document in the text; dates and times become text.

    Raises:
        SyntaxFault: it is not TOML; with its line.
    """
    line = too_many_dots(text)
    if line is not None:
        raise SyntaxFault.at(
            f"a key has more than {MAX_DEPTH} dots, and so is nested deeper than {MAX_DEPTH} levels", line
        )
    try:
        return _plain(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        match = _PLACE.fullmatch(str(error))
        if match is None or match[2] is None:
            last = text.count("\n") + 1
            raise SyntaxFault.at(match[1] if match else str(error), last) from error
        raise SyntaxFault.at(match[1], int(match[2]), int(match[3])) from error
    except RecursionError:
        raise SyntaxFault.at(f"is nested deeper than {MAX_DEPTH} levels", 0) from None
    except ValueError as error:  # more digits than Python reads, or a date that does not exist
        raise SyntaxFault.at(f"a number or date cannot be read: {error}", 0) from error


def _plain(value: object, depth: int = 0) -> object:
    if depth > MAX_DEPTH:
        return value  # plain.py has something to say about this
    if isinstance(value, dict):
        return {key: _plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner, depth + 1) for inner in value]
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    return value


def toml_places(text: str) -> Iterator[tuple[Path, int]]:
    """Path and line (from 1) of tables and of keys that begin a line."""
    table: Path = ()
    counts: dict[Path, int] = {}
    ends: str | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        if ends is not None:
            ends = None if ends in line else ends
            continue
        header = _HEADER.match(line)
        if header is not None:
            table = _resolve(_split(header[2]), counts, begins=header[1] == "[[")
            for length in range(1, len(table) + 1):
                yield table[:length], number
            continue
        pair = _PAIR.match(line)
        if pair is not None:
            keys = _split(pair[1])
            for length in range(1, len(keys) + 1):
                yield (*table, *keys[:length]), number
            for quotes in ('"""', "'''"):
                if pair[2].startswith(quotes) and quotes not in pair[2][3:]:
                    ends = quotes


def _split(keys: str) -> list[str]:
    return [key[1:-1] if key[0] in "\"'" else key for key in re.findall(_KEY, keys)]


def _resolve(names: list[str], counts: dict[Path, int], *, begins: bool) -> Path:
    """The path of a header: each name that is a list of tables means its latest one."""
    path: Path = ()
    for position, name in enumerate(names):
        path = (*path, name)
        if begins and position == len(names) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path
