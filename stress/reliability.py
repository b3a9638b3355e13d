"""The verbs of `stress` that break things on purpose: chaos, crash, powercut, prove. `cli.py` adds them to the others.

They print and nothing else: what is done stands in the packages of their names.
"""

import os
from typing import Annotated

import typer

from orch_actors.cli.options import JsonOption
from orch_actors.cli.output import note, say_json
from orch_actors.stress.options import GOOD, NOT_AS_EXPECTED, HomeOption, ReportOption, ended_in_order, write_report


def chaos(
    *,
    kills: Annotated[
        int | None, typer.Option("--kills", min=1, metavar="K", help="So many processes are killed.  [default: 100]")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option("--minutes", min=0.01, metavar="M", help="Instead: go on for so long.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Where everything random comes from.")] = 0,
    shims: Annotated[
        bool, typer.Option("--shims", help="Kill shims too: their attempts alone may then be unknown.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the folder of every round, not only of a failed one.")
    ] = False,
    check: Annotated[
        str | None,
        typer.Option("--check", metavar="DIR", help="Judge the folder of an earlier round again; run nothing."),
    ] = None,
    report: ReportOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Clients work, and everything of ours dies meanwhile, at random; an independent checker judges.

    Supervisor and worker hosts are killed, stopped and continued, the wall clock jumps (for them alone), and, where a
    small one can be mounted (on Linux, by root), their disk is full for a while. The checker holds against each other
    what clients were told, what tasks wrote as they began and ended, and the journal.

    \b
    orch-actors stress chaos --kills 1000
    orch-actors stress chaos --minutes 10 --seed 7 --shims
    orch-actors stress chaos --check DIR

    A seed repeats the load and every strike; what it cannot repeat is where within a write the machine is just then.
    """  # noqa: D301 (see cli.py, `stress`)
    from orch_actors.cli import faults
    from orch_actors.stress import showing
    from orch_actors.stress.chaos.campaign import Campaign, judge_again, run_campaign

    if home:
        raise faults.usage("chaos takes no --home", "its daemons die in fresh homes of their own")
    if kills is not None and minutes is not None:
        raise faults.usage("--kills and --minutes exclude each other", "give one of them")
    if check is not None:
        found = judge_again(os.path.abspath(os.path.expanduser(check)))
    else:
        campaign = Campaign(
            seed=seed,
            kills=(kills or 100) if minutes is None else None,
            most_s=None if minutes is None else minutes * 60,
            shims=shims,
            keep=keep,
            tell=note,
        )
        with ended_in_order():
            found = run_campaign(campaign)
    if report is not None:
        write_report(report, found.document())
    if as_json:
        say_json(found.document())
    else:
        showing.show_campaign(found)
    return GOOD if found.ok else NOT_AS_EXPECTED


def crash(
    *,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="PLACE", help="This place; `--list` names them; repeatable.")
    ] = None,
    cells: Annotated[
        int | None,
        typer.Option("--cells", min=1, metavar="N", help="So many of the cells, chosen by --seed.  [default: all]"),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Chooses the cells of --cells.")] = 0,
    list_only: Annotated[bool, typer.Option("--list", help="Say which places there are, and do nothing.")] = False,
    report: ReportOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Let every write, sync, spawn and send of supervisor and worker hosts fail: cell by cell, each with a verdict.

    \b
    orch-actors stress crash
    orch-actors stress crash --only "host: record written"
    orch-actors stress crash --cells 20 --seed 3

    A cell is a place, one of its calls, and what goes wrong: kill -9 before, after or half-way, EIO, ENOSPC, half a
    write. A daemon with that fault serves a small load, its next one goes on, and the checker of `chaos` judges.
    """  # noqa: D301 (see cli.py, `stress`)
    from orch_actors.cli import faults
    from orch_actors.stress import showing
    from orch_actors.stress.crash.run import run_cells
    from orch_actors.stress.rigged.places import PLACES

    if home:
        raise faults.usage("crash takes no --home", "its daemons die in fresh homes of their own")
    if list_only:
        rows = [{"name": place.name, "faults": list(place.faults())} for place in PLACES]
        say_json({"places": rows}) if as_json else showing.show_places(PLACES)
        return GOOD
    with ended_in_order():
        found = run_cells(only or [], most=cells, seed=seed, tell=note)
    if report is not None:
        write_report(report, found.document())
    if as_json:
        say_json(found.document())
    else:
        showing.show_crash(found)
    return GOOD if found.ok else NOT_AS_EXPECTED


def powercut(
    *,
    cuts: Annotated[int, typer.Option("--cuts", min=1, help="How often the power goes, at least.")] = 5000,
    seed: Annotated[int, typer.Option("--seed", help="Where everything random comes from.")] = 0,
    history: Annotated[
        int | None,
        typer.Option("--history", min=0, help="Only this history of the seed, to see a fault again."),
    ] = None,
    report: ReportOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Cut the power while the journal is written, on a disk that loses what was not synced, and look for what is lost.

    \b
    orch-actors stress powercut --cuts 5000 --seed 1
    orch-actors stress powercut --seed 1 --history 17

    The disk is simulated, in memory: of what was not synced any part may be lost, torn at 512 bytes, entries of folders
    too, and a sync may fail. The journal, its replay, the machine and the supervisor are the real ones.
    """  # noqa: D301 (see cli.py, `stress`)
    from orch_actors.cli import faults
    from orch_actors.stress import showing
    from orch_actors.stress.powercut.campaign import run_campaign

    if home:
        raise faults.usage("powercut takes no --home", "its disks are simulated, in memory")
    with ended_in_order():
        found = run_campaign(cuts, seed, note, only=history)
    if report is not None:
        write_report(report, found.document())
    if as_json:
        say_json(found.document())
    else:
        showing.show_power_cuts(found)
    return GOOD if not found.faults else NOT_AS_EXPECTED


def prove(
    *,
    quick: Annotated[
        bool, typer.Option("--quick/--full", help="A short run that shows that it works.  [default: --full]")
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="NAME", help="This proof; `--list` names them; repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Where everything random comes from.")] = 0,
    list_only: Annotated[bool, typer.Option("--list", help="Say what would be proven, and do nothing.")] = False,
    report: ReportOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Prove every figure of reliability: what was asked, what was measured, how long it took.

    \b
    orch-actors stress prove --report report.json
    orch-actors stress prove --quick
    orch-actors stress prove --only marathon --seed 7

    In full it takes an hour or so. A seed makes the same plan again; what it cannot repeat is the machine's timing.
    """  # noqa: D301 (see cli.py, `stress`)
    from orch_actors.cli import faults
    from orch_actors.stress import showing
    from orch_actors.stress.proofs import NAMES, load
    from orch_actors.stress.proofs.run import prove as prove_all

    if home:
        raise faults.usage("prove takes no --home", "its daemons die in fresh homes of their own")
    if list_only:
        found = [load(name) for name in only or NAMES]
        rows = [{"name": one.name, "proves": one.proves, "asked": one.asked} for one in found]
        say_json({"proofs": rows}) if as_json else showing.show_proofs(found)
        return GOOD
    with ended_in_order():
        proven = prove_all(only or [], quick=quick, seed=seed, tell=note)
    if report is not None:
        write_report(report, proven.document())
    if as_json:
        say_json(proven.document())
    else:
        showing.show_proven(proven)
    return GOOD if proven.ok else NOT_AS_EXPECTED
