"""Hosts, attempts and timers around a simulated daemon: what it has them do, and what they tell it.

They outlive a kill of the daemon, as shims do; the power takes them along: then an attempt's record tells how it ended,
or nobody can. A host begins an attempt that has no record, as the real one does (see host/task.py).
"""

import random
from collections.abc import Mapping
from typing import Final

from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.state import State
from orch_actors.actors.inside import HostGone, HostSaid, HostUp, RoomDue, TimerDue
from orch_actors.protocol import hostwire
from orch_actors.protocol.ids import attempt_id
from orch_actors.stress.powercut.witness import Witness

#: (graph, task, number)
Attempt = tuple[str, str, int]

EXIT_CODES: Final = (0, 0, 0, 0, 1, 3, 137)


class SimulatedClock:
    """Both of the daemon's clocks, as one that goes on when it is told to."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def utc(self) -> float:
        """See Clock."""
        return self.now

    def monotonic(self) -> float:
        """See Clock."""
        return self.now


class World:
    """See the module. `news` chooses what happens next; `perform` does what the daemon asks for."""

    def __init__(self, rng: random.Random, clock: SimulatedClock, witness: Witness) -> None:
        self._rng, self.clock, self._witness = rng, clock, witness
        #: Boot id of the machine: another one after each power cut.
        self.boot = "boot-1"
        self._boots = 1
        #: Attempts that run, and whether they were told to stop; how the others ended, for whoever asks again.
        self._running: dict[Attempt, bool] = {}
        self._ended: dict[Attempt, hostwire.AttemptEnded] = {}
        self._worker_of: dict[Attempt, str] = {}
        #: Attempt → the host that was given it last, and so may tell of it.
        self._given: dict[Attempt, str] = {}
        #: Worker type → name of its host.
        self._hosts: dict[str, str] = {}
        self._made = 0
        #: What hosts were asked to find: whether it is to be stopped, and is of this boot.
        self._to_adopt: dict[Attempt, tuple[bool, bool]] = {}
        #: Timer → when it is due.
        self.armed: dict[s.TimerKey, float] = {}
        self._woken: dict[str, None] = {}
        self._look_at: float | None = None

    # --- what the daemon asks for ---------------------------------------------------------------------------------

    def perform(self, effect: s.Effect, hosts: Mapping[str, str], state: State) -> None:
        """Do it. What is meant for a host that is gone is lost."""
        match effect:
            case s.StartAttempt(worker, graph, task, number):
                if worker in hosts and hosts[worker] == self._hosts.get(worker):
                    self._begin((graph, task, number), worker)
            case s.AdoptAttempt(worker, graph, task, number, stopping):
                if worker in hosts and hosts[worker] == self._hosts.get(worker):
                    same_boot = state.task(graph, task).attempts[number - 1].boot == self.boot
                    self._to_adopt[graph, task, number] = stopping, same_boot
                    self._worker_of[graph, task, number] = worker
            case s.StopAttempt(_, graph, task, number):
                if (graph, task, number) in self._running:
                    self._running[graph, task, number] = True
            case s.ArmTimer(key, delay_s):
                self.armed[key] = self.clock.now + delay_s
            case s.DisarmTimer(key):
                self.armed.pop(key, None)
            case s.WakeWorker(worker):
                self._woken[worker] = None
            case s.ForgetGraph():
                pass
            case _:
                raise TypeError(f"nobody performs {type(effect).__name__}")

    def look_for_room_in(self, delay_s: float) -> None:
        """The daemon is to be reminded that its disk was full."""
        self._look_at = self.clock.now + delay_s

    def _begin(self, attempt: Attempt, worker: str) -> None:
        self._witness.started_now(attempt)
        self._running[attempt] = False
        self._worker_of[attempt] = worker
        self._given[attempt] = self._hosts[worker]

    # --- what it is told ------------------------------------------------------------------------------------------

    def news(self) -> HostSaid | HostUp | HostGone | TimerDue | RoomDue | None:
        """Something that happens now; None where nothing can."""
        self.clock.now += self._rng.choice((0.0, 0.01, 0.5, 5.0))
        if self._look_at is not None and self._look_at <= self.clock.now:
            self._look_at = None
            return RoomDue()
        if self._woken:
            return self._host_up(next(iter(self._woken)))
        if self._to_adopt and self._rng.random() < 0.8:
            attempt, (stopping, same_boot) = self._to_adopt.popitem()
            return self._found(attempt, stopping=stopping, same_boot=same_boot)
        roll = self._rng.random()
        if roll < 0.05 and self._hosts:
            worker = self._rng.choice(sorted(self._hosts))
            return self._host_gone(worker)
        if roll < 0.1 and (again := self._told_again()) is not None:
            return again
        if roll < 0.3 and self.armed:
            return self._fire()
        running = [attempt for attempt in self._running if self._is_known(attempt)]
        if running:
            return self._end(self._rng.choice(running))
        return self._fire() if self.armed else None

    def _told_again(self) -> HostSaid | None:
        """News may come twice."""
        known = [attempt for attempt in list(self._ended)[-20:] if self._is_known(attempt)]
        return self._said(attempt, self._ended[attempt]) if known and (attempt := self._rng.choice(known)) else None

    def _is_known(self, attempt: Attempt) -> bool:
        """Whether the host of its type has been given it."""
        return self._given.get(attempt) == self._hosts.get(self._worker_of[attempt], "none")

    def _host_up(self, worker: str) -> HostUp:
        self._woken.pop(worker, None)
        self._made += 1
        self._hosts[worker] = f"{worker}.{self._made}"
        return HostUp(worker, self._hosts[worker])

    def _host_gone(self, worker: str) -> HostGone:
        host = self._hosts.pop(worker)
        for attempt in [one for one in self._to_adopt if self._worker_of[one] == worker]:
            del self._to_adopt[attempt]
        self._woken[worker] = None
        return HostGone(worker, host, "killed")

    def _fire(self) -> TimerDue:
        key = min(self.armed, key=lambda one: (self.armed[one], one))
        self.clock.now = max(self.clock.now, self.armed.pop(key))
        return TimerDue(key)

    def _found(self, attempt: Attempt, *, stopping: bool, same_boot: bool) -> HostSaid | None:
        """What a host finds that was asked to adopt an attempt: the crash matrix of the real one."""
        name = attempt_id(*attempt)
        self._given[attempt] = self._hosts[self._worker_of[attempt]]
        if attempt in self._running:
            self._running[attempt] |= stopping
            if self._rng.random() < 0.5:
                return self._end(attempt)
            return self._said(attempt, hostwire.AttemptAdopted(attempt=name, pid=4711, elapsed_s=1.0))
        if attempt in self._ended:
            return self._said(attempt, self._ended[attempt])
        if attempt in self._witness.started or not same_boot:
            return self._said(attempt, hostwire.AttemptEnded(attempt=name, ending="lost", message="another boot"))
        if stopping:
            return self._said(attempt, hostwire.AttemptEnded(attempt=name, ending="killed"))
        self._begin(attempt, self._worker_of[attempt])
        return None

    def _end(self, attempt: Attempt) -> HostSaid:
        stopped, name, now = self._running.pop(attempt), attempt_id(*attempt), self.clock.now
        if stopped and self._rng.random() < 0.7:
            over = hostwire.AttemptEnded(attempt=name, ending="killed", started_utc=now - 1, ended_utc=now)
        else:
            code = self._rng.choice(EXIT_CODES)
            self._witness.exits[attempt] = code
            over = hostwire.AttemptEnded(
                attempt=name, ending="exit", exit_code=code, started_utc=now - 1, ended_utc=now, duration_s=1.0
            )
        self._ended[attempt] = over
        return self._said(attempt, over)

    def _said(self, attempt: Attempt, message: hostwire.ToSupervisor) -> HostSaid:
        return HostSaid(self._hosts[self._worker_of[attempt]], message)

    # --- crashes --------------------------------------------------------------------------------------------------

    def daemon_gone(self) -> None:
        """Hosts do not outlive their daemon, attempts do."""
        self._hosts.clear()
        self._to_adopt.clear()
        self._woken.clear()
        self._look_at = None
        self.armed.clear()

    def power_gone(self) -> None:
        """Nothing outlives this but the records, or parts of them."""
        self.daemon_gone()
        self._boots += 1
        self.boot = f"boot-{self._boots}"
        self._running.clear()
        for attempt in list(self._ended):
            if self._rng.random() < 0.3:
                del self._ended[attempt]  # its record, or the end of it
