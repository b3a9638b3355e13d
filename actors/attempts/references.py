"""References to results, filled in when an attempt starts: `${tasks.build.result.path}` in `command`, `args` and `env`.

Pure. How a reference is written, and where one may stand, is protocol/spec/references.py's knowledge; here are values.

    command, text for sh      the value is handed over in a variable (ORCH_REF_1, …), and the reference becomes that
                              variable, quoted as its place needs it: whatever a value holds, the shell never reads it
                              as code, and where bare it is one word
    command, list             as text
    args                      as text within a text; an argument that is nothing but a reference has the value itself,
                              but for a script's, which are texts
    env, prompt               as text

As text, a value that is no text stands as JSON. `$${` before one of our names becomes `${`.
"""

from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple

from orch_actors.protocol.spec.references import FILLED, Mention, Reading, as_text, has_mentions, mentions, part_of
from orch_actors.protocol.spec.shelltext import Place, expansion, replaced
from orch_actors.protocol.spec.work import text_fault

#: Beginning of the variables that carry values into a shell's text; a number from 1 follows.
VARIABLE: Final = "ORCH_REF_"


class MissingReference(Exception):
    """A result, or a part of one, that there is not, or that cannot be put where it is wanted; the text says which."""


#: A task's id → the JSON value that it handed back. Raises MissingReference.
ResultOf = Callable[[str], Any]


class Filled(NamedTuple):
    """What an attempt is started with."""

    work: dict[str, Any]
    env: dict[str, str]


def filled(
    work: dict[str, Any], env: dict[str, str], result_of: ResultOf, dependencies: Collection[str] = ()
) -> Filled:
    """A worker's part of a task and its variables, with every reference replaced.

    Args:
        work: the worker type's fields.
        env: the task's own variables.
        result_of: tells results.
        dependencies: ids that references are about, by which dots in them are told from those behind.

    Raises:
        MissingReference: one refers to what there is not, or to what no program can be given.
    """
    if not has_mentions(work) and not has_mentions(env):
        return Filled(work, env)
    return _Filling(result_of, dependencies).of(work, env)


class _Filling:
    """One attempt's."""

    def __init__(self, result_of: ResultOf, dependencies: Collection[str]) -> None:
        self._result_of = result_of
        self._dependencies = dependencies
        #: What each reference in a shell's text is replaced by, and the variables that carry it.
        self._variables: dict[Reading, str] = {}
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
        return self._shell(value) if isinstance(value, str) else [self._given(part) for part in value]

    def _typed(self, value: Any) -> Any:
        match value:
            case str():
                found = mentions(value)
                if len(found) == 1 and (found[0].start, found[0].end) == (0, len(value)):
                    reading = self._reading(found[0])
                    if reading is not None:
                        return self._look_up(reading)
                return self._text(value)
            case dict():
                return {name: self._typed(item) for name, item in value.items()}
            case list() | tuple():
                return [self._typed(item) for item in value]
            case _:
                return value

    def _texts(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._text(item) if isinstance(item, str) else item for item in value]
        return value

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
            return expansion(self._variable(reading), place.quoting)

        return replaced(text, [(mention.start, mention.end) for mention in found], replacement)

    def _variable(self, reading: Reading) -> str:
        if reading not in self._variables:
            value = as_text(self._look_up(reading))
            fault = text_fault(value)
            if fault is not None:
                raise MissingReference(f"{_name(reading, len(reading.steps))} {fault}")
            self._variables[reading] = f"{VARIABLE}{len(self._variables) + 1}"
            self._carried[self._variables[reading]] = value
        return self._variables[reading]

    def _look_up(self, reading: Reading) -> Any:
        value = self._result_of(reading.task)
        for number, step in enumerate(reading.steps):
            try:
                value = part_of(value, step)
            except LookupError:
                raise MissingReference(f"{_name(reading, number)} has no {step!r}") from None
        return value


def _name(reading: Reading, steps: int) -> str:
    return ".".join(["tasks", reading.task, "result", *reading.steps[:steps]])
