"""References, filled in when an attempt starts: `${tasks.build.result.path}` in `command`, `args`, `env` and `prompt`.

Pure. How a reference is written, and where one may stand, is protocol/spec/references.py's knowledge; here are values.

    command, text for sh      the value is handed over in a variable (ORCH_REF_1, …), and the reference becomes that
                              variable, quoted as its place needs it: whatever a value holds, the shell never reads it
                              as code, and where bare it is one word
    command, list             as text
    args                      as text within a text; an argument that is nothing but a reference has the value itself,
                              but for a script's, which are texts
    env, prompt               as text

`${tasks.build.artifacts}`, a list of paths, is as many words: outside quotes in a text for sh, and where an argument of
a list is nothing but that. As text, a value that is no text stands as JSON. `$${` before one of our names becomes `${`.
"""

from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple

from orch_actors.protocol.spec.references import (
    FILLED,
    Mention,
    Reading,
    as_text,
    has_mentions,
    mentions,
    no_word_of_its_own,
    part_of,
)
from orch_actors.protocol.spec.shelltext import Place, expansion, replaced
from orch_actors.protocol.spec.work import text_fault

#: Beginning of the variables that carry values into a shell's text; a number from 1 follows.
VARIABLE: Final = "ORCH_REF_"


class MissingReference(Exception):
    """A result, or a part of one, that there is not, or that cannot be put where it is wanted; the text says which."""


#: A task's id, and RESULT or ARTIFACTS → the JSON value that it handed back, or the paths of what it left. Raises
#: MissingReference.
LeftBy = Callable[[str, str], Any]


class Filled(NamedTuple):
    """What an attempt is started with."""

    work: dict[str, Any]
    env: dict[str, str]


def filled(work: dict[str, Any], env: dict[str, str], left_by: LeftBy, dependencies: Collection[str] = ()) -> Filled:
    """A worker's part of a task and its variables, with every reference replaced.

    Args:
        work: the worker type's fields.
        env: the task's own variables.
        left_by: tells what tasks left.
        dependencies: ids that references are about, by which dots in them are told from those behind.

    Raises:
        MissingReference: one refers to what there is not, or to what no program can be given.
    """
    if not has_mentions(work) and not has_mentions(env):
        return Filled(work, env)
    return _Filling(left_by, dependencies).of(work, env)


class _Filling:
    """One attempt's."""

    def __init__(self, left_by: LeftBy, dependencies: Collection[str]) -> None:
        self._left_by = left_by
        self._dependencies = dependencies
        #: What was looked up: results may be large files.
        self._left: dict[tuple[str, str], Any] = {}
        #: The variable that stands for each text in a shell's text, and what they carry.
        self._variables: dict[str, str] = {}
        self._carried: dict[str, str] = {}

    def of(self, work: dict[str, Any], env: dict[str, str]) -> Filled:
        # A script finds its arguments in sys.argv, which holds texts alone.
        typed = work.get("script") is None
        done = {
            name: self._field(name, value, typed=typed) if name in FILLED else value for name, value in work.items()
        }
        variables = {name: self._given(value) for name, value in env.items()}
        return Filled(done, {**variables, **self._carried})

    def _field(self, name: str, value: Any, *, typed: bool) -> Any:
        if name == "prompt":
            return self._text(value) if isinstance(value, str) else value
        if name != "command":
            return self._typed(value) if typed else self._texts(value)
        if isinstance(value, str):
            return self._shell(value)
        return [text for part in value for text in self._arguments(part, self._given)]

    def _typed(self, value: Any) -> Any:
        match value:
            case str():
                reading = self._whole(value)
                return self._text(value) if reading is None else self._look_up(reading)
            case dict():
                return {name: self._typed(item) for name, item in value.items()}
            case list() | tuple():
                return [self._typed(item) for item in value]
            case _:
                return value

    def _texts(self, value: Any) -> Any:
        if isinstance(value, list):
            return [text for item in value for text in self._arguments(item, self._text)]
        return value

    def _arguments(self, part: Any, text_of: Callable[[str], str]) -> list[Any]:
        """What an element of a list of arguments becomes; no text is left alone."""
        if not isinstance(part, str):
            return [part]
        reading = self._whole(part)
        return self._paths(reading) if reading is not None and reading.several else [text_of(part)]

    def _whole(self, text: str) -> Reading | None:
        """What it refers to, where it is nothing but a reference."""
        found = mentions(text)
        alone = len(found) == 1 and (found[0].start, found[0].end) == (0, len(text))
        return self._reading(found[0]) if alone else None

    def _paths(self, reading: Reading) -> list[str]:
        return [self._fit(path, reading) for path in self._look_up(reading)]

    def _given(self, text: str) -> str:
        """For an argument or a variable of a program."""
        done = self._text(text)
        fault = text_fault(done)
        if fault is not None:
            raise MissingReference(f"what is made of {text[:200]!r} {fault}")
        return done

    def _text(self, text: str) -> str:
        parts: list[str] = []
        before = 0
        for mention in mentions(text):
            parts += (text[before : mention.start], self._said(mention, text))
            before = mention.end
        return "".join([*parts, text[before:]])

    def _reading(self, mention: Mention) -> Reading | None:
        return None if mention.escaped else mention.reading(self._dependencies)

    def _said(self, mention: Mention, text: str) -> str:
        whole = text[mention.start : mention.end]
        reading = self._reading(mention)
        if reading is None:
            return whole[1:] if mention.escaped else whole
        return as_text(self._look_up(reading))

    def _shell(self, text: str) -> str:
        found = mentions(text)

        def replacement(number: int, place: Place) -> str:
            mention = found[number]
            reading = self._reading(mention)
            if reading is None:
                return self._said(mention, text)
            if place.quoting is None:
                raise MissingReference(f"{text[mention.start : mention.end]} {place.fault}")
            if not reading.several or place.quoting != "bare":
                return expansion(self._variable(as_text(self._look_up(reading)), reading), place.quoting)
            fault = no_word_of_its_own(text, mention)
            if fault is not None:
                raise MissingReference(f"{text[mention.start : mention.end]} {fault}")
            return " ".join(expansion(self._variable(path, reading), "bare") for path in self._look_up(reading))

        return replaced(text, [(mention.start, mention.end) for mention in found], replacement)

    def _variable(self, value: str, reading: Reading) -> str:
        if value not in self._variables:
            self._variables[value] = f"{VARIABLE}{len(self._variables) + 1}"
            self._carried[self._variables[value]] = self._fit(value, reading)
        return self._variables[value]

    @staticmethod
    def _fit(value: str, reading: Reading) -> str:
        fault = text_fault(value)
        if fault is not None:
            raise MissingReference(f"{_name(reading, len(reading.steps))} {fault}")
        return value

    def _look_up(self, reading: Reading) -> Any:
        key = reading.task, reading.what
        value = self._left[key] = self._left[key] if key in self._left else self._left_by(*key)
        for number, step in enumerate(reading.steps):
            try:
                value = part_of(value, step)
            except LookupError:
                raise MissingReference(f"{_name(reading, number)} has no {step!r}") from None
        return value


def _name(reading: Reading, steps: int) -> str:
    return ".".join(["tasks", reading.task, reading.what, *reading.steps[:steps]])
