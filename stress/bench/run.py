"""Runs the bench: the measures asked for, one after the other, nothing else at the same time."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from orch_actors.protocol.errors import Refused
from orch_actors.stress.bench.figures import Figure
from orch_actors.stress.bench.measures import MEASURES, QUICK, Bench, Size
from orch_actors.stress.daemon import fresh_folder


class BenchReport(Struct, frozen=True, kw_only=True):
    """All figures; `ok` is None for a quick run, which says nothing on speed."""

    ok: bool | None
    quick: bool
    machine: str
    python: str
    figures: tuple[Figure, ...]

    def document(self) -> dict[str, Any]:
        """As a plain mapping."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def run_bench(only: Sequence[str], *, quick: bool, tell: Callable[[str], None]) -> BenchReport:
    """Take the measures named in `only` (none: all); `tell` hears which one is being taken.

    Raises:
        Refused: there is no measure of such a name.
    """
    unknown = [name for name in only if name not in MEASURES]
    if unknown:
        raise Refused.because(
            "INVALID_REQUEST", f"there is no measure {unknown[0]!r}", f"there are: {', '.join(MEASURES)}"
        )
    folder = fresh_folder("bench-oas-")
    bench = Bench(QUICK if quick else Size(), folder)
    figures: list[Figure] = []
    try:
        os.mkdir(folder, 0o700)
        for name, measure in MEASURES.items():
            if not only or name in only:
                tell(name)
                figures += measure(bench)
    finally:
        bench.remove_homes()
        shutil.rmtree(folder, ignore_errors=True)
    return BenchReport(
        ok=None if quick else all(found.ok is not False for found in figures),
        quick=quick,
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        python=sys.version.split()[0],
        figures=tuple(figures),
    )
