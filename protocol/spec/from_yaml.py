"""YAML text → plain data, and the lines of what stands in it.

Built on PyYAML's event stream instead of its loaders: their YAML 1.1 reads `on` and `no` as booleans, `1:30` as
90 and `2024-01-01` as a date; they let a later key overwrite an earlier one; and aliases can make gigabytes of
some hundred bytes. Here scalars follow the core schema of YAML 1.2 (but for numbers with leading zeros, which
stay text), keys are always text, and doubled keys, anchors, aliases, tags beyond the basic ones and further
documents are refused. Nothing recurses, and depth is bounded while reading.

This is the only module that imports yaml; import it only when there is YAML to read.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from orch_actors.protocol.errors import Problem
from orch_actors.protocol.spec.places import Path, shorten, where
from orch_actors.protocol.spec.plain import MAX_DEPTH
from orch_actors.protocol.spec.syntax import MAX_SYNTAX_PROBLEMS, SyntaxFault

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # PyYAML built without libyaml: the same, slower
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

_TAG: Final = "tag:yaml.org,2002:"
_INT: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)", re.ASCII)
_OTHER_INT: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_SPECIAL_FLOAT: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", re.ASCII)
_WORDS: Final[dict[str, bool | None]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}


def scalar(text: str) -> str | int | float | bool | None:
    """What a scalar without quotes or tag means."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > 1000:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _OTHER_INT.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text) or _SPECIAL_FLOAT.fullmatch(text):
        return float(text.replace(".inf", "inf").replace(".nan", "nan") if text[-1].isalpha() else text)
    return text


#: Tag → types that a scalar with it may have.
_FITTING: Final[dict[str, tuple[type, ...]]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "null": (type(None),),
}


class _Open:
    """A mapping or list that has begun and not ended."""

    __slots__ = ("key", "step", "values")

    def __init__(self, values: dict[str, Any] | list[Any], step: str | int | None) -> None:
        self.values = values
        #: Its place in what it stands in; None for the root.
        self.step = step
        #: The key that waits for its value.
        self.key: str | None = None


class _Reading:
    """Builds plain data from events; gathers what is not allowed."""

    def __init__(self) -> None:
        self.root: Any = None
        self.problems: list[Problem] = []
        self._open: list[_Open] = []
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """The next event."""
        if isinstance(event, yaml.ScalarEvent):
            self._no_anchor(event)
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._no_anchor(event)
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
        elif isinstance(event, yaml.AliasEvent):
            self._problem(event, f"the alias *{event.anchor} is not allowed: write it out, or use `defaults`")
            self._put(event, None)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents == 2:
                self._problem(event, "a second document begins here: expected one graph in a file")
                raise SyntaxFault(tuple(self.problems))

    def _problem(self, event: yaml.Event, message: str, key: str | None = None) -> None:
        path: list[str | int] = [open_.step for open_ in self._open if open_.step is not None]
        if self._open:
            last = self._open[-1]
            step = last.key if isinstance(last.values, dict) else len(last.values)
            path += [name for name in (key if key is not None else step,) if name is not None]
        self.problems.append(Problem(where=where(tuple(path)), message=message, line=_line(event)))
        if len(self.problems) >= MAX_SYNTAX_PROBLEMS:
            raise SyntaxFault(tuple(self.problems))

    def _no_anchor(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.anchor is not None:
            self._problem(event, f"the anchor &{event.anchor} is not allowed: write it out, or use `defaults`")

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        kind = "map" if isinstance(event, yaml.MappingStartEvent) else "seq"
        if event.tag not in (None, "!", _TAG + kind):
            self._problem(event, f"the tag {_tag_text(event.tag)} is not allowed: expected plain data")
        if len(self._open) >= MAX_DEPTH:
            self._problem(event, f"is nested deeper than {MAX_DEPTH} levels")
            raise SyntaxFault(tuple(self.problems))
        values: dict[str, Any] | list[Any] = {} if kind == "map" else []
        step = self._put(event, values)
        self._open.append(_Open(values, step))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        last = self._open[-1] if self._open else None
        if last is not None and isinstance(last.values, dict) and last.key is None:
            self._begin_pair(event, last, event.value)
        else:
            self._put(event, self._value(event))

    def _begin_pair(self, event: yaml.Event, mapping: _Open, key: str) -> None:
        if key in mapping.values:
            self._problem(event, f"the key `{shorten(key)}` is there twice", key)
        mapping.key = key

    def _put(self, event: yaml.Event, value: Any) -> str | int | None:
        """Put a value where it belongs; gives its place there."""
        if not self._open:
            self.root = value
            return None
        last = self._open[-1]
        if isinstance(last.values, list):
            last.values.append(value)
            return len(last.values) - 1
        if last.key is None:
            self._problem(event, "a list, mapping or alias is used as a key: expected text")
            raise SyntaxFault(tuple(self.problems))
        step, last.key = last.key, None
        last.values[step] = value
        return step

    def _value(self, event: yaml.ScalarEvent) -> Any:
        text: str = event.value
        if event.tag is None:
            return self._plain(text) if event.implicit[0] else text
        if event.tag == "!":  # "not resolved", which makes a text of it
            return text
        kind = event.tag.removeprefix(_TAG)
        if kind == "str":
            return text
        value = scalar(text)
        if kind not in _FITTING:
            self._problem(event, f"the tag {_tag_text(event.tag)} is not allowed: expected plain data")
        elif type(value) not in _FITTING[kind]:
            self._problem(event, f"{shorten(repr(text))} is no {_tag_text(event.tag)}")
        return value

    def _plain(self, text: str) -> Any:
        value = scalar(text)
        if type(value) in (int, float) and str(value) != text and self._wants_text():
            return text
        return value

    def _wants_text(self) -> bool:
        """Whether it stands in `env`, `params` or `foreach`: there `1.10` must not become 1.1 on its way to text."""
        match [open_.step for open_ in self._open[1:5]]:
            case ["defaults", "env"] | ["tasks", _, "env"] | ["tasks", _, "foreach", *_] | ["params"] | ["params", _]:
                return True
            case _:
                return False


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 0


def _tag_text(tag: str) -> str:
    return "!!" + tag.removeprefix(_TAG) if tag.startswith(_TAG) else shorten(tag)


def read_yaml(text: str) -> object:
    """The one document in the text.

    Raises:
        SyntaxFault: it is not YAML, or has what is not allowed here; with lines.
    """
    reading = _Reading()
    for event in _events(text):
        reading.take(event)
    if reading.problems:
        raise SyntaxFault(tuple(reading.problems))
    return reading.root


def _events(text: str) -> Iterator[yaml.Event]:
    """The event stream; yaml's errors become SyntaxFault."""
    try:
        yield from yaml.parse(text, Loader=Loader)
    except yaml.MarkedYAMLError as error:
        raise _marked(error, text) from error
    except yaml.reader.ReaderError as error:
        line, column = _unreadable(text)
        raise SyntaxFault.at("a control character, which YAML does not allow", line, column) from error


def _marked(error: yaml.MarkedYAMLError, text: str) -> SyntaxFault:
    mark, context = error.problem_mark or error.context_mark, error.context or ""
    if mark is None:
        return SyntaxFault.at(str(error), 0)
    if error.context_mark is not None and error.context_mark.line != mark.line:
        context += f" that begins in line {error.context_mark.line + 1}"
    what = ", ".join(part for part in (context, error.problem) if part)
    if mark.line > text.rstrip("\n").count("\n"):  # the end is said to be in the line after the last
        return SyntaxFault.at(f"{what}, and here the file ends", text.rstrip("\n").count("\n") + 1)
    if text.split("\n")[mark.line].startswith("\t", mark.column):
        what = "a tab stands where YAML wants spaces"
    return SyntaxFault.at(what, mark.line + 1, mark.column + 1)


def _unreadable(text: str) -> tuple[int, int]:
    """Line and column of the first character that YAML does not allow; 0 where none is found."""
    match = re.search(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
    if match is None:
        return 0, 0
    return text.count("\n", 0, match.start()) + 1, match.start() - text.rfind("\n", 0, match.start())


def yaml_places(text: str) -> Iterator[tuple[Path, int]]:
    """Path and line (from 1) of everything in a text that `read_yaml` has read."""
    path: list[str | int] = []
    #: For each open collection: index of the next item of a list, or None in a mapping.
    following: list[int | None] = []
    key: str | None = None
    for event in _events(text):
        if isinstance(event, yaml.CollectionEndEvent):
            following.pop()
            if path:
                path.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        if following and following[-1] is None and key is None:
            key = event.value if isinstance(event, yaml.ScalarEvent) else "?"
            yield (*path, key), _line(event)
            continue
        if following:
            index = following[-1]
            if index is None:
                path.append(key or "")
                key = None
            else:
                path.append(index)
                following[-1] = index + 1
                yield tuple(path), _line(event)
        if isinstance(event, yaml.CollectionStartEvent):
            following.append(None if isinstance(event, yaml.MappingStartEvent) else 0)
        elif path:
            path.pop()
