"""The completion inbox: what came of a submitter's graphs since it last acknowledged, a line each.

An agent that slept, was restarted or had its context compacted asks one thing: what ended, and what waits for me? The
answer is read from the events that its consumer (`inbox.NAME`) has not acknowledged, so nothing is lost over restarts
of either side; it is told again until it is acknowledged, and not after that. Events are coalesced: a graph is one
item, whatever happened in it, with its L0 line as it stands now, so that ten thousand tasks do not flood anybody.

Theory of operation. The consumer wants four kinds of events, of all graphs: which graphs are the submitter's is only
known as they are submitted. Each event is looked at in turn; events of graphs that are somebody else's are passed over.
`through` is the number up to which everything of the submitter's is among the items: what to acknowledge once they are
dealt with. Where there are more graphs than were asked for, `through` stands before the first that had no room. Who
slept for so long that events are not kept any more is told that (`lost`), and what came after: what a graph came to is
in its summary, as long as that is kept.

Rejected: a list of ended graphs kept by the daemon for each submitter, which would have to be journalled, acknowledged
and bounded all over again; the events and their consumers are that already.
"""

from typing import Any, Final

from msgspec import Struct

from orch_actors.protocol.errors import Refused
from orch_actors.protocol.submitter import submitter as own_name
from orch_actors.protocol.submitter import submitter_of
from orch_actors.protocol.views import GRAPH_ENDINGS, DecisionView, Event
from orch_actors.protocol.visible import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orch_actors.protocol.client import Client

#: What an inbox's consumer wants to hear of.
KINDS: Final = ("graph_submitted", "task_ended", "decision_asked", "graph_ended")

#: Graphs of one reading, where nobody says how many.
GRAPHS: Final = 20
#: Tasks that failed, and that an item of a graph that goes on names.
NAMED: Final = 3

_LOST: Final = "what ended then is not among these; `orch-actors status` shows the graphs that are kept"

_PAGE: Final = 5000
#: A cursor is moved on unasked once so many events of others have been passed over.
_PASS_EVERY: Final = 1000


class Item(Struct, frozen=True, kw_only=True):
    """What came of one graph."""

    graph: str
    name: str
    #: As it stands now, which may be further than the events told.
    state: str
    ended: bool
    #: L0, at most 256 characters.
    line: str
    #: Tasks that ended since the last acknowledgement: state → how many.
    tasks: dict[str, int] = {}
    #: Of those, some that failed, by id.
    failed: tuple[str, ...] = ()
    #: Questions that were asked since then and are still open.
    decisions: tuple[DecisionView, ...] = ()

    def __repr__(self) -> str:
        return f"<news: {one_line(self.line)}>"


class Inbox(Struct, frozen=True, kw_only=True):
    """One reading."""

    #: The consumer's name.
    consumer: str
    items: tuple[Item, ...]
    #: What to acknowledge once the items are dealt with (`Client.ack_events`).
    through: int
    #: There is more after `through`.
    more: bool = False
    #: What cannot be told, since its events are not kept any more, in a sentence; empty: nothing is lost.
    lost: str = ""


def consumer_of(submitter: str) -> str:
    """The name of a submitter's consumer."""
    return f"inbox.{submitter}"


def read_inbox(client: "Client", submitter: str | None = None, *, graphs: int = GRAPHS) -> Inbox:
    """What came of a submitter's graphs since it last acknowledged; at most so many graphs.

    Without a name, the submitter is this session, or this folder (`submitter.py`). The first reading
    begins with the oldest event that is kept. Nothing is acknowledged by it.

    Raises:
        Refused, Unavailable: as `Client` does.
    """
    submitter = submitter or own_name()
    name = consumer_of(submitter)
    opened = client.open_consumer(name, kinds=KINDS)
    gathering = _Gathering(client, submitter, graphs)
    at, lost = opened.cursor, ""
    while at < opened.head:
        try:
            page = client.read_consumer(name, since=at, limit=_PAGE)
        except Refused as refused:
            oldest = refused.info.oldest
            if refused.info.code != "EVENTS_GONE" or oldest is None or oldest - 1 <= at:
                raise
            lost, at = f"{refused.info.message}: {_LOST}", oldest - 1
            continue
        before = gathering.take(page.events)
        if before is not None:
            return Inbox(consumer=name, items=gathering.items(), through=before, more=True, lost=lost)
        if page.through <= at:
            break
        at = page.through
    if not gathering.graphs and not lost and at >= opened.cursor + _PASS_EVERY:
        client.ack_events(name, at)
    return Inbox(consumer=name, items=gathering.items(), through=at, lost=lost)


class _Since:
    """What happened to one graph since the last acknowledgement."""

    def __init__(self) -> None:
        self.name, self.state = "", ""
        self.tasks: dict[str, int] = {}
        self.failed: list[str] = []
        self.asked: list[str] = []

    def take(self, event: Event) -> None:
        """One event of it."""
        if event.kind == "graph_ended":
            self.state = event.state or ""
        elif event.kind == "task_ended":
            state = event.state or "done"
            self.tasks[state] = self.tasks.get(state, 0) + 1
            if event.task in self.failed:  # it has run again since
                self.failed.remove(event.task)
            if state == "failed" and event.task is not None and len(self.failed) < NAMED:
                self.failed.append(event.task)
        elif event.kind == "decision_asked":
            self.asked.append(str(event.data.get("ref", "")))


class _Gathering:
    """The items of one reading."""

    def __init__(self, client: "Client", submitter: str, most: int) -> None:
        self._client, self._submitter, self._most = client, submitter, most
        self._clients: dict[str, str] = {}
        self.graphs: dict[str, _Since] = {}

    def take(self, events: tuple[Event, ...]) -> int | None:
        """Take in a page; the number before the first event that has no room, if there is one."""
        self._learn(events)
        for event in events:
            graph = event.graph
            if graph is None or event.kind == "graph_submitted":  # of which its submitter knows
                continue
            if submitter_of(self._clients.get(graph, "")) != self._submitter:
                continue
            if graph not in self.graphs and len(self.graphs) == self._most:
                return event.seq - 1
            self.graphs.setdefault(graph, _Since()).take(event)
        return None

    def _learn(self, events: tuple[Event, ...]) -> None:
        """Find out who submitted the graphs of these events."""
        for event in events:
            if event.kind == "graph_submitted" and event.graph is not None:
                self._clients[event.graph] = str(event.data.get("client", ""))
        unknown = sorted({event.graph for event in events if event.graph is not None} - set(self._clients))
        for graph, found in self._clients_of(unknown).items():
            self._clients[graph] = found

    def _clients_of(self, graphs: list[str]) -> dict[str, str]:
        """Graph → its client; one that was forgotten meanwhile is nobody's."""
        if not graphs:
            return {}
        try:
            return {summary.id: summary.client for summary in self._client.summaries(graphs).graphs}
        except Refused as refused:
            if refused.info.code != "UNKNOWN_GRAPH":
                raise
            if len(graphs) == 1:
                return {graphs[0]: ""}
            half = len(graphs) // 2
            return self._clients_of(graphs[:half]) | self._clients_of(graphs[half:])

    def items(self) -> tuple[Item, ...]:
        """A line for each graph, as it stands now."""
        asked = any(since.asked for since in self.graphs.values())
        open_ = {decision.ref: decision for decision in self._client.decisions()} if asked else {}
        return tuple(self._item(graph, since, open_) for graph, since in self.graphs.items())

    def _item(self, graph: str, since: _Since, open_: dict[str, DecisionView]) -> Item:
        told: dict[str, Any] = {"graph": graph, "tasks": since.tasks, "failed": tuple(since.failed)}
        try:
            (summary,) = self._client.summaries([graph]).graphs
            line = self._client.context(graph, layer=0).text
        except Refused as refused:
            if refused.info.code != "UNKNOWN_GRAPH":
                raise
            state = since.state or "forgotten"
            return Item(name="", state=state, ended=True, line=f"{graph} {state}; it was forgotten since", **told)
        decisions = tuple(open_[ref] for ref in since.asked if ref in open_)
        ended = summary.state in GRAPH_ENDINGS
        return Item(name=summary.name, state=summary.state, ended=ended, line=line, decisions=decisions, **told)
