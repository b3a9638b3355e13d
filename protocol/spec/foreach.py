"""`foreach`: a task written once becomes several, one for each item of a list or mapping.

Pure; documents in, documents out. It happens before anything else is checked, for files and submissions alike, so that
the daemon and its journal only know tasks. `<id>` becomes `<id>-1`, `<id>-2`, … or `<id>-<name>` for a mapping; who
depends on `<id>` depends on all of them, under the same condition. In every text of the task `${item}` is the item,
`${item.x}` what is in it, and `${index}` what the copy's id ends with. What is put in is not read again; `$${item}` is
a literal `${item}`.

    nothing but `${item}`     the item itself, of whatever type, where the field takes it; otherwise its text
    within text for `sh -c`   the item's text, quoted as the place needs it (shelltext.py)
    within other text         the item's text; what is no text, as JSON

Nobody can make a large graph of a small document by it: tasks, dependencies and text that come out are bounded by what
could have been sent whole.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from orch_actors.protocol.ids import ID_RULE, is_id
from orch_actors.protocol.spec import plain
from orch_actors.protocol.spec.check import MAX_EDGES, MAX_TASKS
from orch_actors.protocol.spec.hints import listed
from orch_actors.protocol.spec.places import Finding, Findings, Path, shorten
from orch_actors.protocol.spec.references import as_text, has_mentions, part_of
from orch_actors.protocol.spec.shapes import Shape, found, shape_of
from orch_actors.protocol.spec.shelltext import Place, quoted, replaced

#: Most that repeated tasks may hold together, in characters: as much as a graph file may (load.py).
MAX_EXPANDED: Final = 16 * 1024 * 1024

EXPECTED: Final = "expected a list of items, a mapping of names to items, or JSON text of one of these"

#: `${item}`, `${item.a.b}`, `${index}`, and each escaped.
_ITEM: Final = re.compile(r"(?P<escape>\$?)\$\{(?P<name>item|index)(?P<steps>(?<=item)\.[^}\n]*)?\}")
#: The part of a reference to a result in which items may stand, to say which task is meant.
_TASKS: Final = re.compile(r"(?<!\$)\$\{tasks\.(?:[^{}\n]|\$\{(?:item|index)[^{}\n]*\})*\}")

#: Where a script's arguments go, all of which are texts.
_TEXTS: Final = shape_of(msgspec.inspect.type_info(tuple[str, ...]))
_PART_OF_ID: Final = re.compile(r"[a-z0-9._-]*", re.ASCII)


class Written(NamedTuple):
    """A task as it stands after `foreach`."""

    #: Where it is written in the document.
    base: Path
    raw: object
    #: For each of its dependencies the place in the list as it was written; None: as it is.
    orders: tuple[int, ...] | None = None
    #: Its `foreach` makes no sense, so it cannot be read; that is noted.
    broken: bool = False


#: The shapes of a task's fields, by its own document.
ShapesOf = Callable[[Mapping[str, Any]], Mapping[str, Shape]]


class _Copy(NamedTuple):
    name: str
    #: What its id ends with.
    label: int | str
    item: Any


class _TooMuch(Exception):
    """The bounds are passed; the text says which."""


class _NoSuchPart(Exception):
    """An item has no such part; the text says which."""


def expand(tasks: Sequence[tuple[Path, object]], shapes_of: ShapesOf, findings: Findings) -> list[Written]:
    """The tasks with every `foreach` carried out.

    Args:
        tasks: where each is written, and what; plain data, which is not changed.
        shapes_of: what fields a task has.
        findings: takes what is wrong.
    """
    if not any(isinstance(raw, dict) and "foreach" in raw for _, raw in tasks):
        return [Written(base, raw) for base, raw in tasks]
    return _Expansion(tasks, shapes_of, findings).run()


def items_of(raw: object) -> list[tuple[int | str, Any]] | None:
    """(label, item) of what stands under `foreach`; None where it is nothing of the kind."""
    if isinstance(raw, str):
        try:
            raw = msgspec.json.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            return None
        if isinstance(raw, str) or not plain.is_plain(raw):
            return None
    if isinstance(raw, (list, tuple)):
        return list(enumerate(raw, 1))
    return list(raw.items()) if isinstance(raw, dict) else None


class _Expansion:
    def __init__(self, tasks: Sequence[tuple[Path, object]], shapes_of: ShapesOf, findings: Findings) -> None:
        self._tasks = tasks
        self._shapes_of = shapes_of
        self._findings = findings
        #: Id that is repeated → its copies; None where they cannot be made.
        self._groups: dict[str, list[_Copy] | None] = {}
        self._edges = 0
        self._room = MAX_EXPANDED
        self._unfilled: set[Path] = set()

    def run(self) -> list[Written]:
        count = 0
        for base, raw in self._tasks:
            if isinstance(raw, dict) and "foreach" in raw:
                copies = self._copies(base, raw)
                self._announce(raw.get("id"), copies)
                count += len(copies or ())
            else:
                count += 1
        self._no_doubles()
        try:
            if count > MAX_TASKS:
                raise _TooMuch(f"has {count} tasks once they are repeated: expected at most {MAX_TASKS}")
            written = [each for base, raw in self._tasks for each in self._written(base, raw)]
        except _TooMuch as much:
            self._findings.add(("tasks",), str(much))
            return []
        # A text that could not be filled would be found wrong once more, for what is left in it.
        self._findings.closed |= self._unfilled
        return written

    def _announce(self, name: object, copies: list[_Copy] | None) -> None:
        if isinstance(name, str):
            # Two of a name are told as such later on.
            self._groups[name] = None if name in self._groups else copies

    def _no_doubles(self) -> None:
        for base, raw in self._tasks:
            name = raw.get("id") if isinstance(raw, dict) and "foreach" not in raw else None
            if isinstance(name, str) and name in self._groups:
                self._findings.add((*base, "id"), f"{name!r} is the id of a task that is repeated: ids must differ")

    def _copies(self, base: Path, raw: Mapping[str, Any]) -> list[_Copy] | None:
        """The copies of a task, or None with what is wrong noted."""
        path, name = (*base, "foreach"), raw.get("id")
        if not isinstance(name, str) or not is_id(name):
            wrong = "is missing" if "id" not in raw else f"{shorten(repr(name), 80)} is no task id"
            self._findings.add(
                (*base, "id"), f"{wrong}: expected {ID_RULE}; what is repeated is called <id>-1, <id>-2, …"
            )
            return None
        items = items_of(raw["foreach"])
        if items is None:
            self._findings.add(path, f"is {found(raw['foreach'])}: {EXPECTED}")
            return None
        if not 1 <= len(items) <= MAX_TASKS:
            bound = f"at most {MAX_TASKS}" if items else "at least one, or no such task"
            self._findings.add(path, f"has {len(items)} items: expected {bound}")
            return None
        before = self._findings.noted
        for place, (label, item) in enumerate(items):
            where = (*path, label if isinstance(label, str) else place)
            if has_mentions(item):
                self._findings.add(where, "an item cannot refer to parameters or results: write that into the task")
            if not is_id(f"{name}-{label}"):
                full = shorten(repr(f"{name}-{label}"), 80)
                self._findings.add(where, f"makes {full} of the task's id, which is none: expected {ID_RULE}")
        if self._findings.noted > before:
            return None
        return [_Copy(f"{name}-{label}", label, item) for label, item in items]

    def _written(self, base: Path, raw: object) -> Iterator[Written]:
        if not isinstance(raw, dict):
            yield Written(base, raw)
            return
        if "foreach" not in raw:
            yield self._depending(base, raw)
            return
        name = raw.get("id")
        copies = self._groups.get(name) if isinstance(name, str) else None
        if copies is None:
            yield Written(base, {key: value for key, value in raw.items() if key != "foreach"}, broken=True)
            return
        size = _size(raw) - _size(raw["foreach"])
        for copy in copies:
            self._spend(size)
            filling = _Filling(copy, base, self._note, self._spend)
            yield self._depending(base, {**filling.task(raw, self._shapes_of), "id": copy.name})

    def _note(self, path: Path, message: str) -> None:
        self._findings.add(path, message)
        self._unfilled.add(path)

    def _spend(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            raise _TooMuch(f"hold more than {MAX_EXPANDED} characters once they are repeated: give the items a file")

    def _depending(self, base: Path, raw: dict[str, Any]) -> Written:
        """The task, depending on the copies of what it depends on."""
        wanted = raw.get("depends_on")
        single = [wanted] if isinstance(wanted, (str, dict)) else wanted
        if not isinstance(single, (list, tuple)):
            return Written(base, raw)
        names = [item.get("task") if isinstance(item, dict) else item for item in single]
        if not any(isinstance(name, str) and self._groups.get(name) for name in names):
            self._edges += len(names)
            return Written(base, raw)
        spread: list[object] = []
        orders: list[int] = []
        for order, (item, name) in enumerate(zip(single, names, strict=True)):
            copies = self._groups.get(name) if isinstance(name, str) else None
            self._edges += len(copies or (name,))
            if self._edges > MAX_EDGES:
                raise _TooMuch(f"have more than {MAX_EDGES} dependencies together once they are repeated")
            each = [item] if not copies else [copy.name for copy in copies]
            spread += [{**item, "task": task} for task in each] if copies and isinstance(item, dict) else each
            orders += [order] * len(each)
        return Written(base, {**raw, "depends_on": spread}, tuple(orders))


class _Filling:
    """One copy of a task."""

    def __init__(
        self, copy: _Copy, base: Path, note: Callable[[Path, str], None], spend: Callable[[int], None]
    ) -> None:
        self._copy = copy
        self._base = base
        self._note = note
        self._spend = spend

    def task(self, raw: Mapping[str, Any], shapes_of: ShapesOf) -> dict[str, Any]:
        """The task's fields with this item put in, without `foreach`."""
        fields = {name: value for name, value in raw.items() if name not in ("foreach", "id")}
        if "worker" in fields:  # it decides on the other fields' shapes
            fields["worker"] = self._value(fields["worker"], Shape(), (*self._base, "worker"))
        shapes = dict(shapes_of(fields))
        if "script" in fields:
            shapes["args"] = _TEXTS
        return {
            name: self._value(value, shapes.get(name, Shape()), (*self._base, name)) for name, value in fields.items()
        }

    def _value(self, value: Any, shape: Shape, path: Path) -> Any:
        if isinstance(value, str):
            return self._text(value, shape, path) if "${i" in value else value
        if isinstance(value, dict):
            for key in value:
                if _ITEM.search(key):
                    self._note((*path, key), "items are put into values, not into names")
            return {key: self._value(inner, shape.below(value, key), (*path, key)) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._value(inner, shape.below(value, index), (*path, index)) for index, inner in enumerate(value)]
        return value

    def _text(self, text: str, shape: Shape, path: Path) -> Any:
        try:
            whole = _ITEM.fullmatch(text)
            if whole is not None and not whole["escape"]:
                return self._whole(whole, shape)
            if path[len(self._base) :] in (("command",), ("validate", "command")):
                return self._shell(text, path)
            return _ITEM.sub(self._replacement, text)
        except _NoSuchPart as missing:
            self._note(path, str(missing))
            return text

    def _whole(self, match: re.Match[str], shape: Shape) -> Any:
        value = self._look_up(match)
        self._spend(_size(value))
        return as_text(value) if not shape.takes(value) and shape.takes("") else value

    def _replacement(self, match: re.Match[str]) -> str:
        if match["escape"]:
            return match[0][1:]
        text = as_text(self._look_up(match))
        self._spend(len(text))
        return text

    def _shell(self, text: str, path: Path) -> str:
        """Text for `sh -c`; what says which task's result is meant is no word of the shell's."""
        text = _TASKS.sub(lambda match: _ITEM.sub(self._part_of_id, match[0]), text)
        matches = list(_ITEM.finditer(text))

        def replacement(number: int, place: Place) -> str:
            match = matches[number]
            if match["escape"]:
                return match[0][1:]
            if place.quoting is None:
                self._note(path, f"{shorten(match[0])} {place.fault}")
                return match[0]
            value = quoted(as_text(self._look_up(match)), place.quoting)
            self._spend(len(value))
            return value

        return replaced(text, [match.span() for match in matches], replacement)

    def _part_of_id(self, match: re.Match[str]) -> str:
        text = self._replacement(match)
        if not _PART_OF_ID.fullmatch(text):
            raise _NoSuchPart(
                f"{shorten(match[0])}: {shorten(repr(text))} cannot be in a task's id: expected {ID_RULE}"
            )
        return text

    def _look_up(self, match: re.Match[str]) -> Any:
        if match["name"] == "index":
            return self._copy.label
        value = self._copy.item
        for step in (match["steps"] or "").split(".")[1:]:
            try:
                value = part_of(value, step)
            except LookupError:
                has = f"it has {listed(list(value))}" if isinstance(value, dict) else f"it is {found(value)}"
                text = f"{shorten(match[0])}: item {self._copy.label} has no {shorten(repr(step))}; {has}"
                raise _NoSuchPart(text) from None
        return value


def not_filled(value: object, path: Path) -> Iterator[Finding]:
    """Where an item is named in what does not belong to one task: in `defaults`."""
    if isinstance(value, str):
        match = _ITEM.search(value)
        if match is not None:
            yield Finding(path, f"{shorten(match[0])} is put in only where a task itself says it: write it there")
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from not_filled(inner, (*path, key))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from not_filled(inner, (*path, index))


def _size(value: object) -> int:
    """About how many characters plain data has."""
    if isinstance(value, str):
        return len(value) + 2
    if isinstance(value, dict):
        return 2 + sum(len(key) + 4 + _size(inner) for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return 2 + sum(1 + _size(inner) for inner in value)
    return 8
