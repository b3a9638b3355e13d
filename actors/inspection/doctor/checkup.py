"""All checks, in the order in which a person wants to hear of them."""

import shlex
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from orch_actors.actors.inspection.doctor.books import look_at_clock, look_at_journal, look_at_settings
from orch_actors.actors.inspection.doctor.errands import look_at_errands
from orch_actors.actors.inspection.doctor.finding import Checkup, Finding, error, good, note, warning
from orch_actors.actors.inspection.doctor.orphans import orphans_of, strays
from orch_actors.actors.inspection.doctor.place import (
    look_at_home,
    look_at_permissions,
    look_at_room,
    look_at_sockets,
)
from orch_actors.actors.inspection.doctor.programs import look_at_programs
from orch_actors.protocol.homes import Home

#: Of each kind so many are named.
_NAMED: Final = 5


def look_at_orphans(home: Home) -> Iterator[Finding]:
    """Does anything run that nobody will ever find."""
    found = orphans_of(home)
    for orphan in found[:_NAMED]:
        what = f"attempt {orphan.attempt} (pid {orphan.pid}) runs, and {orphan.why}"
        yield warning("orphans", what, f"end it: orch-actors doctor --home {shlex.quote(home.path)} --end-orphans")
    if len(found) > _NAMED:
        yield warning("orphans", f"{len(found) - _NAMED} more of them", "the same")
    for other, number in list(strays(home).items())[:_NAMED]:
        what = f"{number} of {other}, which is gone, run"
        yield note("elsewhere", what, f"look at them: orch-actors doctor --home {shlex.quote(other)}")
    if not found:
        yield good("orphans", "none")


CHECKS: Final[tuple[tuple[str, Callable[[Home], Iterable[Finding]]], ...]] = (
    ("home", look_at_home),
    ("permissions", look_at_permissions),
    ("config", look_at_settings),
    ("disk", look_at_room),
    ("sockets", look_at_sockets),
    ("journal", look_at_journal),
    ("orphans", look_at_orphans),
    ("courier", look_at_errands),
    ("clock", look_at_clock),
    ("programs", look_at_programs),
)

#: Checks that have nothing to look at where the home is none.
_OF_THE_HOME: Final = ("permissions", "config", "sockets", "journal", "orphans", "courier")


def checkup(home: Home) -> Checkup:
    """Carry out all of them; of a home that is none only what is not about it. What no check can look at is told."""
    findings: list[Finding] = []
    for what, look in CHECKS:
        if what in _OF_THE_HOME and any(found.what == "home" and found.level == "error" for found in findings):
            continue
        try:
            findings += look(home)
        except OSError as fault:
            place = f"{fault.filename}: " if fault.filename else ""
            findings.append(error(what, f"{place}{fault.strerror or fault}", "see to that file or folder"))
    well = all(finding.level != "error" for finding in findings)
    return Checkup(home=home.path, well=well, findings=tuple(findings))
