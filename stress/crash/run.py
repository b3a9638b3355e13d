"""Tries cells, a few at a time, and sums up."""

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, Final

import msgspec
from msgspec import Struct

from orch_actors.protocol.errors import EnvironmentFault, Refused
from orch_actors.stress.crash.cells import Cell, all_cells, sample
from orch_actors.stress.crash.trial import CellReport, count_calls, try_cell
from orch_actors.stress.rigged.places import BY_NAME

#: Most of a cell is waiting: for processes to start, for clients to ask again.
AT_ONCE: Final = 3
MOST_TRIES: Final = 3


class CrashReport(Struct, frozen=True, kw_only=True):
    """All cells that were tried."""

    ok: bool
    seed: int
    #: Place → calls in a run without a fault.
    calls: dict[str, int]
    cells: tuple[CellReport, ...]
    seconds: float

    def document(self) -> dict[str, Any]:
        """As a plain mapping."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def faults(self) -> tuple[str, ...]:
        """Everything that does not hold, each with its cell."""
        return tuple(
            f"{cell.place} #{cell.nth} {cell.fault}: {fault}" + (f" ({cell.folder})" if cell.folder else "")
            for cell in self.cells
            for fault in cell.faults
        )


def run_cells(only: Sequence[str], *, most: int | None, seed: int, tell: Callable[[str], None]) -> CrashReport:
    """Try every cell of the places named in `only` (none: of all), or `most` of them, chosen by `seed`.

    Raises:
        Refused: there is no such place.
        EnvironmentFault: this system does not let it, or the load alone does not hold.
    """
    if sys.platform != "linux":
        raise EnvironmentFault("the cells' processes are found in /proc, which this system has not", "run it on Linux")
    unknown = [name for name in only if name not in BY_NAME]
    if unknown:
        raise Refused.because(
            "INVALID_REQUEST", f"there is no place {unknown[0]!r}", f"there are: {', '.join(BY_NAME)}"
        )
    begun_at = time.monotonic()
    counted = count_calls()
    cells = all_cells(counted, [BY_NAME[name] for name in only or BY_NAME])
    if most is not None:
        cells = sample(cells, most, seed)
    tell(f"{len(cells)} cells in {len({cell.place.name for cell in cells})} places")
    found = _try_all(cells, tell)
    return CrashReport(
        ok=all(cell.ok for cell in found),
        seed=seed,
        calls=counted,
        cells=tuple(found),
        seconds=round(time.monotonic() - begun_at, 1),
    )


def _try(cell: Cell) -> CellReport:
    """Try a cell; once more where its fault never happened: the process may have gone just before, with its daemon."""
    report = try_cell(cell)
    for _ in range(MOST_TRIES - 1):
        if report.happened:
            break
        if report.folder is not None:
            shutil.rmtree(report.folder, ignore_errors=True)
        report = try_cell(cell)
    return report


def _try_all(cells: Sequence[Cell], tell: Callable[[str], None]) -> list[CellReport]:
    found: dict[str, CellReport] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        tasks = {pool.submit(_try, cell): cell for cell in cells}
        try:
            for task in as_completed(tasks):
                cell, report = tasks[task], task.result()
                found[cell.name] = report
                if not report.ok:
                    tell(f"{cell.name}: {report.faults[0][:300]}")
                if len(found) % 50 == 0:
                    tell(f"{len(found)} of {len(cells)}")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [found[cell.name] for cell in cells]
