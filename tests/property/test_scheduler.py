"""The scheduler by itself, under any order of arrivals, ends and changes: nothing is overbooked, forgotten or starved.

What must hold is worked out here anew, slowly, from what waits and what runs.
"""

import os
import sys
from collections import Counter
from math import inf

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from orch_actors.actors.core.scheduler import Scheduler

EXAMPLES = int(os.environ.get("ORCH_EXAMPLES", "150"))  # see test_machine.py

WORKERS = ("shell", "python", "agent")
SLOTS = {"shell": 2, "python": 1, "agent": 3}
TOTALS = {"mem": 4.0, "gpu": 2.0, "graph:1": 3.0, "graph:2": inf, "usd:2": 3.0}

claims = st.fixed_dictionaries(
    {"graph:1": st.just(1.0)},
    optional={"mem": st.sampled_from([0.5, 1.0, 2.0, 4.0]), "gpu": st.sampled_from([1.0, 2.0]), "lock:a": st.just(1.0)},
) | st.fixed_dictionaries(
    {"graph:2": st.just(1.0)}, optional={"mem": st.sampled_from([1.0, 3.0]), "usd:2": st.sampled_from([0.5, 2.0, 7.0])}
)


class Floor:
    """A scheduler, and who runs: starts whatever it offers, as the machine does."""

    def __init__(self, totals=TOTALS, slots=SLOTS):
        self.scheduler = Scheduler({"lock": 1.0}, elastic=["usd"])
        self.slots = dict(slots)
        self.open = set(slots)
        self.totals = {"lock:a": 1.0}
        for name, amount in totals.items():
            self.set_capacity(name, amount)
        #: Ref → (rank, worker, claims).
        self.waiting, self.running = {}, {}
        self.count = 0
        self.started = []

    def set_capacity(self, name, amount):
        self.totals[name] = amount
        self.scheduler.set_capacity(name, amount)

    def add(self, worker, claims, priority=0):
        self.count += 1
        ref = f"e{self.count}"
        rank = (-priority, self.count)
        self.waiting[ref] = (rank, worker, claims)
        self.scheduler.add(ref, worker, rank, claims)
        return ref

    def remove(self, ref):
        self.waiting.pop(ref, None)
        self.scheduler.remove(ref)

    def end(self, ref):
        _, worker, claims = self.running.pop(ref)
        self.scheduler.give_back(worker, claims)

    def free_slots(self, worker):
        return self.slots[worker] - sum(1 for _, other, _ in self.running.values() if other == worker)

    def free(self, name):
        return self.totals.get(name, inf) - sum(claims.get(name, 0) for _, _, claims in self.running.values())

    def needed(self, name, amount):
        """Of what is elastic, no more than there is."""
        return min(amount, self.totals[name]) if name.startswith("usd:") else amount

    def fits(self, claims):
        amounts = [(name, self.needed(name, amount)) for name, amount in claims.items()]
        return all(needed <= max(0, self.free(name)) + 1e-9 for name, needed in amounts)

    def possible(self, ref):
        """Whether it can start at all: its type is open, and there is enough of everything, if nobody has it."""
        _, worker, claims = self.waiting[ref]
        amounts = [(name, self.needed(name, amount)) for name, amount in claims.items()]
        return worker in self.open and all(needed <= self.totals.get(name, inf) for name, needed in amounts)

    def grant(self):
        """Start all that may start; check each, and that nothing was left over."""
        while (
            entry := self.scheduler.next([w for w in WORKERS if w in self.open and self.free_slots(w) > 0])
        ) is not None:
            rank, worker, claims = self.waiting[entry.ref]
            assert (entry.rank, entry.worker, entry.claims) == (rank, worker, claims)
            assert worker in self.open
            assert self.free_slots(worker) > 0
            assert self.fits(claims), f"{entry.ref} overbooks"
            self.assert_first(entry.ref)
            self.scheduler.take(entry.ref)
            self.running[entry.ref] = self.waiting.pop(entry.ref)
            self.started.append(entry.ref)
        self.assert_nothing_left()
        assert {entry.ref for entry in self.scheduler.waiting()} == set(self.waiting)
        assert len(self.scheduler) == len(self.waiting)
        for name, total in self.totals.items():
            assert total == inf or abs(self.scheduler.free(name) - self.free(name)) < 1e-6

    def unhindered(self):
        """Those that fit now and share no bounded capacity with a better one that waits, best first."""
        contended = Counter()
        for ref in sorted(filter(self.possible, self.waiting), key=lambda ref: self.waiting[ref][0]):
            _, worker, claims = self.waiting[ref]
            bounded = [name for name in claims if self.totals.get(name, inf) not in (inf, 0)]
            if self.free_slots(worker) > 0 and self.fits(claims) and not any(contended[name] for name in bounded):
                yield ref
            contended.update(bounded)

    def assert_first(self, ref):
        """Nobody better could have started without taking from one better still."""
        better = next(self.unhindered(), None)
        assert better is None or self.waiting[ref][0] <= self.waiting[better][0], f"{ref} went before {better}"

    def assert_nothing_left(self):
        assert not list(self.unhindered()), "something could start and was not offered"


class FloorLife(RuleBasedStateMachine):
    """Arrivals, ends, removals, pauses, and capacities that change."""

    def __init__(self):
        super().__init__()
        self.floor = Floor()

    def pick(self, among, number):
        among = list(among)
        return among[number % len(among)]

    @rule(
        worker=st.sampled_from(WORKERS), claims=claims, priority=st.sampled_from([0, 0, 0, 5]), many=st.integers(1, 3)
    )
    def arrive(self, worker, claims, priority, many):
        for _ in range(many):
            self.floor.add(worker, claims, priority)
        self.floor.grant()

    @precondition(lambda self: self.floor.running)
    @rule(number=st.integers(0, 20))
    def end(self, number):
        self.floor.end(self.pick(self.floor.running, number))
        self.floor.grant()

    @precondition(lambda self: self.floor.waiting)
    @rule(number=st.integers(0, 20), back=st.booleans())
    def remove(self, number, back):
        """For good, or to come back with its old rank, as an edited task does."""
        ref = self.pick(self.floor.waiting, number)
        rank, worker, claims = self.floor.waiting[ref]
        self.floor.remove(ref)
        if back:
            self.floor.waiting[ref] = (rank, worker, claims)
            self.floor.scheduler.add(ref, worker, rank, claims)
        self.floor.grant()
        self.floor.scheduler.remove("nobody")

    @precondition(lambda self: self.floor.running)
    @rule(number=st.integers(0, 20), amount=st.sampled_from([None, 1.0, 4.0]))
    def exchange(self, number, amount):
        """What runs may use more from now on, or less."""
        ref = self.pick(self.floor.running, number)
        rank, worker, claims = self.floor.running[ref]
        now = {name: claim for name, claim in claims.items() if name != "usd:2"}
        if amount is not None:
            now["usd:2"] = amount
        self.floor.scheduler.exchange(claims, now)
        self.floor.running[ref] = (rank, worker, now)
        self.floor.grant()

    @rule(
        name=st.sampled_from(["mem", "gpu", "graph:1", "lock:a", "usd:2"]),
        amount=st.sampled_from([0.0, 1.0, 2.0, 4.0, inf]),
    )
    def change(self, name, amount):
        self.floor.set_capacity(name, amount)
        self.floor.grant()

    @rule(worker=st.sampled_from(WORKERS))
    def shut_or_open(self, worker):
        if worker in self.floor.open:
            self.floor.open.remove(worker)
            self.floor.scheduler.suspend(worker)
        else:
            self.floor.open.add(worker)
        self.floor.grant()

    def teardown(self):
        """Once everything is open and all that runs ends, everything has started."""
        floor = self.floor
        floor.open = set(WORKERS)
        for name, amount in TOTALS.items():
            floor.set_capacity(name, amount)
        floor.set_capacity("lock:a", 1.0)
        for _ in range(floor.count + 1):
            floor.grant()
            for ref in list(floor.running):
                floor.end(ref)
        assert not floor.waiting
        assert not floor.scheduler.used()
        assert not floor.scheduler._lines
        assert not floor.scheduler._claiming
        assert not floor.scheduler._promised


FloorLife.TestCase.settings = settings(
    max_examples=2 * EXAMPLES, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
)
TestScheduler = FloorLife.TestCase


# --- nobody starves -------------------------------------------------------------------------------------------------

small = st.tuples(
    st.sampled_from(WORKERS),
    st.fixed_dictionaries(
        {},
        optional={
            "mem": st.sampled_from([0.5, 1.0]),
            "gpu": st.just(1.0),
            "lock:a": st.just(1.0),
            "graph:1": st.just(1.0),
        },
    ),
)
large = st.tuples(
    st.sampled_from(WORKERS),
    st.fixed_dictionaries(
        {"mem": st.sampled_from([3.0, 4.0])},
        optional={"gpu": st.sampled_from([1.0, 2.0]), "lock:a": st.just(1.0), "graph:1": st.just(1.0)},
    ),
)


@given(large=large, stream=st.lists(small, min_size=1, max_size=8), order=st.lists(st.integers(0, 99), max_size=40))
@settings(max_examples=2 * EXAMPLES, deadline=None)
def test_a_stream_of_small_ones_never_starves_a_large_one(large, stream, order):
    """However the small ones come and end, the large one starts within a few generations of what runs."""
    floor = Floor()
    for worker, claims in stream * 2:
        floor.add(worker, claims)
    floor.grant()
    for ref in list(floor.waiting):  # what was there before would only make it take longer
        floor.remove(ref)
    wanted = floor.add(*large)
    turn = 0
    # For each thing that it lacks, those must end who have it, and then who has the slot.
    for _ in range(2 * len(large[1]) + 2):
        generation = list(floor.running)
        while generation and wanted in floor.waiting:
            ref = generation.pop(order[turn % len(order)] % len(generation) if order else 0)
            floor.end(ref)
            # New ones are there at once; the freed place is offered with them waiting.
            for worker, claims in stream:
                floor.add(worker, claims)
            floor.grant()
            turn += 1
    assert wanted in floor.started


def test_two_scarce_things_do_not_miss_each_other():
    """It needs a slot and all the memory: each time one is there, the other could be taken. See the module's header."""
    floor = Floor({"mem": 2.0}, {"shell": 1, "python": 2})
    shell, first, second = floor.add("shell", {}), floor.add("python", {"mem": 1.0}), floor.add("python", {"mem": 1.0})
    floor.grant()
    wanted = floor.add("shell", {"mem": 2.0})
    shells = [shell]
    floor.end(shells.pop())
    shells.append(floor.add("shell", {}))
    floor.grant()  # the slot was free, the memory was not
    assert floor.started[-1] == shells[0]
    floor.end(first)
    floor.end(second)
    floor.add("python", {"mem": 1.0})
    floor.grant()  # now the memory is free and the slot is not: it is kept
    assert floor.started[-1] == shells[0]
    floor.end(shells.pop())
    floor.add("shell", {})
    floor.grant()
    assert floor.started[-1] == wanted


def test_what_is_kept_is_no_more_than_what_is_needed():
    """Beside what is kept for a better one, there is room for others."""
    floor = Floor({"mem": 4.0}, {"shell": 1, "python": 9})
    filler = floor.add("python", {"mem": 4.0})
    floor.grant()
    wanted = floor.add("shell", {"mem": 3.0})
    floor.grant()
    long = floor.add("shell", {})
    floor.grant()
    floor.end(filler)  # 3 are kept for `wanted`, which has no slot; 1 is left
    one, two = floor.add("python", {"mem": 1.0}), floor.add("python", {"mem": 1.0})
    floor.grant()
    assert one in floor.started
    assert two not in floor.started
    floor.end(long)
    floor.grant()
    assert wanted in floor.started


@pytest.mark.parametrize("why", ["claims more than there is", "its type is shut", "it is removed"])
def test_who_cannot_start_keeps_nothing_from_others(why):
    floor = Floor({"mem": 4.0}, {"shell": 1, "python": 9})
    filler = floor.add("python", {"mem": 2.0})
    wanted = floor.add("shell", {"mem": 4.0})
    floor.grant()
    other = floor.add("python", {"mem": 1.0})
    floor.grant()
    assert other not in floor.started
    if why == "claims more than there is":
        floor.set_capacity("mem", 3.0)
    elif why == "its type is shut":
        floor.open.remove("shell")
        floor.scheduler.suspend("shell")
    else:
        floor.remove(wanted)
    floor.grant()
    assert other in floor.started
    assert filler in floor.running


def test_who_waits_knows_for_what():
    floor = Floor({"mem": 1.0}, {"shell": 2})
    for _ in range(3):
        floor.add("shell", {"mem": 1.0})
    floor.grant()
    assert [entry.held_by for entry in floor.scheduler.waiting()] == ["mem", "mem"]
    assert floor.scheduler.entry("e1") is None
    assert floor.scheduler.entry("e2").held_by == "mem"


def test_the_best_ranked_goes_first_whatever_its_type():
    """One place, two types: who became ready first has it, and not always the same type."""
    floor = Floor({"graph:1": 1.0}, {"shell": 1, "python": 1})
    for _ in range(4):
        floor.add("python", {"graph:1": 1.0})
        floor.add("shell", {"graph:1": 1.0})
    floor.grant()
    for _ in range(8):
        floor.end(next(iter(floor.running)))
        floor.grant()
    assert floor.started == [f"e{number}" for number in range(1, 9)]


def test_priority_goes_before_the_order_of_coming():
    floor = Floor({}, {"shell": 1})
    first, last, urgent = floor.add("shell", {}), floor.add("shell", {}, -1), floor.add("shell", {}, 9)
    floor.grant()
    for _ in range(2):
        floor.end(floor.started[-1])
        floor.grant()
    assert floor.started == [urgent, first, last]


# --- cost -----------------------------------------------------------------------------------------------------------


def calls_of(function):
    """How many functions are called by it; unlike time, the same on every machine."""
    count = 0

    def on_event(_frame, event, _argument):
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(on_event)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    ("claims", "other"),
    [
        ({}, {}),
        ({"graph:1": 1.0}, {"graph:1": 1.0}),
        ({"mem": 1.0}, {"mem": 4.0}),
        ({"mem": 4.0}, {"mem": 1.0, "gpu": 1.0}),
    ],
)
def test_the_cost_of_a_step_does_not_depend_on_how_many_wait(claims, other):
    def cost(waiting):
        scheduler = Scheduler({})
        for name, amount in TOTALS.items():
            scheduler.set_capacity(name, amount)
        for number in range(waiting):
            scheduler.add(f"e{number}", "shell", (0, 2 * number), claims)
            scheduler.add(f"o{number}", "shell", (0, 2 * number + 1), other)
        running = []

        def start():
            while len(running) < 3 and (entry := scheduler.next(["shell"])) is not None:
                scheduler.take(entry.ref)
                running.append(entry)

        def step():
            ended = running.pop(0)
            scheduler.give_back("shell", ended.claims)
            start()

        start()
        return sum(calls_of(step) for _ in range(50))

    assert cost(5000) <= 1.05 * cost(100)
