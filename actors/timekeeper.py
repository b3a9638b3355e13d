"""The Timekeeper: the one owner of clocks in the supervisor process, and the one who waits for instants.

A thread of its own rather than a pykka actor: it has to wait for "a message or an instant", which pykka's inbox
cannot. Timers run by the monotonic clock, so a wall clock that jumps neither fires nor delays any. No polling:
with nothing armed it sleeps for ever.
"""

import heapq
import os
import threading
import time
from collections.abc import Callable, Hashable
from typing import Protocol

from orch_actors.protocol.views import ActorView


class Clock(Protocol):
    """Time as the daemon sees it; tests bring their own."""

    def utc(self) -> float:
        """Wall time in seconds since the epoch: for people and for what must outlive this process."""

    def monotonic(self) -> float:
        """Seconds that only ever go forward: for everything else."""


class SystemClock:
    """The operating system's clocks."""

    def utc(self) -> float:
        """See Clock."""
        return time.time()

    def monotonic(self) -> float:
        """See Clock."""
        return time.monotonic()


class Timekeeper(threading.Thread):
    """Calls back when an armed timer is due. `arm` and `disarm` may be called from any thread."""

    def __init__(self, clock: Clock, on_crash: Callable[[str, BaseException], None] | None = None) -> None:
        super().__init__(name="timekeeper", daemon=True)
        self._clock = clock
        self._on_crash = on_crash
        self._wake = threading.Condition()
        #: (due_at, order, key); entries whose order is not the armed one are dead.
        self._heap: list[tuple[float, int, Hashable]] = []
        self._armed: dict[Hashable, tuple[int, Callable[[], None]]] = {}
        self._order = 0
        self._stopped = False
        self._fired = 0

    def arm(self, key: Hashable, delay_s: float, call: Callable[[], None]) -> None:
        """Call `call` once, `delay_s` seconds from now, in the Timekeeper's thread; an armed key is moved."""
        due_at = self._clock.monotonic() + delay_s
        with self._wake:
            self._order += 1
            self._armed[key] = (self._order, call)
            first = not self._heap or due_at < self._heap[0][0]
            heapq.heappush(self._heap, (due_at, self._order, key))
            if len(self._heap) > 64 and len(self._heap) > 4 * len(self._armed):
                self._heap = [entry for entry in self._heap if self._alive(entry)]
                heapq.heapify(self._heap)
            if first:
                self._wake.notify()

    def disarm(self, key: Hashable) -> None:
        """Forget a timer; its call may just be on its way."""
        with self._wake:
            self._armed.pop(key, None)

    def stop(self) -> None:
        """End the thread; nothing fires any more."""
        with self._wake:
            self._stopped = True
            self._wake.notify()

    def describe(self) -> ActorView:
        """For `actors`: the mailbox is what is armed."""
        return ActorView(
            name="timekeeper",
            kind="timekeeper",
            state="stopped" if self._stopped else "waiting",
            pid=os.getpid(),
            mailbox=len(self._armed),
            handled=self._fired,
        )

    def run(self) -> None:
        """The thread's life; a call that fails ends it, loudly: without timers nothing would time out any more."""
        try:
            self._keep()
        except Exception as error:
            if self._on_crash is None:
                raise
            self._on_crash("timekeeper", error)

    def _keep(self) -> None:
        while True:
            with self._wake:
                call = self._next_due()
            if call is None:
                return
            self._fired += 1
            call()

    def _alive(self, entry: tuple[float, int, Hashable]) -> bool:
        armed = self._armed.get(entry[2])
        return armed is not None and armed[0] == entry[1]

    def _next_due(self) -> Callable[[], None] | None:
        """Wait for the next timer and take it out; None once stopped. The lock is held."""
        while not self._stopped:
            while self._heap and not self._alive(self._heap[0]):
                heapq.heappop(self._heap)
            if not self._heap:
                self._wake.wait()
                continue
            left = self._heap[0][0] - self._clock.monotonic()
            if left <= 0:
                _, _, key = heapq.heappop(self._heap)
                return self._armed.pop(key)[1]
            self._wake.wait(min(left, threading.TIMEOUT_MAX))
        return None
