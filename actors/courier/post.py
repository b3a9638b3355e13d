"""One inbox and its outbox: carries out the lines of the one, and writes replies and events into the other.

Belongs to one thread, so that replies and events have one order. Events come from a consumer, which is acknowledged
once they are on disk. The home's post is about everything, a graph's about that graph.
"""

import time
from typing import Any, Final

import msgspec

from orch_actors.actors.courier.inbox import Line, Reader
from orch_actors.actors.courier.lines import Graph, decision_of, read_line
from orch_actors.actors.courier.outbox import Outbox
from orch_actors.actors.courier.unread import GONE, unread
from orch_actors.protocol import messages as m
from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import ErrorInfo, Refused
from orch_actors.protocol.exchange import expect
from orch_actors.protocol.ids import new_id
from orch_actors.protocol.submitter import SEPARATOR, of_session
from orch_actors.protocol.views import GRAPH_ENDINGS

#: What an outbox tells.
TOLD: Final = ("task_ended", "graph_ended", "decision_asked", "decision_answered", GONE)

#: Lines after which cursor and outbox are put on disk.
_BATCH: Final = 256
ROTATE_BYTES: Final = 16 * 1024 * 1024

#: Refusals that pass by themselves: the line waits for better times, and all that stand after it.
_PAUSE_S: Final = 0.5
#: Events that were passed over after which the cursor is moved on unasked.
_PASS_EVERY: Final = 1000


class Post:
    """See the module. `journal` names the state that lines belong to: another one carries them out anew."""

    def __init__(
        self, home: str, journal: str, reader: Reader, outbox: Outbox, *, consumer: str, graph: Graph | None = None
    ) -> None:
        """`graph`: whose it is; None: the home's."""
        self._home, self._consumer, self._graph = home, consumer, graph
        self._reader, self._outbox = reader, outbox
        self._name = f"files-{journal}" + (f"-{graph.id}" if graph is not None else "")
        self._clients: dict[str, Client] = {}
        #: Up to where events were read, and acknowledged; None: from the cursor on.
        self._read: int | None = None
        self._acknowledged = 0

    def _client(self, session: str = "") -> Client:
        """A client for the lines of a session; its id is the same after a restart, as theirs are."""
        found = self._clients.get(session)
        if found is None:
            name = of_session(session) if session else "files"
            found = Client(self._home, client_id=f"{name}{SEPARATOR}{self._name}")
            self._clients[session] = found
        return found

    # --- lines ----------------------------------------------------------------------------------------------------

    def take_lines(self) -> bool:
        """Carry out what has come; whether anything had.

        Raises:
            OSError: a file cannot be read or written.
            Unavailable: the daemon has gone.
        """
        lines = self._reader.batch(_BATCH, time.time())
        if not lines:
            return False
        for line in lines:
            if line.data.strip() and not self._outbox.answered(line.at):
                self._carry_out(line)
        self._outbox.sync()
        self._reader.passed(lines)
        if len(lines) < _BATCH:
            self._reader.save()
            self._reader.rotate(ROTATE_BYTES)
        return True

    def _carry_out(self, line: Line) -> None:
        try:
            asked = read_line(line, self._graph)
        except ValueError as error:
            example = '{"type": "cancel"}' if self._graph is not None else '{"type": "cancel", "graph": "g7"}'
            info = ErrorInfo(
                code="INVALID_REQUEST",
                message=f"the line at byte {line.offset} is no request: {str(error)[:500]}",
                hint=f'expected one line of JSON, such as {{"do": {example}}}',
            )
            self._outbox.reply(line.at, "", {"error": msgspec.to_builtins(info)})
            return
        self._outbox.reply(line.at, asked.id, self._answer(asked.session, asked.do, line.command_id))

    def _answer(self, session: str, do: m.Command | m.Query, command_id: str) -> dict[str, Any]:
        client = self._client(session)
        while True:
            try:
                self._must_be_about_the_graph(client, decision_of(do))
                # A query may be asked again; its id need not be remembered, and must not be a command's.
                id_ = command_id if isinstance(do, m.Command) else new_id()
                return {"result": msgspec.to_builtins(client.request(do, command_id=id_))}
            except Refused as refused:
                if not refused.info.retriable:
                    return {"error": msgspec.to_builtins(refused.info)}
            time.sleep(_PAUSE_S)

    def _must_be_about_the_graph(self, client: Client, ref: str | None) -> None:
        """Whoever may write a graph's inbox answers that graph's questions, and no others.

        Raises:
            Refused: it is another one's; or there is no such decision.
        """
        if self._graph is None or ref is None:
            return
        (decision,) = expect(client.request(m.GetDecision(ref=ref)), m.Decisions).decisions
        if decision.graph != self._graph.id:
            about = f"graph {decision.graph}" if decision.graph else f"worker type {decision.worker}"
            raise Refused.because(
                "NOT_ALLOWED",
                f"decision {ref} is about {about}, and this inbox is graph {self._graph.id}'s",
                "answer it by `orch-actors decide`, or by a line of the home's inbox",
            )

    # --- events ---------------------------------------------------------------------------------------------------

    def tell_events(self) -> None:
        """Tell what has happened since the last time.

        Raises:
            OSError: the outbox cannot be written.
            Refused: UNKNOWN_CONSUMER, there is nothing more to tell.
            Unavailable: the daemon has gone.
        """
        more = True
        while more:
            page = unread(self._client(), self._consumer, self._read, self._graph.id if self._graph else None)
            self._tell(page)
            more = page.through < page.head

    def _tell(self, page: m.Events) -> None:
        told = False
        for event in page.events:
            if event.seq > self._outbox.event and event.kind in TOLD:
                self._outbox.tell(msgspec.to_builtins(event))
                told = True
        ended = [event.seq for event in page.events if event.kind == "graph_ended"]
        if self._graph is None and ended and page.through >= page.head and told:
            graphs = self._client().status().graphs
            if all(graph.state in GRAPH_ENDINGS for graph in graphs):
                self._outbox.all_done(ended[-1])
        self._read = page.through
        if page.events or page.through >= self._acknowledged + _PASS_EVERY:
            self._outbox.sync()
            self._acknowledged = self._client().ack_events(self._consumer, page.through).cursor

    def close(self, why: str) -> None:
        """Tell that nothing more will be, and why; and let its files go.

        Raises:
            OSError: the outbox cannot be written.
        """
        self._outbox.closed(why)
        self._outbox.sync()
        self._outbox.close()
        for client in self._clients.values():
            client.close()
