"""Figures of the bench: medians over rounds, beside their references, against their bounds. Pure."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

#: What a bound holds: the ratio to the reference, or the figure itself; from above or from below.
Of = Literal["ratio", "value"]


class Bound(Struct, frozen=True):
    """What is asked for."""

    of: Of
    limit: float
    at_least: bool = False

    def text(self, unit: str) -> str:
        """`≤ 2× reference`, `≤ 6 ms`."""
        sign = "≥" if self.at_least else "≤"
        return f"{sign} {self.limit:g}× reference" if self.of == "ratio" else f"{sign} {self.limit:g} {unit}"

    def holds(self, value: float, ratio: float | None) -> bool:
        """Whether it does; without a reference a ratio cannot."""
        measured = ratio if self.of == "ratio" else value
        if measured is None:
            return False
        return measured >= self.limit if self.at_least else measured <= self.limit


class Figure(Struct, frozen=True, kw_only=True):
    """One measured figure: the median over its rounds."""

    name: str
    value: float
    unit: str
    #: What it is held beside; the others that were taken, too.
    reference: float | None
    reference_name: str
    ratio: float | None
    bound: str
    #: None: nothing is asked for.
    ok: bool | None
    others: dict[str, float]
    rounds: tuple[float, ...]
    note: str = ""
    #: Where it is one over a run: how far the run was, and the value there.
    curve: tuple[tuple[int, float], ...] = ()


def figure(
    name: str,
    unit: str,
    rounds: Mapping[str, Sequence[float]],
    *,
    bound: Bound | None = None,
    note: str = "",
    curve: Sequence[tuple[int, float]] = (),
) -> Figure:
    """The figure from its rounds: `ours` first, then the reference, then others, each a list of values.

    Raises:
        ValueError: there is no value of ours.
    """
    medians = {who: statistics.median(values) for who, values in rounds.items() if values}
    if "ours" not in medians:
        raise ValueError(f"{name}: nothing was measured")
    value = medians.pop("ours")
    reference_name = next(iter(medians), "")
    reference = medians.pop(reference_name, None)
    ratio = value / reference if reference else None
    return Figure(
        name=name,
        value=rounded(value),
        unit=unit,
        reference=None if reference is None else rounded(reference),
        reference_name=reference_name,
        ratio=None if ratio is None else rounded(ratio),
        bound=bound.text(unit) if bound else "",
        ok=bound.holds(value, ratio) if bound else None,
        others={who: rounded(median) for who, median in medians.items()},
        rounds=tuple(rounded(value) for value in rounds["ours"]),
        note=note,
        curve=tuple((place, rounded(height)) for place, height in curve),
    )


def bars(curve: Sequence[tuple[int, float]], width: int) -> list[str]:
    """A bar for each point of a curve, from zero; the highest has the whole width."""
    highest = max((height for _, height in curve), default=0.0)
    return ["#" * round(width * height / highest) if highest > 0 else "" for _, height in curve]


def quantile(values: Sequence[float], q: float) -> float:
    """The value below which the share `q` of `values` lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def rounded(value: float) -> float:
    """To four significant digits: more is noise."""
    return float(f"{value:.4g}")
