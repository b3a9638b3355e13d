"""Reading what was typed: GRAPH/TASK, KEY=VALUE, durations; and writing commands that can be typed.

Each either returns a value or raises a usage fault that says what was expected.
"""

import re
from typing import Final

from orch_actors.cli.faults import usage
from orch_actors.protocol.ids import ID_PATTERN, ID_RULE, JUDGE_PATTERN

_ATTEMPT: Final = re.compile(r"(g[0-9]+)/([^/]+)/([0-9]+)", re.ASCII)
_PLAIN_WORD: Final = re.compile(r"[A-Za-z0-9_@%+=:,./~-]+", re.ASCII)
_NOT_IN_ID: Final = re.compile(r"[^a-z0-9._-]+|\.{2,}", re.ASCII)


def split_target(text: str) -> tuple[str, str | None, int]:
    """`GRAPH`, `GRAPH/TASK`, or an attempt's id as events show it, `g7/build/2` → graph, task, attempt (0: none)."""
    if found := _ATTEMPT.fullmatch(text):
        graph, task, number = found.groups()
        return graph, task, int(number)
    graph, slash, task = text.rpartition("/")
    if not slash:
        graph, task = text, ""
    if not graph:
        raise usage(f"{text!r} names no graph", "expected GRAPH or GRAPH/TASK, such as g7 or g7/build")
    if slash and not task:
        raise usage(f"{text!r} names no task", f"expected GRAPH/TASK, such as {graph}/build")
    if slash and not ID_PATTERN.fullmatch(task) and not JUDGE_PATTERN.fullmatch(task):
        raise usage(f"{task!r} cannot be a task's id", f"an id is {ID_RULE}")
    return graph, task or None, 0


def read_pairs(texts: list[str] | tuple[str, ...], option: str) -> dict[str, str]:
    """`KEY=VALUE` … → a mapping; a key may stand once."""
    pairs: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise usage(f"{option} {text!r}: expected KEY=VALUE", f"for example {option} name=value")
        if key in pairs:
            raise usage(f"{option} {key!r} is given twice", "give each key once")
        pairs[key] = value
    return pairs


def read_duration(text: str, option: str) -> float:
    """Seconds from `90`, `90s`, `1h30m`."""
    from orch_actors.protocol.spec.durations import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise usage(f"{option}: {error}", f"for example {option} 5m") from error


def id_from(text: str, fallback: str) -> str:
    """A task id that resembles `text`: `My Tool.SH` → `my-tool.sh`."""
    slug = _NOT_IN_ID.sub("-", text.lower())[:64].strip("._-")
    return slug or fallback


def typed(*words: str, home: str | None = None) -> str:
    """A command of ours, ready to be pasted into a shell; names the home where one was named."""
    return " ".join(quote(word) for word in ("orch-actors", *words, *(("--home", home) if home else ())))


def quote(word: str) -> str:
    """`word` for a shell. (`shlex` would do, but costs its import on every path.)"""
    return word if _PLAIN_WORD.fullmatch(word) else "'" + word.replace("'", "'\"'\"'") + "'"
