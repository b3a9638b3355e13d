"""Seeded rounds of `kill -9`: while graphs run, the supervisor and worker hosts die, at moments that a seed chooses.

A moment is a number of events of the graphs, not an instant: the same seed hits the same phase of the work on a slow
machine and on a fast one. Only our own processes are killed, never a shim; so the promise is that nobody notices: the
expectations of an undisturbed run must hold.
"""

import os
import random
import signal
import subprocess
import threading
from typing import Final

from msgspec import Struct

from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import OrchError
from orch_actors.stress.daemon import TrialDaemon

#: Nothing happened for so long: the graphs have ended, or hang; the run's own deadline tells which.
QUIET_S: Final = 120.0


class Kill(Struct, frozen=True):
    """One that was carried out."""

    #: The number of the graphs' events after which it was due.
    after_events: int
    #: `supervisor`, or the worker type whose host it was.
    victim: str
    pid: int


class Killer(threading.Thread):
    """Follows the graphs' events and kills at the moments chosen; `kills` is what it did."""

    def __init__(self, daemon: TrialDaemon, graphs: tuple[str, ...], moments: tuple[int, ...], seed: int) -> None:
        super().__init__(name="killer", daemon=True)
        self._daemon = daemon
        self.graphs: Final = graphs
        self.moments: Final = moments
        self._random = random.Random(seed)
        self.kills: list[Kill] = []
        self.fault: str = ""
        self._ceased = False
        #: Held during a kill and what follows it.
        self._acting = threading.Lock()

    def run(self) -> None:
        """See the class. A fault ends it and is kept: the report tells."""
        try:
            with self._daemon.client() as client:
                self._follow(client)
        except (OrchError, OSError, subprocess.TimeoutExpired) as error:
            self.fault = str(error)

    def cease(self) -> None:
        """No more kills, from now on: one that is being carried out is waited for."""
        with self._acting:
            self._ceased = True

    def _follow(self, client: Client) -> None:
        left = list(self.moments)
        running = set(self.graphs)
        seen = 0
        with client.follow(since=0, timeout_s=QUIET_S) as events:
            for event in events:
                if event.graph not in self.graphs:
                    continue
                seen += 1
                while left and seen >= left[0] and not self._ceased:
                    with self._acting:
                        if not self._ceased:
                            self._kill(client, left.pop(0))
                if event.kind == "graph_ended":
                    running.discard(event.graph)
                elif event.kind == "graph_reopened":
                    running.add(event.graph)
                if not left or self._ceased or not running:
                    return

    def _kill(self, client: Client, moment: int) -> None:
        """Supervisor first, then a host, and so on by turns; which host, the seed says."""
        while True:
            hosts = living_hosts(client) if len(self.kills) % 2 else {}
            if not hosts:
                self.kills.append(Kill(moment, "supervisor", self._daemon.kill_supervisor()))
                return
            victim = self._random.choice(sorted(hosts))
            try:
                os.kill(hosts[victim], signal.SIGKILL)
            except ProcessLookupError:
                continue  # it went by itself since we asked
            self.kills.append(Kill(moment, victim, hosts[victim]))
            return


def living_hosts(client: Client) -> dict[str, int]:
    """Worker type → pid of its host, of those that run."""
    return {worker.type: worker.pid for worker in client.status().workers if worker.pid}


def choose_moments(kills: int, seed: int, least_events: int) -> tuple[int, ...]:
    """`kills` different numbers of events, in order, all of which the graphs are sure to reach.

    Raises:
        ValueError: the graphs have fewer events than that.
    """
    span = range(3, least_events)
    if kills > len(span):
        raise ValueError(f"{kills} kills are more than there are moments: at most {len(span)}")
    return tuple(sorted(random.Random(seed).sample(span, kills)))
