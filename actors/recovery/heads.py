"""What every line of a journal is decoded to at first: its numbers, and of each fact its kind and its graph.

A start decodes a million lines to this, and few of them further (`replaying.py`, `digest.py`). The kinds of facts are a
closed union here as well: a line with one that this version does not know is refused, whatever becomes of its graph.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Union, get_args

import msgspec
from msgspec import Raw, Struct

from orch_actors.actors.core import facts as f
from orch_actors.actors.journal.record import Whole
from orch_actors.actors.recovery.history import OutcomeLine

#: Facts that mean something beyond the graph that they are about.
_FAR_REACHING: Final = frozenset({f.GraphSubmitted, f.GraphForgotten, f.DecisionAsked})

#: How a fact that forgets a graph is written.
_FORGOTTEN: Final = b'"k":"graph_forgotten"'


def _head_of(kind: type[f.FactForm]) -> type[Struct]:
    """All that is decoded of a fact of this kind at first: its graph.

    Of one that has to be looked at `graph` is None, and `about` its graph; of one that has to be folded both are None.
    """
    names = [name for name in ("graph", "ref") if name in kind.__struct_fields__ and not issubclass(kind, f.SilentFact)]
    near = "graph" in names and kind not in _FAR_REACHING
    kept = ["graph"] if near else ["about" if name == "graph" else name for name in names]
    return msgspec.defstruct(
        f"{kind.__name__}Head",
        [(name, str, "") for name in kept],
        tag_field="k",
        tag=kind.__struct_config__.tag,
        rename={"about": "graph"},
        namespace={name: None for name in ("graph", "about") if name not in kept},
        frozen=True,
        gc=False,
    )


_HEADS: Final = {kind: _head_of(kind) for kind in get_args(f.Fact)}
SUBMITTED: Final = _HEADS[f.GraphSubmitted]
FORGETS: Final = _HEADS[f.GraphForgotten]
ASKED: Final = _HEADS[f.DecisionAsked]

if TYPE_CHECKING:

    class Head(Struct):
        """Any of them."""

        graph: str | None
        about: str | None
        ref: str
else:
    Head = Union[tuple(_HEADS.values())]  # noqa: UP007 (made of many)


class Entry(Struct, frozen=True, kw_only=True, gc=False):
    """As much of a command or an outcome as every line is decoded to."""

    of: int | None = None
    at: float = 0.0
    e: int = 0
    facts: tuple[Head, ...] = ()
    reply: Raw = f.NOTHING
    client: str = ""
    id: str = ""
    digest: str = ""


entry_decoder: Final = msgspec.json.Decoder(Whole[Entry])
outcome_line: Final = msgspec.json.Decoder(Whole[OutcomeLine]).decode


def forgotten_in(segment: bytes) -> Iterator[str]:
    """Graphs that lines of this segment, which need not have been checked, say are forgotten."""
    at = segment.find(_FORGOTTEN)
    while at >= 0:
        begin, end = segment.rfind(b"\n", 0, at) + 1, segment.find(b"\n", at)
        end = len(segment) if end < 0 else end
        try:
            facts = outcome_line(segment[begin:end]).d.facts
        except (msgspec.DecodeError, RecursionError):  # the words of a user, in a line of another kind
            facts = ()
        yield from (fact.graph for fact in facts if isinstance(fact, f.GraphForgotten))
        at = segment.find(_FORGOTTEN, end)
