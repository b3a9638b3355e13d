"""What the python tasks of this scenario do; the shell ones are in step.sh.

Each marks its beginning and its end, one line each, in `$DIR/effects.log`.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def _marked() -> Iterator[str]:
    folder = os.environ["DIR"]
    attempt = "/".join(os.environ[name] for name in ("ORCH_GRAPH", "ORCH_TASK", "ORCH_ATTEMPT_NUMBER"))
    _append(os.path.join(folder, "effects.log"), f"{attempt} begin\n")
    try:
        yield folder
    finally:
        _append(os.path.join(folder, "effects.log"), f"{attempt} end\n")


def _append(path: str, text: str) -> None:
    """One write, so that lines of tasks that run at once do not mix."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def number(value: int) -> int:
    """Leave a number for `total`, and hand it back."""
    with _marked() as folder:
        _append(os.path.join(folder, "numbers"), f"{value}\n")
    return value


def total() -> int:
    """The sum of all numbers."""
    with _marked() as folder, open(os.path.join(folder, "numbers"), encoding="ascii") as file:
        return sum(map(int, file))


def add_one() -> int:
    """Add one to what the task before left."""
    with _marked() as folder:
        path = os.path.join(folder, "deep")
        with open(path, encoding="ascii") as file:
            value = int(file.read()) + 1
        with open(path, "w", encoding="ascii") as file:
            file.write(f"{value}\n")
    return value


def echo(value: Any, variable: str) -> dict[str, Any]:
    """Hand back an argument and a variable as they came."""
    with _marked():
        return {"value": value, "variable": os.environ[variable]}


def fail() -> None:
    """Raise, on purpose."""
    with _marked():
        raise ValueError("on purpose ✗")


def question() -> str | None:
    """Ask which way to go, and hand back the answer when it is there."""
    with _marked():
        if "ORCH_ANSWER" in os.environ:
            with open(os.environ["ORCH_ANSWER"], encoding="utf-8") as file:
                return str(json.load(file)["choice"])
        with open(os.environ["ORCH_QUESTION"], "w", encoding="utf-8") as file:
            json.dump({"question": "Which way? ✓", "options": ["left", "right"]}, file)
    return None


def succeed_at(attempt: int) -> int:
    """Raise until this has been tried `attempt` times."""
    with _marked() as folder:
        path = os.path.join(folder, "tries-python")
        _append(path, "x\n")
        with open(path, encoding="ascii") as file:
            tries = len(file.readlines())
        if tries < attempt:
            raise RuntimeError(f"attempt {tries} of {attempt}")
    return tries
