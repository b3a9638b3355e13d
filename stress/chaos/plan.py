"""What is done to the daemon's processes, one strike after the other, all from a seed. Pure."""

from collections.abc import Iterator
from random import Random
from typing import Final, Literal

from msgspec import Struct

Act = Literal["supervisor", "host", "both", "stop_supervisor", "stop_host", "zombie", "clock", "disk", "shim"]

#: How often each comes, in proportion; `shim` only where it is asked for.
WEIGHTS: Final[dict[Act, int]] = {
    "supervisor": 38,  # kill -9
    "host": 32,  # kill -9 of one worker host
    "both": 6,  # of a host and the supervisor at once
    "stop_supervisor": 6,  # SIGSTOP, and after a while SIGCONT
    "stop_host": 6,
    "zombie": 6,  # a host is stopped, its supervisor killed, and when the next one works, the old host wakes up
    "clock": 6,  # the wall clock jumps
    "disk": 3,  # the disk is full for a while; where the round has one that can be
}
SHIM_WEIGHT: Final = 30

#: A strike waits for so many lines that tasks write (begins and ends), but not for long.
MOST_LINES: Final = 12
AT_MOST_S: Final = 0.6
#: And then a moment more, so that it falls anywhere between two of them.
MOMENT_S: Final = 0.02

#: One of so many daemons is killed again while it starts, within so long.
AT_BIRTH: Final = 0.25
BIRTH_S: Final = 0.6


class Strike(Struct, frozen=True, kw_only=True):
    """One, with everything that chance has a say in."""

    act: Act
    #: Lines of effects that it waits for, `AT_MOST_S` at most, and then so long.
    lines: int
    moment_s: float
    #: Which of the possible victims: the one at this share of their list.
    which: float
    #: How long a stopped process is stopped, how long a killed daemon stays away, how long a disk is full.
    pause_s: float
    #: Seconds of life of each daemon that is killed while it starts, before one may live.
    births: tuple[float, ...]
    #: Seconds by which the wall clock is wrong from then on.
    offset_s: float


def strikes(seed: int, *, shims: bool = False) -> Iterator[Strike]:
    """Strikes without end; the same seed gives the same ones."""
    rng = Random(f"strikes {seed}")
    weights = {**WEIGHTS, "shim": SHIM_WEIGHT} if shims else WEIGHTS
    while True:
        (act,) = rng.choices(list(weights), list(weights.values()))
        births: list[float] = []
        while len(births) < 3 and rng.random() < AT_BIRTH:
            births.append(round(rng.uniform(0.0, BIRTH_S), 3))
        yield Strike(
            act=act,
            lines=rng.randint(0, MOST_LINES),
            moment_s=round(rng.uniform(0.0, MOMENT_S), 4),
            which=rng.random(),
            pause_s=round(rng.choice([0.0, rng.uniform(0.0, 0.1), rng.uniform(0.05, 0.8)]), 3),
            births=tuple(births),
            offset_s=round(rng.choice([0.0, rng.uniform(-3, 3), rng.uniform(-7200, 7200)]), 3),
        )
