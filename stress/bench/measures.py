"""What is measured, each in rounds that alternate with its references, so that a busy moment hits both alike.

Every round of a measure that creates files has a fresh home and fresh folders, and nothing is deleted before the end:
on some file systems creating a file costs twenty times as much for seconds after thousands were deleted.
"""

import os
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from msgspec import Struct

from orch_actors.protocol.client import Client
from orch_actors.protocol.messages import GraphAccepted
from orch_actors.protocol.settings import Retention
from orch_actors.stress.bench import agents, rivals
from orch_actors.stress.bench.figures import Bound, Figure, figure, quantile
from orch_actors.stress.bench.idle import cpu_s, memory_of, total_memory
from orch_actors.stress.bench.long_run import peaks, samples, wait_until_forgotten
from orch_actors.stress.daemon import TrialDaemon, command_line, processes_of

#: A graph of a bench that has not ended by then hangs.
LIMIT_S: Final = 300.0
NOOP: Final = {"id": "noop", "command": "true"}


class Size(Struct, frozen=True, kw_only=True):
    """How much is measured."""

    rounds: int = 5
    submissions: int = 40
    tasks: int = 400
    hops: int = 100
    starts: int = 9
    #: Between the last task and the watch: what a host tidies up after its work is work, not idling.
    settle_s: float = 3.0
    idle_s: float = 10.0
    #: Tasks of the large graph and of the small one, and of how many the completion is timed in each round.
    large: int = 100_000
    small: int = 1_000
    completions: int = 90
    #: Of the journal that is opened.
    lines: int = 1_000_000
    #: Of the long run: tasks, and how many are in a graph; finished graphs that are kept, None: as by default.
    run: int = 100_000
    each: int = 100
    keep: int | None = None


QUICK: Final = Size(
    rounds=1,
    submissions=5,
    tasks=20,
    hops=10,
    starts=2,
    settle_s=0.0,
    idle_s=1.0,
    large=10_000,
    lines=8_000,
    run=2_000,
    each=25,
    keep=10,
)

#: Stretches of which the curve of a long run consists.
STRETCHES: Final = 20


class Bench:
    """One run of the bench: its size, its folder, and the daemons whose homes are removed at its end."""

    def __init__(self, size: Size, folder: str) -> None:
        self.size: Final = size
        self.folder: Final = folder
        self.parallel: Final = os.cpu_count() or 1
        self._daemons: list[TrialDaemon] = []

    @contextmanager
    def daemon(self, settings: str = "") -> Iterator[tuple[TrialDaemon, Client]]:
        """A fresh daemon that has run a task already, and a client of it; `settings`: the text of its config.toml."""
        fresh = TrialDaemon(remove_at_end=False, settings=settings)
        self._daemons.append(fresh)
        with fresh as daemon, daemon.client() as client:
            self.run(client, {"name": "warm-up", "tasks": [NOOP]})
            yield daemon, client

    def remove_homes(self) -> None:
        """Delete what was kept so far."""
        for daemon in self._daemons:
            daemon.remove()

    def run(self, client: Client, graph: dict[str, Any]) -> float:
        """Seconds from the submission of a graph to its end.

        Raises:
            AssertionError: it did not end in `done`: then its time means nothing.
        """
        begun_at = time.perf_counter()
        accepted = client.submit(graph, base_dir=self.folder)
        _until_done(client, accepted.graph)
        return time.perf_counter() - begun_at


def _until_done(client: Client, graph: str) -> None:
    (summary,) = client.wait((graph,), timeout_s=LIMIT_S)
    if summary.state != "done":
        raise AssertionError(f"{summary.name} ended {summary.state}: {summary.counts}")


def accepted(bench: Bench) -> list[Figure]:
    """From `submit` to its answer, the daemon otherwise idle: each submission's task has ended before the next."""
    medians: dict[str, list[float]] = defaultdict(list)
    tails: dict[str, list[float]] = defaultdict(list)
    for _ in range(bench.size.rounds):
        times: dict[str, list[float]] = defaultdict(list)
        with bench.daemon() as (_, client), rivals.bare_loop(bench.folder) as bare:
            _submit_timed(bare, bench)  # the first one connects
            for _ in range(bench.size.submissions):
                seconds, answer = _submit_timed(client, bench)
                times["ours"].append(seconds * 1000)
                _until_done(client, answer.graph)
                times["bare ROUTER loop"].append(_submit_timed(bare, bench)[0] * 1000)
        for who, values in times.items():
            medians[who].append(quantile(values, 0.5))
            tails[who].append(quantile(values, 0.95))
    return [
        figure("submit → accepted, p50", "ms", medians, bound=Bound("ratio", 2.0)),
        figure("submit → accepted, p95", "ms", tails),
    ]


def _submit_timed(client: Client, bench: Bench) -> tuple[float, GraphAccepted]:
    graph = {"name": "one", "tasks": [NOOP]}
    begun_at = time.perf_counter()
    answer = client.submit(graph, base_dir=bench.folder)
    return time.perf_counter() - begun_at, answer


def mcp(bench: Bench) -> list[Figure]:
    """From a tool call to its answer, as an agent submits, and the same by the Python client, by turns."""
    if not agents.is_installed():
        return []
    medians: dict[str, list[float]] = defaultdict(list)
    for _ in range(bench.size.rounds):
        times: dict[str, list[float]] = defaultdict(list)
        with bench.daemon() as (daemon, client), agents.mcp_server(daemon.home.path, bench.folder) as server:
            for number in range(bench.size.submissions + 1):
                seconds, graph = server.submit({"name": "one", "tasks": [NOOP]})
                _until_done(client, graph)
                beside, answer = _submit_timed(client, bench)
                _until_done(client, answer.graph)
                if number:  # the first one connects
                    times["ours"].append(seconds * 1000)
                    times["Python client"].append(beside * 1000)
        for who, values in times.items():
            medians[who].append(quantile(values, 0.5))
    return [figure("MCP orch_submit, p50", "ms", medians)]


def tasks(bench: Bench) -> list[Figure]:
    """No-op shell tasks a second, from the submission of one wide graph to its end."""
    count = bench.size.tasks
    graph = {"name": "wide", "tasks": [{"id": f"t{number}", "command": "true"} for number in range(count)]}
    rates: dict[str, list[float]] = defaultdict(list)
    for _ in range(bench.size.rounds):
        with bench.daemon() as (_, client):
            rates["ours"].append(count / bench.run(client, graph))
        rates[f"xargs -P{bench.parallel}"].append(count / rivals.xargs(count, bench.parallel, bench.folder))
        for name, seconds in (
            ("ninja", rivals.ninja(count, bench.parallel, bench.folder)),
            ("make", rivals.make(count, bench.parallel, bench.folder)),
        ):
            if seconds is not None:
                rates[f"{name} -j{bench.parallel}"].append(count / seconds)
    return [figure("shell tasks", "1/s", rates, bound=Bound("ratio", 0.3, at_least=True), note=f"{count} tasks")]


def chain(bench: Bench) -> list[Figure]:
    """Milliseconds for each hop of a chain in which each task waits for the one before."""
    hops = bench.size.hops
    listed = [
        {"id": f"h{number}", "command": "true", "depends_on": [f"h{number - 1}"] if number else []}
        for number in range(hops)
    ]
    times: dict[str, list[float]] = defaultdict(list)
    for _ in range(bench.size.rounds):
        with bench.daemon() as (_, client):
            times["ours"].append(bench.run(client, {"name": "chain", "tasks": listed}) / hops * 1000)
        times["spawn sh -c true"].append(rivals.spawn_chain(hops) / hops * 1000)
        seconds = rivals.ninja(hops, bench.parallel, bench.folder, chain=True)
        if seconds is not None:
            times["ninja"].append(seconds / hops * 1000)
    return [figure("chain, a hop", "ms", times, bound=Bound("value", 6.0), note=f"{hops} hops")]


def cold(bench: Bench) -> list[Figure]:
    """The command `orch-actors submit FILE`, whole, to a running daemon."""
    path = os.path.join(bench.folder, "small.yaml")
    with open(path, "w", encoding="ascii") as file:
        file.write("name: small\ngoal: Start quickly.\ntasks:\n  - id: noop\n    command: 'true'\n")
    times: dict[str, list[float]] = defaultdict(list)
    with bench.daemon() as (daemon, client):
        command = [*command_line(), "submit", path, "--home", daemon.home.path, "--json"]
        for _ in range(bench.size.starts):
            begun_at = time.perf_counter()
            done = subprocess.run(command, capture_output=True, check=True)
            times["ours"].append((time.perf_counter() - begun_at) * 1000)
            _until_done(client, msgspec.json.decode(done.stdout)["graph"])
            times["python -c pass"].append(rivals.bare_interpreter() * 1000)
    return [figure("cold `orch-actors submit`", "ms", times, bound=Bound("ratio", 8.0))]


def idle(bench: Bench) -> list[Figure]:
    """Memory and processor time of the daemon when it has nothing to do, both worker types having worked."""
    with (
        bench.daemon() as (daemon, client),
        rivals.waiting_interpreter() as bare,
        rivals.waking_interpreter() as waking,
    ):
        python = {"id": "py", "worker": "python", "script": "pass"}
        bench.run(client, {"name": "both", "tasks": [NOOP, python]})
        status = client.status()
        named = {status.supervisor.pid, *(worker.pid for worker in status.workers if worker.pid)}
        others = [pid for pid in processes_of(daemon.home.path) if pid not in named]
        time.sleep(bench.size.settle_s)
        before, woken, begun_at = _cpu(named), cpu_s(waking), time.perf_counter()
        time.sleep(bench.size.idle_s)
        share = 100 / (time.perf_counter() - begun_at)
        used = {"ours": [(_cpu(named) - before) * share], "waking once a second": [(cpu_s(waking) - woken) * share]}
        memory, bare_memory = total_memory(named), memory_of(bare)
        rest = f"; {len(others)} more (warm runners): {total_memory(others).pss / 2**20:.1f} MiB PSS" if others else ""
    note = f"{len(named)} processes, RSS {memory.rss / 2**20:.1f} MiB{rest}"
    sizes = {"ours": [memory.pss / 2**20], "one bare interpreter": [bare_memory.pss / 2**20]}
    return [
        figure("idle memory (PSS)", "MiB", sizes, note=note),
        figure("idle CPU", "%", used, bound=Bound("value", 0.5), note=f"over {bench.size.idle_s:g} s"),
    ]


def _cpu(pids: set[int]) -> float:
    return sum(cpu_s(pid) for pid in pids)


def stimulus_cost(bench: Bench) -> list[Figure]:
    """Completing a task in a large graph, and in a small one, by turns, over the machine alone."""
    from orch_actors.stress.bench.stimulus import Course  # the daemon's core, which no other measure needs

    size = bench.size
    courses = {"ours": Course(size.large), f"{size.small:,} tasks": Course(size.small)}
    costs: dict[str, list[float]] = defaultdict(list)
    for _ in range(size.rounds):
        times: dict[str, list[float]] = defaultdict(list)
        for _ in range(size.completions):
            for who, course in courses.items():
                times[who].append(course.complete() * 1_000_000)
        for who, values in times.items():
            costs[who].append(quantile(values, 0.5))
    return [figure("complete a task", "µs", costs, bound=Bound("ratio", 1.3), note=f"of {size.large:,} tasks")]


def context(bench: Bench) -> list[Figure]:
    """The layers L0 and L1 of a graph of 1,000 tasks, half of them done; within their bounds, whatever they cost."""
    from orch_actors.stress.bench.contexts import layers_s  # the daemon's inside, which few measures need
    from orch_actors.stress.bench.stimulus import Course

    course = Course(bench.size.small)
    for _ in range(bench.size.small // 2):
        course.complete()
    times = {"ours": [layers_s(course.state) * 1000 for _ in range(bench.size.rounds)]}
    note = f"L0 and L1 of {bench.size.small:,} tasks"
    return [figure("context", "ms", times, bound=Bound("value", 50.0), note=note)]


def opening(bench: Bench) -> list[Figure]:
    """From an old journal to the state that a daemon goes on with; then from its snapshot."""
    from orch_actors.stress.bench import opening as opened  # the daemon's journal, which no other measure needs

    folder = os.path.join(bench.folder, "journal")
    opened.write_past(folder, bench.size.lines)
    size = sum(os.stat(os.path.join(folder, name)).st_size for name in os.listdir(folder) if name[0].isdigit())
    whole: dict[str, list[float]] = defaultdict(list)
    for _ in range(min(bench.size.rounds, 3)):
        whole["ours"].append(opened.open_timed(folder))
        whole["read and sum up"].append(opened.sum_timed(folder))
    snapshot = opened.make_snapshot(folder)
    quick: dict[str, list[float]] = defaultdict(list)
    for _ in range(bench.size.rounds):
        quick["ours"].append(opened.open_timed(folder))
    quick["without it"] += whole["ours"]
    lines = f"{bench.size.lines:,} lines"
    return [
        figure("open a journal", "s", whole, bound=Bound("value", 5.0), note=f"{lines}, {size / 2**20:.0f} MiB"),
        figure("… from a snapshot", "s", quick, bound=Bound("value", 1.0), note=f"of {snapshot / 2**20:.1f} MiB"),
    ]


def memory(bench: Bench) -> list[Figure]:
    """Of the supervisor, over a long run: the highest in its second half beside the highest in its first.

    Raises:
        AssertionError: the daemon keeps more than it is to keep, so the figure would mean nothing.
    """
    size = bench.size
    with bench.daemon("" if size.keep is None else f"[retention]\nkeep = {size.keep}\n") as (daemon, client):
        pid, begun_at = daemon.pid, time.perf_counter()
        found = list(
            samples(client, bench.folder, size.run, size.each, lambda: memory_of(pid).rss / 2**20),
        )
        rate = size.run / (time.perf_counter() - begun_at)
        most = Retention() if size.keep is None else Retention(keep=size.keep)
        kept = wait_until_forgotten(client, most)
    half = len(found) // 2
    halves = {"ours": [max(rss for _, rss in found[half:])], "the first half": [max(rss for _, rss in found[:half])]}
    note = f"RSS, {size.run:,} tasks at {rate:.0f}/s; {len(kept):,} graphs with {sum(kept):,} tasks are kept"
    bound = Bound("ratio", 1.2)
    return [figure("memory, second half", "MiB", halves, bound=bound, note=note, curve=peaks(found, STRETCHES))]


MEASURES: Final[dict[str, Callable[[Bench], list[Figure]]]] = {
    "accepted": accepted,
    "mcp": mcp,
    "tasks": tasks,
    "chain": chain,
    "cold": cold,
    "idle": idle,
    "stimulus_cost": stimulus_cost,
    "opening": opening,
    "context": context,
    "memory": memory,
}
