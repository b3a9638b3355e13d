"""Random batches on a disk that loses what was not synced, with the power cut at random operations.

After every restart: all lines of commits that returned are there, in order and unchanged; what else is there is a
beginning of the batch that was under way; and the chain is whole, by a checker that shares no code with the journal.
"""

import itertools
import json
import random
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orch_actors.actors.journal.writer import Journal, JournalPoisoned
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.stress.powercut.disk import CrashDisk, PowerCut

HOME = "/state/orch-actors"
FOLDER = f"{HOME}/journal"
BALLAST_BYTES = 2000

lives = st.lists(
    st.tuples(
        st.lists(st.lists(st.integers(0, 1500), min_size=1, max_size=6), max_size=8),  # batches of sizes of text
        st.integers(0, 60),  # operations until the power goes
    ),
    min_size=1,
    max_size=6,
)


class Life:
    """What was promised so far, and what may be there besides."""

    def __init__(self, segment_bytes):
        self.segment_bytes = segment_bytes
        self.promised = []
        self.under_way = []
        self.count = 0

    def run(self, disk, batches, room=()):
        """Open, check, write; ends by its own accord, by a power cut, or poisoned. `room`: bytes free, each batch."""
        for folder in ("/state", HOME, FOLDER):
            disk.make_folder(folder)
        journal, lines, _ = Journal.open(
            disk,
            FOLDER,
            now_utc=lambda: float(disk.operations),
            segment_bytes=self.segment_bytes,
            ballast_bytes=BALLAST_BYTES,
        )
        found = [bytes(line.d) for line in lines]
        assert found[: len(self.promised)] == self.promised
        rest = found[len(self.promised) :]
        assert rest == self.under_way[: len(rest)]
        check_chain(disk)
        self.promised, self.under_way = found, []  # all that was found is on disk by now
        for number, sizes in enumerate(batches):
            if number < len(room):
                disk.capacity = None if room[number] is None else disk.used() + room[number]
            assert not journal.full or journal.look_for_room() == (not journal.full)
            for size in sizes:
                self.count += 1
                data = b'{"n":%d,"text":"%s"}' % (self.count, b"x" * size)
                self.under_way.append(data)
                journal.add("command" if self.count % 2 else "outcome", data)
            journal.commit(1)
            self.promised += self.under_way
            self.under_way = []
        journal.close()


def check_chain(disk):
    before, sequence, highest = "00000000", 0, 0
    for name in disk.list(FOLDER):
        if not name.endswith(".jsonl"):
            continue
        data = disk.read(f"{FOLDER}/{name}")
        assert data.endswith(b"\n")
        for number, raw in enumerate(data.split(b"\n")[:-1]):
            found = json.loads(raw)
            body, _, tail = raw.rpartition(b',"c":"')
            assert tail == b'%08x"}' % zlib.crc32(body)
            if number == 0:
                assert (found["first"], found["prev"]) == (sequence + 1, before)
            else:
                sequence += 1
                assert (found["s"], found["p"]) == (sequence, before)
                assert highest <= found["y"] < sequence
                highest = found["y"]
            before = found["c"]


def live_through(history, seed, segment_bytes, skip=()):
    """Returns how often the power was cut."""
    disk, life, cuts = CrashDisk(random.Random(seed)), Life(segment_bytes), 0
    for batches, cut_in in history:
        disk.cut_in = cut_in
        disk.lies = set(skip)
        try:
            life.run(disk, batches)
        except PowerCut:
            cuts += 1
        disk.restart()
    life.run(disk, [])
    return cuts


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lives, st.integers(0, 2**32), st.sampled_from([1, 700, 3000, 10**9]))
def test_no_power_cut_loses_a_committed_line(history, seed, segment_bytes):
    live_through(history, seed, segment_bytes)


rooms = st.lists(st.none() | st.integers(0, 3 * BALLAST_BYTES), max_size=8)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lives, st.lists(rooms, max_size=6), st.integers(0, 2**32), st.sampled_from([1, 700, 3000, 10**9]))
def test_no_full_disk_loses_a_committed_line(history, room, seed, segment_bytes):
    """The disk fills and empties as it likes, and the power goes besides."""
    disk, life = CrashDisk(random.Random(seed)), Life(segment_bytes)
    for (batches, cut_in), free in zip(history, itertools.chain(room, itertools.repeat(())), strict=False):
        disk.cut_in = 2 * cut_in
        try:
            life.run(disk, batches, free)
        except PowerCut:
            disk.restart()
        except JournalPoisoned:
            disk.kill()
        disk.capacity = disk.cut_in = None
    life.run(disk, [])


def random_history(rng):
    def batch():
        return [rng.randint(0, 1500) for _ in range(rng.randint(1, 6))]

    return [([batch() for _ in range(rng.randint(0, 8))], rng.randint(0, 60)) for _ in range(rng.randint(1, 6))]


def live_through_seeds(count, sizes, skip=()):
    cuts = 0
    for seed in range(count):
        rng = random.Random(seed)
        cuts += live_through(random_history(rng), seed, rng.choice(sizes), skip)
    return cuts


def test_a_thousand_seeded_power_cuts():
    """The whole daemon over such a disk, and 5,000 of them: `orch-actors stress powercut`."""
    assert live_through_seeds(900, [1, 700, 3000, 10**9]) >= 1000


@pytest.mark.parametrize("skip", ["sync", "sync_folder"])
def test_the_check_finds_a_sync_that_is_left_out(skip):
    """The disk lies: the same test must go red."""
    with pytest.raises((AssertionError, EnvironmentFault)):
        live_through_seeds(300, [700, 3000], {skip})


@pytest.mark.parametrize("cut_in", range(30))
@pytest.mark.parametrize("segment_bytes", [1, 10**9])
def test_the_power_is_cut_at_each_operation_in_turn(cut_in, segment_bytes):
    for seed in range(10):
        live_through([([[10, 600], [5], [1400]], 40), ([[3], [900, 2]], cut_in)], seed, segment_bytes)
