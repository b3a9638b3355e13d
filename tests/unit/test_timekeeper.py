"""Timers on a clock that the test moves: order, moving, disarming, and no sleep of any fixed length."""

import threading

import pytest

from orch_actors.actors.timekeeper import SystemClock, Timekeeper

DEADLINE_S = 10.0


class FakeClock:
    """Stands still until it is told to go on, and then wakes the timekeeper as time itself would."""

    def __init__(self):
        self.now = 1000.0

    def utc(self):
        return self.now

    def monotonic(self):
        return self.now


class Time:
    def __init__(self):
        self.clock = FakeClock()
        self.crashes = []
        self.keeper = Timekeeper(self.clock, lambda name, error: self.crashes.append((name, error)))
        self.fired = []
        self.changed = threading.Condition()

    def arm(self, key, delay_s, name=None):
        self.keeper.arm(key, delay_s, lambda: self.fire(name or key))

    def fire(self, name):
        with self.changed:
            self.fired.append((name, self.clock.now))
            self.changed.notify_all()

    def go_on(self, seconds):
        with self.keeper._wake:
            self.clock.now += seconds
            self.keeper._wake.notify()

    def wait_for(self, *names):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.fired) >= len(names), DEADLINE_S), self.fired
            assert [name for name, _ in self.fired] == list(names)

    def settle(self):
        """Return once everything due has fired: a timer of our own is the last of them."""
        done = threading.Event()
        self.keeper.arm("settle", 0.0, done.set)
        assert done.wait(DEADLINE_S)


@pytest.fixture
def time():
    made = Time()
    made.keeper.start()
    yield made
    made.keeper.stop()
    made.keeper.join(DEADLINE_S)
    assert not made.keeper.is_alive()
    assert not made.crashes


def test_nothing_fires_before_its_time(time):
    time.arm("a", 5.0)
    time.go_on(4.999)
    time.settle()
    assert time.fired == []
    time.go_on(0.001)
    time.wait_for("a")
    assert time.fired == [("a", 1005.0)]


def test_they_fire_in_the_order_of_their_times_and_then_of_their_arming(time):
    for key, delay_s in [("c", 3.0), ("a", 1.0), ("b2", 2.0), ("b1", 2.0), ("d", 9.0)]:
        time.arm(key, delay_s)
    time.go_on(5.0)
    time.wait_for("a", "b2", "b1", "c")


def test_a_sooner_one_wakes_it_from_a_longer_wait(time):
    time.arm("late", 1000.0)
    time.settle()
    time.arm("soon", 0.0)
    time.wait_for("soon")


def test_one_that_is_disarmed_does_not_fire(time):
    time.arm("a", 1.0)
    time.arm("b", 1.0)
    time.keeper.disarm("a")
    time.keeper.disarm("never armed")
    time.go_on(2.0)
    time.wait_for("b")


@pytest.mark.parametrize(("first", "second", "due"), [(1.0, 5.0, 1005.0), (5.0, 1.0, 1001.0)])
def test_arming_again_moves_it(time, first, second, due):
    time.arm("a", first, "first")
    time.arm("a", second, "second")
    for _ in range(10):
        time.go_on(1.0)
        time.settle()
    assert time.fired == [("second", due)]


def test_it_fires_once(time):
    time.arm("a", 1.0)
    for _ in range(5):
        time.go_on(1.0)
        time.settle()
    assert time.fired == [("a", 1001.0)]


def test_a_call_may_arm_the_next(time):
    time.keeper.arm("a", 1.0, lambda: (time.fire("a"), time.arm("a", 1.0, "again")))
    time.go_on(1.0)
    time.wait_for("a")
    time.settle()
    time.go_on(1.0)
    time.wait_for("a", "again")


@pytest.mark.parametrize("delay_s", [-1.0, 0.0])
def test_what_is_due_already_fires_at_once(time, delay_s):
    time.arm("a", delay_s)
    time.wait_for("a")


@pytest.mark.parametrize("delay_s", [float("inf"), 1e300, threading.TIMEOUT_MAX * 2])
def test_a_wait_longer_than_any_lock_takes_does_no_harm(time, delay_s):
    time.arm("never", delay_s)
    time.settle()
    time.arm("a", 1.0)
    time.go_on(1.0)
    time.wait_for("a")


def test_moving_one_timer_for_ever_does_not_fill_memory(time):
    time.arm("far", 1e6)
    for _ in range(10_000):
        time.arm("a", 1e6)
    assert time.keeper.describe().mailbox == 2
    assert len(time.keeper._heap) < 200
    time.go_on(1e6)
    time.wait_for("far", "a")


def test_what_is_armed_and_what_fired_is_shown(time):
    assert time.keeper.describe().state == "waiting"
    time.arm("a", 1.0)
    time.arm("b", 2.0)
    time.go_on(1.0)
    time.wait_for("a")
    view = time.keeper.describe()
    assert (view.kind, view.mailbox, view.handled) == ("timekeeper", 1, 1)


def test_armed_from_many_threads_each_fires_once(time):
    def arm(worker):
        for n in range(200):
            time.arm((worker, n), float(n % 7))

    threads = [threading.Thread(target=arm, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    time.go_on(7.0)
    time.settle()
    with time.changed:
        time.changed.wait_for(lambda: len(time.fired) == 800, DEADLINE_S)
    assert len({name for name, _ in time.fired}) == len(time.fired) == 800


def test_a_call_that_fails_is_told():
    crashed = threading.Event()
    found = []
    keeper = Timekeeper(FakeClock(), lambda name, error: (found.append((name, error)), crashed.set()))
    keeper.start()
    error = ZeroDivisionError("a bug")

    def fail():
        raise error

    keeper.arm("a", 0.0, fail)
    assert crashed.wait(DEADLINE_S)
    assert found == [("timekeeper", error)]
    keeper.join(DEADLINE_S)


def test_after_stop_nothing_fires():
    clock, fired = FakeClock(), []
    keeper = Timekeeper(clock)
    keeper.start()
    keeper.arm("a", 0.5, lambda: fired.append("a"))
    keeper.stop()
    keeper.join(DEADLINE_S)
    clock.now += 10
    keeper.arm("b", 0.0, lambda: fired.append("b"))
    assert not fired
    assert keeper.describe().state == "stopped"


def test_on_real_clocks():
    keeper, done = Timekeeper(SystemClock()), threading.Event()
    begun = SystemClock().monotonic()
    keeper.start()
    keeper.arm("a", 0.02, done.set)
    assert done.wait(DEADLINE_S)
    assert SystemClock().monotonic() - begun >= 0.02
    keeper.stop()
    keeper.join(DEADLINE_S)
