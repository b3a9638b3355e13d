"""Where in a document something is wrong: paths, their text, and the gathering of problems.

A path is a tuple of keys and indexes; its text is what people read and what `load.py` finds lines by. This
module knows nothing of tasks or files: who reports a problem says the path.
"""

import json
import re
from typing import Final, NamedTuple, NoReturn

from orch_actors.protocol.errors import Problem, Refused
from orch_actors.protocol.ids import is_id

Path = tuple[str | int, ...]

#: More problems than this are counted, not listed: nobody reads them, and a reply must stay small.
MAX_PROBLEMS: Final = 200

#: Steps of a path that are spelled out; a graph's own fields are never deeper than 5.
_SPELLED: Final = 16

_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*", re.ASCII)
_NAMED: Final = re.compile(r"\A(tasks\[\d+\]) \([a-z0-9._-]+\)", re.ASCII)


def where(path: Path) -> str:
    """The text of a path: `tasks[2].retry.attempts`; a key that is no plain word stands as `["such a key"]`."""
    text = ""
    if len(path) > _SPELLED:
        return where(path[:_SPELLED]) + "…"
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step) and len(step) <= 80:
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(shorten(step, 80))}]"
    return text


def unnamed(place: str) -> str:
    """A problem's `where` without the task's id: `tasks[2] (build).retry` → `tasks[2].retry`."""
    return _NAMED.sub(r"\1", place)


def shorten(text: str, limit: int = 60) -> str:
    """At most `limit` characters of a text, with an ellipsis where it was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


class Finding(NamedTuple):
    """A problem, while its path is still a path."""

    path: Path
    message: str


class Findings:
    """Gathers problems; each is kept once, in the order found."""

    def __init__(self) -> None:
        self._found: dict[Finding, None] = {}
        #: Problems that were found, the unlisted ones too.
        self._count = 0
        #: Times that something was to be noted, what was known before included.
        self.noted = 0
        #: Position in `tasks` → id, to name the task beside its number.
        self.names: dict[int, str] = {}
        #: Paths about which everything is said: more problems there are ignored.
        self.closed: set[Path] = set()

    def __bool__(self) -> bool:
        return bool(self._found)

    def __len__(self) -> int:
        return self._count

    def add(self, path: Path, message: str) -> None:
        """Note a problem."""
        self.noted += 1
        finding = Finding(path, message)
        if finding in self._found or path in self.closed:
            return
        self._count += 1
        if len(self._found) < MAX_PROBLEMS:
            self._found[finding] = None

    def name_task(self, index: int, raw: object) -> None:
        """Call the task at this position of `tasks` by its id, where it has one that can be read."""
        name = raw.get("id") if isinstance(raw, dict) else None
        if isinstance(name, str) and is_id(name):
            self.names[index] = name

    def within(self, path: Path) -> bool:
        """Whether there is a problem at the path or below it."""
        return any(finding.path[: len(path)] == path for finding in self._found)

    def problems(self) -> tuple[Problem, ...]:
        """All of them, at most MAX_PROBLEMS and one that says how many more there are."""
        listed = [Problem(where=self._where(path), message=message) for path, message in self._found]
        if self._count > len(listed):
            listed.append(Problem(where="", message=f"and {self._count - len(listed)} more problems"))
        return tuple(listed)

    def _where(self, path: Path) -> str:
        if len(path) > 1 and path[0] == "tasks" and isinstance(path[1], int):
            name = self.names.get(path[1])
            if name is not None:
                rest = where(path[2:])
                joint = "." if rest and not rest.startswith("[") else ""
                return f"{where(path[:2])} ({name}){joint}{rest}"
        return where(path)

    def refuse(self, what: str = "the graph") -> NoReturn:
        """Raise them as one refusal."""
        refuse(self.problems(), what, count=self._count)


def refuse(problems: tuple[Problem, ...], what: str, *, count: int | None = None) -> NoReturn:
    """Refuse a document for its problems.

    Raises:
        Refused: always; code INVALID_GRAPH with all `problems`.
    """
    number = len(problems) if count is None else count
    message = f"{what} has a problem: {problems[0]}" if number == 1 else f"{what} has {number} problems"
    hint = "correct it and submit again" if number == 1 else "correct them and submit again; nothing was accepted"
    raise Refused.because("INVALID_GRAPH", message, hint, problems=problems)
