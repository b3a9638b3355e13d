"""What a proof is, what it is given and what it reports; see the package's header for how to add one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from msgspec import Struct


class Trial(Struct, frozen=True, kw_only=True):
    """What one run of a proof is given."""

    #: How much is asked for, in the proof's unit.
    size: int
    #: Where everything random comes from.
    seed: int
    #: An empty folder of its own, with a short path.
    folder: str
    #: Hears how far it has come, a line now and then.
    tell: Callable[[str], None]


class Report(Struct, frozen=True, kw_only=True):
    """What came of it."""

    #: How much was done, in the proof's unit.
    done: int
    #: What was counted, in words → number: `kills`, `commands accepted`, `lost`.
    counts: Mapping[str, int | float]
    #: Everything that does not hold, a sentence each; none: it holds.
    faults: tuple[str, ...] = ()
    #: Why it could not be tried here; empty: it was.
    skipped: str = ""

    @classmethod
    def skip(cls, why: str) -> Self:
        """It cannot be tried on this machine."""
        return cls(done=0, counts={}, skipped=why)


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """One figure, and how it is proven."""

    #: As `--only` takes it.
    name: str
    #: What it proves, in one sentence.
    proves: str
    #: The figure to reach, in words.
    asked: str
    #: Sizes in full and in quick, and of what: "kills".
    full: int
    quick: int
    unit: str
    run: Callable[[Trial], Report]
