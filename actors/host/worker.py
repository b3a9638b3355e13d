"""The Worker actor: one per host. Takes the supervisor's messages, has a Task actor per running attempt.

It starts nothing and waits for nothing itself, so a thousand attempts or one that hangs are the same to it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

import pykka
from msgspec import Struct

from orch_actors.actors.actor import Actor, OnCrash, describe
from orch_actors.actors.host import logbook
from orch_actors.actors.host.place import Place
from orch_actors.actors.host.task import Stop, Task, Told
from orch_actors.protocol.hostwire import (
    ActorsDescribed,
    AdoptAttempt,
    AttemptAdopted,
    AttemptEnded,
    AttemptExceeded,
    AttemptProgressed,
    DescribeActors,
    Launch,
    Ping,
    Pong,
    StartAttempt,
    StopAttempt,
    StopHost,
    ToSupervisor,
)


class TaskCrashed(Struct, frozen=True):
    """A Task actor died of a bug."""

    attempt: str
    error: str


@dataclass(slots=True)
class _Entry:
    ref: "pykka.ActorRef[Task]"
    launch: Launch
    #: Its end was asked for.
    stopping: bool
    #: See AdoptAttempt.
    unfilled: str = ""
    crashes: int = 0


class Worker(Actor):
    """Messages in, Task actors out. Invariant: `_tasks` holds exactly the attempts not yet reported ended."""

    kind: ClassVar[str] = "worker"

    def __init__(
        self,
        worker: str,
        place: Place,
        send: Callable[[ToSupervisor], None],
        stop_host: Callable[[], None],
        *,
        on_crash: OnCrash | None = None,
    ) -> None:
        super().__init__(f"worker/{worker}", on_crash=on_crash)
        self._place: Final = place
        self._send: Final = send
        self._stop_host: Final = stop_host
        self._tasks: Final[dict[str, _Entry]] = {}

    # --- from the supervisor ----------------------------------------------------------------------------

    def _on_start_attempt(self, message: StartAttempt) -> None:
        if message.launch.attempt not in self._tasks:
            self._begin(message.launch, stopping=False)

    def _on_adopt_attempt(self, message: AdoptAttempt) -> None:
        if message.launch.attempt not in self._tasks:
            self._begin(message.launch, stopping=message.stopping, unfilled=message.unfilled)
        elif message.stopping:
            self._end(message.launch.attempt)

    def _on_stop_attempt(self, message: StopAttempt) -> None:
        self._end(message.attempt)

    def _on_describe_actors(self, message: DescribeActors) -> None:
        tasks = [view for entry in self._tasks.values() if (view := describe(entry.ref)) is not None]
        self._send(ActorsDescribed(ticket=message.ticket, root=self.describe(tasks)))

    def _on_ping(self, _message: Ping) -> None:
        self._send(Pong())

    def _on_stop_host(self, _message: StopHost) -> None:
        self._stop_host()

    # --- from the Task actors ---------------------------------------------------------------------------

    def _on_attempt_adopted(self, message: AttemptAdopted) -> None:
        self._send(message)

    def _on_attempt_exceeded(self, message: AttemptExceeded) -> None:
        self._send(message)

    def _on_attempt_progressed(self, message: AttemptProgressed) -> None:
        self._send(message)

    def _on_attempt_ended(self, message: AttemptEnded) -> None:
        if self._tasks.pop(message.attempt, None) is not None:
            self._send(message)

    def _on_task_crashed(self, message: TaskCrashed) -> None:
        """Look once more with a fresh actor: the record knows all that the old one knew."""
        entry = self._tasks.get(message.attempt)
        if entry is None:
            return
        if entry.crashes == 0:
            self._begin(entry.launch, stopping=entry.stopping, unfilled=entry.unfilled, crashes=1)
            return
        del self._tasks[message.attempt]
        self._send(
            AttemptEnded(
                attempt=message.attempt,
                ending="lost",
                message=f"a bug in the worker host: {message.error}; the attempt may still be running",
            )
        )

    # ----------------------------------------------------------------------------------------------------

    def _begin(self, launch: Launch, *, stopping: bool, unfilled: str = "", crashes: int = 0) -> None:
        ref = Task.start(
            launch, self._place, self._report, stopping=stopping, unfilled=unfilled, on_crash=self._task_crashed
        )
        self._tasks[launch.attempt] = _Entry(ref, launch, stopping, unfilled, crashes)

    def _end(self, attempt: str) -> None:
        entry = self._tasks.get(attempt)
        if entry is None:
            logbook.info("{}: asked to stop what does not run here", attempt)
            return
        entry.stopping = True
        try:
            entry.ref.tell(Stop())
        except pykka.ActorDeadError:
            return  # it ended or crashed just now: its message is in our inbox

    def _report(self, message: Told) -> None:
        """Called in the Task actors' threads."""
        self.actor_ref.tell(message)

    def _task_crashed(self, attempt: str, error: BaseException) -> None:
        """Called in the crashing actor's thread."""
        logbook.error("{}: its actor died of {!r}", attempt, error)
        self.actor_ref.tell(TaskCrashed(attempt, repr(error)))
