"""An agent's report, as its driver left it, for the supervisor.

It is trusted as far as a task's own words may be: it says why an attempt failed, never that one succeeded.
"""

import math
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from orch_actors.actors.host import logbook
from orch_actors.actors.host.leavings import read_bounded
from orch_actors.actors.host.mask import Mask
from orch_actors.actors.host.record import Paths
from orch_actors.protocol.hostwire import AttemptEnded
from orch_actors.protocol.spec.failures import FAILURES
from orch_actors.protocol.views import Usage

_MAX_BYTES: Final = 1024 * 1024


class Report(Struct):
    """What is read of it (agents/job.py writes it)."""

    cls: str | None = None
    message: str = ""
    session: str = ""
    turns: int | None = None
    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    reset_utc: float | None = None


def with_report(told: AttemptEnded, paths: Paths, mask: Mask) -> AttemptEnded:
    """The end of an agent's attempt, with what its driver said about it; `mask` blots its secrets out of that."""
    report = _read(paths.agent)
    if report is None:
        if told.ending == "exit" and told.exit_code != 0 and not told.cls:
            return replace(told, cls="crash", message="its driver ended without a report")
        return told
    usage = Usage(
        turns=report.turns,
        cost_usd=report.cost_usd,
        input_tokens=report.input_tokens,
        output_tokens=report.output_tokens,
    )
    told = replace(told, usage=usage, session=report.session)
    if told.ending != "exit" or told.exit_code == 0 or told.cls:
        return told
    cls = report.cls if report.cls in FAILURES else "exit"
    reset_utc = report.reset_utc if cls == "quota" and report.reset_utc and math.isfinite(report.reset_utc) else None
    return replace(told, cls=cls, message=mask.text(report.message)[:2000], reset_utc=reset_utc)


def _read(path: str) -> Report | None:
    try:
        data = read_bounded(path, _MAX_BYTES)
        return None if data is None else msgspec.json.decode(data, type=Report)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        logbook.warning("the report {} cannot be used: {}", path, error)
        return None
