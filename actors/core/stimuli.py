"""What goes into the machine (stimuli) and what comes out (effects).

Stimuli are what clients ask and what the world did; effects are what the shell around the machine must do once
the step's facts are durable. Each effect names the stimuli that answer it, so the circle can be followed.
"""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Raw, Struct

from orch_actors.actors.core.facts import NOTHING
from orch_actors.protocol.hostwire import Ending, Question
from orch_actors.protocol.spec.graph import GraphSpec
from orch_actors.protocol.views import Artifact, Usage


class Stimulus(Struct, frozen=True, kw_only=True):
    """Anything that the machine handles."""


# --- asked by clients -----------------------------------------------------------------------------------------


class GraphOffered(Stimulus, frozen=True, kw_only=True):
    """A checked graph is to be taken in."""

    spec: GraphSpec
    digest: str
    client: str
    key: str | None = None
    environment: Mapping[str, str] = {}
    #: The cookie of the attempt that it comes from; empty: from outside.
    parent: str = ""
    dry_run: bool = False


class CancelAsked(Stimulus, frozen=True, kw_only=True):
    """A graph, or one task of it, is to be ended. `graph` is an id, a unique prefix or an unambiguous name."""

    graph: str
    task: str | None
    reason: str
    if_version: int | None = None
    dry_run: bool = False


class TasksOffered(Stimulus, frozen=True, kw_only=True):
    """Tasks are to be added. They are parsed by the handler, which knows what they may depend on."""

    graph: str
    tasks: tuple[dict[str, Any], ...]
    base_dir: str
    #: What they have unless they say otherwise.
    defaults: Mapping[str, Any] = {}
    if_version: int | None = None
    dry_run: bool = False


class UpdateAsked(Stimulus, frozen=True, kw_only=True):
    """Options of one task are to be changed; None takes one back to its default."""

    graph: str
    task: str
    set: Mapping[str, Any]
    base_dir: str
    if_version: int | None = None
    dry_run: bool = False


class RetryAsked(Stimulus, frozen=True, kw_only=True):
    """One task that is over, or all that failed or were cancelled, are to run again."""

    graph: str
    task: str | None
    #: Fields to change before it runs; only for one task.
    set: Mapping[str, Any] = {}
    base_dir: str = "/"
    if_version: int | None = None
    dry_run: bool = False


class PauseAsked(Stimulus, frozen=True, kw_only=True):
    """A graph or a worker type is to start nothing new. Exactly one is named."""

    graph: str | None
    worker: str | None
    reason: str = ""
    if_version: int | None = None
    dry_run: bool = False


class ResumeAsked(Stimulus, frozen=True, kw_only=True):
    """A pause is to be taken back."""

    graph: str | None
    worker: str | None
    if_version: int | None = None
    dry_run: bool = False


class LimitAsked(Stimulus, frozen=True, kw_only=True):
    """A graph's or worker type's parallel limit is to change."""

    graph: str | None
    worker: str | None
    parallel: int | None
    if_version: int | None = None
    dry_run: bool = False


class BudgetAsked(Stimulus, frozen=True, kw_only=True):
    """What a graph may use in all is to change: those of `usd`, `tokens`, `attempts` that are named; None: no bound."""

    graph: str
    set: Mapping[str, Any]
    if_version: int | None = None
    dry_run: bool = False


class DecisionMade(Stimulus, frozen=True, kw_only=True):
    """Somebody answers one decision."""

    ref: str
    choice: str
    note: str
    by: str


class QuestionAsked(Stimulus, frozen=True, kw_only=True):
    """A running task asks, through a client."""

    graph: str
    task: str
    question: str
    options: tuple[str, ...]
    default: str | None
    deadline_s: float | None


class PruneAsked(Stimulus, frozen=True, kw_only=True):
    """Graphs that are over are to be forgotten: the named ones, or by age and number."""

    graphs: tuple[str, ...]
    older_than_s: float | None
    keep: int | None
    dry_run: bool = False


class RetentionDue(Stimulus, frozen=True, kw_only=True):
    """Graphs that are over are to be forgotten beyond these bounds (None: no bound), oldest first: some of them."""

    keep: int | None
    tasks: int | None
    older_than_s: float | None


class ConsumerWanted(Stimulus, frozen=True, kw_only=True):
    """A reader of events wants to be known by a name. `oldest` and `head` are the events that there are."""

    consumer: str
    #: It begins after this one; None: with the oldest that is kept.
    since: int | None
    kinds: tuple[str, ...]
    graphs: tuple[str, ...]
    oldest: int
    head: int


class EventsAcknowledged(Stimulus, frozen=True, kw_only=True):
    """A consumer has dealt with everything up to event `seq`. `head` is the newest event."""

    consumer: str
    seq: int
    head: int


class ConsumersUnwanted(Stimulus, frozen=True, kw_only=True):
    """Consumers are to be forgotten: the named ones, or those that were silent for longer than `idle_s`."""

    consumers: tuple[str, ...]
    idle_s: float | None = None


class CancelRunningAsked(Stimulus, frozen=True, kw_only=True):
    """Every running task is to be ended (`down --kill`)."""

    reason: str


# --- done by the world ------------------------------------------------------------------------------------------


class Recovered(Stimulus, frozen=True, kw_only=True):
    """The journal has been replayed; the first stimulus of every life."""


class Shutting(Stimulus, frozen=True, kw_only=True):
    """The daemon goes down; nothing is to start any more."""


class DiskFilled(Stimulus, frozen=True, kw_only=True):
    """There is no room on the disk any more; nothing new is to start until there is."""


class DiskFreed(Stimulus, frozen=True, kw_only=True):
    """There is room on the disk again."""


class WorkerTypesConfigured(Stimulus, frozen=True, kw_only=True):
    """Worker type → how many attempts may run at once; named capacity → how much there is."""

    limits: Mapping[str, int]
    resources: Mapping[str, float] | None = None
    #: Worker type → its kind, of all that there are.
    kinds: Mapping[str, str] | None = None
    #: How deep graphs may submit graphs, and how many in all from inside one that came from outside.
    nesting: tuple[int, int] | None = None


class WorkerReady(Stimulus, frozen=True, kw_only=True):
    """A host process for this type answers; it knows of no attempts yet."""

    worker: str


class WorkerLost(Stimulus, frozen=True, kw_only=True):
    """The host process of this type is gone; its attempts may run on."""

    worker: str
    #: Why no further one is to be started for now: they died too often. Empty: the next one is on its way.
    exhausted: str = ""


class AttemptFound(Stimulus, frozen=True, kw_only=True):
    """A host has taken over a running attempt that has run for `elapsed_s`."""

    graph: str
    task: str
    attempt: int
    pid: int
    elapsed_s: float


class AttemptExceeded(Stimulus, frozen=True, kw_only=True):
    """It broke a bound that its host watches; `cls` is the failure class that it will have."""

    graph: str
    task: str
    attempt: int
    cls: str
    message: str


class AttemptProgressed(Stimulus, frozen=True, kw_only=True):
    """It says how far it is."""

    graph: str
    task: str
    attempt: int
    text: str = ""
    percent: float | None = None


class AttemptOver(Stimulus, frozen=True, kw_only=True):
    """An attempt is over (see hostwire.AttemptEnded)."""

    graph: str
    task: str
    attempt: int
    ending: Ending
    exit_code: int | None = None
    message: str = ""
    started_utc: float = 0.0
    ended_utc: float = 0.0
    duration_s: float = 0.0
    #: The JSON value it handed back; null where there is none or it stays in its file.
    result: Raw = NOTHING
    result_in_file: bool = False
    result_fault: str = ""
    #: Why it is not valid, where it exited 0 and what `validate` asks for does not hold.
    invalid: str = ""
    question: Question | None = None
    tail: str = ""
    checked: str = ""
    #: Files that it left, as it was to.
    artifacts: tuple[Artifact, ...] = ()
    #: A failure class that is known already.
    cls: str = ""
    #: Of an agent: what it used, its session, and when its quota is there again.
    usage: Usage | None = None
    session: str = ""
    reset_utc: float | None = None


class TimerKey(Struct, frozen=True, order=True):
    """Which timer; arming one that is armed moves it. What does not belong to a kind is empty."""

    kind: Literal["retry", "timeout", "deadline", "wall", "decision", "worker"]
    graph: str = ""
    task: str = ""
    attempt: int = 0
    #: The decision's ref, or the worker type.
    ref: str = ""


class TimerFired(Stimulus, frozen=True, kw_only=True):
    """The time has come."""

    key: TimerKey


# --- effects ----------------------------------------------------------------------------------------------------


class Effect(Struct, frozen=True):
    """Something for the shell to do."""


class StartAttempt(Effect, frozen=True):
    """Run it. Answered by AttemptOver, or WorkerLost."""

    worker: str
    graph: str
    task: str
    attempt: int


class AdoptAttempt(Effect, frozen=True):
    """Find out what became of it and go on from there. Answered by AttemptFound, AttemptOver, or WorkerLost."""

    worker: str
    graph: str
    task: str
    attempt: int
    stopping: bool


class StopAttempt(Effect, frozen=True):
    """End it with all it started. Answered by AttemptOver, or WorkerLost."""

    worker: str
    graph: str
    task: str
    attempt: int


class ArmTimer(Effect, frozen=True):
    """Answered by TimerFired after `delay_s` seconds of monotonic time."""

    key: TimerKey
    delay_s: float


class DisarmTimer(Effect, frozen=True):
    """Not answered; a TimerFired may be under way already."""

    key: TimerKey


class ForgetGraph(Effect, frozen=True):
    """Remove a graph's files. Not answered."""

    graph: str


class ReleaseWorker(Effect, frozen=True):
    """Forget how often hosts of this type have died. Not answered; WakeWorker follows where there is work."""

    worker: str


class WakeWorker(Effect, frozen=True):
    """Work waits for a host of this type. Answered by WorkerReady, some time."""

    worker: str


class WakeCourier(Effect, frozen=True):
    """A graph has callbacks or files, which somebody must serve. Not answered."""
