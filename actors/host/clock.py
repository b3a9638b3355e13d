"""The host's clocks: the only module here that reads them.

`boot_clock` is comparable between processes of one boot and runs on while the machine sleeps (Linux), so that an
attempt's age survives the death of whoever started it. Wall time is for people.
"""

import time
from typing import Final

# macOS has no CLOCK_BOOTTIME; its CLOCK_MONOTONIC is comparable between processes too.
_BOOT_CLOCK: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_clock() -> float:
    """Seconds since the machine started; never goes back within a boot."""
    return time.clock_gettime(_BOOT_CLOCK)


def awake_clock() -> float:
    """Seconds that the machine has been awake: who slept with it was not idle. Within one process alone."""
    return time.monotonic()


def wall_clock() -> float:
    """Seconds since the epoch; may jump."""
    return time.time()
