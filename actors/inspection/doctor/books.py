"""What is written down: the journal, the settings, and whether the clock fits to it."""

import os
import time
from collections.abc import Iterator
from typing import Final

from orch_actors.actors.inspection.doctor.finding import Finding, error, good, note, warning
from orch_actors.actors.inspection.recall import recall
from orch_actors.actors.journal.disk import RealDisk
from orch_actors.actors.journal.opening import segment_names
from orch_actors.actors.journal.survey import Survey, survey
from orch_actors.actors.journal.swapping import begun
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.homes import Home
from orch_actors.protocol.settings import load_settings

#: A start takes so long with it that it is worth knowing.
_LARGE_BYTES: Final = 1024 * 1024 * 1024

#: Of each kind so many are named.
_NAMED: Final = 5

#: Before it nothing of this was written; seconds since the epoch (2025).
_EARLIEST_UTC: Final = 1_735_689_600.0
#: The journal may be ahead of the clock by so much; seconds.
_AHEAD_S: Final = 5.0


def look_at_journal(home: Home) -> Iterator[Finding]:
    """Is it whole, and can a daemon start with it."""
    if begun(home.salvage):
        finish = "orch-actors journal salvage --accept-data-loss"
        yield error("journal", "a salvage of it was interrupted", f"finish it: {finish}")
        return
    try:
        found, _ = survey(RealDisk(), home.journal, archive=False)
        everything, _ = survey(RealDisk(), home.journal) if found.snapshot else (found, None)
    except EnvironmentFault as fault:
        yield error("journal", fault.message, fault.hint)
        return
    except (FileNotFoundError, NotADirectoryError):
        yield note("journal", "there is none yet", "the first start begins one: orch-actors up")
        return
    except OSError as fault:
        yield error("journal", f"{fault.filename or home.journal}: {fault.strerror}", "see to its permissions")
        return
    yield from _of_survey(home, found)
    yield from _of_archive(everything)


def _of_archive(found: Survey) -> Iterator[Finding]:
    """What a start does not need: segments that a snapshot stands for, and older snapshots."""
    if not found.snapshot:
        return
    kept = "a start does not need it; readers of old events do: restore it from a copy, if there is one"
    faults = [f"{fault.file}, line {fault.line}: {fault.what}" for fault in found.faults]
    for fault in [*found.passed_over, *faults][:_NAMED]:
        yield warning("journal", fault, kept)


def _of_survey(home: Home, found: Survey) -> Iterator[Finding]:
    if found.verdict == "damaged":
        first = found.faults[0]
        more = len(found.faults) - 1 + found.more
        also = f" (and {more} more)" if more else ""
        what = f"damaged: {first.file}, line {first.line}, sequence {first.sequence}: {first.what}{also}"
        yield error("journal", what, "all of it: orch-actors journal verify; what can be saved: journal salvage")
        return
    if found.verdict == "too_new":
        yield error("journal", found.faults[0].what, "install that version, or a newer one")
        return
    if found.verdict == "none":
        yield note("journal", "it is empty", "the first start begins one: orch-actors up")
        return
    try:
        graphs = len(recall(home).machine.state.graphs)
    except EnvironmentFault as fault:
        yield error("journal", fault.message, fault.hint)
        return
    size = f"{found.bytes:,} bytes; segments: {found.segments:,}, lines: {found.lines:,}, graphs: {graphs:,}"
    yield good("journal", f"whole, {size}")
    if found.torn:
        what = f"{found.torn:,} bytes at its end are not whole; they were promised to nobody"
        yield note("journal", what, "the next start keeps them aside and cuts them off, unless they are being written")
    if found.bytes > _LARGE_BYTES:
        yield warning(
            "journal",
            f"it has {found.bytes:,} bytes, and every start reads it",
            "make a snapshot: orch-actors journal compact",
        )


def look_at_settings(home: Home) -> Iterator[Finding]:
    """Does a daemon understand them."""
    try:
        load_settings(home.config)
    except EnvironmentFault as fault:
        yield error("config", fault.whole, fault.hint)
        return
    there = os.path.exists(home.config)
    yield good("config", home.config if there else "there is no config.toml, which is fine: all of it is optional")


def look_at_clock(home: Home) -> Iterator[Finding]:
    """Times go into the journal: a clock that was set back makes them come twice."""
    now_utc = time.time()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now_utc))
    set_it = "set it (timedatectl set-ntp true): deadlines and delays go by it"
    if now_utc < _EARLIEST_UTC:
        yield warning("clock", f"it says {stamp} UTC", set_it)
        return
    newest = _newest_write(home)
    if newest - now_utc > _AHEAD_S:
        what = f"it says {stamp} UTC, and the journal was written {newest - now_utc:,.0f} s after that"
        yield warning("clock", what, set_it)
        return
    yield good("clock", f"{stamp} UTC")


def _newest_write(home: Home) -> float:
    try:
        names = segment_names(os.listdir(home.journal))
        return os.stat(os.path.join(home.journal, names[-1])).st_mtime if names else 0.0
    except OSError:
        return 0.0
