"""Bounds that only the host sees: how long an attempt may be silent, and how much it may print.

One thread for all attempts that have such bounds; without any it sleeps, and with some it looks at their output files
once a second and at the moment when the next silence would be too long. The files say when they last grew, so a silence
that began under an earlier host goes on counting.

Silence is measured by the clock that stands still while the machine sleeps. The stamp of a file, which is wall time,
only says where between two looks it grew: when the wall clock jumps, that errs by a second at most.
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from orch_actors.actors.host.clock import awake_clock, wall_clock
from orch_actors.actors.host.record import Paths
from orch_actors.protocol.hostwire import Launch

#: The longest time between two looks.
_PERIOD_S: Final = 1.0

Kind = Literal["idle_timeout", "output_limit"]

#: Told, from the thread, that a bound is broken: which, and a sentence.
OnExceeded = Callable[[Kind, str], None]


def has_bounds(launch: Launch) -> bool:
    """Whether there is anything to watch."""
    return launch.idle_timeout_s is not None or launch.output_limit is not None


@dataclass(slots=True)
class _Watched:
    paths: Paths
    #: None: there is no such bound, or it was broken and told.
    idle_timeout_s: float | None
    output_limit: int | None
    tell: OnExceeded
    looked_at: float
    #: Since when it is silent, as far as is known.
    silent_at: float
    #: Size and stamp of each output as last seen.
    seen: list[tuple[int, float]] = field(default_factory=list)

    def look(self, now_at: float, now_utc: float) -> None:
        """See whether it has grown, and tell of what is broken."""
        seen = _look_at(self.paths)
        if seen != self.seen:
            self.seen = seen
            ago_s = now_utc - max(stamp for _, stamp in seen)
            self.silent_at = now_at - min(max(0.0, ago_s), now_at - self.looked_at)
        self.looked_at = now_at
        size = sum(size for size, _ in seen)
        if self.output_limit is not None and size > self.output_limit:
            limit, self.output_limit = self.output_limit, None
            self.tell("output_limit", f"it has printed {size} bytes; {limit} are allowed")
        silent_s = now_at - self.silent_at
        if self.idle_timeout_s is not None and silent_s >= self.idle_timeout_s:
            allowed_s, self.idle_timeout_s = self.idle_timeout_s, None
            self.tell("idle_timeout", f"it has printed nothing for {silent_s:.1f} s; {allowed_s:g} s are allowed")

    def next_look_at(self) -> float | None:
        """When to look again; None: there is nothing left to see."""
        if self.idle_timeout_s is not None:
            return min(self.looked_at + _PERIOD_S, self.silent_at + self.idle_timeout_s)
        return self.looked_at + _PERIOD_S if self.output_limit is not None else None


def _look_at(paths: Paths) -> list[tuple[int, float]]:
    seen = []
    for path in (paths.out, paths.err):
        try:
            info = os.stat(path)
        except OSError:  # not there yet, or not any more
            seen.append((0, 0.0))
        else:
            seen.append((info.st_size, info.st_mtime))
    return seen


class Bounds:
    """The attempts that are watched. Safe from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watched: dict[str, _Watched] = {}
        self._started = False

    def watch(self, launch: Launch, paths: Paths, elapsed_s: float, tell: OnExceeded) -> None:
        """Watch an attempt that has run for so long already, until `forget`. Each bound is told of once."""
        now_at = awake_clock()
        # What it printed before now, at the first look, reaches back as far as it has run.
        watched = _Watched(
            paths=paths,
            idle_timeout_s=launch.idle_timeout_s,
            output_limit=launch.output_limit,
            tell=tell,
            looked_at=now_at - elapsed_s,
            silent_at=now_at - elapsed_s,
        )
        with self._changed:
            self._watched[launch.attempt] = watched
            if not self._started:
                self._started = True
                threading.Thread(target=self._run, name="bounds", daemon=True).start()
            self._changed.notify()

    def forget(self, attempt: str) -> None:
        """Watch it no longer; what is being looked at just now may still be told of."""
        with self._changed:
            self._watched.pop(attempt, None)

    def _run(self) -> None:
        while True:
            for watched in self._due():
                watched.look(awake_clock(), wall_clock())

    def _due(self) -> list[_Watched]:
        """Wait until some are due, and say which."""
        with self._changed:
            while True:
                now_at = awake_clock()
                dates = {
                    attempt: at
                    for attempt, watched in self._watched.items()
                    if (at := watched.next_look_at()) is not None
                }
                due = [self._watched[attempt] for attempt, at in dates.items() if at <= now_at]
                if due:
                    return due
                self._changed.wait(min(dates.values()) - now_at if dates else None)
