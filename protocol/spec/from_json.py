"""JSON text → plain data, and the lines of what stands in it. Doubled keys are refused."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from orch_actors.protocol.errors import Problem
from orch_actors.protocol.spec.places import Path, shorten, where
from orch_actors.protocol.spec.plain import MAX_DEPTH
from orch_actors.protocol.spec.syntax import MAX_SYNTAX_PROBLEMS, SyntaxFault

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}:,]|\n|[^\s\[\]{}:,"]+', re.DOTALL)


class _Doubled(Exception):
    """A mapping has a key twice; said only by the quick reading, which does not know where."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise _Doubled
    return mapping


def read_json(text: str) -> object:
    """The value in the text. NaN and Infinity, which are no JSON, are given as such: plain.py refuses them.

    Raises:
        SyntaxFault: it is not JSON, or has doubled keys; with lines.
    """
    try:
        return json.loads(text, object_pairs_hook=_pairs)
    except json.JSONDecodeError as error:
        raise SyntaxFault.at(error.msg, error.lineno, error.colno) from error
    except _Doubled:
        raise SyntaxFault(_doubled(text)) from None
    except RecursionError:
        raise SyntaxFault.at(f"is nested deeper than {MAX_DEPTH} levels", 0) from None
    except ValueError as error:  # more digits than Python reads
        raise SyntaxFault.at(f"a number cannot be read: {error}", 0) from error


def _doubled(text: str) -> tuple[Problem, ...]:
    seen: set[Path] = set()
    problems: list[Problem] = []
    for path, line in json_places(text):
        if path in seen and len(problems) < MAX_SYNTAX_PROBLEMS:
            key = shorten(str(path[-1]))
            problems.append(Problem(where=where(path), message=f"the key `{key}` is there twice", line=line))
        seen.add(path)
    return tuple(problems) or (Problem(where="", message="a key is there twice"),)


def json_places(text: str) -> Iterator[tuple[Path, int]]:
    """Path and line (from 1) of everything in a text; as far as it is JSON."""
    line = 1
    path: list[str | int] = []
    lists: list[bool] = []
    wants_key = False
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word == "\n":
            line += 1
        elif word in "]}":
            if not lists:
                return
            lists.pop()
            path.pop()
        elif word == ",":
            if not lists:
                return
            wants_key = not lists[-1]
            last = path[-1]
            path[-1] = last + 1 if isinstance(last, int) else last
        elif word != ":":
            if wants_key:
                path[-1] = _key(word)
                wants_key = False
                yield tuple(path), line
                continue
            if lists and lists[-1]:
                yield tuple(path), line
            if word in "[{":
                lists.append(word == "[")
                path.append(0 if word == "[" else "")
                wants_key = word == "{"
            line += word.count("\n")


def _key(word: str) -> str:
    try:
        return str(json.loads(word))
    except ValueError:
        return word
