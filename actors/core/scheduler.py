"""Who runs next: ready tasks by worker type, bounded by shared capacities.

Pure bookkeeping over opaque entries: it knows ranks, worker types and capacities, not what a task is.

Theory of operation. Entries that need exactly the same (worker type, priority, and claims on capacities: a place
in their graph, named resources, locks) stand in one line, ordered by rank: if its first cannot start, none can.
The next to start is the best-ranked first of all lines whose worker type has a free slot. A line that lacks a
capacity is parked under it as a whole, and comes back when enough of it is given back; so the cost of a step does
not depend on how many entries wait.

Of an elastic capacity, who claims more than there is needs all there is: what is left of a budget is less than what
an attempt may use in the end, and it starts all the same, beside nobody.

Nobody starves. What the first of a line has waited for is kept for it until it starts: while it is parked nobody
worse-ranked takes of that capacity, and once there is enough, that much stays promised to it while it lacks
something else (a slot, another capacity). So the best-ranked of those that can start at all collects what it needs,
whatever stream of small ones passes by. Nothing is kept for who cannot start at all: one that claims more than there
is (a paused graph is a capacity of none), and every line of a worker type that is paused or down (`suspend`).

Promises are not journalled: after a restart they are made anew. Rejected: one queue scanned for the first that fits
(its cost grows with what waits); keeping everything that an entry needs from the start (capacities would idle for
hours behind a lock); keeping only what is lacking now (two scarce capacities can then miss each other for ever).
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf

#: Lower runs first: (-priority, order of becoming ready).
Rank = tuple[int, int]

#: Worker type, priority, claims. With one priority in a line, entries come in the order in which they go.
LineKey = tuple[str, int, tuple[tuple[str, float], ...]]

#: Sums of shares such as 0.1 are not exact.
_GRAIN = 1e-9


@dataclass(slots=True, eq=False)
class Line:
    """Entries that need the same. Invariant: `size` of them are live; a line without any is forgotten."""

    number: int
    key: LineKey
    worker: str
    claims: Mapping[str, float]
    #: In order of rank, as they came; may hold dead ones. (A heap of very many costs a dozen cache misses a step.)
    entries: deque["Entry"] = field(default_factory=deque)
    #: Those that came out of order: a heap. The number decides between entries of one rank.
    late: list[tuple[Rank, int, "Entry"]] = field(default_factory=list)
    size: int = 0
    #: The capacity that its first waits for; None: it stands in its worker type's queue.
    parked: str | None = None
    #: Capacities of which the claim is kept for its first.
    promised: dict[str, None] = field(default_factory=dict)

    def first(self) -> "Entry | None":
        """The best of those that wait."""
        entries, late = self.entries, self.late
        while entries and not entries[0].live:
            entries.popleft()
        while late and not late[0][2].live:
            heappop(late)
        if late and (not entries or late[0][0] < entries[0].rank):
            return late[0][2]
        return entries[0] if entries else None

    def add(self, entry: "Entry", number: int) -> None:
        """One more waits."""
        if self.entries and entry.rank < self.entries[-1].rank:
            heappush(self.late, (entry.rank, number, entry))
        else:
            self.entries.append(entry)
        self.size += 1


@dataclass(slots=True, eq=False)
class Entry:
    """One waiting task; `live` turns false when it no longer waits (lazy deletion from the heaps)."""

    rank: Rank
    ref: str
    line: Line
    live: bool = True

    @property
    def worker(self) -> str:
        """Its worker type."""
        return self.line.worker

    @property
    def claims(self) -> Mapping[str, float]:
        """Capacity → how much it takes."""
        return self.line.claims

    @property
    def held_by(self) -> str | None:
        """The capacity that its line waits for."""
        return self.line.parked


def _key(worker: str, rank: Rank, claims: Mapping[str, float]) -> LineKey:
    return (worker, rank[0], tuple(sorted(claims.items())))


#: Lines by the rank of their first; an item whose rank or place is not the line's any more is dead. The number
#: decides between lines of one rank.
_Heap = list[tuple[Rank, int, Line]]


class Scheduler:
    """Queues, capacities and claims."""

    def __init__(self, defaults: Mapping[str, float], elastic: Collection[str] = ()) -> None:
        """For kinds of capacities, the part of their names before `:`.

        Args:
            defaults: how much there is unless it is set; else there is no bound.
            elastic: those of which a claim may be more than there is; see the module's header.
        """
        self._defaults = defaults
        self._elastic = frozenset(elastic)
        #: Capacity → how much there is, where that was set.
        self._capacity: dict[str, float] = {}
        #: Capacity → how much is claimed. Invariant: the sum over entries taken and not given back.
        self._used: dict[str, float] = {}
        self._waiting: dict[str, Entry] = {}
        self._lines: dict[LineKey, Line] = {}
        self._numbers = 0
        #: Worker type → lines that may have something to start.
        self._queues: dict[str, _Heap] = {}
        #: Capacity → worker type → lines parked under it.
        self._parked: dict[str, dict[str, _Heap]] = {}
        #: Capacity → lines that claim some of it, by number; of those whose claim on it is kept for their first.
        self._claiming: dict[str, dict[int, Line]] = {}
        self._promised: dict[str, dict[int, Line]] = {}
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

    def ahead_of(self, entry: Entry) -> str | None:
        """For whom the capacity that an entry waits for is kept; None: for nobody before it."""
        name = entry.held_by
        if name is None:
            return None
        parked = (best[2] for heap in self._parked.get(name, {}).values() if (best := self._best(heap, name)))
        firsts = [line.first() for line in (*parked, *self._promised.get(name, {}).values())]
        before = [first for first in firsts if first is not None and first.rank < entry.rank]
        return min(before, key=lambda first: first.rank).ref if before else None

    def has_queued(self, worker: str) -> bool:
        """Whether anything of this type waits for a slot (and for nothing else that is known yet)."""
        return self._best(self._queues.get(worker), None) is not None

    # --- capacities -------------------------------------------------------------------------------------------------

    def capacity(self, name: str) -> float:
        """How much there is of a capacity."""
        amount = self._capacity.get(name)
        return self._defaults.get(name.partition(":")[0], inf) if amount is None else amount

    def free(self, name: str) -> float:
        """How much of a capacity is left."""
        return self.capacity(name) - self._used.get(name, 0.0)

    def used(self) -> Mapping[str, float]:
        """Capacity → how much of it is claimed."""
        return self._used

    def needed(self, name: str, amount: float) -> float:
        """How much must be free for a claim of so much; of what is not elastic, the claim."""
        there_is = self.capacity(name)
        if amount > there_is and name.partition(":")[0] in self._elastic:
            return there_is
        return amount

    def set_capacity(self, name: str, amount: float) -> None:
        """Change how much there is; what is claimed beyond it stays claimed."""
        if amount == self.capacity(name):
            return
        self._capacity[name] = amount
        hopeless: list[Line] = []
        for line in self._claiming.get(name, {}).values():
            if self.needed(name, line.claims[name]) > amount + _GRAIN:
                hopeless.append(line)
            elif line.parked == name:  # with nothing kept for it: perhaps it could not start at all
                self._enqueue(line)
        self._withdraw(hopeless)

    def drop_capacity(self, name: str) -> None:
        """Forget a capacity that nothing claims any more."""
        self._capacity.pop(name, None)
        self._parked.pop(name, None)

    def suspend(self, worker: str) -> None:
        """This type starts nothing for now: nothing is kept for its lines, and others may pass. Linear in lines."""
        self._withdraw([line for line in self._lines.values() if line.worker == worker])

    def _withdraw(self, lines: Iterable[Line]) -> None:
        """Keep nothing for these any longer; they are looked at anew, and so are those that waited behind them."""
        freed: dict[str, None] = {}
        for line in lines:
            freed.update(dict.fromkeys(line.promised))
            if line.parked is not None:
                freed[line.parked] = None
            self._break_promises(line)
            self._enqueue(line)
        for name in freed:
            self._release(name)

    # --- entries ----------------------------------------------------------------------------------------------------

    def add(self, ref: str, worker: str, rank: Rank, claims: Mapping[str, float]) -> None:
        """A task is ready."""
        key = _key(worker, rank, claims)
        line = self._lines.get(key)
        self._numbers += 1
        if line is None:
            line = self._lines[key] = Line(self._numbers, key, worker, claims)
            for name in claims:
                self._claiming.setdefault(name, {})[line.number] = line
        entry = self._waiting[ref] = Entry(rank, ref, line)
        line.add(entry, self._numbers)
        if line.first() is entry:
            self._enqueue(line)

    def remove(self, ref: str) -> None:
        """A task no longer waits, without having been taken."""
        if ref in self._waiting:
            entry = self._leave(ref)
            for name in entry.claims:
                self._release(name)  # others may have waited behind it

    def next(self, workers: Iterable[str]) -> Entry | None:
        """The best entry of these types whose claims fit now; it stays queued until `take`."""
        names = tuple(workers)
        while True:
            firsts = [found for name in names if (found := self._best(self._queues.get(name), None)) is not None]
            if not firsts:
                return None
            rank, _, line = min(firsts)
            if not self._park(line, rank):
                return line.first()

    def take(self, ref: str) -> None:
        """A waiting task starts: it leaves the queue and holds its claims."""
        entry = self._leave(ref)
        for name, amount in entry.claims.items():  # as much as was kept for it: nobody else gains or loses by that
            self._used[name] = self._used.get(name, 0.0) + amount

    def give_back(self, worker: str, claims: Mapping[str, float]) -> None:
        """An attempt is over: its claims and its slot are free."""
        for name, amount in claims.items():
            self._note_used(name, self._used[name] - amount)
            self._release(name)
        self.dirty.add(worker)

    def exchange(self, before: Mapping[str, float], after: Mapping[str, float]) -> None:
        """What runs holds other claims from now on."""
        for name in before.keys() | after.keys():
            left = self._used.get(name, 0.0) - before.get(name, 0.0) + after.get(name, 0.0)
            self._note_used(name, left)
            self._release(name)

    def _note_used(self, name: str, amount: float) -> None:
        if amount > _GRAIN:
            self._used[name] = amount
        else:
            self._used.pop(name, None)

    # --- lines ------------------------------------------------------------------------------------------------------

    def _stands(self, line: Line, rank: Rank, place: str | None) -> bool:
        """Whether a heap's item is not dead: the line is there, and its first has this rank."""
        first = line.first()
        return line.parked == place and first is not None and first.rank == rank

    def _best(self, heap: _Heap | None, place: str | None) -> tuple[Rank, int, Line] | None:
        while heap:
            if self._stands(heap[0][2], heap[0][0], place):
                return heap[0]
            heappop(heap)
        return None

    def _enqueue(self, line: Line) -> None:
        """Back to its worker type's queue, or to its place there under a new first."""
        line.parked = None
        first = line.first()
        if first is not None:
            heappush(self._queues.setdefault(line.worker, []), (first.rank, line.number, line))
            self.dirty.add(line.worker)

    def _leave(self, ref: str) -> Entry:
        """An entry waits no longer; if it was the first of its line, the next begins with nothing kept for it."""
        entry = self._waiting.pop(ref)
        line = entry.line
        was_first = line.first() is entry
        entry.live = False
        line.size -= 1
        if was_first:
            self._break_promises(line)
            self._enqueue(line)
        if not line.size:
            self._forget(line)
        return entry

    def _forget(self, line: Line) -> None:
        del self._lines[line.key]
        for name in line.claims:
            lines = self._claiming[name]
            del lines[line.number]
            if not lines:
                del self._claiming[name]

    def _park(self, line: Line, rank: Rank) -> bool:
        """Park a line under a capacity that its first lacks; False if it lacks none."""
        for name, amount in line.claims.items():
            if self.needed(name, amount) > self.capacity(name) + _GRAIN:  # until that changes; see set_capacity
                line.parked = name
                return True
        for name, amount in line.claims.items():
            if self._is_lacking(name, amount, rank):
                self._break_promise(line, name)
                line.parked = name
                heap = self._parked.setdefault(name, {}).setdefault(line.worker, [])
                heappush(heap, (rank, line.number, line))
                return True
        return False

    def _is_lacking(self, name: str, amount: float, rank: Rank) -> bool:
        """Too little is left beside what is kept for better ones."""
        needed = self.needed(name, amount)
        if self.capacity(name) == inf or needed <= 0:
            return False
        for heap in self._parked.get(name, {}).values():
            best = self._best(heap, name)
            if best is not None and best[0] < rank:
                return True
        left = self.free(name)
        for line in self._promised.get(name, {}).values():
            first = line.first()
            if first is not None and first.rank < rank:
                left -= self.needed(name, line.claims[name])
        return needed > left + _GRAIN

    def _release(self, name: str) -> None:
        """Bring back, per worker type, the best of those parked under `name`, as far as there is room for them."""
        parked = self._parked.get(name)
        if not parked:
            return
        for worker in list(parked):
            heap, room = parked[worker], self.free(name)
            while (best := self._best(heap, name)) is not None:
                line = best[2]
                needed = self.needed(name, line.claims[name])
                if needed > room + _GRAIN:
                    break
                heappop(heap)
                room -= needed
                self._promise(line, name)
                self._enqueue(line)
            if not heap:
                del parked[worker]
        if not parked:
            del self._parked[name]

    def _promise(self, line: Line, name: str) -> None:
        line.promised[name] = None
        self._promised.setdefault(name, {})[line.number] = line

    def _break_promise(self, line: Line, name: str) -> None:
        if name in line.promised:
            del line.promised[name]
            lines = self._promised[name]
            del lines[line.number]
            if not lines:
                del self._promised[name]

    def _break_promises(self, line: Line) -> None:
        for name in tuple(line.promised):
            self._break_promise(line, name)
