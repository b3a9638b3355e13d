"""Clients that stall, flood, and vanish, by the hundred: the daemon's memory stays bounded, and nobody else is slowed.

A third of them subscribes to events and takes none in, a third asks and asks and takes in no answer, a third asks and
is gone, again and again. Meanwhile one client asks as ever, and a graph runs.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from orch_actors.protocol.client import Client
from orch_actors.protocol.environment import outside_attempts
from orch_actors.stress.bench.idle import total_memory
from orch_actors.stress.daemon import TrialDaemon
from orch_actors.stress.proofs.proof import Proof, Report, Trial

#: How long they go on for; and how often the honest client asks, before and meanwhile.
ABUSE_S: Final = 20.0
ASKED: Final = 200
#: Processes that the abusers are in; and tasks of the graph that they ask for.
PROCESSES: Final = 4
TASKS: Final = 500
#: Above this the daemon's memory counts as unbounded: the documented limits, and what a daemon needs anyway.
MOST_MIB: Final = 900.0
#: An honest request may take so long while hundreds of others are under way, on a machine that they share with it.
SLOWEST_S: Final = 5.0


def run(trial: Trial) -> Report:
    """See the module."""
    faults: list[str] = []
    with TrialDaemon() as daemon, daemon.client() as client:
        graph = client.submit({"name": "large", "tasks": [_waits(number) for number in range(TASKS)]}).graph
        client.pause(graph=graph)
        before_mib, before_s = _mib(daemon.pid), _asked(client, ASKED)
        peak = before_mib
        meanwhile: list[float] = []
        trial.tell(f"alone: {1000 * statistics.median(before_s):.1f} ms a request, {before_mib:.0f} MiB")
        with _abusers(daemon.home.path, graph, trial.size):
            until_at = time.monotonic() + ABUSE_S
            while time.monotonic() < until_at or len(meanwhile) < ASKED:
                meanwhile += _asked(client, 5)
                peak = max(peak, _mib(daemon.pid))
            ended = client.wait([client.submit({"name": "honest", "tasks": [_does()]}).graph], timeout_s=60)
            traffic = client.status().traffic
        if ended[0].state != "done":
            faults.append(f"an honest graph ended as {ended[0].state}")
        if peak > MOST_MIB:
            faults.append(f"the daemon took {peak:.0f} MiB")
        if max(meanwhile) > SLOWEST_S:
            faults.append(f"an honest request took {max(meanwhile):.1f} s")
        dropped = sum(traffic.dropped.values()) if traffic is not None else 0
        _settle(client, faults)
        after_mib = _mib(daemon.pid)
    return Report(
        done=trial.size,
        counts={
            "honest requests": len(meanwhile),
            "ms alone": round(1000 * statistics.median(before_s), 1),
            "ms meanwhile": round(1000 * statistics.median(meanwhile), 1),
            "ms at the worst": round(1000 * max(meanwhile)),
            "MiB alone": round(before_mib),
            "MiB at the most": round(peak),
            "MiB after": round(after_mib),
            "refused or dropped": dropped,
        },
        faults=tuple(faults),
    )


def _mib(pid: int) -> float:
    return total_memory([pid]).rss / 2**20


def _waits(number: int) -> dict[str, object]:
    return {"id": f"t{number}", "command": "true", "title": "x" * 100}


def _does() -> dict[str, object]:
    return {"id": "t", "command": "true"}


def _asked(client: Client, times: int) -> list[float]:
    """Seconds that each of so many requests took."""
    took = []
    for _ in range(times):
        begun_at = time.monotonic()
        client.hello()
        took.append(time.monotonic() - begun_at)
    return took


def _settle(client: Client, faults: list[str]) -> None:
    """Once they have gone, nothing waits."""
    until_at = time.monotonic() + 30
    while time.monotonic() < until_at:
        traffic = client.status().traffic
        if traffic is not None and traffic.waiting <= 1 and traffic.connections <= 2 and traffic.subscribers == 0:
            return
        time.sleep(0.05)
    faults.append(f"something is left of them: {client.status().traffic}")


@contextmanager
def _abusers(home: str, graph: str, count: int) -> Iterator[None]:
    """So many of them, in a few processes, until the block ends."""
    command = [sys.executable, "-P", "-m", "orch_actors.stress.rude", home, graph, str(max(1, count // PROCESSES))]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=outside_attempts(os.environ))
        for _ in range(PROCESSES)
    ]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()


PROOF: Final = Proof(
    name="abuse",
    proves="Clients that stall, flood or vanish cost the daemon a bounded amount of memory, and slow nobody else.",
    asked="200 clients that read nothing, ask without end or vanish: memory bounded, others served",
    full=200,
    quick=30,
    unit="clients",
    run=run,
)
