"""The pilot: a real job on real input, six tasks; see graph.yaml."""

import json
import os
from typing import ClassVar, Final

from orch_actors.protocol.client import Client
from orch_actors.stress import expect
from orch_actors.stress.expect import Check, Expected
from orch_actors.stress.scenario import Ended, Place, Scenario
from orch_actors.stress.scenarios.pilot.report import PARTS, REPORT, Incomplete, size, verify

EXPECTED: Final = {name: Expected(state="done", exit_codes=(0,)) for name in (*PARTS, "report")}


class Pilot(Scenario):
    """A health report of a folder."""

    name: ClassVar = "pilot"
    summary: ClassVar = "6 tasks: a health report of a folder (inventory, languages, duplicates, syntax, largest files)"
    limit_s: ClassVar = 1800.0
    # Each task: ready, starting, ended, and the end of the task; the graph: its beginning and its end.

    def least_events(self, place: Place) -> int:
        """Of each of the six: ready, starting, ended, and the end of the task; and two of the graph."""
        del place
        return 6 * 4 + 2

    def parameters(self, place: Place) -> dict[str, str]:
        """The folder to survey, and where findings and report go."""
        return {"folder": place.folder, "out": place.out}

    def judge(self, client: Client, ended: Ended, place: Place) -> list[Check]:
        """All six are done, each finding is handed on both ways, and the report is whole."""
        del client
        view = ended.view
        return [
            *expect.check_graph(view, "done", EXPECTED),
            *expect.check_tasks(view, EXPECTED),
            *expect.check_events(ended.events, view),
            *[_handed_on(name, ended, place) for name in EXPECTED],
            _report_whole(place),
        ]

    def headline(self, ended: Ended) -> str:
        """Where the report is, and its figures."""
        found = ended.results.get("report")
        if not isinstance(found, dict):
            return ""
        return (
            f"{found['files']} files ({size(found['bytes'])}), {found['lines']} lines in {found['languages']} languages"
            f", {found['duplicate_groups']} groups of equal files, {found['syntax_findings']} of {found['checked']} "
            f"sources do not parse\nhealth report: {found['report']}"
        )


def _handed_on(name: str, ended: Ended, place: Place) -> Check:
    """A task's result is what it left in the output folder."""
    try:
        with open(os.path.join(place.out, f"{name}.json"), encoding="utf-8") as file:
            left = json.load(file)
    except (OSError, ValueError) as error:
        return Check(f"finding {name}", ok=False, detail=str(error))
    same = ended.results.get(name) == left
    return Check(f"finding {name}", same, "result and file agree" if same else "result and file differ")


def _report_whole(place: Place) -> Check:
    path = os.path.join(place.out, REPORT)
    try:
        with open(path, encoding="utf-8") as file:
            verify(file.read())
    except (OSError, UnicodeDecodeError, Incomplete) as error:
        return Check("report whole", ok=False, detail=str(error))
    return Check("report whole", ok=True, detail=path)


SCENARIO: Final = Pilot()
