"""References to what a task left: `${tasks.build.result.path}`, `${tasks.build.artifacts}`, written in a task that
depends on `build`.

The place for how a reference is written, and for what is wrong with one at submission; the values are put in when an
attempt starts (`actors/attempts/references.py`). `$${` before one of our names is a literal `${`; whatever else begins
with `$` is the shell's business and stays.

Dots: a task's id may have some, and so may the way into its result. A reference means the task with the longest id, of
those that its own task depends on, that it can be read as: with dependencies `a` and `a.result`,
`${tasks.a.result.result}` is the result of `a.result`.

Artifacts are several: the value is the list of their paths. Outside quotes in a text for sh each is a word of its own,
as with "$@"; so the reference must be a word of its own there. Otherwise `F=${tasks.build.artifacts}` would run the
second file, with the first as a variable.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from orch_actors.protocol.ids import is_id
from orch_actors.protocol.spec.graph import TaskSpec
from orch_actors.protocol.spec.hints import did_you_mean
from orch_actors.protocol.spec.places import Finding, Path, shorten
from orch_actors.protocol.spec.shelltext import places
from orch_actors.protocol.spec.work import text_fault

#: Fields of a task in which results are put: the worker types' own, and `env`.
FILLED: Final = frozenset({"command", "args", "prompt", "env"})

#: What is ours, right or wrong; `${tasks}` and `${task:-x}` are the shell's.
_MENTION: Final = re.compile(r"(?P<escape>\$?)\$\{(?P<space>tasks?|params?)\.(?P<body>[^}\n]*)(?P<end>\}?)")
_STEPS: Final = re.compile(r"(?:\.[A-Za-z0-9_-]+)*", re.ASCII)

_PLACE: Final = re.compile(r"[0-9]{1,9}", re.ASCII)

#: Where an id ends at the latest (ids.py).
_LONGEST_ID: Final = 64

_FORM: Final = (
    "expected ${tasks.ID.result}, ${tasks.ID.result.FIELD}, ${tasks.ID.artifacts}, ${tasks.ID.artifacts.0}, "
    "${tasks.ID.worktree} or ${tasks.ID.branch}"
)

#: What may be before and behind a word of its own, and before the blanks before it.
_BEFORE: Final = frozenset(" \t\n;&|(")
_BEHIND: Final = frozenset(" \t\n;&|<>)")
_REDIRECTS: Final = ("<", ">", "<&", ">&", ">|")

_SEVERAL: Final = "may be several words, so it must stand by itself, between blanks: take one by its place, "

#: What a task leaves that may be referred to.
RESULT: Final = "result"
ARTIFACTS: Final = "artifacts"
WORKTREE: Final = "worktree"
BRANCH: Final = "branch"


class Reading(NamedTuple):
    """One way to read a reference."""

    task: str
    #: The way into the result, or to one of the artifacts: names, and numbers of places in lists, from 0.
    steps: tuple[str, ...]
    #: RESULT, ARTIFACTS, WORKTREE or BRANCH.
    what: str = RESULT

    @property
    def several(self) -> bool:
        """Whether it stands for any number of words."""
        return self.what == ARTIFACTS and not self.steps


class Mention(NamedTuple):
    """A place in a text that looks like a reference."""

    start: int
    end: int
    #: It is to stand there as it is, but for the first `$`.
    escaped: bool
    #: `tasks`, if it is well written.
    space: str
    #: What is between the first dot and the brace.
    body: str
    #: It has its closing brace.
    closed: bool

    def readings(self) -> list[Reading]:
        """All that it can mean, the longest id first; none: it is no reference to what a task left."""
        if self.space != "tasks" or not self.closed:
            return []
        found = [reading for what in (RESULT, ARTIFACTS, WORKTREE, BRANCH) for reading in self._readings(what)]
        return sorted(found, key=lambda reading: -len(reading.task))

    def _readings(self, what: str) -> Iterator[Reading]:
        mark = f".{what}"
        at = self.body.rfind(mark, 0, _LONGEST_ID + len(mark))
        while at > 0:
            name, rest = self.body[:at], self.body[at + len(mark) :]
            if _STEPS.fullmatch(rest) and is_id(name):
                yield Reading(name, tuple(rest.split(".")[1:]), what)
            at = self.body.rfind(mark, 0, at)

    def reading(self, dependencies: Collection[str]) -> Reading | None:
        """What it means in a task with these dependencies; where it is about none of them, the longest id."""
        readings = self.readings()
        return next(
            (reading for reading in readings if reading.task in dependencies), readings[0] if readings else None
        )


def mentions(text: str) -> list[Mention]:
    """All that looks like a reference, in order."""
    if "${" not in text:
        return []
    return [
        Mention(match.start(), match.end(), bool(match["escape"]), match["space"], match["body"], bool(match["end"]))
        for match in _MENTION.finditer(text)
    ]


def has_mentions(value: Any) -> bool:
    """Whether anything in plain data, names of fields too, looks like a reference."""
    match value:
        case str():
            return "${" in value and _MENTION.search(value) is not None
        case dict():
            return any(has_mentions(key) or has_mentions(inner) for key, inner in value.items())
        case list() | tuple():
            return any(has_mentions(inner) for inner in value)
        case _:
            return False


def part_of(value: Any, step: str) -> Any:
    """What is in a value under a name, or at a place of a list, from 0.

    Raises:
        LookupError: nothing.
    """
    if isinstance(value, (list, tuple)) and _PLACE.fullmatch(step):
        return value[int(step)]
    if isinstance(value, dict):
        return value[step]
    raise LookupError(step)


def as_text(value: Any) -> str:
    """A value within a text: texts as they are, anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def no_word_of_its_own(command: str, mention: Mention) -> str | None:
    """Why several words cannot stand at a place outside quotes in a text for sh, if they cannot."""
    before = command[: mention.start]
    if (before and before[-1] not in _BEFORE) or before.rstrip(" \t").endswith(_REDIRECTS):
        return _SEVERAL + _first(mention)
    return _SEVERAL + _first(mention) if command[mention.end : mention.end + 1] not in ("", *_BEHIND) else None


def _first(mention: Mention) -> str:
    return f"${{tasks.{mention.body}.0}}"


class _Around(NamedTuple):
    """What a reference may name: its own task's id, what that depends on and how; ids of all, if they are known."""

    own: str
    conditions: Mapping[str, str]
    known: Collection[str] | None
    #: `artifacts`, `worktree` → ids of those that are known to have none.
    bare: Mapping[str, Collection[str]]


def check_references(
    task: TaskSpec, known: Collection[str] | None = None, bare: Mapping[str, Collection[str]] | None = None
) -> Iterator[Finding]:
    """What is wrong with a task's references; paths begin in the task.

    Args:
        task: the task.
        known: ids of all tasks, where they are known.
        bare: `artifacts`, `worktree` → ids of tasks that have none.
    """
    fields = msgspec.to_builtins(task)
    fields.update(fields.pop("work"))
    conditions = {dependency.task: dependency.on for dependency in task.depends_on}
    for name, value in fields.items():
        if name != "depends_on" and has_mentions(value):
            yield from _checked(value, (name,), _Around(task.id, conditions, known, bare or {}))


def outside(value: Any, path: Path) -> Iterator[Finding]:
    """What looks like a reference where nothing is put in."""
    if isinstance(value, str):
        for mention in mentions(value):
            what = "results are put into a task's `command`, `args`, `prompt` and `env` alone"
            message = what if mention.space.startswith("task") else _params(mention)
            yield Finding(path, f"{_shown(mention)} stays as it is here: {message}")
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from outside(inner, (*path, key))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from outside(inner, (*path, index))


def _checked(value: Any, path: Path, around: _Around) -> Iterator[Finding]:
    if path[0] not in FILLED:
        yield from outside(value, path)
    elif isinstance(value, str):
        for mention in mentions(value):
            fault = None if mention.escaped else _fault(mention, around)
            if fault is not None:
                yield Finding(path, fault)
        if path == ("command",) and text_fault(value) is None:
            yield from _misplaced(value, around.conditions)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if has_mentions(key):
                yield Finding((*path, key), "results are put into values, not into names")
            yield from _checked(inner, (*path, key), around)
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from _checked(inner, (*path, index), around)


def _fault(mention: Mention, around: _Around) -> str | None:
    """What is wrong with a reference, in words."""
    own, conditions, known, bare = around
    if mention.space.startswith("param"):
        return f"{_shown(mention)}: {_params(mention)}"
    if mention.space == "task":
        return f"{_shown(mention)} is no reference: did you mean `${{tasks.`? ({_FORM})"
    reading = mention.reading(conditions)
    if reading is None:
        missing = "" if mention.closed else "has no `}` and "
        return f"{_shown(mention)} {missing}is no reference to what a task left: {_FORM}"
    if reading.task == own:
        return f"{_shown(mention)} refers to the task's own {reading.what}, which there is not before it has run"
    if reading.task not in conditions:
        copy = next((name for name in conditions if name.startswith(f"{reading.task}-")), None)
        if copy is None and known is not None and not any(each.task in known for each in mention.readings()):
            meant = did_you_mean(reading.task, conditions) or did_you_mean(reading.task, known)
            return f"{_shown(mention)} refers to a task that there is not: no task has the id {reading.task!r}{meant}"
        meant = f"; or did you mean `{copy}`?" if copy is not None else did_you_mean(reading.task, conditions)
        return (
            f"{_shown(mention)} refers to a task that this one does not depend on: "
            f"add `{reading.task}` to depends_on{meant}"
        )
    if conditions[reading.task] == "failed":
        return (
            f"{_shown(mention)} refers to a task that is awaited with `on: failed`, so there is no result: "
            "use `done`, or `finished` where it may be missing"
        )
    return None if reading.what == RESULT else _fault_beside(mention, reading, bare)


def _fault_beside(mention: Mention, reading: Reading, bare: Mapping[str, Collection[str]]) -> str | None:
    """What is wrong with a reference to what a task has beside its result."""
    field = ARTIFACTS if reading.what == ARTIFACTS else WORKTREE
    if field == WORKTREE and reading.steps:
        return f"{_shown(mention)}: a {reading.what} is a text, there is nothing in it"
    if len(reading.steps) > 1 or not all(map(_PLACE.fullmatch, reading.steps)):
        return f"{_shown(mention)}: artifacts are a list of paths: name one by its place, from 0, or all of them"
    if reading.task in bare.get(field, ()):
        return f"{_shown(mention)} refers to what there is not: `{reading.task}` has no `{field}`"
    return None


def _misplaced(command: str, dependencies: Collection[str]) -> Iterator[Finding]:
    """References where a shell's text has no place for a value."""
    found = mentions(command)
    for mention, place in zip(found, places(command, [(each.start, each.end) for each in found]), strict=True):
        reading = None if mention.escaped else mention.reading(dependencies)
        if reading is None:
            continue
        fault = place.fault if place.quoting is None else ""
        if fault and "`env`" not in fault:
            fault += "; or put it into a variable of `env`, and use that"
        if place.quoting == "bare" and reading.several:
            fault = no_word_of_its_own(command, mention) or ""
        if fault:
            yield Finding(("command",), f"{_shown(mention)} {fault}")


def _params(mention: Mention) -> str:
    if mention.space == "param":
        return "did you mean `${params.`?"
    return "parameters are filled in before a graph is submitted: submit the file with the command line"


def _shown(mention: Mention) -> str:
    return shorten(f"${{{mention.space}.{mention.body}" + ("}" if mention.closed else ""))
