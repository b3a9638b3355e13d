"""The seam: where attempts run. The Task actor knows this Protocol alone.

`local.py` runs them on this machine. Another place (Slurm, Ray, a container engine) is another class: it must start
an attempt at most once, find it again after the host died, end it, and say how it ended.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from orch_actors.actors.host.bounds import OnExceeded
from orch_actors.actors.host.mask import Mask
from orch_actors.actors.host.progress import OnProgress
from orch_actors.actors.host.record import Found, Never, Over, Running, Seen, Taken
from orch_actors.protocol.hostwire import Launch
from orch_actors.protocol.views import Artifact

#: Told, from any thread, that an attempt is over; the status as waitpid gives it where it was our own child.
Gone = Callable[[int | None], None]

#: See Place.validate.
Verdict = tuple[Artifact, ...] | str | Exception
OnValidated = Callable[[Verdict], None]


class Stopped(Exception):
    """The validation was asked to stop, and nothing of it runs any more."""


class CannotSpawn(Exception):
    """The attempt cannot be started; the text is the sentence that its owner reads."""

    #: Its failure class, where that is another than `spawn`.
    cls = ""

    def __init__(self, message: str, cls: str = "") -> None:
        super().__init__(message)
        self.cls = cls or self.cls


@dataclass(frozen=True, slots=True)
class Started:
    """It has been started."""

    #: It has been handed to somebody who may lose it before it begins: a record without a pid line means try again.
    may_be_lost: bool = False


class Check(Protocol):
    """A validation that runs."""

    def stop(self, grace_s: float) -> None:
        """End it; its `done` is told all the same."""


class Place(Protocol):
    """Start, adopt, kill, outcome. The output goes to the attempt's files (Paths)."""

    @property
    def boot(self) -> str:
        """Id of the boot that attempts can be alive in."""

    def take(self, launch: Launch) -> Found:
        """Claim it, unless it has begun. Raises CannotSpawn where it can be neither claimed nor looked at."""

    def take_back(self, launch: Launch) -> Found:
        """Claim what was claimed before. Raises OSError, also where the record is gone: then it may well have run."""

    def probe(self, launch: Launch) -> Running | Over | None:
        """Look, without claiming. Raises OSError."""

    def read(self, launch: Launch) -> Seen:
        """What its record says. Raises OSError."""

    def start(self, launch: Launch, taken: Taken, gone: Gone) -> Started:
        """Start what was claimed; the claim is used up in any case. Raises CannotSpawn."""

    def forgo(self, launch: Launch, taken: Taken, never: Never) -> None:
        """Put down that what was claimed will never run, so that nobody starts it later; the claim is used up."""

    def watch(self, launch: Launch, gone: Gone) -> None:
        """Have `gone` called once the attempt, which somebody else started, is over."""

    def signal(self, launch: Launch, signum: int) -> bool:
        """Signal its process group. False: it has not come far enough to be signalled; ask again."""

    def watch_bounds(self, launch: Launch, elapsed_s: float, exceeded: OnExceeded) -> None:
        """Have `exceeded` called, once for each, when it is silent for too long or prints too much."""

    def forget_bounds(self, launch: Launch) -> None:
        """Watch them no longer."""

    def watch_progress(self, launch: Launch, progressed: OnProgress) -> None:
        """Have `progressed` called, now and then, when it says something else of how far it is."""

    def forget_progress(self, launch: Launch) -> None:
        """Watch that no longer."""

    def mask(self, launch: Launch) -> Mask:
        """What blots its secrets out of what is told of it."""

    def leave_blotted(self, launch: Launch) -> None:
        """Leave copies without its secrets of what it wrote, where it has any; before its end is told."""

    def forget_secrets(self, launch: Launch) -> None:
        """It is over and told."""

    def validate(self, launch: Launch, result: bytes | None, done: OnValidated, *, sweep_first: bool) -> Check:
        """Begin to check whether an attempt that exited with 0 is valid, and left what it promised.

        `result` is in msgpack.

        `done` gets the artifacts of a valid one, or why it is not, or the exception that it all ended with: Stopped, or
        a bug.
        `sweep_first`: a validation that somebody else has begun may still run, and is ended first.
        """

    def sweep(self, launch: Launch, told_group: int | None, patience_s: float) -> int:
        """End whatever of it still runs: TERM, unless in the group that has had it; after `patience_s` KILL.

        Returns how many processes there were.
        """
