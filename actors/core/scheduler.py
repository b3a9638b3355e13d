"""Who runs next: ready tasks by worker type, bounded by shared capacities.

Pure bookkeeping over opaque entries: it knows ranks, worker types and capacities, not what a task is.

Theory of operation. Each worker type has a queue ordered by rank. What an entry needs besides a slot of its type
is a set of claims on capacities (its graph's parallel limit, later named resources and locks). An entry that is
next but lacks a capacity is set aside under that capacity, and comes back to its queue when some of it is given
back: at most as many as fit per worker type, so the cost of a completion does not depend on how many wait. An
entry may not overtake a better-ranked one that waits for the same capacity; so a stream of small claims cannot
starve a large one. Rejected: one queue scanned for the first that fits, whose cost grows with what waits.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf

#: Lower runs first: (-priority, order of becoming ready).
Rank = tuple[int, int]


@dataclass(slots=True, order=True)
class Entry:
    """One waiting task; `live` turns false when it no longer waits (lazy deletion from the heaps)."""

    rank: Rank
    ref: str = field(compare=False)
    worker: str = field(compare=False)
    claims: Mapping[str, float] = field(compare=False)
    live: bool = field(default=True, compare=False)
    #: The capacity under which it is set aside.
    held_by: str | None = field(default=None, compare=False)


class Scheduler:
    """Queues, capacities and claims."""

    def __init__(self) -> None:
        #: Capacity → how much there is; unnamed ones are unbounded.
        self._capacity: dict[str, float] = {}
        #: Capacity → how much is claimed. Invariant: the sum over entries taken and not given back.
        self._used: dict[str, float] = {}
        self._queues: dict[str, list[Entry]] = {}
        #: Capacity → worker type → entries set aside.
        self._held: dict[str, dict[str, list[Entry]]] = {}
        self._waiting: dict[str, Entry] = {}
        #: Worker types whose queue may have something to start.
        self.dirty: set[str] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def waiting(self) -> Iterator[Entry]:
        """All entries that wait, in no order."""
        return iter(self._waiting.values())

    def entry(self, ref: str) -> Entry | None:
        """The entry of one task, if it waits."""
        return self._waiting.get(ref)

    def has_queued(self, worker: str) -> bool:
        """Whether anything of this type waits for a slot (and for nothing else)."""
        queue = self._queues.get(worker, [])
        while queue and not queue[0].live:
            heappop(queue)
        return bool(queue)

    def capacity(self, name: str) -> float:
        """How much there is of a capacity."""
        return self._capacity.get(name, inf)

    def free(self, name: str) -> float:
        """How much of a capacity is left."""
        return self._capacity.get(name, inf) - self._used.get(name, 0.0)

    def set_capacity(self, name: str, amount: float) -> None:
        """Change how much there is; what is claimed beyond it stays claimed."""
        if amount == inf:
            self._capacity.pop(name, None)
        else:
            self._capacity[name] = amount
        self._release_held(name)

    def drop_capacity(self, name: str) -> None:
        """Forget a capacity that nothing refers to any more."""
        self._capacity.pop(name, None)
        self._used.pop(name, None)
        self._held.pop(name, None)

    def add(self, ref: str, worker: str, rank: Rank, claims: Mapping[str, float]) -> None:
        """A task is ready."""
        entry = Entry(rank, ref, worker, claims)
        self._waiting[ref] = entry
        self._enqueue(entry)

    def remove(self, ref: str) -> None:
        """A task no longer waits, without having been taken."""
        entry = self._waiting.pop(ref, None)
        if entry is not None:
            entry.live = False
            for name in entry.claims:
                self._release_held(name)  # others may have waited behind it

    def next(self, worker: str) -> Entry | None:
        """The best entry of this type whose claims fit now; it stays queued until `take`."""
        queue = self._queues.get(worker, [])
        while queue:
            entry = queue[0]
            lacking = self._lacking(entry) if entry.live else None
            if entry.live and lacking is None:
                return entry
            heappop(queue)
            if lacking is not None:
                self._set_aside(entry, lacking)
        return None

    def take(self, ref: str) -> None:
        """A waiting task starts: it leaves the queue and holds its claims."""
        entry = self._waiting.pop(ref)
        entry.live = False
        self.claim(entry.claims)

    def claim(self, claims: Mapping[str, float]) -> None:
        """Hold claims without having waited (on replay)."""
        for name, amount in claims.items():
            self._used[name] = self._used.get(name, 0.0) + amount

    def give_back(self, worker: str, claims: Mapping[str, float]) -> None:
        """An attempt is over: its claims and its slot are free."""
        for name, amount in claims.items():
            left = self._used[name] - amount
            if left > 1e-9:
                self._used[name] = left
            else:
                del self._used[name]
            self._release_held(name)
        self.dirty.add(worker)

    def _enqueue(self, entry: Entry) -> None:
        entry.held_by = None
        heappush(self._queues.setdefault(entry.worker, []), entry)
        self.dirty.add(entry.worker)

    def _set_aside(self, entry: Entry, name: str) -> None:
        entry.held_by = name
        heappush(self._held.setdefault(name, {}).setdefault(entry.worker, []), entry)

    def _lacking(self, entry: Entry) -> str | None:
        """The first capacity that keeps this entry from starting: too little left, or a better one waits for it."""
        for name, amount in entry.claims.items():
            if self._capacity.get(name) is None:
                continue
            if amount > self.free(name) + 1e-9 or self._better_held(name, entry.rank):
                return name
        return None

    def _better_held(self, name: str, rank: Rank) -> bool:
        for heap in self._held.get(name, {}).values():
            while heap and not heap[0].live:
                heappop(heap)
            if heap and heap[0].rank < rank:
                return True
        return False

    def _release_held(self, name: str) -> None:
        """Bring back, per worker type, as many of those set aside under `name` as fit by themselves."""
        held = self._held.get(name)
        if not held:
            return
        for worker in list(held):
            heap, room = held[worker], self.free(name)
            while heap and (not heap[0].live or heap[0].claims[name] <= room + 1e-9):
                entry = heappop(heap)
                if entry.live:
                    room -= entry.claims[name]
                    self._enqueue(entry)
            if not heap:
                del held[worker]
        if not held:
            del self._held[name]
