"""Which cells there are. Pure."""

from collections.abc import Iterable, Mapping
from random import Random
from typing import Final

from msgspec import Struct

from orch_actors.stress.rigged.places import PLACES, Fault, Place

#: A cell for the first call of a place, and for calls at these shares of all that there were.
SHARES: Final = (0.35, 0.7)


class Cell(Struct, frozen=True, kw_only=True):
    """A fault, where, and at which call."""

    place: Place
    nth: int
    fault: Fault

    @property
    def name(self) -> str:
        """`daemon: journal written #3 EIO`."""
        return f"{self.place.name} #{self.nth} {self.fault}"


def all_cells(counted: Mapping[str, int], places: Iterable[Place] = PLACES) -> list[Cell]:
    """Every cell, place by place.

    Args:
        counted: place → how often a run without a fault came to it.
        places: only these.
    """
    return [
        Cell(place=place, nth=nth, fault=fault)
        for place in places
        for fault in place.faults()
        for nth in calls(counted[place.name])
    ]


def least_cells(places: Iterable[Place] = PLACES) -> int:
    """As many as there are at least: one for every fault in every place."""
    return sum(len(place.faults()) for place in places)


def calls(count: int) -> list[int]:
    """The calls to fail at, of so many."""
    return sorted({1, *(max(1, int(count * share)) for share in SHARES)})


def sample(cells: list[Cell], count: int, seed: int) -> list[Cell]:
    """So many of them, in their order; of every place at least one, where there is room for that."""
    rng = Random(f"cells {seed}")
    shuffled = sorted(cells, key=lambda _: rng.random())
    firsts = list({cell.place.name: cell for cell in shuffled}.values())
    chosen = (firsts + [cell for cell in shuffled if cell not in firsts])[:count]
    return [cell for cell in cells if cell in chosen]
