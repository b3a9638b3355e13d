"""Many events, readers of every sort, subscribers that stall, and a daemon that is killed again and again.

At the end all that happened is read in one piece, by a consumer that has never acknowledged anything, and what each
reader was given is held against it: nothing missing, nothing twice, nothing else.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import OrchError
from orch_actors.protocol.views import Event
from orch_actors.stress.bench.idle import total_memory
from orch_actors.stress.daemon import TrialDaemon
from orch_actors.stress.readers.reading import PATIENCE_S, Consumes, Follows, Reader, Selects, Stalls

#: Tasks of a graph of the load; it is cancelled as soon as it is there, so each gives two events and more.
TASKS: Final = 100
#: Every so many graphs, those that are over are forgotten, and one runs to its end.
ROUND: Final = 10
STALLED: Final = 10
#: The whole may take so long for each thousand events, on a slow machine too, and so long beside that.
THOUSAND_S: Final = 20.0
SLACK_S: Final = 240.0
#: Who has read nothing yet, and so has everything kept for it.
WITNESS: Final = "witness"
SELECTED: Final = "graph_ended"


@dataclass
class Found:
    """What came of it."""

    events: int = 0
    kills: int = 0
    #: Events that were given to a consumer again since it had not acknowledged them.
    again: int = 0
    #: Reader → events that it was given for good.
    given: dict[str, int] = field(default_factory=dict)
    #: Largest resident memory of the daemon that was seen; MiB.
    memory_mib: float = 0.0
    faults: list[str] = field(default_factory=list)


def run_campaign(seed: int, events: int, kills: int, tell: Callable[[str], None]) -> Found:
    """Make so many events while the daemon is killed so often, and judge what the readers were given."""
    found = Found()
    rng = random.Random(seed)
    with TrialDaemon() as daemon, daemon.client(PATIENCE_S) as client:
        client.open_consumer(WITNESS)
        home = daemon.home.path
        readers = [Follows("follower", home), Consumes("consumer", home, seed), Selects("selector", home, SELECTED)]
        stalls = Stalls(client.hello().events, STALLED)
        load = Load(home, events)
        try:
            for thread in (*readers, load):
                thread.start()
            Killer(daemon, client, found, tell).run(sorted(rng.randrange(events) for _ in range(kills)), load)
            _finish(readers, load, client, events, found)
            _judge(readers, client, found)
        finally:
            stalls.close()
            load.stop.set()
        if daemon.left:
            found.faults.append(f"processes were left: {daemon.left}")
    return found


class Load(threading.Thread):
    """Makes events until there are enough."""

    def __init__(self, home: str, events: int) -> None:
        super().__init__(name="load", daemon=True)
        self._home, self._events = home, events
        self.stop = threading.Event()
        self.fault = ""

    def run(self) -> None:
        """Graphs, one after the other."""
        try:
            with Client(self._home, timeout_s=PATIENCE_S) as client:
                number = 0
                while not self.stop.is_set() and client.hello().head < self._events:
                    number += 1
                    self._graph(client, number)
        except OrchError as error:
            self.fault = f"the load gave up: {type(error).__name__}: {error}"

    def _graph(self, client: Client, number: int) -> None:
        if number % ROUND:
            tasks: list[dict[str, Any]] = [{"id": f"t{place}", "command": "true"} for place in range(TASKS)]
            client.cancel(client.submit({"name": f"load-{number}", "tasks": tasks}, key=f"load-{number}").graph)
            return
        short = {"name": f"load-{number}", "tasks": [{"id": "t", "command": "true"}]}
        client.wait([client.submit(short, key=f"load-{number}").graph], timeout_s=PATIENCE_S)
        client.prune(keep=2 * ROUND)


class Killer:
    """Kills the daemon each time that there are so many events, and looks at its memory meanwhile."""

    def __init__(self, daemon: TrialDaemon, client: Client, found: Found, tell: Callable[[str], None]) -> None:
        self._daemon, self._client, self._found, self._tell = daemon, client, found, tell

    def run(self, moments: list[int], load: Load) -> None:
        """To the last of them."""
        for moment in moments:
            while load.is_alive() and (head := self._client.hello().head) < moment:
                self._found.memory_mib = max(self._found.memory_mib, total_memory([self._daemon.pid]).rss / 2**20)
                time.sleep(0.01 if head > moment - 1000 else 0.05)
            self._daemon.kill_supervisor()
            self._found.kills += 1
            self._tell(f"{self._found.kills} kills, {self._client.hello().head:,} events")


def _finish(readers: list[Reader], load: Load, client: Client, events: int, found: Found) -> None:
    """Wait until the load is over and everybody has been given everything."""
    until_at = time.monotonic() + SLACK_S + THOUSAND_S * events / 1000
    load.join(max(0.0, until_at - time.monotonic()))
    if load.is_alive() or load.fault:
        found.faults.append(load.fault or "the load came to no end")
        load.stop.set()
        load.join(PATIENCE_S)
    found.events = _settled(client)
    for reader in readers:
        reader.until = found.events
    for reader in readers:
        reader.join(max(1.0, until_at - time.monotonic()))
        if reader.is_alive():
            found.faults.append(f"{reader.name}: was not given everything in time: {len(reader.had)} events")


def _settled(client: Client) -> int:
    """The newest event, once nothing runs any more."""
    while any(graph.ended_utc is None for graph in client.status().graphs):
        time.sleep(0.05)
    return client.hello().head


def _judge(readers: list[Reader], client: Client, found: Found) -> None:
    happened = {event.seq: event for event in _witnessed(client)}
    if sorted(happened) != list(range(1, found.events + 1)):
        found.faults.append(f"the events themselves have holes: {len(happened)} of {found.events}")
    for reader in readers:
        found.faults += reader.faults
        found.again += reader.again
        found.given[reader.name] = len(reader.had)
        due = {seq: one for seq, one in happened.items() if not isinstance(reader, Selects) or one.kind == SELECTED}
        found.faults += differences(reader.name, due, reader.had)


def differences(name: str, due: dict[int, Event], had: dict[int, Event]) -> list[str]:
    """What a reader was given too little, too much or wrong."""
    told = []
    if missing := sorted(due.keys() - had.keys()):
        told.append(f"{name}: {len(missing)} events never came, the first {missing[0]}")
    if more := sorted(had.keys() - due.keys()):
        told.append(f"{name}: {len(more)} events came that were not for it, the first {more[0]}")
    if wrong := [seq for seq in due.keys() & had.keys() if due[seq] != had[seq]]:
        told.append(f"{name}: {len(wrong)} events came otherwise than they are kept, the first {min(wrong)}")
    return told


def _witnessed(client: Client) -> list[Event]:
    """Everything, for a consumer that has acknowledged nothing."""
    found: list[Event] = []
    since = None
    while True:
        page = client.read_consumer(WITNESS, since=since)
        found += page.events
        since = page.through
        if since >= page.head:
            return found
