"""Runs proofs one after the other, and holds each report against what was asked for.

A proof that raises is a failed one, not the end of the run: one command tells all. Ctrl-C and TERM end it.
"""

import os
import platform
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from orch_actors.protocol.version import VERSION
from orch_actors.stress.daemon import fresh_folder
from orch_actors.stress.proofs import NAMES, load
from orch_actors.stress.proofs.proof import Proof, Report, Trial

#: Faults that are told; the rest is counted.
MOST_FAULTS = 50


class Proven(Struct, frozen=True, kw_only=True):
    """One proof that was run: what was asked, what was measured, and the verdict."""

    name: str
    proves: str
    asked: str
    unit: str
    size: int
    done: int
    seed: int
    #: None: it could not be tried here.
    ok: bool | None
    counts: dict[str, int | float]
    faults: tuple[str, ...]
    skipped: str
    seconds: float
    #: Its folder, where it was kept to be looked into.
    folder: str | None


class ProofReport(Struct, frozen=True, kw_only=True):
    """All of them; `ok` where none failed."""

    ok: bool
    quick: bool
    seed: int
    version: str
    machine: str
    python: str
    started_utc: str
    seconds: float
    proofs: tuple[Proven, ...]

    def document(self) -> dict[str, Any]:
        """As a plain mapping."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def prove(only: Sequence[str], *, quick: bool, seed: int, tell: Callable[[str], None]) -> ProofReport:
    """Run the proofs named in `only` (none: all), in their order; `tell` hears how far it has come.

    Raises:
        Refused: there is no proof of such a name.
    """
    wanted = [load(name) for name in (only or NAMES)]
    started_utc, begun_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), time.monotonic()
    found = tuple(prove_one(proof, quick=quick, seed=seed, tell=tell) for proof in wanted)
    return ProofReport(
        ok=all(proven.ok is not False for proven in found),
        quick=quick,
        seed=seed,
        version=VERSION,
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        python=sys.version.split()[0],
        started_utc=started_utc,
        seconds=round(time.monotonic() - begun_at, 1),
        proofs=found,
    )


def prove_one(proof: Proof, *, quick: bool, seed: int, tell: Callable[[str], None]) -> Proven:
    """Run one, in a folder of its own, which is kept where it failed."""
    folder = fresh_folder("pr-")
    size = proof.quick if quick else proof.full
    tell(f"{proof.name}: {size:,} {proof.unit} …")
    begun_at = time.monotonic()
    os.mkdir(folder, 0o700)
    kept: str | None = None
    try:
        report = _run(proof, Trial(size=size, seed=seed, folder=folder, tell=lambda line: tell(f"  {line}")))
        faults = _faults(report, proof, size)
        kept = folder if faults and os.listdir(folder) else None
    finally:
        if kept is None:
            shutil.rmtree(folder, ignore_errors=True)
    return Proven(
        name=proof.name,
        proves=proof.proves,
        asked=proof.asked,
        unit=proof.unit,
        size=size,
        done=report.done,
        seed=seed,
        ok=None if report.skipped else not faults,
        counts=dict(report.counts),
        faults=faults,
        skipped=report.skipped,
        seconds=round(time.monotonic() - begun_at, 1),
        folder=kept,
    )


def _run(proof: Proof, trial: Trial) -> Report:
    try:
        return proof.run(trial)
    except Exception as error:  # noqa: BLE001 (whatever it is, the others are still run, and it is told)
        told = "".join(traceback.format_exception(error)[-3:]).strip()
        return Report(done=0, counts={}, faults=(f"the proof itself failed: {told}",))


def _faults(report: Report, proof: Proof, size: int) -> tuple[str, ...]:
    if report.skipped:
        return ()
    faults = list(report.faults)
    if report.done < size:
        faults.append(f"{report.done:,} {proof.unit} were done, {size:,} were asked for")
    if len(faults) > MOST_FAULTS:
        faults = [*faults[:MOST_FAULTS], f"and {len(faults) - MOST_FAULTS:,} more"]
    return tuple(faults)
