"""The plain client: for threads, scripts and the command line.

Knows the wire's messages and its own sockets, nothing of the daemon's inside. Light on purpose (zmq and msgspec,
little else): every verb of the command line imports it. What a request means and when it is tried again stands
in `exchange.py`, what an event stream owes its reader in `following.py`, what can be done to a graph that is under way
in `steering.py`, reading events under a name in `consuming.py`; here are the sockets and the waiting.
The same surface for asyncio: `aclient.py`.
"""

import os
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import zmq

from orch_actors.protocol import messages as m
from orch_actors.protocol.consuming import Consumer, Consuming
from orch_actors.protocol.errors import Unavailable
from orch_actors.protocol.exchange import Exchange, Glances, R, expect
from orch_actors.protocol.follower import Follower
from orch_actors.protocol.ids import new_id
from orch_actors.protocol.reach import reach
from orch_actors.protocol.steering import Steering
from orch_actors.protocol.submission import submission
from orch_actors.protocol.submitter import new_client_id
from orch_actors.protocol.transport import Pool, connected, milliseconds
from orch_actors.protocol.views import ActorView, GraphSummary, GraphView, StatusView
from orch_actors.protocol.waiting import Awaited, look_within_s, until_after

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orch_actors.protocol.spec.graph import GraphSpec


class Client(Steering, Consuming):
    """A connection to the daemon of one home, for any number of threads.

    Every call waits at most `timeout_s` seconds, over a restart of the daemon too, and sends its request again
    under the same id, so that no command is lost or carried out twice. Then it raises `Unavailable`; whether the
    command was taken is then not known, and `request(…, command_id=error.command_id)` settles it.

    All methods raise:
        Refused: the daemon said no; `error.info` holds code, message, hint and problems.
        Unavailable: no daemon answers.
        PeerFault: it answers something that SPEC.md does not allow.

    Example:
        >>> with Client() as client:
        ...     graph = client.submit({"name": "hello", "tasks": [{"id": "greet", "command": "echo hello"}]}).graph
        ...     (summary,) = client.wait([graph])
        ...     print(summary.state)
        done
    """

    def __init__(
        self,
        home: str | None = None,
        *,
        endpoint: str | None = None,
        key_file: str | None = None,
        client_id: str | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        """Connect lazily: nothing is opened before the first call.

        Args:
            home: the daemon's folder; without it ORCH_ACTORS_HOME, or the platform's.
            endpoint: its command endpoint instead, such as `ipc:///run/x/commands.sock` or `tcp://host:7447`.
            key_file: for tcp, from `orch-actors keys new`; it names the endpoint, too. With none of the three,
                ORCH_ACTORS_ENDPOINT and ORCH_ACTORS_KEY_FILE count, where one of them is set.
            client_id: 1 to 128 characters; the same over several processes only if command ids are kept too. By default
                one that names the session (ORCH_ACTORS_SESSION) or the project's folder, see `submitter.py`.
            timeout_s: the longest that a call waits for its reply.

        Raises:
            EnvironmentFault: what is named does not go together, or the key file cannot be used.
        """
        self.client_id: Final = client_id or new_client_id()
        self.reach: Final = reach(home, endpoint, key_file)
        self.endpoint: Final = self.reach.endpoint
        self.timeout_s: Final = timeout_s
        self._pool = Pool(self.reach)
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client of {self.endpoint}{', closed' if self._closed else ''}>"

    def close(self) -> None:
        """Close all sockets; followers end, calls of other threads finish first."""
        self._closed = True
        self._pool.close()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    # --- commands ---------------------------------------------------------------------------------------------

    def submit(
        self,
        graph: "GraphSpec | Mapping[str, Any]",
        *,
        key: str | None = None,
        base_dir: str | None = None,
        environment: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> m.GraphAccepted:
        """Hand over a graph; when this returns, it is on disk and begins.

        Args:
            graph: a GraphSpec, or a document (SPEC.md, "Graph documents") with its parameters filled in.
            key: a second submission with it gives the graph of the first, instead of a new one.
            base_dir: folder against which relative `cwd`s are read; the current one by default.
            environment: variables that tasks start from; by default the allow-listed ones of this process, over tcp
                those of the daemon.
            dry_run: only check.

        Raises:
            Refused: among others INVALID_GRAPH, with every problem and its place in `error.info.problems`.

        Example:
            >>> client.submit({"name": "nightly", "tasks": [{"id": "a", "command": "make"}]}, key="2026-01-31").graph
            'g1'
        """
        do = submission(
            graph, key=key, base_dir=base_dir, environment=self.reach.variables(environment), dry_run=dry_run
        )
        return self._ask(do, m.GraphAccepted)

    def cancel(
        self,
        graph: str,
        task: str | None = None,
        *,
        reason: str = "",
        if_version: int | None = None,
        dry_run: bool = False,
    ) -> m.Cancelled:
        """End a graph, or one task of it; running attempts get TERM, and KILL after their grace.

        `if_version`, `dry_run`: as for `add`.

        Example:
            >>> client.cancel("g1", reason="superseded").tasks
            ('build', 'test')
        """
        return self._ask(
            m.Cancel(graph=graph, task=task, reason=reason, if_version=if_version, dry_run=dry_run), m.Cancelled
        )

    def shutdown(self, kill: bool = False) -> m.Stopping:
        """Stop the daemon. Running attempts go on and are adopted by the next one; with `kill` they end first.

        Example:
            >>> client.shutdown().running
            2
        """
        return self._ask(m.Shutdown(kill=kill), m.Stopping)

    def compact(self) -> m.Compacting:
        """Have a snapshot made of the journal as it is now; `status().compaction` tells what came of it.

        Example:
            >>> segment = client.compact().segment
            >>> client.status().compaction.segment >= segment  # in a while
            True
        """
        return self._ask(m.Compact(), m.Compacting)

    # --- queries ----------------------------------------------------------------------------------------------

    def hello(self, timeout_s: float | None = None) -> m.Welcome:
        """Who is there; with a short timeout, the way to find out whether anybody is.

        Example:
            >>> client.hello(timeout_s=0.5).version
            '0.1.0'
        """
        return self._ask(m.Hello(), m.Welcome, timeout_s)

    def status(self) -> StatusView:
        """The daemon, its workers and its graphs.

        Example:
            >>> [graph.state for graph in client.status().graphs]
            ['done', 'running']
        """
        return self._ask(m.GetStatus(), m.Status).status

    def graph(self, ref: str) -> GraphView:
        """One graph with its tasks and attempts; `ref` is its id, a unique beginning of it, or a unique name.

        Example:
            >>> {task.id: task.state for task in client.graph("g1").tasks}
            {'greet': 'done'}
        """
        return self._ask(m.GetGraph(graph=ref), m.Graph).graph

    def summaries(self, refs: Sequence[str]) -> m.Summaries:
        """The named graphs, a line each, in the order asked.

        Example:
            >>> client.summaries(["g1"]).graphs[0].counts
            {'done': 1}
        """
        return self._ask(m.GetSummaries(graphs=tuple(refs)), m.Summaries)

    def result(self, graph: str, task: str) -> m.TaskResult:
        """What the task's latest successful attempt handed back.

        Raises:
            Refused: NO_RESULT, where it has none (yet).

        Example:
            >>> client.result("g1", "count").value
            {'files': 812}
        """
        return self._ask(m.GetResult(graph=graph, task=task), m.TaskResult)

    def read_log(
        self,
        graph: str,
        task: str,
        *,
        attempt: int = 0,
        stream: str = "stdout",
        offset: int = 0,
        limit: int = 65536,
    ) -> m.LogPiece:
        r"""A piece of an attempt's output.

        Args:
            graph: the graph's id or name.
            task: the task's id.
            attempt: its number; 0 is the latest.
            stream: `stdout` or `stderr`; `validation`: what its validation command printed.
            offset: in bytes from the beginning; negative: from the end.
            limit: at most so many bytes.

        Example:
            >>> client.read_log("g1", "greet").data
            b'hello\n'
        """
        do = m.ReadLog(graph=graph, task=task, attempt=attempt, stream=stream, offset=offset, limit=limit)
        return self._ask(do, m.LogPiece)

    def events(self, since: int, limit: int = 1000) -> m.Events:
        """The events after number `since`, oldest first, at most `limit`; `head` tells whether there are more.

        Example:
            >>> [event.kind for event in client.events(0, limit=2).events]
            ['graph_submitted', 'task_ready']
        """
        return self._ask(m.ReadEvents(since=since, limit=limit), m.Events)

    def actors(self) -> ActorView:
        """The living tree of actors over all of the daemon's processes.

        Example:
            >>> [child.name for child in client.actors().children]
            ['gateway', 'timekeeper', 'worker-shell']
        """
        return self._ask(m.ListActors(), m.Actors).root

    # --- events -----------------------------------------------------------------------------------------------

    def follow(self, since: int | None = None, *, timeout_s: float | None = None) -> "Follower":
        """The events after number `since` (None: those from now on), each once and in order.

        Goes on over restarts of the daemon and over losses. Raises Unavailable once the daemon has been away for
        longer than the client's `timeout_s`; `follower.after` is then the place to go on from.

        Args:
            since: the number of the last event that is known already; 0 for all.
            timeout_s: end quietly when no event has come for so long; without it, follow until closed.

        Raises:
            EnvironmentFault: the daemon's state is not the one that `since` was counted in.

        Example:
            >>> with client.follow(since=0, timeout_s=5) as events:
            ...     for event in events:
            ...         print(event.seq, event.kind, event.task)
        """
        return Follower(self, since, timeout_s)

    def consume(
        self,
        name: str,
        *,
        since: int | None = None,
        kinds: Sequence[str] = (),
        graphs: Sequence[str] = (),
        timeout_s: float | None = None,
    ) -> Consumer:
        """The events that a named consumer has not acknowledged yet, and on; made where it is not there.

        At least once: what is handed out and not acknowledged (`ack`) is handed out again next time, to whoever
        consumes under this name. Otherwise like `follow`.

        Args:
            name: 1 to 64 of a-z 0-9 . _ -
            since: where a new one begins, after this event; without it, with the oldest that is kept.
            kinds: the kinds of events that it wants, such as "graph_ended"; none: all.
            graphs: the graphs whose events it wants; none: all.
            timeout_s: end quietly when none has come for so long; without it, go on until closed.

        Raises:
            Refused: NOT_ALLOWED, it was opened for other kinds or graphs; TOO_MANY_CONSUMERS.

        Example:
            >>> with client.consume("mailer", kinds=["graph_ended"]) as events:
            ...     for event in events:
            ...         send_mail(event.graph, event.state)
            ...         events.ack()
        """
        return Consumer(self, self.open_consumer(name, since=since, kinds=kinds, graphs=graphs), timeout_s)

    def wait(
        self, graphs: Sequence[str], *, any_: bool = False, timeout_s: float | None = None
    ) -> tuple[GraphSummary, ...]:
        """Wait until all the graphs (with `any_`: one of them) have ended; where they have, return at once.

        Returns:
            The summaries of all of them, in the order asked.

        Raises:
            TimeoutError: they had not after `timeout_s` seconds.

        Example:
            >>> [summary.state for summary in client.wait(["g1", "g2"], timeout_s=60)]
            ['done', 'failed']
        """
        until = until_after(timeout_s, time.monotonic())
        awaited = Awaited(graphs, any_=any_)
        try:
            self._await(awaited, until, timeout_s)
        except Unavailable as away:
            if until is None or time.monotonic() < until:
                raise
            raise awaited.timed_out(timeout_s) from away
        return awaited.summaries

    def _await(self, awaited: Awaited, until: float | None, timeout_s: float | None) -> None:
        head = self._look(awaited, until)
        if awaited.met():
            return
        with Follower(self, head, None) as follower:
            while not awaited.met():
                event = follower.next_event(until)
                if event is None:
                    self._must_be_open()
                    raise awaited.timed_out(timeout_s)
                if awaited.concerned_by(event):
                    self._look(awaited, until)

    def _look(self, awaited: Awaited, until: float | None) -> int:
        """Bring what is awaited up to date; the number of the newest event that it reflects."""
        timeout_s = look_within_s(self.timeout_s, until, time.monotonic())
        found = self._ask(m.GetSummaries(graphs=awaited.refs), m.Summaries, timeout_s)
        awaited.update(found.graphs)
        return found.head

    # --- below ------------------------------------------------------------------------------------------------

    def request(
        self, do: m.Command | m.Query, *, command_id: str | None = None, timeout_s: float | None = None
    ) -> m.Result:
        """Send any request and return its result.

        Args:
            do: the request.
            command_id: to repeat a command whose fate is unknown, the id that it had (`Unavailable.command_id`).
            timeout_s: instead of the client's.

        Example:
            >>> client.request(Hello(), timeout_s=1.0)
            Welcome(version='0.1.0', …)
        """
        self._must_be_open()
        exchange = Exchange(
            do,
            client=self.client_id,
            command_id=command_id or new_id(),
            endpoint=self.endpoint,
            now=time.monotonic(),
            now_utc=time.time(),
            timeout_s=self.timeout_s if timeout_s is None else timeout_s,
        )
        while True:
            result = self._try(exchange, exchange.next_try(time.monotonic()))
            if result is not None:
                return result
            time.sleep(exchange.pause_s(time.monotonic()))

    def _must_be_open(self) -> None:
        if self._closed:
            raise RuntimeError("this client is closed")

    def _ask(self, do: m.Command | m.Query, of: type[R], timeout_s: float | None = None) -> R:
        return expect(self.request(do, timeout_s=timeout_s), of)

    def _try(self, exchange: Exchange, until: float) -> m.Result | None:
        """Send once and wait until `until`; None: try again."""
        if self._pool.pid != os.getpid():
            self._pool = Pool(self.reach)
        pool = self._pool
        socket = pool.borrow()
        clean = False
        try:
            if not socket.poll(milliseconds(until - time.monotonic()), zmq.POLLOUT):
                return None
            socket.send(exchange.body, zmq.NOBLOCK)
            glances = Glances(until)
            while (wait_s := glances.next_s(time.monotonic())) is not None:
                if socket.poll(milliseconds(wait_s), zmq.POLLIN):
                    answer = exchange.take(socket.recv_multipart(zmq.NOBLOCK)[-1])
                    if answer is not None:
                        clean = True
                        return None if answer == "again" else answer
                elif not connected(socket) and not socket.poll(0, zmq.POLLIN):
                    return None  # nor has a last word come just before it went
            return None
        except zmq.Again:
            return None  # the connection broke between poll and send
        finally:
            if clean:
                pool.give_back(socket)
            else:
                socket.close(0)
