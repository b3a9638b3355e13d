"""One life of a daemon on a disk that may lose power: the real journal, replay, machine and supervisor, in one thread.

The supervisor is the actor itself, handed its messages one by one as its own thread would hand them; what lies behind
its desk (sockets, timers, hosts) is the witness and the simulated world. No thread, no socket, no file.
"""

import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, cast

from orch_actors.actors.compaction.compacting import compact
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.machine import Machine
from orch_actors.actors.core.state import State
from orch_actors.actors.handover import Handover
from orch_actors.actors.inside import Begin, ClientAsked, Origin, SnapshotMade
from orch_actors.actors.journal.record import Line, LineType, Whole, decode_line
from orch_actors.actors.journal.retiring import beginnings, remove_segments
from orch_actors.actors.journal.writer import Journal
from orch_actors.actors.recovery.history import Told
from orch_actors.actors.recovery.replaying import Replay
from orch_actors.actors.roster import Roster
from orch_actors.actors.supervisor import Supervisor
from orch_actors.actors.wayout import Asker
from orch_actors.protocol import codec, hostwire, messages
from orch_actors.protocol.errors import ErrorInfo
from orch_actors.protocol.settings import Retention, Settings
from orch_actors.protocol.workers import WorkerSettings
from orch_actors.stress.powercut.clients import Clients
from orch_actors.stress.powercut.disk import CrashDisk
from orch_actors.stress.powercut.witness import Witness
from orch_actors.stress.powercut.world import SimulatedClock, World

#: The folders that a daemon makes for itself, outermost first; the journal is the last.
FOLDERS: Final = ("/state", "/state/orch-actors", "/state/orch-actors/journal")

#: Small, so that it is used up now and then.
BALLAST_BYTES: Final = 4096

SETTINGS: Final = Settings(
    workers={"shell": WorkerSettings(limit=3), "python": WorkerSettings(limit=1)},
    retention=Retention(events=30, unread=100),
)


class WitnessedJournal(Journal):
    """The journal itself; the witness hears of what is written and of what is said to be durable."""

    witness: Witness

    def add(self, kind: LineType, data: bytes) -> int:
        """See Journal."""
        sequence = super().add(kind, data)
        self.witness.added(kind, data)
        return sequence

    def commit(self, next_event: int = 0) -> None:
        """See Journal."""
        super().commit(next_event)
        self.witness.committed()


class Outside:
    """What stands in for the desk: everything that leaves the supervisor comes through here."""

    pid = 4711

    def __init__(self, witness: Witness, world: World) -> None:
        self._witness, self._world = witness, world
        #: Hosts have what they are given at once, so it holds nothing back.
        self.handover = Handover(lambda *_: None, lambda *_: None)
        self.roster = Roster(lambda *_: None)
        #: Number of the last segment of which a snapshot is wanted; segments that may go.
        self.to_compact = 0
        self.to_remove: tuple[int, ...] = ()

    def configure(self, settings: Settings) -> None:
        """See WayOut."""

    def prune_in(self, delay_s: float) -> None:
        """See WayOut."""

    def sweep(self, state: State) -> None:
        """See WayOut."""

    def compact(self, through: int) -> None:
        """See WayOut."""
        self.to_compact = through

    def retire(self, segments: tuple[int, ...]) -> None:
        """See WayOut."""
        self.to_remove = (*self.to_remove, *segments)

    def host_spoke(self, host: str, said: hostwire.HostReady | hostwire.Pong) -> None:
        """See WayOut."""

    def query(self, asker: Asker, origin: Origin, query: messages.Query, state: State) -> None:
        """See WayOut. Nobody asks anything: clients look at the state (clients.py)."""
        raise NotImplementedError(f"{type(query).__name__} of {origin}")

    def look_for_room_in(self, delay_s: float) -> None:
        """See WayOut."""
        self._world.look_for_room_in(delay_s)

    def perform(self, effect: s.Effect, hosts: Mapping[str, str], state: State) -> None:
        """See WayOut."""
        self._world.perform(effect, hosts, state)

    def reply(self, origin: Origin, body: bytes) -> None:
        """See WayOut."""
        self._witness.replied((origin.route[0].decode(), origin.request_id), origin.encoding, body)

    def publish(self, told: Sequence[Told]) -> None:
        """See WayOut."""
        self._witness.published(told)

    def encode_reply(self, origin: Origin, what: messages.Result | ErrorInfo) -> bytes:
        """See WayOut."""
        error = what if isinstance(what, ErrorInfo) else None
        result = None if isinstance(what, ErrorInfo) else what
        return codec.encode(messages.Reply(id=origin.request_id, result=result, error=error), origin.encoding)


class WitnessedReplay(Replay):
    """One that keeps the lines that it is given, for the witness."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []

    def take(self, lines: Sequence[Whole[Any]], raws: Sequence[bytes]) -> None:
        """See Sink."""
        super().take(lines, raws)
        self.lines += [decode_line(raw)[0] for raw in raws]


class Life:
    """From the opening of the journal until whatever ends it. Everything that outlives it is given.

    Raises, from any method: PowerCut, Violation, EnvironmentFault (it does not start, or its disk has failed).
    """

    def __init__(
        self,
        disk: CrashDisk,
        witness: Witness,
        world: World,
        clock: SimulatedClock,
        segment_bytes: int,
        *,
        settings: Settings = SETTINGS,
    ) -> None:
        for folder in FOLDERS:
            disk.make_folder(folder)
        replay = WitnessedReplay()
        journal, found = WitnessedJournal.resume(
            disk,
            FOLDERS[-1],
            replay,
            now_utc=clock.utc,
            segment_bytes=segment_bytes,
            ballast_bytes=BALLAST_BYTES,
        )
        self.torn = found.torn
        cast("WitnessedJournal", journal).witness = witness
        self.began_with_snapshot = found.snapshot is not None
        witness.opened(replay.lines, 0 if found.snapshot is None else found.snapshot.last)
        replayed = replay.finish()
        self.machine = Machine(world.boot, journal.id, replay.state)
        witness.recovered(replayed, replay.state)
        self.unprocessed = len(replayed.unprocessed)
        self._disk, self._clock = disk, clock
        self._outside = Outside(witness, world)
        self._supervisor = Supervisor(
            machine=self.machine,
            journal=journal,
            replayed=replayed,
            clock=clock,
            desk=self._outside,
            settings=settings,
            on_crash=lambda *_: None,
            on_stopped=lambda: None,
        )
        self.deliver([Begin()])

    @property
    def state(self) -> State:
        """Of the machine."""
        return self.machine.state

    def deliver(self, batch: Sequence[object]) -> None:
        """Messages that wait together, and so are made durable together."""
        inbox = self._supervisor.actor_inbox
        for message in batch:
            inbox.put(cast("Any", message))  # bare: pykka's envelope is for the answer to an `ask`
        while not inbox.empty():
            self._supervisor.receive(inbox.get())

    def ask_to_compact(self) -> None:
        """As `journal compact` does: the segment that is written is closed."""
        origin = Origin((b"tidier",), "json", "tidy")
        asked = messages.Request(id="tidy", client="tidier", do=messages.Compact())
        self.deliver([ClientAsked(origin, asked)])

    def compact(self) -> int | None:
        """What the compactor does, if something is to be done: segments that are in a snapshot; None: it has failed."""
        through, self._outside.to_compact = self._outside.to_compact, 0
        if not through:
            return 0
        try:
            made = compact(self._disk, FOLDERS[-1], through, self._clock.utc)
        except OSError:
            return None
        self.deliver([SnapshotMade(before=made.before, begun=beginnings(self._disk, FOLDERS[-1]))])
        return made.segment

    def remove(self) -> int:
        """Remove the segments that nobody needs any more: how many."""
        numbers, self._outside.to_remove = self._outside.to_remove, ()
        with suppress(OSError):
            remove_segments(self._disk, FOLDERS[-1], numbers)
        return len(numbers)

    def stop(self) -> None:
        """As TERM does."""
        self._supervisor.on_stop()


def next_batch(rng: random.Random, clients: Clients, world: World, state: State) -> list[object]:
    """What happens at about the same time: a few commands, a few things that the world did."""
    batch: list[object] = []
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        message: object | None = clients.ask(state) if rng.random() < 0.45 else world.news()
        if message is not None:
            batch.append(message)
    return batch
