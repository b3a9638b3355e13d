"""What goes into the machine (stimuli) and what comes out (effects).

Stimuli are what clients ask and what the world did; effects are what the shell around the machine must do once
the step's facts are durable. Each effect names the stimuli that answer it, so the circle can be followed.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Raw, Struct

from orch_actors.actors.core.facts import NOTHING
from orch_actors.protocol.hostwire import Ending
from orch_actors.protocol.spec.graph import GraphSpec


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


class CancelAsked(Stimulus, frozen=True, kw_only=True):
    """A graph, or one task of it, is to be ended. `graph` is an id, a unique prefix or an unambiguous name."""

    graph: str
    task: str | None
    reason: str


class CancelRunningAsked(Stimulus, frozen=True, kw_only=True):
    """Every running task is to be ended (`down --kill`)."""

    reason: str


# --- done by the world ------------------------------------------------------------------------------------------


class Recovered(Stimulus, frozen=True, kw_only=True):
    """The journal has been replayed; the first stimulus of every life."""


class WorkerTypesConfigured(Stimulus, frozen=True, kw_only=True):
    """Worker type → how many attempts may run at once."""

    limits: Mapping[str, int]


class WorkerReady(Stimulus, frozen=True, kw_only=True):
    """A host process for this type answers; it knows of no attempts yet."""

    worker: str


class WorkerLost(Stimulus, frozen=True, kw_only=True):
    """The host process of this type is gone; its attempts may run on."""

    worker: str


class AttemptFound(Stimulus, frozen=True, kw_only=True):
    """A host has taken over a running attempt that has run for `elapsed_s`."""

    graph: str
    task: str
    attempt: int
    pid: int
    elapsed_s: float


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


class TimerKey(Struct, frozen=True, order=True):
    """Which timer; arming one that is armed moves it."""

    kind: Literal["retry", "timeout"]
    graph: str
    task: str
    attempt: int


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


class WakeWorker(Effect, frozen=True):
    """Work waits for a host of this type. Answered by WorkerReady, some time."""

    worker: str
