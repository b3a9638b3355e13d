"""Messages between the actors of the supervisor process. (What crosses processes is in `protocol`.)"""

from dataclasses import dataclass
from typing import Literal

from msgspec import Struct

from orch_actors.actors.context.parts import Part
from orch_actors.actors.core.stimuli import TimerKey
from orch_actors.actors.journal.retiring import Begins
from orch_actors.actors.views.telling import Wanted
from orch_actors.actors.worktrees import NO_WORKTREE, Worktree
from orch_actors.protocol.codec import Encoding
from orch_actors.protocol.hostwire import ToSupervisor
from orch_actors.protocol.messages import Request
from orch_actors.protocol.settings import HostSettings, Settings
from orch_actors.protocol.views import Artifact, Usage, WhyView


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, and so where its reply goes."""

    #: ZeroMQ routing frames, the delimiter of a REQ socket included.
    route: tuple[bytes, ...]
    encoding: Encoding
    request_id: str
    #: It came by tcp, perhaps from another machine.
    by_tcp: bool = False
    #: Which of the requests that were taken in; 0: none, it was refused before.
    ticket: int = 0

    @property
    def peer(self) -> bytes:
        """The connection."""
        return (b"t" if self.by_tcp else b"i") + self.route[0]


class Begin(Struct, frozen=True):
    """Daemon → Supervisor: everybody is there; begin. The first message of a life, answered when it is decided.

    `only_to_end`: end what runs, start nothing, and go (`down --kill`, where no daemon was running).
    """

    only_to_end: bool = False


class ClientAsked(Struct, frozen=True):
    """A whole, well-formed request of the version that we speak."""

    origin: Origin
    request: Request


class HostSaid(Struct, frozen=True):
    """A worker host's message. `host` is the name that it was started with; an earlier host's news is stale."""

    host: str
    message: ToSupervisor


class HostUp(Struct, frozen=True):
    """Workforce → Supervisor: this host is the one that serves its type from now on.

    `careful`: so many before it have died that it should be given one thing after the other.
    """

    worker: str
    host: str
    careful: bool = False


class HostGone(Struct, frozen=True):
    """Workforce → Supervisor: the process has ended. `exhausted`: too often; another one only after ReleaseHost."""

    worker: str
    host: str
    why: str
    exhausted: bool = False


class TimerDue(Struct, frozen=True):
    """Timekeeper → Supervisor."""

    key: TimerKey


class ActorsDue(Struct, frozen=True):
    """Timekeeper → Supervisor: hosts had their time to describe themselves."""

    ticket: int


class SettingsChanged(Struct, frozen=True):
    """The configuration was read again."""

    settings: Settings


class RoomDue(Struct, frozen=True):
    """Timekeeper → Supervisor: look whether the disk has room again."""


class PruneDue(Struct, frozen=True):
    """Timekeeper → Supervisor: look for graphs that need not be kept."""


class SegmentsClosed(Struct, frozen=True):
    """Supervisor → Compactor: nothing is added any more to the segments up to this one."""

    through: int


class CompactorEnded(Struct, frozen=True):
    """A watching thread → Compactor: its process has ended with this code, and said this on stdout and stderr."""

    code: int
    said: bytes
    last_words: bytes


class SnapshotMade(Struct, frozen=True):
    """Compactor → Supervisor: a snapshot counts, and segments up to `before` are needed by no start any more."""

    before: int
    #: Where all segments begin that are there.
    begun: tuple[Begins, ...]


class RetireSegments(Struct, frozen=True):
    """Supervisor → Compactor: nobody needs these segments; oldest first."""

    segments: tuple[int, ...]


class LaunchFailed(Struct, frozen=True):
    """Desk → Supervisor: the attempt cannot be handed to a host; nothing was started now."""

    graph: str
    task: str
    attempt: int
    message: str
    #: The failure class; but see `adopted`.
    cls: Literal["reference", "spawn", "disk_full"]
    #: It was to be adopted: it may have begun in an earlier life, so nobody can know.
    adopted: bool


class RemoveFiles(Struct, frozen=True):
    """Desk → Archivist: a forgotten graph's files go."""

    folder: str


class SweepFiles(Struct, frozen=True):
    """Desk → Archivist: of the graphs up to number `last`, the files of those that are not `known` go.

    What RemoveFiles should have done and did not: the daemon died in between, or too many waited.
    """

    folder: str
    last: int
    known: frozenset[str]


class ReadStory(Struct, frozen=True):
    """Supervisor → Archivist: complete a Why from the journal, up to event `head`."""

    origin: Origin
    why: WhyView
    head: int
    #: When its graph was submitted: a story cannot begin before that.
    since_utc: float = 0.0


class ReadContext(Struct, frozen=True):
    """Supervisor → Archivist: put a context together, files and all."""

    origin: Origin
    graph: str
    task: str | None
    layer: int
    parts: tuple[Part, ...]
    budget: int


class StopAsked(Struct, frozen=True):
    """A signal asks the daemon to go (as `down` does)."""


class WakeHost(Struct, frozen=True):
    """Supervisor → Workforce: a host of this type is wanted."""

    worker: str


class ReleaseHost(Struct, frozen=True):
    """Supervisor → Workforce: the type is not parked any more; its deaths so far do not count."""

    worker: str


class HostSpoke(Struct, frozen=True):
    """Gateway → Workforce: this host has said that it is ready."""

    host: str


class HostAnswered(Struct, frozen=True):
    """Supervisor → Workforce: this host gave the sign of life that it was asked for."""

    host: str


class HostsConfigured(Struct, frozen=True):
    """Supervisor → Workforce: how much is put up with from hosts."""

    settings: HostSettings


class HandoverDue(Struct, frozen=True):
    """Timekeeper → Supervisor: this host has lived with this attempt for a while, if it lives."""

    host: str
    attempt: str


class HostExited(Struct, frozen=True):
    """A watching thread → Workforce: the process has ended with this code."""

    worker: str
    host: str
    code: int


class HostDue(Struct, frozen=True):
    """Timekeeper → Workforce: this host's time to get ready, to answer, or the wait before its successor, is over."""

    worker: str
    host: str
    wait: Literal["ready", "answer", "restart"]


class ReadLogFile(Struct, frozen=True):
    """Supervisor → Archivist: answer a ReadLog."""

    origin: Origin
    path: str
    attempt: int
    offset: int
    limit: int
    ended: bool


class ReadResultFile(Struct, frozen=True):
    """Supervisor → Archivist: answer a GetResult from a file."""

    origin: Origin
    path: str
    graph: str
    task: str
    attempt: int
    usage: Usage | None = None
    artifacts: tuple[Artifact, ...] = ()
    own: Worktree = NO_WORKTREE


class ReadOldEvents(Struct, frozen=True):
    """Supervisor → Archivist: answer a ReadEvents from the journal, up to event `head`."""

    origin: Origin
    since: int
    limit: int
    head: int
    wanted: Wanted = Wanted()
    consumer: str | None = None
