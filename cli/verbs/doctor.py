"""`doctor`: everything that a daemon needs, looked at, each finding with what to do."""

import sys
from typing import Annotated, Any

import typer

from orch_actors.cli import faults
from orch_actors.cli.daemon.journal import INSPECTION, ask_program
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import is_terminal, note, say, say_json, stdout_style
from orch_actors.cli.session import Session

EXAMPLES = """
orch-actors doctor                        with a daemon or without; changes nothing; exit code 1: an error was found
orch-actors doctor --home ~/old/home      also of a home that is gone
orch-actors doctor --json                 {"home", "well", "findings"}
orch-actors doctor --end-orphans          end attempts that no daemon will ever find; asks first
orch-actors doctor --end-orphans --yes    without asking
"""


def command(
    end_orphans: Annotated[
        bool, typer.Option("--end-orphans", help="End the attempts of this home that nobody will find any more.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --end-orphans: do not ask.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Look at all that a daemon needs, and say what to do. Changes nothing, but for --end-orphans."""
    said = session(home, as_json)
    if end_orphans:
        return _end_orphans(said, yes=yes)
    if yes:
        raise faults.usage("--yes is for --end-orphans", "leave it out: nothing is changed, so nothing is asked")
    from orch_actors.cli.daemon.attendance import daemon_findings

    found = ask_program(said, "checkup", program=INSPECTION)
    findings = [*found["findings"], *daemon_findings(said)]
    well = all(finding["level"] != "error" for finding in findings)
    if as_json:
        say_json({"home": found["home"], "well": well, "findings": findings})
    else:
        from orch_actors.cli.render.checkup import findings_text

        say(findings_text(findings, stdout_style()))
    return faults.GOOD if well else faults.NOT_DONE


def _end_orphans(said: Session, *, yes: bool) -> int:
    found = ask_program(said, "orphans", program=INSPECTION)["orphans"]
    if found and not yes:
        _ask(found)
    ended: dict[str, Any] = {"home": said.place.path, "ended": [], "left": []}
    if found:
        ended = ask_program(said, "orphans", "--end", program=INSPECTION)
    if said.as_json:
        say_json(ended)
    else:
        from orch_actors.cli.render.checkup import ended_text

        say(ended_text(ended))
    return faults.NOT_DONE if ended["left"] else faults.GOOD


def _ask(found: list[dict[str, Any]]) -> None:
    """Have a person's consent.

    Raises:
        CommandFault: there is nobody to ask, or it is not given.
    """
    from orch_actors.cli.render.checkup import orphan_text

    for orphan in found:
        note(orphan_text(orphan))
    if not is_terminal(sys.stdin):
        raise faults.usage("whether to end them was not said, and nobody can be asked", "say it: --yes")
    print("end them, with all that they have started? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise faults.interrupted("nothing was ended")
