"""How the reports of scenarios, replays, benches and proofs look to people. Prints and nothing else."""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from orch_actors.cli.output import say
from orch_actors.stress.table import table

if TYPE_CHECKING:
    from orch_actors.stress.bench.run import BenchReport
    from orch_actors.stress.chaos.campaign import CampaignReport
    from orch_actors.stress.crash.run import CrashReport
    from orch_actors.stress.expect import Check
    from orch_actors.stress.powercut.campaign import PowerCuts
    from orch_actors.stress.proofs.proof import Proof
    from orch_actors.stress.proofs.run import ProofReport, Proven
    from orch_actors.stress.replay import ReplayReport
    from orch_actors.stress.rigged.places import Place
    from orch_actors.stress.run import RunReport


def show_run(found: "RunReport") -> None:
    """A table of the tasks (of the graphs where there are several), the checks that failed, and what it came to."""
    rows: list[tuple[object, ...]]
    if found.view is not None:
        rows = [
            (task.id, task.worker, task.state, len(task.attempts), _seconds(task.attempts), task.reason)
            for task in found.view.tasks
        ]
        say(table(("task", "worker", "state", "attempts", "seconds", "reason"), rows, right=(3, 4)))
    else:
        rows = [
            (graph.id, graph.name, graph.state, ", ".join(f"{count} {state}" for state, count in graph.counts.items()))
            for graph in found.graphs
        ]
        say(table(("graph", "name", "state", "tasks"), rows))
    say()
    if found.headline:
        say(found.headline)
    if found.kills:
        say("killed: " + ", ".join(f"{kill.victim} at event {kill.after_events}" for kill in found.kills))
    say(f"accepted in {found.accepted_s * 1000:.1f} ms, {found.state or 'all ended'} after {found.elapsed_s:.2f} s")
    _verdict(found.checks)
    say(f"report: {os.path.join(found.out, 'run.json')}")


def show_replay(found: "ReplayReport") -> None:
    """The figures of a replay."""
    recorded = found.recorded_makespan_s
    rows: list[tuple[object, ...]] = [
        ("makespan", f"{found.makespan_s:.3f} s"),
        ("lower bound", f"{found.lower_bound_s:.3f} s"),
        ("ratio", f"{found.ratio:.3f}"),
        ("critical path", f"{found.critical_path_s:.3f} s, {len(found.critical_path)} tasks"),
        ("total work", f"{found.work_s:.3f} s over {found.slots} slots"),
        ("recorded run", "(not told)" if recorded is None else f"{recorded:g} s at its own speed, on other machines"),
    ]
    say(f"{found.workflow}: {found.tasks} tasks, {found.speed:g} times as fast as recorded")
    say(table(("", ""), rows))
    _verdict(found.checks)


#: Characters of the longest bar of a curve.
BAR: Final = 50


def show_bench(found: "BenchReport") -> None:
    """The figures as a table; what is a curve, as bars."""
    from orch_actors.stress.bench.figures import bars

    verdicts = {True: "good", False: "missed", None: ""}
    rows = [
        (
            figure.name,
            f"{figure.value:g} {figure.unit}",
            f"{figure.reference:g} {figure.unit}" if figure.reference is not None else "",
            figure.reference_name,
            f"{figure.ratio:.2f}" if figure.ratio is not None else "",
            figure.bound,
            "" if found.quick else verdicts[figure.ok],
            "; ".join(
                [*(f"{who} {value:g}" for who, value in figure.others.items()), *([figure.note] * bool(figure.note))]
            ),
        )
        for figure in found.figures
    ]
    headings = ("figure", "here", "reference", "which is", "ratio", "asked for", "verdict", "besides")
    say(table(headings, rows, right=(1, 2, 4)))
    for figure in found.figures:
        if figure.curve:
            say(f"\n{figure.name.partition(',')[0]}, along the run, {figure.unit}")
            drawn = zip(figure.curve, bars(figure.curve, BAR), strict=True)
            say(
                table(
                    ("after", "highest", ""), [(f"{at:,}", f"{high:g}", bar) for (at, high), bar in drawn], right=(0, 1)
                )
            )
    say(f"\n{found.machine}, Python {found.python}" + ("; a quick run says nothing on speed" if found.quick else ""))


def show_campaign(found: "CampaignReport") -> None:
    """The rules and what broke them, and what there was to judge."""
    rows = [(count, name) for name, count in found.violations.items()]
    say(table(("found", "violations: each must be 0"), rows, right=(0,)))
    say()
    say(", ".join(f"{count:,} {name}" for name, count in found.counts.items()))
    for one in found.rounds:
        if one.faults:
            say(f"\nVIOLATIONS in the round of seed {one.seed}" + (f", {one.folder}" if one.folder else ""))
            for fault in one.faults[:MOST_SHOWN]:
                say(f"  {_plain(fault)[:LONGEST_SHOWN]}")
            if len(one.faults) > MOST_SHOWN:
                say(f"  and {len(one.faults) - MOST_SHOWN} more; --report has all")
    verdict = "everything holds" if found.ok else "NOT EVERYTHING HOLDS"
    say(f"{found.kills:,} kills in {found.seconds:.0f} s, seed {found.seed}: {verdict}")


#: Of one round; and of one sentence.
MOST_SHOWN: Final = 20
LONGEST_SHOWN: Final = 500


def show_power_cuts(found: "PowerCuts") -> None:
    """What was counted, and every promise that was broken."""
    say(table(("what", "how often"), [(what, f"{number:,}") for what, number in found.counts.items()], right=(1,)))
    for fault in found.faults:
        say(f"BROKEN  {_plain(fault)}")
    say(f"\n{found.histories:,} histories of seed {found.seed}: {len(found.faults)} broke a promise")


def show_places(places: "Sequence[Place]") -> None:
    """Where faults can be put."""
    say(table(("place", "what can go wrong"), [(place.name, ", ".join(place.faults())) for place in places]))


def show_crash(found: "CrashReport") -> None:
    """A row for each place, a column for each fault: how many cells hold, of how many."""
    faults = list(dict.fromkeys(cell.fault for cell in found.cells))
    rows: list[tuple[object, ...]] = []
    for place in dict.fromkeys(cell.place for cell in found.cells):
        row: list[object] = [place, found.calls[place]]
        for fault in faults:
            cells = [cell for cell in found.cells if (cell.place, cell.fault) == (place, fault)]
            good = sum(cell.ok for cell in cells)
            row.append("" if not cells else f"{good}/{len(cells)}" + ("" if good == len(cells) else " FAILED"))
        rows.append(tuple(row))
    say(table(("place", "calls", *faults), rows, right=(1,)))
    say()
    for fault in found.faults():
        say(f"NOT AS IT MUST BE  {_plain(fault)[:LONGEST_SHOWN]}")
    good = sum(cell.ok for cell in found.cells)
    unknown = sum(cell.unknown for cell in found.cells)
    say(f"{good:,} of {len(found.cells):,} cells hold, {found.seconds:.0f} s; unknown, as they must be: {unknown}")


def show_proofs(found: "list[Proof]") -> None:
    """What would be proven."""
    say(table(("proof", "what it proves", "asked for"), [(one.name, one.proves, one.asked) for one in found]))


def show_proven(found: "ProofReport") -> None:
    """A row for each proof, then every fault."""
    rows = [(one.name, one.asked, _measured(one), f"{one.seconds:.1f}", _VERDICTS[one.ok]) for one in found.proofs]
    say(table(("proof", "asked for", "measured", "seconds", "verdict"), rows, right=(3,)))
    for one in found.proofs:
        if one.faults:
            say(f"\n{one.name}, seed {one.seed}:" + (f" see {one.folder}" if one.folder else ""))
            for fault in one.faults:
                say(f"  {_plain(fault)}")
    good = sum(one.ok is True for one in found.proofs)
    size = "; a quick run, with a part of each figure" if found.quick else ""
    say(f"\n{good} of {len(found.proofs)} hold, {found.seconds:.0f} s, seed {found.seed}{size}")
    say(f"{found.machine}, Python {found.python}, orch-actors {found.version}")


_VERDICTS: Final = {True: "good", False: "FAILED", None: "not tried"}


def _measured(one: "Proven") -> str:
    if one.skipped:
        return one.skipped
    return ", ".join(f"{value:,} {name}" for name, value in one.counts.items()) or f"{one.done:,} {one.unit}"


def _seconds(attempts: tuple[Any, ...]) -> str:
    known = [attempt.duration_s for attempt in attempts if attempt.duration_s is not None]
    return f"{sum(known):.2f}" if known else ""


def _verdict(checks: "tuple[Check, ...]") -> None:
    failed = [check for check in checks if not check.ok]
    for check in failed:
        say(f"NOT AS EXPECTED  {check.name}: {_plain(check.detail)}")
    say(f"{len(checks) - len(failed)} of {len(checks)} checks hold")
    sys.stdout.flush()


def _plain(text: str) -> str:
    from orch_actors.cli.escape import one_line

    return one_line(text)
