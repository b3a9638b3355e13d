"""A long run of a real daemon, and the memory of its supervisor along the way.

What a leak of a few bytes a task comes to shows only over many tasks, and only beside a bound: so the second half of
the run is held against the first, at whose end as much is kept as ever will be. The sample is taken at each graph's
end, and of each stretch the highest one is told: a mean would hide what the daemon needs while it works.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from orch_actors.protocol.client import Client
from orch_actors.protocol.settings import Retention

#: Graphs that are handed over and not waited for yet, so that the daemon is never idle.
AHEAD: Final = 3
#: A graph that has not ended by then hangs.
LIMIT_S: Final = 300.0
#: By then the daemon has forgotten what it is not to keep: it looks within seconds.
FORGOTTEN_S: Final = 60.0


def samples(
    client: Client, folder: str, tasks: int, each: int, memory: Callable[[], float]
) -> Iterator[tuple[int, float]]:
    """Run so many tasks that do nothing, in graphs of `each`; after each graph: tasks run so far, and the memory then.

    Raises:
        AssertionError: a graph did not end in `done`.
    """
    document = {"name": "many", "tasks": [{"id": f"t{number}", "command": ":"} for number in range(each)]}
    ahead: deque[str] = deque()
    handed = run = 0
    while run < tasks:
        while handed < tasks and len(ahead) < AHEAD:
            ahead.append(client.submit(document, base_dir=folder).graph)
            handed += each
        (summary,) = client.wait((ahead.popleft(),), timeout_s=LIMIT_S)
        if summary.state != "done":
            raise AssertionError(f"{summary.name} ended {summary.state}: {summary.counts}")
        run += each
        yield run, memory()


def wait_until_forgotten(client: Client, retention: Retention) -> list[int]:
    """Wait until no more is kept than the retention keeps, nothing running; tasks of each graph that is kept.

    Raises:
        AssertionError: it did not within seconds: the daemon keeps more than it was told to.
    """
    until_at = time.monotonic() + FORGOTTEN_S
    while True:
        over = [sum(graph.counts.values()) for graph in client.status().graphs]
        graphs, tasks = retention.most_graphs or 0, retention.most_tasks or 0
        if len(over) <= graphs and sum(over) <= tasks:
            return over
        if time.monotonic() > until_at:
            raise AssertionError(f"{len(over)} finished graphs with {sum(over)} tasks are kept after {FORGOTTEN_S:g} s")
        time.sleep(0.1)


def peaks(found: list[tuple[int, float]], stretches: int) -> list[tuple[int, float]]:
    """At most so many stretches of the run, of equal length: tasks run at the end of each, and its highest sample."""
    length = max(1, -(-len(found) // stretches))
    return [
        (found[begin : begin + length][-1][0], max(memory for _, memory in found[begin : begin + length]))
        for begin in range(0, len(found), length)
    ]
