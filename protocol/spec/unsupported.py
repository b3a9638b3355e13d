"""What documents may say by their form, and this version does not do yet: refused by name, never ignored.

UNSUPPORTED is data: to have something implemented accepted, delete its line. A key is the path of a field, in a
task or in the graph (`limits.…`); its use with any value but the default is refused. A key that begins with
`${` is a text that no string may hold. Only new submissions are held against it: what was accepted once and
stands in a journal is read with an empty table.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec.inspect as mi
from msgspec import NODEFAULT, Struct

from orch_actors.protocol.spec.graph import GraphSpec, TaskSpec
from orch_actors.protocol.spec.places import Finding

#: Path of a field → what to say to who uses it.
UNSUPPORTED: Final[Mapping[str, str]] = MappingProxyType({})

#: Worker types that are planned; named so that nobody looks for a mistake of theirs.
PLANNED_WORKERS: Final = ("claude", "opencode")


class _Rule(NamedTuple):
    names: tuple[str, ...]
    default: object
    sentence: str


class Rules:
    """A table like UNSUPPORTED, made ready to hold many tasks against."""

    def __init__(self, unsupported: Mapping[str, str]) -> None:
        self.texts: Final = {key: sentence for key, sentence in unsupported.items() if key.startswith("${")}
        self._task: list[_Rule] = []
        self._graph: list[_Rule] = []
        for key, sentence in unsupported.items():
            if key in self.texts:
                continue
            names = tuple(key.split("."))
            of_graph = names[0] in GraphSpec.__struct_fields__
            default = _default(GraphSpec if of_graph else TaskSpec, names)
            (self._graph if of_graph else self._task).append(_Rule(names, default, sentence))

    def of_task(self, task: TaskSpec) -> Iterator[Finding]:
        """What a task uses of it; paths begin in the task."""
        return _used(self._task, task)

    def of_graph(self, graph: GraphSpec) -> Iterator[Finding]:
        """What a graph uses of it, apart from its tasks."""
        return _used(self._graph, graph)


def _used(rules: list[_Rule], spec: Struct) -> Iterator[Finding]:
    for rule in rules:
        value = getattr(spec, rule.names[0])  # the names are ours: Rules has found each in a Struct
        if len(rule.names) == 1:
            if value != rule.default:
                yield Finding(rule.names, rule.sentence)
        elif isinstance(value, tuple):
            for index, inner in enumerate(value):
                if getattr(inner, rule.names[1]) != rule.default:
                    yield Finding((rule.names[0], index, rule.names[1]), rule.sentence)
        elif getattr(value, rule.names[1]) != rule.default:
            yield Finding(rule.names, rule.sentence)


def _default(kind: type[Struct], names: tuple[str, ...]) -> object:
    """The default of a field, at most one Struct further down."""
    fields: dict[str, Any] = {field.name: field for field in _fields(mi.type_info(kind))}
    field = fields[names[0]]
    if len(names) > 1:
        inner = field.type.item_type if isinstance(field.type, mi.VarTupleType) else field.type
        field = {below.name: below for below in _fields(inner)}[names[1]]
    return field.default_factory() if field.default is NODEFAULT else field.default


def _fields(kind: mi.Type) -> tuple[mi.Field, ...]:
    if not isinstance(kind, mi.StructType):
        raise TypeError(f"{kind} has no fields")
    return kind.fields
