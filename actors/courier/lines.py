"""What a line of an `inbox.jsonl` asks: that of the home anything but to stop the daemon, that of a graph what is about
the graph. Pure.

A line is `{"do": REQUEST, "id"?: TEXT, "session"?: TEXT}`, REQUEST as in SPEC.md, "Requests"; or REQUEST itself. What
is no such line is a bad one: told, and passed over. In a graph's inbox the graph need not be named.
"""

from typing import Any, Final, get_args

import msgspec
from msgspec import Struct

from orch_actors.actors.courier.inbox import MAX_LINE, Line
from orch_actors.protocol import messages as m

#: What cannot be meant by a line: it would end, or block, who carries it out.
_NOT_BY_FILE: Final = (m.Shutdown,)

#: Kinds of requests that name one graph as `graph`; those that are relative to a folder; those that name a decision.
_ABOUT_A_GRAPH: Final = frozenset(
    str(kind.__struct_config__.tag)
    for kind in (*get_args(m.Command), *get_args(m.Query))
    if "graph" in kind.__struct_fields__ and kind is not m.SubmitGraph
)
_IN_A_FOLDER: Final = frozenset(
    str(kind.__struct_config__.tag) for kind in get_args(m.Command) if "base_dir" in kind.__struct_fields__
)
_ABOUT_A_DECISION: Final = frozenset({"decide", "get_decision"})


class Asked(Struct, frozen=True, kw_only=True):
    """What a line says."""

    do: m.Command | m.Query
    #: The writer's own name for it; told with the reply.
    id: str = ""
    #: Whose graphs these are to be.
    session: str = ""


class _Wrapped(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    do: m.Command | m.Query
    id: str = ""
    session: str = ""


class Graph(Struct, frozen=True, kw_only=True):
    """Whose inbox it is; and the folder that tasks which are added are relative to, where they say nothing."""

    id: str
    name: str
    folder: str


def read_line(line: Line, graph: Graph | None = None) -> Asked:
    """What a line asks; `graph`: of whose inbox it is.

    Raises:
        ValueError: it is none, or not for this inbox; says why.
    """
    if len(line.data) > MAX_LINE:
        raise ValueError(f"the line is longer than {MAX_LINE} bytes")
    try:
        document: Any = msgspec.json.decode(line.data)
        if not isinstance(document, dict):
            raise ValueError('expected an object: {"do": {"type": …}}')  # noqa: TRY004 (the line is wrong)
        wrapped = document if "do" in document else {"do": document}
        if graph is not None:
            wrapped = {**wrapped, "do": _of_graph(wrapped["do"], graph)}
        asked = msgspec.convert(wrapped, _Wrapped)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if isinstance(asked.do, _NOT_BY_FILE):
        raise ValueError("a daemon is not stopped by a line; use `orch-actors down`")  # noqa: TRY004 (as above)
    return Asked(do=asked.do, id=asked.id[:128], session=asked.session[:128])


def _of_graph(do: Any, graph: Graph) -> Any:
    """The request with what this inbox says by itself.

    Raises:
        ValueError: it is about something else.
    """
    kind = do.get("type") if isinstance(do, dict) else None
    if not isinstance(kind, str) or kind in _ABOUT_A_DECISION:
        return do
    if kind not in _ABOUT_A_GRAPH:
        known = ", ".join(sorted(_ABOUT_A_GRAPH | _ABOUT_A_DECISION))
        raise ValueError(f"this inbox is graph {graph.id}'s, and takes no {kind!r}, but: {known}")
    if do.get("graph", graph.id) not in (graph.id, graph.name) or do.get("worker") is not None:
        raise ValueError(f"this inbox is graph {graph.id}'s: leave `graph` and `worker` out")
    more = {"base_dir": graph.folder} if kind in _IN_A_FOLDER else {}
    return {**more, **do, "graph": graph.id}


def decision_of(do: m.Command | m.Query) -> str | None:
    """Ref of the decision that it is about."""
    return do.ref if isinstance(do, m.Decide | m.GetDecision) else None
