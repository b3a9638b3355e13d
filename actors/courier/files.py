"""The loops of files: one thread for the home's inbox, one for those of all graphs whose documents name `files`.

A post is looked at soon after it had a line, and less often the longer it had none: twenty milliseconds at first, then
a twentieth of the silence, up to a bound. Events are looked for when the bell rings.

A file that cannot be read or written is told in the log, once, and tried again: it stops nobody else.
"""

import heapq
import os
import queue
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Final, Literal, NamedTuple

from loguru import logger

from orch_actors.actors.courier import cursor
from orch_actors.actors.courier.bell import Bell
from orch_actors.actors.courier.inbox import Reader
from orch_actors.actors.courier.lines import Graph
from orch_actors.actors.courier.outbox import Outbox
from orch_actors.actors.courier.post import TOLD, Post
from orch_actors.actors.courier.troubles import Troubles
from orch_actors.actors.courier.unread import begin
from orch_actors.protocol.callbacks import graph_consumer
from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import EnvironmentFault, Refused
from orch_actors.protocol.homes import Home, ensure_private
from orch_actors.protocol.views import Event, GraphSummary

HOME_CONSUMER: Final = "files"
HOME_KINDS: Final = (
    "graph_submitted",
    "graph_reopened",
    "task_ended",
    "graph_ended",
    "decision_asked",
    "decision_answered",
)

_SOONEST_S: Final = 0.02
_SILENCE_SHARE: Final = 0.05
#: The longest between two looks: at the home's inbox, and at a graph's.
_HOME_LATEST_S: Final = 0.1
_GRAPH_LATEST_S: Final = 1.0
#: Until a file that could not be read or written is tried again.
_AGAIN_S: Final = 10.0
#: After so many events all graphs are looked at: the cursor of a quiet one keeps the journal.
_LOOK_EVERY: Final = 10_000


class _Ring(NamedTuple):
    """What the bell was rung for: to look for graphs (none named: for all), to tell events, to leave one."""

    what: Literal["look", "tell", "leave"]
    #: Empty: of the home.
    graph: str


class _Watched:
    """A post, and when it had its last line."""

    def __init__(self, make: Callable[[], Post]) -> None:
        self.make = make
        #: None: its files are to be opened, perhaps once more.
        self.post: Post | None = None
        self.stirred_at = time.monotonic()
        #: What was wrong with its files, the last time.
        self.fault = ""


class Files(ABC):
    """Looks after posts by their names: the part that both loops have. For one thread."""

    def __init__(self, bell: Bell, troubles: Troubles, latest_s: float) -> None:
        self._troubles = troubles
        self._latest_s = latest_s
        self._watched: dict[str, _Watched] = {}
        self._due: list[tuple[float, int, str]] = []
        self._numbers = count()
        #: What the bell was rung for.
        self._rings: queue.SimpleQueue[_Ring] = queue.SimpleQueue()
        bell.listen(self._ring)

    @abstractmethod
    def _ring(self, event: Event | None) -> None:
        """By the bell's thread: put into `_rings` what is to be answered."""

    @abstractmethod
    def _answer(self, ring: _Ring) -> None:
        """Do what a ring is about."""

    def _watch(self, name: str, make: Callable[[], Post]) -> None:
        self._watched[name] = _Watched(make)
        self._put(name, time.monotonic())

    def _put(self, name: str, at: float) -> None:
        heapq.heappush(self._due, (at, next(self._numbers), name))

    def _serve(self) -> None:
        """For ever.

        Raises:
            Unavailable: the daemon has gone.
        """
        while True:
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                name = heapq.heappop(self._due)[2]
                if name in self._watched:
                    self._put(name, self._look(name, self._watched[name], now))
            wait_s = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            rings: dict[_Ring, None] = {}
            with suppress(queue.Empty):
                rings[self._rings.get(timeout=wait_s)] = None
                while True:
                    rings[self._rings.get_nowait()] = None
            for ring in rings:
                self._answer(ring)

    def _look(self, name: str, watched: _Watched, now: float) -> float:
        """Carry out what has come; when to look again."""
        try:
            if watched.post is None:
                watched.post = watched.make()
                self._tell(name)
            stirred = watched.post is not None and watched.post.take_lines()
        except (OSError, EnvironmentFault) as error:
            self._failed(name, watched, str(error))
            return now + _AGAIN_S
        watched.fault = ""
        self._troubles.over(_trouble(name))
        if stirred:
            watched.stirred_at = now
            return now
        return now + min(self._latest_s, max(_SOONEST_S, _SILENCE_SHARE * (now - watched.stirred_at)))

    def _tell(self, name: str) -> None:
        watched = self._watched.get(name)
        if watched is None or watched.post is None:
            return
        try:
            watched.post.tell_events()
        except OSError as error:
            self._failed(name, watched, str(error))
        except Refused as refused:
            if refused.info.code != "UNKNOWN_CONSUMER":
                raise
            # Of a graph that is over: all is told.

    def _failed(self, name: str, watched: _Watched, fault: str) -> None:
        """What was begun is gone on with by a post that opens its files anew."""
        watched.post = None
        self._troubles.tell(_trouble(name), fault)
        if watched.fault != fault:
            watched.fault = fault
            logger.error("files: {}; tried again every {:g} s", fault, _AGAIN_S)


def _trouble(name: str) -> str:
    return f"files of {name}" if name else "inbox.jsonl and outbox.jsonl of the home"


class HomeFiles(Files):
    """The home's inbox and outbox."""

    def __init__(self, home: Home, journal: str, since: int, bell: Bell, troubles: Troubles) -> None:
        super().__init__(bell, troubles, _HOME_LATEST_S)
        self._home, self._journal, self._since = home, journal, since

    def run(self) -> None:
        """For ever.

        Raises:
            Unavailable: the daemon has gone.
        """
        with Client(self._home.path) as client:
            begin(client, HOME_CONSUMER, self._since, HOME_KINDS)
        self._watch("", self._make)
        self._serve()

    def _make(self) -> Post:
        reader = Reader(self._home.inbox, os.path.join(self._home.courier, "cursor.json"))
        return Post(self._home.path, self._journal, reader, Outbox(self._home.outbox), consumer=HOME_CONSUMER)

    def _ring(self, event: Event | None) -> None:
        if event is None or event.kind in HOME_KINDS:
            self._rings.put(_Ring("tell", ""))

    def _answer(self, ring: _Ring) -> None:
        self._tell(ring.graph)


class GraphFiles(Files):
    """The inboxes and outboxes of graphs whose documents name `files`."""

    def __init__(self, home: Home, journal: str, bell: Bell, troubles: Troubles) -> None:
        super().__init__(bell, troubles, _GRAPH_LATEST_S)
        self._home, self._journal = home, journal
        self._client = Client(home.path)

    def run(self) -> None:
        """For ever.

        Raises:
            Unavailable: the daemon has gone.
        """
        self._look_for("")
        self._serve()

    def _ring(self, event: Event | None) -> None:
        if event is None or event.seq % _LOOK_EVERY == 0:
            self._rings.put(_Ring("look", ""))
        elif event.kind == "graph_submitted":
            if event.graph and event.data.get("files"):
                self._rings.put(_Ring("look", event.graph))
        elif event.graph in self._watched:
            if event.kind == "graph_forgotten":
                self._rings.put(_Ring("leave", event.graph))
            elif event.kind in TOLD:
                self._rings.put(_Ring("tell", event.graph))

    def _answer(self, ring: _Ring) -> None:
        if ring.what == "leave":
            self._leave(ring.graph)
        elif ring.what == "tell":
            self._tell(ring.graph)
        else:
            self._look_for(ring.graph)

    def _look_for(self, graph: str) -> None:
        """Take up a graph, or all that there are, and tell what is to be told."""
        for summary in self._summaries(graph):
            if summary.files and summary.id not in self._watched:
                self._watch(summary.id, partial(self._make, summary))
        for name in [graph] if graph else list(self._watched):
            self._tell(name)

    def _summaries(self, graph: str) -> tuple[GraphSummary, ...]:
        if not graph:
            return self._client.status().graphs
        try:
            return self._client.summaries([graph]).graphs
        except Refused as refused:
            if refused.info.code != "UNKNOWN_GRAPH":
                raise
            return ()

    def _cursor(self, graph: str) -> str:
        return os.path.join(self._home.courier, f"{graph}.json")

    def _make(self, summary: GraphSummary) -> Post:
        """Have its folder, files and cursor there, and open them.

        Raises:
            EnvironmentFault, OSError: that cannot be done.
        """
        folder, path = summary.files, self._cursor(summary.id)
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        ensure_private(folder)
        inbox, outbox = os.path.join(folder, "inbox.jsonl"), os.path.join(folder, "outbox.jsonl")
        if not os.path.lexists(path):
            if os.path.lexists(outbox):  # of a graph of this id in another home, or before this one was wiped
                os.rename(folder, f"{folder}.before-{time.time_ns()}")
                ensure_private(folder)
            cursor.save(path, cursor.Cursor())
        os.close(os.open(inbox, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600))
        graph = Graph(id=summary.id, name=summary.name, folder=os.path.dirname(folder))
        consumer = graph_consumer(summary.id, "files")
        return Post(self._home.path, self._journal, Reader(inbox, path), Outbox(outbox), consumer=consumer, graph=graph)

    def _leave(self, graph: str) -> None:
        """It was forgotten."""
        watched = self._watched.pop(graph, None)
        self._troubles.over(_trouble(graph))
        if watched is not None and watched.post is not None:
            with suppress(OSError):
                watched.post.close(f"graph {graph} was forgotten: its inbox is read no more")
        with suppress(FileNotFoundError):
            os.unlink(self._cursor(graph))
