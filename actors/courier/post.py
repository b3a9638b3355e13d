"""The loop of files: carries out the lines of `inbox.jsonl`, and writes replies and events into `outbox.jsonl`.

One thread, so that replies and events have one order. The inbox is looked at several times a second (a stat, where
nothing came): there is no portable way to be told of an append. Events come from the consumer `files`, which is
acknowledged once they are on disk.
"""

import os
import time
from typing import Any, Final

import msgspec

from orch_actors.actors.courier.inbox import Line, Reader, read_line
from orch_actors.actors.courier.outbox import Outbox
from orch_actors.protocol import messages as m
from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import ErrorInfo, Refused
from orch_actors.protocol.exchange import expect
from orch_actors.protocol.homes import Home
from orch_actors.protocol.ids import new_id
from orch_actors.protocol.submitter import SEPARATOR, of_session
from orch_actors.protocol.views import GRAPH_ENDINGS, Event

CONSUMER: Final = "files"
KINDS: Final = ("graph_submitted", "graph_reopened", "task_ended", "graph_ended", "decision_asked", "decision_answered")

_EVERY_S: Final = 0.1
#: Lines after which cursor and outbox are put on disk.
_BATCH: Final = 256
ROTATE_BYTES: Final = 16 * 1024 * 1024

#: Refusals that pass by themselves: the line waits for better times, and all that stand after it.
_PAUSE_S: Final = 0.5


class Post:
    """See the module. `journal` names the state that lines belong to: another one carries them out anew."""

    def __init__(self, home: Home, journal: str, since: int) -> None:
        self._home, self._journal, self._since = home, journal, since
        self._reader = Reader(home.inbox, os.path.join(home.courier, "cursor.json"))
        self._outbox = Outbox(home.outbox)
        self._clients: dict[str, Client] = {}

    def run(self) -> None:
        """For ever.

        Raises:
            OSError: a file cannot be read or written.
            Unavailable: the daemon has gone.
        """
        client = self._client("")
        client.open_consumer(CONSUMER, since=self._since, kinds=KINDS)
        while True:
            busy = self._take_lines()
            busy = self._tell_events(client) or busy
            if not busy:
                time.sleep(_EVERY_S)

    def _client(self, session: str) -> Client:
        """A client for the lines of a session; its id is the same after a restart, as theirs are."""
        found = self._clients.get(session)
        if found is None:
            name = of_session(session) if session else "files"
            found = Client(self._home.path, client_id=f"{name}{SEPARATOR}files-{self._journal}")
            self._clients[session] = found
        return found

    def _take_lines(self) -> bool:
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
            asked = read_line(line)
        except ValueError as error:
            info = ErrorInfo(
                code="INVALID_REQUEST",
                message=f"the line at byte {line.offset} is no request: {str(error)[:500]}",
                hint='expected one line of JSON, such as {"do": {"type": "cancel", "graph": "g7"}}',
            )
            self._outbox.reply(line.at, "", {"error": msgspec.to_builtins(info)})
            return
        self._outbox.reply(line.at, asked.id, self._answer(asked.session, asked.do, line.command_id))

    def _answer(self, session: str, do: m.Command | m.Query, command_id: str) -> dict[str, Any]:
        while True:
            try:
                # A query may be asked again; its id need not be remembered, and must not be a command's.
                id_ = command_id if isinstance(do, m.Command) else new_id()
                return {"result": msgspec.to_builtins(self._client(session).request(do, command_id=id_))}
            except Refused as refused:
                if not refused.info.retriable:
                    return {"error": msgspec.to_builtins(refused.info)}
            time.sleep(_PAUSE_S)

    def _tell_events(self, client: Client) -> bool:
        page = expect(client.request(m.ReadEvents(consumer=CONSUMER)), m.Events)
        told = False
        for event in page.events:
            if event.seq > self._outbox.event and _is_told(event):
                self._outbox.tell(msgspec.to_builtins(event))
                told = True
        ended = [event for event in page.events if event.kind == "graph_ended"]
        if ended and page.through >= page.head and told:
            graphs = client.status().graphs
            if all(graph.state in GRAPH_ENDINGS for graph in graphs):
                self._outbox.all_done(ended[-1].seq)
        if page.events:
            self._outbox.sync()
            client.ack_events(CONSUMER, page.through)
        return bool(page.events)


def _is_told(event: Event) -> bool:
    return event.kind in ("task_ended", "graph_ended", "decision_asked", "decision_answered")
