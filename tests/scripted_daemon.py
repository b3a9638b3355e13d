"""A small daemon of known behaviour: real sockets, no graphs. It can be killed, restarted, slowed and made to err.

One thread owns a ROUTER and an XPUB. What it answers comes from `handle`; the knobs are plain attributes, set
between requests by the test's thread.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Self

import zmq

from orch_actors.protocol import codec, messages
from orch_actors.protocol.errors import ErrorInfo
from orch_actors.protocol.views import DecisionView, Event, GraphSummary

DEADLINE_S = 20.0


def eventually(condition: Callable[[], bool], what: str = "the condition") -> None:
    """Wait until it holds; fail after a deadline."""
    until = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < until, f"{what} did not come about"
        threading.Event().wait(0.005)


def error(code: str, **more: object) -> ErrorInfo:
    return ErrorInfo(code=code, message=f"scripted {code}", **more)  # type: ignore[arg-type]


class ScriptedDaemon:
    """See the module. State (events, graphs, stored replies) survives kill and start, as a journal would."""

    def __init__(self, folder: Path) -> None:
        self.commands = f"ipc://{folder}/c"
        self.published_at = f"ipc://{folder}/e"
        self.journal = "j1"
        self.events: list[Event] = []
        self.graphs: dict[str, GraphSummary] = {}
        #: By ref; those in `withdrawn` will never be answered.
        self.decisions: dict[str, DecisionView] = {}
        self.withdrawn: set[str] = set()
        #: (client, id) → reply; what a journal keeps.
        self.stored: dict[tuple[str, str], bytes] = {}
        #: Requests seen, and commands carried out.
        self.seen: list[messages.Request] = []
        self.bodies: list[bytes] = []
        #: One for each connection that asked.
        self.routes: set[bytes] = set()
        self.executed: list[messages.Request] = []
        # --- knobs ---
        self.lose_replies = 0
        self.repeat_replies = 1
        #: Sent ahead of every reply.
        self.chatter: list[bytes] = []
        self.refuse: list[ErrorInfo] = []
        self.die_after_executing = False
        self.answer: Callable[[messages.Request], bytes | None] | None = None
        #: Event numbers that are not published; a heartbeat every `beat_s`.
        self.unpublished: Callable[[int], bool] = lambda _seq: False
        self.beat_s = 0.05
        self.asked: Counter[str] = Counter()
        self._outgoing: list[Event] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    # --- life -------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        self._stop.clear()
        bound = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(bound,))
        self._thread.start()
        assert bound.wait(DEADLINE_S)
        return self

    def kill(self) -> None:
        """Gone without a word."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(DEADLINE_S)
            assert not self._thread.is_alive()
            self._thread = None

    @property
    def dead(self) -> bool:
        return self._thread is None or not self._thread.is_alive()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    # --- what happens -----------------------------------------------------------------------------------------

    def happen(self, kind: str = "task_ready", **more: object) -> Event:
        """An event, durable at once, published by the thread."""
        with self._lock:
            seq = len(self.events) + 1
            event = Event(seq=seq, kind=kind, time_utc="2026-01-31T09:05:00.250Z", **more)  # type: ignore[arg-type]
            self.events.append(event)
            self._outgoing.append(event)
        return event

    def add_graph(self, name: str, state: str = "running") -> None:
        self.graphs[name] = GraphSummary(
            id=name, name=name, state=state, counts={}, submitted_utc="2026-01-31T09:05:00.250Z"
        )  # type: ignore[arg-type]

    def end_graph(self, name: str, state: str = "done") -> None:
        self.add_graph(name, state)
        self.happen("graph_ended", graph=name, state=state)

    def add_decision(self, ref: str, choice: str | None = None) -> None:
        self.decisions[ref] = DecisionView(
            ref=ref, graph="g1", task="a", kind="question", question="q", options=("yes", "no"), default="yes",
            deadline_utc=None, asked_utc="2026-01-31T09:05:00.250Z", choice=choice,
        )  # fmt: skip

    def answer_decision(self, ref: str, choice: str) -> None:
        self.add_decision(ref, choice)
        self.happen("decision_answered", graph="g1", task="a", data={"ref": ref, "choice": choice, "by": "me"})

    # --- the thread -------------------------------------------------------------------------------------------

    def _run(self, bound: threading.Event) -> None:
        with zmq.Context() as context:
            router, xpub = context.socket(zmq.ROUTER), context.socket(zmq.XPUB)
            for socket, endpoint in ((router, self.commands), (xpub, self.published_at)):
                socket.setsockopt(zmq.LINGER, 0)
                socket.bind(endpoint)
            bound.set()
            try:
                self._serve(router, xpub)
            finally:
                router.close(0)
                xpub.close(0)

    def _serve(self, router: zmq.Socket, xpub: zmq.Socket) -> None:
        beat_at = 0.0
        while not self._stop.is_set():
            if router.poll(5):
                frames = router.recv_multipart()
                self.routes.add(frames[0])
                for body in self._take(frames[-1]):
                    router.send_multipart([*frames[:-1], body])
                if self._stop.is_set():
                    return
            while xpub.poll(0):
                xpub.recv()
            with self._lock:
                going, self._outgoing = self._outgoing, []
            for event in going:
                if not self.unpublished(event.seq):
                    self._publish(xpub, messages.Published(event=event))
            if time.monotonic() >= beat_at:
                beat_at = time.monotonic() + self.beat_s
                self._publish(xpub, messages.Heartbeat(head=len(self.events), journal=self.journal))

    def _publish(self, xpub: zmq.Socket, message: messages.Published | messages.Heartbeat) -> None:
        xpub.send_multipart([codec.TOPIC_MSGPACK, codec.encode(message)])
        xpub.send_multipart([codec.TOPIC_JSON, codec.encode(message, "json")])

    def _take(self, body: bytes) -> list[bytes]:
        request = codec.REQUEST.decode(body)
        self.seen.append(request)
        self.bodies.append(body)
        self.asked[type(request.do).__name__] += 1
        reply = self.answer(request) if self.answer is not None else self._reply(request)
        if self.die_after_executing:
            self.die_after_executing = False
            self._stop.set()
            return []
        if reply is None:
            return []
        if self.lose_replies:
            self.lose_replies -= 1
            return []
        return [*self.chatter, *[reply] * self.repeat_replies]

    def _reply(self, request: messages.Request) -> bytes:
        known = self.stored.get((request.client, request.id))
        if known is not None:
            return known
        if self.refuse:
            return self.encode(request, self.refuse.pop(0))
        result = self.result(request.do)
        reply = self.encode(request, result)
        if isinstance(request.do, messages.SubmitGraph | messages.Cancel):
            self.executed.append(request)
            self.stored[request.client, request.id] = reply
        return reply

    def encode(self, request: messages.Request, what: messages.Result | ErrorInfo) -> bytes:
        if isinstance(what, ErrorInfo):
            return codec.encode(messages.Reply(id=request.id, error=what))
        return codec.encode(messages.Reply(id=request.id, result=what))

    def result(self, do: messages.Command | messages.Query) -> messages.Result | ErrorInfo:
        head = len(self.events)
        match do:
            case messages.SubmitGraph(graph=graph):
                return messages.GraphAccepted(graph=f"g{len(self.executed) + 1}", name=graph["name"], tasks=1)
            case messages.Cancel(graph=name):
                return messages.Cancelled(graph=name, tasks=())
            case messages.Hello():
                return messages.Welcome(
                    version="0", journal=self.journal, boot="b", pid=1, home="/", head=head, events=self.published_at
                )
            case messages.ReadEvents(since=since, limit=limit):
                return messages.Events(events=tuple(self.events[since : since + limit]), head=head)
            case messages.GetSummaries(graphs=names):
                if any(name not in self.graphs for name in names):
                    return error("UNKNOWN_GRAPH")
                return messages.Summaries(graphs=tuple(self.graphs[name] for name in names), head=head)
            case messages.GetDecision(ref=ref):
                found = self.decisions.get(ref)
                return error("UNKNOWN_DECISION") if found is None else messages.Decisions(decisions=(found,))
            case messages.GetDecisions():
                return messages.Decisions(
                    decisions=tuple(
                        decision
                        for decision in self.decisions.values()
                        if decision.choice is None and decision.ref not in self.withdrawn
                    )
                )
            case messages.Shutdown():
                return messages.Stopping(running=0)
            case _:
                return error("INTERNAL")
