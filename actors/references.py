"""References to results: `${tasks.build.result.path}` in a task's command, args and env, filled in at launch.

Pure. In a command that is text for a shell the value is quoted; an argument that is nothing but a reference keeps
the JSON type of the value; anywhere else it stands as text. `$${` is a literal `${`.
"""

import re
import shlex
from collections.abc import Callable
from typing import Any, Final

import msgspec

_REFERENCE: Final = re.compile(r"\$?\$\{tasks\.([a-z0-9][a-z0-9._-]*?)\.result((?:\.[A-Za-z0-9_-]+)*)\}")


class MissingReference(Exception):
    """A result, or a part of one, that there is not."""


#: A task's id → the JSON value that it handed back. Raises MissingReference.
ResultOf = Callable[[str], Any]


def has_references(value: Any) -> bool:
    """Whether anything in plain data refers to a result."""
    match value:
        case str():
            return "${tasks." in value
        case dict():
            return any(has_references(item) for item in value.values())
        case list() | tuple():
            return any(has_references(item) for item in value)
        case _:
            return False


def filled_work(work: dict[str, Any], result_of: ResultOf) -> dict[str, Any]:
    """A worker's part of a task with every reference replaced.

    Raises:
        MissingReference: one refers to what there is not; the text says which.
    """
    if not has_references(work):
        return work
    return {
        name: _filled_text(value, result_of, shlex.quote)
        if name == "command" and isinstance(value, str)
        else _filled(value, result_of)
        for name, value in work.items()
    }


def filled_env(env: dict[str, str], result_of: ResultOf) -> dict[str, str]:
    """A task's variables with every reference replaced by its text.

    Raises:
        MissingReference: one refers to what there is not.
    """
    return {name: _filled_text(value, result_of, _as_is) for name, value in env.items()}


def _filled(value: Any, result_of: ResultOf) -> Any:
    match value:
        case str():
            whole = _REFERENCE.fullmatch(value)
            if whole is not None and not value.startswith("$$"):
                return _look_up(whole, result_of)
            return _filled_text(value, result_of, _as_is)
        case dict():
            return {name: _filled(item, result_of) for name, item in value.items()}
        case list() | tuple():
            return [_filled(item, result_of) for item in value]
        case _:
            return value


def _filled_text(text: str, result_of: ResultOf, quote: Callable[[str], str]) -> str:
    def replace(match: re.Match[str]) -> str:
        if match.group(0).startswith("$$"):
            return match.group(0)[1:]
        return quote(_text_of(_look_up(match, result_of)))

    return _REFERENCE.sub(replace, text)


def _as_is(text: str) -> str:
    return text


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _look_up(match: re.Match[str], result_of: ResultOf) -> Any:
    task, path = match.group(1), match.group(2)
    value = result_of(task)
    walked = f"tasks.{task}.result"
    for step in path.split(".")[1:]:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            raise MissingReference(f"{walked} has no {step!r}")
        walked += f".{step}"
    return value
