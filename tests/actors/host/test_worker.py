"""The Worker and Task actors over a place that breaks: crashes are looked at once more, then told."""

import logging
import queue
from collections.abc import Iterator
from typing import Any

import pykka
import pytest

from orch_actors.actors.host.bounds import OnExceeded
from orch_actors.actors.host.mask import NOTHING, Mask
from orch_actors.actors.host.place import CannotSpawn, Check, Gone, OnValidated, Started, Stopped, Verdict
from orch_actors.actors.host.progress import OnProgress
from orch_actors.actors.host.record import Found, Never, Over, Running, Seen, Taken
from orch_actors.actors.host.worker import Worker
from orch_actors.protocol.hostwire import (
    AdoptAttempt,
    AttemptEnded,
    Launch,
    Ping,
    Pong,
    StartAttempt,
    StopAttempt,
    StopHost,
)
from orch_actors.protocol.views import Artifact

DEADLINE_S = 10.0

LAUNCH = Launch(attempt="g1/a/1", folder="/nowhere", stem="a.1", work={}, cwd="/", env={}, grace_s=0.0, boot="b")

LEFT = Artifact(path="/srv/a", sha256=64 * "0", size=3)

VALIDATED = Launch(
    attempt="g1/v/1",
    folder="/nowhere",
    stem="v.1",
    work={},
    cwd="/",
    env={},
    grace_s=7.0,
    boot="b",
    validate={"files": ["f"]},
)


class Checking:
    def __init__(self, stops: "queue.SimpleQueue[float]") -> None:
        self._stops = stops

    def stop(self, grace_s: float) -> None:
        self._stops.put(grace_s)


class Place:
    """A place that does what it is told."""

    boot = "b"

    def __init__(self) -> None:
        #: What `take` answers, in turn; an exception is raised.
        self.answers: list[Found | Exception] = []
        self.taken = 0
        self.gone: queue.SimpleQueue[Gone] = queue.SimpleQueue()
        self.forgone: queue.SimpleQueue[Never] = queue.SimpleQueue()
        self.signals: list[int] = []
        self.validating: queue.SimpleQueue[tuple[OnValidated, bool]] = queue.SimpleQueue()
        self.stops: queue.SimpleQueue[float] = queue.SimpleQueue()

    def take(self, launch: Launch) -> Found:
        self.taken += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    take_back = take

    def probe(self, launch: Launch) -> Running | Over | None:
        return None

    def read(self, launch: Launch) -> Seen:
        return Seen(exit_code=0)

    def start(self, launch: Launch, taken: Taken, gone: Gone) -> Started:
        raise CannotSpawn("not here")

    def forgo(self, launch: Launch, taken: Taken, never: Never) -> None:
        self.forgone.put(never)

    def watch(self, launch: Launch, gone: Gone) -> None:
        self.gone.put(gone)

    def signal(self, launch: Launch, signum: int) -> bool:
        self.signals.append(signum)
        return True

    def watch_bounds(self, launch: Launch, elapsed_s: float, exceeded: OnExceeded) -> None:
        raise AssertionError("no launch here has bounds")

    def forget_bounds(self, launch: Launch) -> None:
        raise AssertionError("no launch here has bounds")

    def watch_progress(self, launch: Launch, progressed: OnProgress) -> None:
        pass

    def forget_progress(self, launch: Launch) -> None:
        pass

    def mask(self, launch: Launch) -> Mask:
        return NOTHING

    def leave_blotted(self, launch: Launch) -> None:
        pass

    def forget_secrets(self, launch: Launch) -> None:
        pass

    def validate(self, launch: Launch, result: bytes | None, done: OnValidated, *, sweep_first: bool) -> Check:
        self.validating.put((done, sweep_first))
        return Checking(self.stops)

    def sweep(self, launch: Launch, told_group: int | None, patience_s: float) -> int:
        return 0


class Rig:
    def __init__(self) -> None:
        self.place = Place()
        self.said: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.stopped: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.ref = Worker.start("shell", self.place, self.said.put, lambda: self.stopped.put(True))

    def ended(self) -> AttemptEnded:
        message = self.said.get(timeout=DEADLINE_S)
        while not isinstance(message, AttemptEnded):
            message = self.said.get(timeout=DEADLINE_S)
        return message


@pytest.fixture
def rig() -> Iterator[Rig]:
    logging.getLogger("pykka").disabled = True
    yield Rig()
    pykka.ActorRegistry.stop_all(timeout=DEADLINE_S)
    logging.getLogger("pykka").disabled = False


def test_a_crash_of_a_task_actor_is_looked_at_once_more(rig: Rig) -> None:
    rig.place.answers = [ValueError("a bug"), Over(Seen(pid=1, exit_code=3))]
    rig.ref.tell(StartAttempt(launch=LAUNCH))
    ended = rig.ended()
    assert (ended.ending, ended.exit_code) == ("exit", 3)
    assert rig.place.taken == 2


def test_a_second_crash_is_told_and_the_worker_lives(rig: Rig) -> None:
    rig.place.answers = [ValueError("a bug"), ValueError("a bug"), Over(Seen(pid=1, exit_code=0))]
    rig.ref.tell(StartAttempt(launch=LAUNCH))
    ended = rig.ended()
    assert ended.ending == "lost"
    assert "a bug" in ended.message
    rig.ref.tell(AdoptAttempt(launch=LAUNCH))
    assert rig.ended().ending == "exit"


def test_a_crash_while_it_runs(rig: Rig) -> None:
    rig.place.answers = [
        Running(Seen(pid=5)),
        KeyError("a bug"),
        Running(Seen(pid=5)),
        Over(Seen(pid=5, exit_code=4)),
    ]
    rig.ref.tell(AdoptAttempt(launch=LAUNCH))
    rig.place.gone.get(timeout=DEADLINE_S)(None)  # the first actor dies of looking
    rig.place.gone.get(timeout=DEADLINE_S)(None)  # the second one knows
    assert rig.ended().exit_code == 4


def test_a_kill_that_was_asked_for_survives_the_crash(rig: Rig) -> None:
    rig.place.answers = [Running(Seen(pid=5)), KeyError("a bug"), Over(Seen(pid=5))]
    rig.ref.tell(AdoptAttempt(launch=LAUNCH))
    gone = rig.place.gone.get(timeout=DEADLINE_S)
    rig.ref.tell(StopAttempt(attempt=LAUNCH.attempt))
    rig.ref.ask(StopAttempt(attempt="g1/b/1"), timeout=DEADLINE_S)  # the one before has been passed on
    gone(None)
    assert rig.ended().ending == "killed"
    assert rig.place.signals == [9]


def test_what_cannot_be_claimed_or_started_is_a_spawn_failure(rig: Rig, tmp_path: Any) -> None:
    import os

    rig.place.answers = [CannotSpawn("no room")]
    rig.ref.tell(StartAttempt(launch=LAUNCH))
    ended = rig.ended()
    assert (ended.ending, ended.message) == ("spawn", "no room")
    rig.place.answers = [Taken(os.open(tmp_path, os.O_RDONLY), Seen())]
    rig.ref.tell(StartAttempt(launch=LAUNCH))
    ended = rig.ended()
    assert (ended.ending, ended.message) == ("spawn", "not here")


def test_a_lost_reference_ends_nothing_that_began(rig: Rig, tmp_path: Any) -> None:
    """A result that its launch needs is gone when it is adopted: that matters only where it must be begun now."""
    import os

    rig.place.answers = [Running(Seen(pid=5)), Over(Seen(pid=5, exit_code=7))]
    rig.ref.tell(AdoptAttempt(launch=LAUNCH, unfilled="build has no result"))
    rig.place.gone.get(timeout=DEADLINE_S)(None)
    ended = rig.ended()
    assert (ended.ending, ended.exit_code, ended.cls) == ("exit", 7, "")
    rig.place.answers = [Taken(os.open(tmp_path, os.O_RDONLY), Seen())]
    rig.ref.tell(AdoptAttempt(launch=LAUNCH, unfilled="build has no result"))
    ended = rig.ended()
    assert (ended.ending, ended.cls, ended.message) == ("spawn", "reference", "build has no result")


def test_without_its_references_nothing_is_called_valid(rig: Rig) -> None:
    rig.place.answers = [Over(Seen(pid=5, exit_code=0))]
    rig.ref.tell(AdoptAttempt(launch=VALIDATED, unfilled="build has no result"))
    ended = rig.ended()
    assert (ended.ending, ended.exit_code, ended.invalid) == ("exit", 0, "build has no result")
    assert rig.place.validating.empty()


def test_a_sign_of_life(rig: Rig) -> None:
    rig.ref.tell(Ping())
    assert rig.said.get(timeout=DEADLINE_S) == Pong()


def test_what_will_not_run_is_put_down_before_it_is_told(rig: Rig, tmp_path: Any) -> None:
    import os

    rig.place.answers = [Taken(os.open(tmp_path, os.O_RDONLY), Seen())]
    rig.ref.tell(AdoptAttempt(launch=LAUNCH, stopping=True))
    assert rig.ended().ending == "killed"
    assert rig.place.forgone.get_nowait() == Never("killed", "it was stopped before it began")


def test_a_bug_in_a_validation_is_looked_at_once_more(rig: Rig) -> None:
    rig.place.answers = [Over(Seen(pid=1, exit_code=0)), Over(Seen(pid=1, exit_code=0))]
    rig.ref.tell(StartAttempt(launch=VALIDATED))
    done, swept = rig.place.validating.get(timeout=DEADLINE_S)
    assert swept
    done(KeyError("a bug"))
    again, swept = rig.place.validating.get(timeout=DEADLINE_S)
    assert swept
    done("late words of the first")  # to an actor that is gone
    again("it is not valid")
    ended = rig.ended()
    assert (ended.ending, ended.exit_code, ended.invalid) == ("exit", 0, "it is not valid")


def test_who_saw_it_end_has_nothing_to_sweep_before_it_validates(rig: Rig) -> None:
    rig.place.answers = [Running(Seen(pid=5)), Over(Seen(pid=5, exit_code=0))]
    rig.ref.tell(AdoptAttempt(launch=VALIDATED))
    rig.place.gone.get(timeout=DEADLINE_S)(None)
    done, swept = rig.place.validating.get(timeout=DEADLINE_S)
    assert not swept
    done((LEFT,))
    ended = rig.ended()
    assert (ended.invalid, ended.artifacts) == ("", (LEFT,))


@pytest.mark.parametrize("said", [(), "it is not valid", Stopped(), KeyError("a bug")])
def test_a_stop_wins_over_what_a_validation_finds(rig: Rig, said: Verdict) -> None:
    rig.place.answers = [Over(Seen(pid=1, exit_code=0))]
    rig.ref.tell(StartAttempt(launch=VALIDATED))
    done, _ = rig.place.validating.get(timeout=DEADLINE_S)
    rig.ref.tell(StopAttempt(attempt=VALIDATED.attempt))
    rig.ref.tell(AdoptAttempt(launch=VALIDATED, stopping=True))
    assert rig.place.stops.get(timeout=DEADLINE_S) == 7.0
    done(said)
    ended = rig.ended()
    assert (ended.ending, ended.exit_code, ended.invalid) == ("killed", 0, "")
    assert rig.place.stops.empty()


def test_stop_host(rig: Rig) -> None:
    rig.ref.tell(StopHost())
    assert rig.stopped.get(timeout=DEADLINE_S)
