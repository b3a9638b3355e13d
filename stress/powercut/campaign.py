"""A campaign: histories of several lives each, ended by power cuts at random operations, by kills and by orderly stops.

Everything comes from the seed: history number N of seed S is the same wherever it is run, and can be run alone.
"""

import itertools
import random
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import msgspec
from loguru import logger
from msgspec import Struct
from msgspec.structs import replace

from orch_actors.actors.core.stimuli import TimerKey
from orch_actors.actors.journal.opening import segment_names
from orch_actors.actors.views.projection import graph_view
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.views import GraphView
from orch_actors.stress.powercut.clients import Clients
from orch_actors.stress.powercut.disk import CrashDisk, PowerCut
from orch_actors.stress.powercut.life import FOLDERS, Life, next_batch
from orch_actors.stress.powercut.witness import Violation, Witness
from orch_actors.stress.powercut.world import SimulatedClock, World

#: Lives of one history at the most, and batches of one life.
LIVES: Final = 16
BATCHES: Final = 40

#: A segment for each batch, for a few, for many, for all.
SEGMENT_BYTES: Final = (1, 2_000, 8_000, 40_000, 64 * 1024 * 1024)

#: What is counted, in the order in which it is told.
COUNTED: Final = (
    "power cuts",
    "… in append",
    "… in overwrite",
    "… in truncate",
    "… in sync",
    "… in sync of a folder",
    "… in create",
    "… in open",
    "… in close",
    "… in rename",
    "… in remove",
    "… in make folder",
    "… in idleness",
    "failed syncs",
    "full disks",
    "refusals for want of room",
    "stops for want of room",
    "kills",
    "stops",
    "lives",
    "states compared",
    "commands answered",
    "answers repeated",
    "commands decided late",
    "events published",
    "attempts started",
    "lines kept",
    "segments",
    "snapshots",
    "snapshots that failed",
    "starts from a snapshot",
    "segments removed",
    "torn tails",
    "lines lost that nobody was promised",
)


class PowerCuts(Struct, frozen=True, kw_only=True):
    """What came of it."""

    seed: int
    histories: int
    #: In words → number.
    counts: dict[str, int]
    #: A sentence for each history that broke a promise.
    faults: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """As a plain mapping."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def run_campaign(
    cuts: int, seed: int, tell: Callable[[str], None] = lambda _: None, *, only: int | None = None
) -> PowerCuts:
    """Run whole histories until the power was cut `cuts` times or more; `tell` hears how far it has come.

    With `only`, that history of the seed is run, and no other.
    """
    counts: Counter[str] = Counter(dict.fromkeys(COUNTED, 0))
    faults: list[str] = []
    histories = 0
    for number in itertools.count() if only is None else (only,):
        before = counts["power cuts"]
        faults += run_history(seed, number, counts)
        histories += 1
        if counts["power cuts"] // 1000 > before // 1000:
            tell(f"{counts['power cuts']:,} power cuts, {len(faults)} faults …")
        if counts["power cuts"] >= cuts:
            break
    return PowerCuts(seed=seed, histories=histories, counts=dict(counts), faults=tuple(faults))


def run_history(seed: int, number: int, counts: Counter[str]) -> list[str]:
    """Run one history and add to `counts`; returns the promise that it broke, if it broke one."""
    history = History(random.Random(f"{seed}/{number}"), counts)
    logger.disable("orch_actors")
    try:
        history.run()
    except Exception as error:  # noqa: BLE001 (whatever it dies of is a fault, and the other histories go on)
        what = str(error) if isinstance(error, Violation) else f"it died of {type(error).__name__}: {error}"
        if isinstance(error, EnvironmentFault):
            what = f"it refused to open: {error}"
        return [f"{what} (seed {seed}, history {number}, life {history.lives})"]
    finally:
        logger.enable("orch_actors")
        history.count()
    return []


class History:
    """One disk, and all that happens on it."""

    def __init__(self, rng: random.Random, counts: Counter[str]) -> None:
        self._rng, self._counts = rng, counts
        self._disk = CrashDisk(random.Random(rng.random()))
        self._clock = SimulatedClock()
        self._witness = Witness()
        self._world = World(rng, self._clock, self._witness)
        self._clients = Clients(rng, self._clock, self._witness)
        self._segment_bytes = rng.choice(SEGMENT_BYTES)
        self.lives = 0
        #: How it was left by a daemon that was killed between two batches.
        self._left: tuple[list[GraphView], dict[TimerKey, float]] | None = None

    def run(self) -> None:
        """Live, die, and live again; at last everything is asked again.

        Raises:
            Violation: a promise was broken.
            EnvironmentFault: it did not open.
        """
        for _ in range(self._rng.randint(2, LIVES)):
            self._live()
        self._disk.capacity = None
        self._daemon_gone()
        self._power_gone("idleness")
        self.lives += 1
        life = self._open()
        life.deliver(self._clients.everything_again())
        if self._witness.waiting:
            waiting = [self._witness.asked[key].request.do for key in self._witness.waiting]
            raise Violation(f"{len(waiting)} commands have no answer yet, such as {waiting[0]}")
        life.stop()

    def count(self) -> None:
        """Add what the witness has counted."""
        segments = segment_names(self._disk.list(FOLDERS[-1]))
        for what, number in {
            "lives": self.lives,
            "lines kept": len(self._witness.promised),
            "segments": len(segments),
            "commands answered": len(self._witness.answered),
            "answers repeated": self._witness.repeats,
            "events published": self._witness.head,
            "attempts started": len(self._witness.started),
            "lines lost that nobody was promised": self._witness.lost,
            "refusals for want of room": self._witness.refused.count("DISK_FULL"),
        }.items():
            self._counts[what] += number

    def _live(self) -> None:
        self.lives += 1
        self._disk.cut_in = self._rng.choice((None, self._rng.randint(0, 12), *[self._rng.randint(0, 80)] * 5))
        self._disk.fail_sync_in = self._rng.choice((None, None, None, None, self._rng.randint(0, 20)))
        failed = self._disk.failed_syncs
        try:
            life = self._open()
            for _ in range(self._rng.randint(0, BATCHES)):
                self._fill_or_free()
                life.deliver(next_batch(self._rng, self._clients, self._world, life.state))
                self._tend(life)
            if self._rng.random() < 0.3:
                life.stop()
                self._counts["stops"] += 1
            else:
                self._counts["kills"] += 1
            self._left = views(life), timers(self._world)
            self._daemon_gone()
        except PowerCut:
            self._power_gone(self._disk.cut_at)
        except EnvironmentFault:
            if self._disk.failed_syncs > failed:
                self._counts["failed syncs"] += 1
            elif self._disk.capacity is not None:
                self._counts["stops for want of room"] += 1
            else:
                raise
            self._disk.capacity = None
            self._daemon_gone()

    def _tend(self, life: Life) -> None:
        """The compactor works beside the daemon, sooner or later."""
        if self._rng.random() < 0.05:
            life.ask_to_compact()
        if self._rng.random() < 0.4:
            compacted = life.compact()
            self._counts["snapshots"] += bool(compacted)
            self._counts["snapshots that failed"] += compacted is None
        if self._rng.random() < 0.4:
            self._counts["segments removed"] += life.remove()

    def _fill_or_free(self) -> None:
        """Now and then the disk is full for a while, or nearly."""
        if self._disk.capacity is not None:
            if self._rng.random() < 0.15:
                self._disk.capacity = None
        elif self._rng.random() < 0.02:
            self._disk.capacity = self._disk.used() + self._rng.choice((0, 500, 5000))
            self._counts["full disks"] += 1

    def _daemon_gone(self) -> None:
        self._disk.kill()
        self._world.daemon_gone()

    def _power_gone(self, operation: str) -> None:
        self._counts["power cuts"] += 1
        self._counts[f"… in {operation}"] += 1
        self._left = None
        self._disk.restart()
        self._world.power_gone()

    def _open(self) -> Life:
        left, self._left = self._left, None
        life = Life(self._disk, self._witness, self._world, self._clock, self._segment_bytes)
        self._counts["torn tails"] += bool(life.torn)
        self._counts["starts from a snapshot"] += life.began_with_snapshot
        self._counts["commands decided late"] += life.unprocessed
        if left is not None:
            self._compare(left, life)
        return life

    def _compare(self, left: tuple[list[GraphView], dict[TimerKey, float]], life: Life) -> None:
        """Nothing has happened since: everything is as it was, and what was to happen later will."""
        graphs, due = left
        if views(life) != graphs:
            raise Violation("after a kill the state is another than before")
        now = timers(self._world)
        moved = [key for key in due.keys() | now.keys() if abs(due.get(key, -1e9) - now.get(key, -1e9)) > 0.01]
        if moved:
            raise Violation(f"timer {moved[0]} was due at {due.get(moved[0])}, after a kill at {now.get(moved[0])}")
        self._counts["states compared"] += 1


def views(life: Life) -> list[GraphView]:
    """All graphs, as clients see them; but for the words on why a task waits, as hosts are no part of the journal."""
    found = [graph_view(life.state, graph, "/attempts") for graph in life.state.graphs.values()]
    return [replace(view, tasks=tuple(replace(task, reason="") for task in view.tasks)) for view in found]


def timers(world: World) -> dict[TimerKey, float]:
    """When what was armed is due: but for timeouts of attempts, which a host has to find first."""
    now = world.clock.now
    return {key: max(due, now) for key, due in world.armed.items() if key.kind != "timeout"}
