"""The Task actor: one attempt, from the claim (or the adoption) to the message about its end.

It knows a Place and nothing of shims, locks or processes. It decides by what the place finds (record.py):

    state      | stimulus        | what was found          | then
    -----------+-----------------+-------------------------+------------------------------------------------------
    starting   | (its start)     | Taken                   | start it → running; stopping wanted → ended: killed;
               |                 |                         | what it refers to is gone → ended: spawn
               |                 | Running                 | announce, watch → running; stopping wanted → stopping
               |                 | Over                    | → ended: exit, killed, spawn or lost; or → validating
               |                 | another boot            | → ended: exit where the record says so, else lost
               |                 | cannot be claimed       | → ended: spawn
    running    | Gone            | Over                    | → ended: exit, or sweep and lost; or → validating
               |                 | Taken (never ran)       | start it (again) → running; too often → ended: spawn
               |                 | Running                 | somebody else was faster: watch on
               | Stop            |                         | TERM, arm the grace → stopping
               |                 | its record is gone      | → ended: lost
               | LookAgain       | Running, pid known      | announce
               | Exceeded        |                         | tell, and run on
               | Progressed      |                         | tell, and run on
    validating | Validated       |                         | → ended: exit
               | Stop            |                         | stop the validation → stopping
    stopping   | Gone            | Over, Taken             | sweep → ended: killed
               | Validated       |                         | sweep → ended: killed
               | GraceOver       |                         | KILL the group
               | Stop            |                         | nothing
               | LookAgain       | Running, pid known      | the signal that is due
    ended      | anything        |                         | nothing: it has stopped

What exited with 0, has a usable result and asks nothing is validated, and its artifacts are collected, where its launch
says so, before its end is told.

A shim writes its pid line a moment after it takes the lock. Who comes in between looks again after a few milliseconds,
doubling: the one place where something is asked repeatedly, since a file says nothing when it is written to.
"""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any, ClassVar, Final, Literal

import msgspec
import pykka
from msgspec import Struct

from orch_actors.actors.actor import Actor, OnCrash
from orch_actors.actors.host import logbook, outcome
from orch_actors.actors.host.bounds import Kind, has_bounds
from orch_actors.actors.host.clock import boot_clock
from orch_actors.actors.host.place import CannotSpawn, Check, Place, Verdict
from orch_actors.actors.host.progress import Progress
from orch_actors.actors.host.record import Found, Never, Over, Running, Seen, Taken, paths_of
from orch_actors.actors.host.reports import with_report
from orch_actors.actors.host.shim import NO_CWD, NO_RECORD
from orch_actors.actors.process.no_room import DISK_FULL
from orch_actors.protocol.hostwire import (
    AttemptAdopted,
    AttemptEnded,
    AttemptExceeded,
    AttemptProgressed,
    Ending,
    Launch,
)
from orch_actors.protocol.spec.work import AGENTS

State = Literal["starting", "running", "validating", "stopping", "ended"]

#: What a Task tells the Worker.
Told = AttemptAdopted | AttemptExceeded | AttemptProgressed | AttemptEnded

#: How often an attempt that was handed on and never began is started again.
_MOST_STARTS: Final = 3

_FIRST_LOOK_S: Final = 0.005
_LONGEST_LOOK_S: Final = 1.0


class Stop(Struct, frozen=True):
    """End it."""


class Gone(Struct, frozen=True):
    """Whoever held the lock has ended; `status` as waitpid gives it, where that was our child."""

    status: int | None


class GraceOver(Struct, frozen=True):
    """The time between TERM and KILL has passed."""


class LookAgain(Struct, frozen=True):
    """The shim may have written its pid line by now."""


class Progressed(Struct, frozen=True):
    """It says something else of how far it is."""

    progress: Progress


class Exceeded(Struct, frozen=True):
    """It broke a bound."""

    kind: Kind
    message: str


class Validated(Struct, frozen=True):
    """Its validation is over; see Place.validate."""

    verdict: Verdict


class Task(Actor):
    """One attempt. It tells `report` what the Worker should know, its AttemptEnded once and last, and stops then."""

    kind: ClassVar[str] = "task"

    def __init__(
        self,
        launch: Launch,
        place: Place,
        report: Callable[[Told], None],
        *,
        stopping: bool = False,
        unfilled: str = "",
        on_crash: OnCrash | None = None,
    ) -> None:
        super().__init__(launch.attempt, on_crash=on_crash)
        self._launch: Final = launch
        self._place: Final = place
        self._report: Final = report
        self._state: State = "starting"
        self._is_agent: Final = launch.kind in AGENTS
        self._kill_wanted = stopping
        #: Why it cannot be begun, nor validated; see AdoptAttempt.
        self._unfilled: Final = unfilled
        self._starts = 0
        self._announced = False
        #: It ended while this actor looked; otherwise before.
        self._watched = False
        self._due: signal.Signals | None = None
        self._kill_at = 0.0
        self._look_s = _FIRST_LOOK_S
        self._timers: list[threading.Timer] = []
        #: While validating: what runs, and what is told if it finds nothing.
        self._check: Check | None = None
        self._draft: AttemptEnded | None = None

    def state(self) -> str:
        """See Actor."""
        return super().state() if self.crash is not None else self._state

    # --- stimuli ----------------------------------------------------------------------------------------

    def on_start(self) -> None:
        """Claim it, or find out what became of it."""
        if self._launch.boot != self._place.boot:
            self._end_of_another_boot()
            return
        try:
            found = self._place.take(self._launch)
        except CannotSpawn as error:
            self._end("spawn", Seen(), str(error), cls=error.cls)
            return
        self._meet(found)

    def _on_gone(self, message: Gone) -> None:
        if self._state == "ended" or self._draft is not None:
            return
        self._watched = True
        # Our own shim, and all went well: no need for the lock.
        seen = self._place.read(self._launch) if message.status == 0 else Seen()
        if seen.exit_code is not None:
            self._meet(Over(seen))
            return
        try:
            found = self._place.take_back(self._launch)
        except OSError as error:
            self._end(
                "killed" if self._kill_wanted else "lost", Seen(), f"its record is lost: {error.strerror or error}"
            )
            return
        if isinstance(found, Taken) and message.status is not None:
            cls, why = _why_no_start(message.status)
            self._forgo(found, "killed" if self._kill_wanted else "spawn", why, cls)
            return
        self._meet(found)

    def _on_stop(self, _message: Stop) -> None:
        if self._state == "running":
            self._kill_wanted = True
            self._begin_kill()
        elif self._state == "validating":
            self._kill_wanted = True
            self._stop_validation()

    def _on_grace_over(self, _message: GraceOver) -> None:
        if self._state == "stopping":
            self._signal(signal.SIGKILL)

    def _on_look_again(self, _message: LookAgain) -> None:
        if self._state == "ended":
            return
        found = self._place.probe(self._launch)
        if not isinstance(found, Running):
            return  # Gone is on its way
        if found.seen.pid is None:
            self._look_later()
            return
        self._announce(found.seen)
        if self._due is not None:
            self._signal(self._due)

    def _on_exceeded(self, message: Exceeded) -> None:
        if self._state == "running":
            self._report(AttemptExceeded(attempt=self.name, kind=message.kind, message=message.message))

    def _on_progressed(self, message: Progressed) -> None:
        mask = self._place.mask(self._launch)
        if self._state == "running" and mask.complete:  # otherwise it may hold a secret that is not known here
            said = message.progress
            self._report(AttemptProgressed(attempt=self.name, text=mask.text(said.text), percent=said.percent))

    def _on_validated(self, message: Validated) -> None:
        assert self._draft is not None  # noqa: S101 (it comes once, after _validate)
        match message.verdict:
            case _ if self._kill_wanted:
                self._sweep(None)
                self._end("killed", self._place.read(self._launch))
            case Exception() as error:
                raise error
            case tuple() as artifacts:
                self._tell_end(msgspec.structs.replace(self._draft, artifacts=artifacts))
            case invalid:
                self._tell_end(self._found_invalid(self._draft, invalid))

    # --- what to do with what was found -----------------------------------------------------------------

    def _meet(self, found: Found) -> None:
        match found:
            case Taken():
                self._start(found)
            case Running(seen=seen):
                self._adopt(seen)
            case Over(seen=seen):
                self._end_of_run(seen)

    def _start(self, taken: Taken) -> None:
        self._watched = True  # whatever comes of it now, comes now
        if self._kill_wanted:
            self._forgo(taken, "killed", "it was stopped before it began")
            return
        if self._unfilled:
            self._forgo(taken, "spawn", self._unfilled, cls="reference")
            return
        if self._starts == _MOST_STARTS:
            self._forgo(taken, "spawn", f"it was started {_MOST_STARTS} times and never began")
            return
        self._starts += 1
        self._announced = True  # it is nobody else's
        try:
            self._place.start(self._launch, taken, self._gone)
        except CannotSpawn as error:
            self._end("spawn", taken.seen, str(error), cls=error.cls)
            return
        self._state = "running"
        if has_bounds(self._launch):
            self._place.watch_bounds(self._launch, 0.0, self._exceeded)
        self._place.watch_progress(self._launch, self._progressed)
        logbook.debug("{}: started", self.name)

    def _forgo(self, taken: Taken, ending: Literal["killed", "spawn"], why: str, cls: str = "") -> None:
        """It will not be started, by nobody: not by a host either that was asked to before us, and was stopped."""
        self._place.forgo(self._launch, taken, Never(ending, why, cls))
        self._end(ending, taken.seen, why, cls=cls)

    def _adopt(self, seen: Seen) -> None:
        if self._state == "starting":
            self._state = "running"
        self._announce(seen)
        self._place.watch(self._launch, self._gone)
        if has_bounds(self._launch):
            self._place.watch_bounds(self._launch, _elapsed_s(seen), self._exceeded)
        self._place.watch_progress(self._launch, self._progressed)
        if self._kill_wanted and self._state == "running":
            self._begin_kill()

    def _announce(self, seen: Seen) -> None:
        """Tell, once, that somebody else's attempt was found running."""
        if self._announced:
            return
        if seen.pid is None:
            self._look_later()
            return
        self._announced = True
        logbook.info("{}: adopted, pid {}", self.name, seen.pid)
        self._report(AttemptAdopted(attempt=self.name, pid=seen.pid, elapsed_s=_elapsed_s(seen)))

    def _end_of_run(self, seen: Seen) -> None:
        if seen.never is not None:
            self._end("killed" if self._kill_wanted else seen.never.never, seen, seen.never.why, cls=seen.never.cls)
        elif self._kill_wanted:
            self._sweep(seen.pid if self._state == "stopping" else None)
            # Its last words may have come while we swept.
            self._end("killed", self._place.read(self._launch))
        elif seen.exit_code is not None:
            if self._is_agent:  # it leaves servers and shells behind that nobody wants
                self._sweep(None)
            self._end("exit", seen)
        else:
            self._sweep(None)
            self._end("lost", seen, "its shim was ended from outside: how the command ended cannot be known")

    def _end_of_another_boot(self) -> None:
        """The machine has restarted since it was decided. Its record may have been lost with the power, so that
        there is none does not prove that it never ran; and no pid means anything any more.
        """
        seen = self._place.read(self._launch)
        if seen.never is not None:
            self._end_of_run(seen)
        elif seen.exit_code is not None:
            self._end("killed" if self._kill_wanted else "exit", seen)
        elif self._kill_wanted:
            self._end("killed", seen, "the machine restarted while it was being stopped")
        else:
            self._end("lost", seen, "the machine restarted while it ran")

    # --- ending it --------------------------------------------------------------------------------------

    def _begin_kill(self) -> None:
        self._state = "stopping"
        grace_s = max(0.0, self._launch.grace_s)
        self._kill_at = boot_clock() + grace_s
        if grace_s == 0:
            self._signal(signal.SIGKILL)
            return
        self._signal(signal.SIGTERM)
        self._after(grace_s, GraceOver())

    def _signal(self, signum: signal.Signals) -> None:
        self._due = None if self._place.signal(self._launch, signum) else signum
        if self._due is not None:
            self._look_later()

    def _sweep(self, told_group: int | None) -> None:
        """End what is left: with what is left of the grace, where it was stopped; with all of it, where not."""
        patience_s = self._kill_at - boot_clock() if self._state == "stopping" else self._launch.grace_s
        count = self._place.sweep(self._launch, told_group, max(0.0, patience_s))
        if count:
            logbook.info("{}: ended {} process(es) that it had left behind", self.name, count)

    def _end(self, ending: Ending, seen: Seen, message: str = "", *, cls: str = "") -> None:
        """Say how it ended, and stop; or have it validated first."""
        if has_bounds(self._launch):
            self._place.forget_bounds(self._launch)
        self._place.forget_progress(self._launch)
        self._place.leave_blotted(self._launch)
        told = outcome.ended(
            self.name,
            ending,
            seen,
            paths_of(self._launch),
            message=message,
            watched=self._watched,
            same_boot=self._launch.boot == self._place.boot,
            cls=cls,
            mask=self._place.mask(self._launch),
        )
        if self._is_agent:
            told = with_report(told, paths_of(self._launch), self._place.mask(self._launch))
        promised = self._launch.validate is not None or self._launch.artifacts
        if promised and outcome.is_for_validation(told):
            self._validate(told)
        else:
            self._tell_end(told)

    def _validate(self, told: AttemptEnded) -> None:
        if self._unfilled and self._launch.validate is not None:  # its command would see references instead of values
            self._tell_end(self._found_invalid(told, self._unfilled))
            return
        self._state = "validating"
        self._draft = told
        # Who has not seen it end cannot know whether somebody else was at it already.
        self._check = self._place.validate(self._launch, told.result, self._validated, sweep_first=not self._watched)

    def _found_invalid(self, told: AttemptEnded, invalid: str) -> AttemptEnded:
        return outcome.found_invalid(told, invalid, paths_of(self._launch), self._place.mask(self._launch))

    def _stop_validation(self) -> None:
        assert self._check is not None  # noqa: S101 (see _validate)
        self._state = "stopping"
        grace_s = max(0.0, self._launch.grace_s)
        self._kill_at = boot_clock() + grace_s
        self._check.stop(grace_s)

    def _tell_end(self, told: AttemptEnded) -> None:
        self._state = "ended"
        for timer in self._timers:
            timer.cancel()
        self._place.forget_secrets(self._launch)
        self._report(told)
        self.stop()

    # --- time -------------------------------------------------------------------------------------------

    def _look_later(self) -> None:
        self._after(self._look_s, LookAgain())
        self._look_s = min(2 * self._look_s, _LONGEST_LOOK_S)

    def _after(self, delay_s: float, message: Any) -> None:
        timer = threading.Timer(delay_s, self._tell_self, (message,))
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def _gone(self, status: int | None) -> None:
        self._tell_self(Gone(status))

    def _exceeded(self, kind: Kind, message: str) -> None:
        self._tell_self(Exceeded(kind, message))

    def _progressed(self, progress: Progress) -> None:
        self._tell_self(Progressed(progress))

    def _validated(self, verdict: Verdict) -> None:
        self._tell_self(Validated(verdict))

    def _tell_self(self, message: Any) -> None:
        """From a timer, the reaper, a watch or a validation: they may outlive the actor."""
        try:
            self.actor_ref.tell(message)
        except pykka.ActorDeadError:
            return


def _elapsed_s(seen: Seen) -> float:
    """How long it has run."""
    return max(0.0, boot_clock() - seen.header.mono) if seen.header is not None else 0.0


def _why_no_start(status: int) -> tuple[str, str]:
    """Why a shim ended before its pid line: the failure class, where it is known, and a sentence."""
    if os.WIFSIGNALED(status):
        return "", f"it was ended by signal {os.WTERMSIG(status)} before it began"
    match os.WEXITSTATUS(status):
        case code if code == NO_RECORD:
            return DISK_FULL, "its record could not be written: is the disk full?"
        case code if code == NO_CWD:
            return "", "cannot enter its working directory"
        case code:
            return "", f"the shell that should have run it ended with code {code} before it began"
