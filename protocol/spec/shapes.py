"""What a document may say where a Struct's field stands: shorthands, and what is wrong with a value.

Derived from the Structs' own annotations (msgspec.inspect), so that a field is declared once. Two operations:
`tidy` turns a shorthand into the exact form and leaves alone what it does not understand; `faults` says, for a
value as it stood in the document, what was found and what was expected. The first runs for every task, the
second only after msgspec has refused: msgspec is fast but stops at the first fault.

Shorthands: a duration as text; one value where a list is expected; a number in a mapping of texts (`env`); a
dependency as the task's id alone; artifacts as a list of paths.
"""

import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final, cast

import msgspec.inspect as mi
from msgspec import Struct

from orch_actors.protocol.spec.durations import DURATION_RULE, MAX_DURATION_S, parse_duration
from orch_actors.protocol.spec.graph import Artifacts, Dependency, Secret
from orch_actors.protocol.spec.hints import did_you_mean, listed
from orch_actors.protocol.spec.places import Finding, Path, shorten
from orch_actors.protocol.spec.sizes import SIZE_RULE, parse_size

#: Structs that may stand as text alone, which then is this field.
TEXT_FOR: Final[Mapping[type[Struct], str]] = {Dependency: "task"}

#: Structs that may stand as a list, or its one item, which then is this field.
LIST_FOR: Final[Mapping[type[Struct], str]] = {Artifacts: "paths"}

#: Structs in whose place somebody may have written a text that nobody else should read → what is expected.
UNSHOWN: Final[Mapping[type[Struct], str]] = {
    Secret: "where it is found: {env: NAME}, {file: PATH} or {command: …}; never the value itself"
}


def found(value: object) -> str:
    """A value in words, for `is …: expected …`."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {shorten(str(value), 30)}"
        case str():
            return f"the text {shorten(repr(value))}" if value else "an empty text"
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return f"of type {type(value).__name__}"


class Shape:
    """Anything goes; also the root of the others."""

    #: What is expected, in words.
    expected = "any value"

    def takes(self, value: object) -> bool:  # noqa: ARG002 (anything goes here)
        """Whether the value, as it stands in a document, is of this kind at all."""
        return True

    def tidy(self, value: object) -> object:
        """The exact form of a value as it stands in a document; what makes no sense stays as it is."""
        return value

    def faults(self, value: object, path: Path) -> Iterator[Finding]:
        """All that is wrong with a value as it stands in a document."""
        if not self.takes(value):
            yield Finding(path, f"is {found(value)}: expected {self.expected}")

    def below(self, value: object, key: str | int) -> "Shape":  # noqa: ARG002 (anything goes here)
        """The shape of what stands at a key or place in a value of this shape."""
        return _ANYTHING


_ANYTHING: Final = Shape()


class Nothing(Shape):
    """None."""

    expected = "null"

    def takes(self, value: object) -> bool:
        """See Shape."""
        return value is None


class Text(Shape):
    """A text."""

    expected = "text"

    def takes(self, value: object) -> bool:
        """See Shape."""
        return isinstance(value, str)

    def faults(self, value: object, path: Path) -> Iterator[Finding]:
        """See Shape."""
        if isinstance(value, (bool, int, float)):
            yield Finding(path, f"is {found(value)}: expected text (put it in quotes)")
        else:
            yield from super().faults(value, path)


class TextOrNumber(Text):
    """A text, or a number that becomes one: values of `env`."""

    def tidy(self, value: object) -> object:
        """See Shape."""
        return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value

    def faults(self, value: object, path: Path) -> Iterator[Finding]:
        """See Shape."""
        return super().faults(self.tidy(value), path)


class Truth(Shape):
    """True or false."""

    expected = "true or false"

    def takes(self, value: object) -> bool:
        """See Shape."""
        return isinstance(value, bool)


class Choice(Shape):
    """One of a few texts."""

    def __init__(self, values: tuple[object, ...]) -> None:
        self._values = [str(value) for value in values]
        self.expected = f"one of {listed(self._values)}"

    def takes(self, value: object) -> bool:
        """See Shape."""
        return isinstance(value, str)

    def faults(self, value: object, path: Path) -> Iterator[Finding]:
        """See Shape."""
        if value not in self._values:
            meant = did_you_mean(value, self._values) if isinstance(value, str) else ""
            yield Finding(path, f"is {found(value)}: expected {self.expected}{meant}")


class Number(Shape):
    """A number within bounds; whole or not."""

    def __init__(self, kind: mi.IntType | mi.FloatType) -> None:
        self._whole = isinstance(kind, mi.IntType)
        self._ge, self._gt, self._le, self._lt = kind.ge, kind.gt, kind.le, kind.lt
        self.expected = ("a whole number" if self._whole else "a number") + self._range()

    def _range(self) -> str:
        if self._ge is not None and self._le is not None:
            return f" from {self._ge} to {self._le}"
        words = (("of at least", self._ge), ("above", self._gt), ("of at most", self._le), ("below", self._lt))
        return "".join(f" {word} {bound}" for word, bound in words if bound is not None)

    def takes(self, value: object) -> bool:
        """See Shape."""
        return isinstance(value, (int, float)) and not isinstance(value, bool)

    def faults(self, value: object, path: Path) -> Iterator[Finding]:
        """See Shape."""
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not self._within(value):
            yield Finding(path, f"is {found(value)}: expected {self.expected}")

    def _within(self, value: float) -> bool:
        if not math.isfinite(value) or (self._whole and value != int(value)):
            return False
        return (
            (self._ge is None or value >= self._ge)
            and (self._gt is None or value > self._gt)
            and (self._le is None or value <= self._le)
            and (self._lt is None or value < self._lt)
        )


class Span(Shape):
    """A duration: seconds, or text with units."""

    expected = DURATION_RULE

    def takes(self, value: object) -> bool:
        """See Shape."""
        return isinstance(value, (int, float, str)) and not isinstance(value, bool)

    def tidy(self, value: object) -> object:
        """See Shape."""
        if not isinstance(value, str):
            return value
        try:
            return parse_duration(value)
        except ValueError:
            return value

    def faults(self, value: object, path: Path) -> Iterator[Finding]:
        """See Shape."""
        seconds = self.tidy(value)
        if not isinstance(seconds, (int, float)) or isinstance(seconds, bool):
            yield Finding(path, f"is {found(value)}: expected {self.expected}")
        elif seconds < 0:
            yield Finding(path, f"is {found(value)}: a duration is never below 0")
        elif not seconds <= MAX_DURATION_S:
            yield Finding(path, f"is {found(value)}: the longest duration is {MAX_DURATION_S} seconds")


class Amount(Number):
    """A number of bytes, or text with units."""

    def __init__(self, kind: mi.IntType) -> None:
        super().__init__(kind)
        self.expected = SIZE_RULE

    def takes(self, value: object) -> bool:
        """See Shape."""
        return isinstance(value, str) or super().takes(value)

    def tidy(self, value: object) -> object:
        """See Shape."""
        if not isinstance(value, str):
            return value
        try:
            return parse_size(value)
        except ValueError:
            return value

    def faults(self, value: object, path: Path) -> Iterator[Finding]:
        """See Shape."""
        if any(super().faults(self.tidy(value), path)):
            yield Finding(path, f"is {found(value)}: expected {self.expected}")


class Sequence(Shape):
    """A list; where `single`, one value that is no list stands for a list of it."""

    def __init__(self, item: Shape, *, single: bool) -> None:
        self._item = item
        self._single = single
        self._items_are_exact = type(item) in (Shape, Text, Truth, Choice, Number)
        self.expected = "a list" if type(item) is Shape else f"a list with {item.expected} in each place"

    def takes(self, value: object) -> bool:
        """See Shape."""
        return isinstance(value, (list, tuple)) or (self._single and value is not None and self._item.takes(value))

    def tidy(self, value: object) -> object:
        """See Shape."""
        if isinstance(value, (list, tuple)):
            return value if self._items_are_exact else [self._item.tidy(inner) for inner in value]
        return [self._item.tidy(value)] if self.takes(value) else value

    def faults(self, value: object, path: Path) -> Iterator[Finding]:
        """See Shape."""
        if isinstance(value, (list, tuple)):
            for index, inner in enumerate(value):
                yield from self._item.faults(inner, (*path, index))
        elif self.takes(value):
            yield from self._item.faults(value, path)
        else:
            yield from super().faults(value, path)

    def below(self, value: object, key: str | int) -> Shape:
        """See Shape."""
        return self._item if isinstance(value, (list, tuple)) else self._item.below(value, key)


class Table(Shape):
    """A mapping with keys of the document's choice."""

    def __init__(self, value: Shape) -> None:
        self._value = value
        self.expected = "a mapping" if type(value) is Shape else f"a mapping of names to {value.expected}"

    def takes(self, value: object) -> bool:
        """See Shape."""
        return isinstance(value, dict)

    def tidy(self, value: object) -> object:
        """See Shape."""
        if isinstance(value, dict) and type(self._value) is not Shape:
            return {key: self._value.tidy(inner) for key, inner in value.items()}
        return value

    def faults(self, value: object, path: Path) -> Iterator[Finding]:
        """See Shape."""
        if not isinstance(value, dict):
            yield from super().faults(value, path)
            return
        for key, inner in value.items():
            yield from self._value.faults(inner, (*path, key))

    def below(self, value: object, key: str | int) -> Shape:  # noqa: ARG002 (the same for all)
        """See Shape."""
        return self._value


class Record(Shape):
    """A mapping with the fields of one Struct."""

    expected = "a mapping"

    def __init__(self, kind: type[Struct]) -> None:
        info = cast("mi.StructType", mi.type_info(kind))
        self.fields: Final = {field.encode_name: shape_of(field.type) for field in info.fields}
        self.required: Final = tuple(field.encode_name for field in info.fields if field.required)
        self._text_for = TEXT_FOR.get(kind)
        if self._text_for is not None:
            self.expected = f"text ({self._text_for}) or a mapping of {listed(list(self.fields))}"
        self._list_for = LIST_FOR.get(kind)
        if self._list_for is not None:
            self.expected = f"{self.fields[self._list_for].expected}, or a mapping of {listed(list(self.fields))}"
        self._unshown = kind in UNSHOWN
        self.expected = UNSHOWN.get(kind, self.expected)

    def takes(self, value: object) -> bool:
        """See Shape."""
        return isinstance(value, dict) or self._short(value) is not None

    def _short(self, value: object) -> str | None:
        """The field that a value which is no mapping stands for."""
        if isinstance(value, str):
            return self._text_for or self._list_for
        return self._list_for if isinstance(value, (list, tuple)) else None

    def tidy(self, value: object) -> object:
        """See Shape."""
        short = self._short(value)
        if short is not None:
            return {short: self.fields[short].tidy(value)}
        if not isinstance(value, dict):
            return value
        shapes = self.fields
        return {key: shapes[key].tidy(inner) if key in shapes else inner for key, inner in value.items()}

    def faults(self, value: object, path: Path) -> Iterator[Finding]:
        """See Shape."""
        short = self._short(value)
        if short is not None and short == self._list_for:
            yield from self.fields[short].faults(value, path)
            return
        value = self.tidy(value) if short is not None else value
        if not isinstance(value, dict):
            if self._unshown:
                yield Finding(path, f"is no mapping: expected {self.expected}")
            else:
                yield from super().faults(value, path)
            return
        for key, inner in value.items():
            if key in self.fields:
                yield from self.fields[key].faults(inner, (*path, key))
            else:
                meant = did_you_mean(key, self.fields) or f"; known are {listed(list(self.fields))}"
                yield Finding((*path, key), f"is an unknown field{meant}")
        for name in self.required:
            if name not in value:
                yield Finding((*path, name), f"is missing: expected {self.fields[name].expected}")

    def below(self, value: object, key: str | int) -> Shape:
        """See Shape."""
        short = self._short(value)
        if short is not None:
            return self.fields[short].below(value, key)
        return self.fields.get(key, _ANYTHING) if isinstance(key, str) else super().below(value, key)


class OneOf(Shape):
    """Several shapes; the first that takes a value has it."""

    def __init__(self, options: list[Shape]) -> None:
        self._options = options
        # Null is taken, yet nobody needs to be told.
        self.expected = ", or ".join(option.expected for option in options if not isinstance(option, Nothing))

    def _for(self, value: object) -> Shape | None:
        return next((option for option in self._options if option.takes(value)), None)

    def takes(self, value: object) -> bool:
        """See Shape."""
        return self._for(value) is not None

    def tidy(self, value: object) -> object:
        """See Shape."""
        option = self._for(value)
        return value if option is None else option.tidy(value)

    def faults(self, value: object, path: Path) -> Iterator[Finding]:
        """See Shape."""
        option = self._for(value)
        if option is not None:
            yield from option.faults(value, path)
        elif isinstance(value, (bool, int, float)) and any(isinstance(option, Text) for option in self._options):
            yield Finding(path, f"is {found(value)}: expected {self.expected} (put it in quotes)")
        else:
            yield from super().faults(value, path)

    def below(self, value: object, key: str | int) -> Shape:
        """See Shape."""
        option = self._for(value)
        return super().below(value, key) if option is None else option.below(value, key)


_SCALARS: Final[Mapping[type[mi.Type], Shape]] = {
    mi.NoneType: Nothing(),
    mi.StrType: Text(),
    mi.BoolType: Truth(),
    mi.AnyType: Shape(),
}


def shape_of(kind: mi.Type, *, alone: bool = True) -> Shape:
    """The shape of an annotation; `alone`: it is no member of a union of several kinds of value."""
    match kind:
        case mi.Metadata(extra={"duration": True}):
            return Span()
        case mi.Metadata(type=mi.IntType() as inner, extra={"size": True}):
            return Amount(inner)
        case mi.Metadata(type=inner):
            return shape_of(inner, alone=alone)
        case mi.IntType() | mi.FloatType():
            return Number(kind)
        case mi.LiteralType(values=values):
            return Choice(values)
        case mi.StructType(cls=cls):
            return record(cls)
        case mi.VarTupleType(item_type=item) | mi.ListType(item_type=item):
            # `args` is a JSON value: one that is no list was not meant as a list of one.
            return Sequence(shape_of(item), single=alone and not isinstance(item, mi.AnyType))
        case mi.DictType(value_type=value):
            return Table(TextOrNumber() if isinstance(value, mi.StrType) else shape_of(value))
        case mi.UnionType(types=types):
            several = sum(not isinstance(member, mi.NoneType) for member in types) > 1
            return OneOf([shape_of(member, alone=not several) for member in types])
        case _:
            return _SCALARS[type(kind)]


@cache
def record(kind: type[Struct]) -> Record:
    """The shape of a Struct."""
    return Record(kind)


def is_exact(shape: Shape) -> bool:
    """Whether `tidy` never changes anything, so that it may be left out."""
    if isinstance(shape, OneOf):
        return all(is_exact(option) for option in shape._options)  # noqa: SLF001 (its own module)
    return type(shape) in (Shape, Nothing, Text, Truth, Choice, Number) or (
        isinstance(shape, Table) and type(shape._value) is Shape  # noqa: SLF001
    )
