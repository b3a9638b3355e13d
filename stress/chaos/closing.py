"""The end of a round: every graph is seen to its end, and what only the living can tell is written down."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec
from msgspec import Struct

from orch_actors.protocol import messages as m
from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import Refused
from orch_actors.stress.chaos import processes
from orch_actors.stress.chaos.calls import Calls
from orch_actors.stress.chaos.jobs import Patience
from orch_actors.stress.chaos.keeper import Keeper
from orch_actors.stress.chaos.record import FINAL, HISTORY, Log
from orch_actors.stress.daemon import processes_of

#: What everything may take to come to its end, after the last strike.
END_S: Final = 180.0
#: What processes may take to be gone after their attempt, or their daemon, is.
GONE_S: Final = 10.0

PATIENT: Final = Patience(wait_s=60.0, settle=True)


class Seen(Struct, frozen=True, kw_only=True):
    """What the daemon told when all was over."""

    graphs: tuple[Any, ...]
    head: int


def see_to_the_end(home: str, folder: str, end_s: float = END_S) -> Seen:
    """Clear up what the agents left: answer, resume, wait; then look. A graph that does not end is seen as it is."""
    with Client(home, client_id="janitor", timeout_s=60.0) as client:
        history = Log(os.path.join(folder, HISTORY))
        calls = Calls(client, "janitor", history)
        until_at = time.monotonic() + end_s
        while _clear_up(client, calls) and time.monotonic() < until_at:
            pass
        history.close()
        head = client.hello().head
        views = tuple(client.graph(summary.id) for summary in client.status().graphs)
    return Seen(graphs=views, head=head)


def _clear_up(client: Client, calls: Calls) -> bool:
    """Whether there was something to do."""
    status = client.status()
    for worker in status.workers:
        if worker.reason.startswith("paused"):
            calls.make(m.Resume(worker=worker.type), PATIENT)
    running = [graph for graph in status.graphs if graph.ended_utc is None]
    for decision in client.decisions() if running else ():
        # What fails for ever, and is asked about, would be tried again for ever.
        choice = next((option for option in decision.options if option != "retry"), decision.options[0])
        calls.make(m.Decide(ref=decision.ref, choice=choice, note="by the janitor"), PATIENT)
    for graph in running:
        if graph.state == "paused":
            calls.make(m.Resume(graph=graph.id), PATIENT)
    with suppress(TimeoutError, Refused):
        client.wait([graph.id for graph in running], timeout_s=0.3)
    return bool(running)


def leave(keeper: Keeper, folder: str, seen: Seen) -> None:
    """See whether anything still runs, have the daemon go, see what is left; and write all that down."""
    orphans = _until_none(lambda: processes.of_attempts(keeper.home))
    keeper.went_by_itself()
    code = keeper.end()
    left = _until_none(lambda: dict.fromkeys(processes_of(keeper.home), ""))
    final = {
        "graphs": seen.graphs,
        "head": seen.head,
        "orphans": {str(pid): attempt for pid, attempt in orphans.items()},
        "left": list(left),
        "exit_code": code,
    }
    with open(os.path.join(folder, FINAL), "wb") as file:
        file.write(msgspec.json.encode(final))


def end_all(home: str) -> None:
    """End what still lives of a home; told already, where it should not."""
    for pid in (*processes.of_attempts(home), *processes_of(home)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _until_none(look: Callable[[], Mapping[int, str]]) -> dict[int, str]:
    """What is still there after a while."""
    until_at = time.monotonic() + GONE_S
    while (found := dict(look())) and time.monotonic() < until_at:
        time.sleep(0.05)
    return found
