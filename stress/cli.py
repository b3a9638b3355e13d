"""`orch-actors stress`: scenarios, replay of recorded workflows, bench. Mounted by `cli/app.py`, by name.

Prints and nothing else: what is done stands in run.py, replay.py and bench/run.py. Exit codes: 0 all as expected,
1 not; what cannot be run at all is a fault like any other verb's (cli/faults.py).
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import typer

from orch_actors.cli.options import JsonOption
from orch_actors.cli.output import note, say, say_json

app: Final = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

VERBS: Final = ("list", "run", "replay", "bench", "chaos", "powercut", "prove")

GOOD: Final = 0
NOT_AS_EXPECTED: Final = 1

HomeOption = Annotated[
    str | None,
    typer.Option("--home", metavar="DIR", help="Use the daemon of this home.  [default: one of its own, for this run]"),
]

ReportOption = Annotated[
    str | None, typer.Option("--report", metavar="FILE", help="Write the JSON report here, whatever is printed.")
]


@app.callback()
def stress(ctx: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Try it out: scenarios with known outcomes, recorded workflows, a bench.

    \b
    orch-actors stress list                        the scenarios
    orch-actors stress run pilot --folder DIR      a health report of a folder
    orch-actors stress run stress --kills 3        while the daemon is killed three times
    orch-actors stress run marathon --tasks 2000   random graphs, against a model of what must happen
    orch-actors stress replay FILE.json --speed 100
    orch-actors stress bench                       how fast it is, beside the plainest tools
    orch-actors stress chaos --kills 100           everything of ours dies at random; a checker judges
    orch-actors stress powercut --cuts 5000        the journal on a disk that loses what was not synced
    orch-actors stress prove                       every figure of reliability, one after the other

    \b
    Each uses a daemon of its own, in a temporary home, unless --home names one.
    Exit codes: 0 everything as expected, 1 not.
    """  # noqa: D301 (the backspace itself is meant: click's mark of a paragraph that is not wrapped)
    # What stands before the verb is its default, as everywhere in this command line.
    given: dict[str, Any] = {"home": home} if home is not None else {}
    if as_json:
        given["as_json"] = True
    ctx.default_map = dict.fromkeys(VERBS, given)


@app.command("list")
def list_scenarios(*, as_json: JsonOption = False) -> int:
    """List the scenarios."""
    from orch_actors.stress.scenarios import NAMES, graph_file, load

    found = [load(name) for name in NAMES]
    if as_json:
        rows = [{"name": s.name, "summary": s.summary, "graph": graph_file(s.name) or None} for s in found]
        say_json({"scenarios": rows})
    else:
        from orch_actors.stress.table import table

        say(table(("scenario", "what it does"), [(scenario.name, scenario.summary) for scenario in found]))
    return GOOD


@app.command()
def run(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A scenario; `stress list` names them.")],
    *,
    folder: Annotated[
        str | None,
        typer.Option("--folder", metavar="DIR", help="What pilot surveys.  [default: this checkout, or here]"),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="DIR", help="For what the run leaves.  [default: below ./orch-actors-reports]"),
    ] = None,
    report: ReportOption = None,
    kills: Annotated[
        int, typer.Option("--kills", min=0, help="kill -9 the supervisor and worker hosts so often meanwhile.")
    ] = 0,
    seed: Annotated[
        int, typer.Option("--seed", help="Chooses the moments and victims of the kills, and marathon's graphs.")
    ] = 0,
    tasks: Annotated[
        int | None, typer.Option("--tasks", min=20, help="Tasks of all graphs of marathon.  [default: 2000]")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the temporary home, to look into it.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    r"""Run a scenario against a daemon of its own and check every end state.

    \b
    orch-actors stress run pilot --folder ~/src/project
    orch-actors stress run stress --kills 3 --seed 1 --report report.json
    orch-actors stress run marathon --tasks 500 --seed 7
    """
    from orch_actors.cli import faults
    from orch_actors.stress.run import Options, run_scenario
    from orch_actors.stress.scenarios import load

    scenario = load(name)
    if folder is not None and name != "pilot":
        raise faults.usage(f"--folder means nothing to {name}", "it is for pilot")
    if tasks is not None and not scenario.sized:
        raise faults.usage(f"--tasks means nothing to {name}", "its graph is what it is; --tasks is for marathon")
    surveyed = os.path.abspath(os.path.expanduser(folder)) if folder is not None else default_folder()
    if not os.path.isdir(surveyed):
        raise faults.usage(f"--folder {surveyed} is no folder", "give one that exists")
    options = Options(folder=surveyed, home=home or None, out=out, kills=kills, seed=seed, tasks=tasks, keep=keep)
    if not as_json:
        note(f"scenario {name}" + (f", {kills} kills, seed {seed}" if kills else "") + " …")
    with ended_in_order():
        found = run_scenario(scenario, options)
    write_report(report or os.path.join(found.out, "run.json"), found.document())
    if as_json:
        say_json(found.document())
    else:
        from orch_actors.stress.showing import show_run

        show_run(found)
    return GOOD if found.ok else NOT_AS_EXPECTED


@app.command()
def replay(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A recorded workflow, WfFormat 1.5 (wfcommons.org).")],
    *,
    speed: Annotated[float, typer.Option("--speed", metavar="N", help="Divide the recorded times by this.")] = 100.0,
    slots: Annotated[
        int | None, typer.Option("--slots", metavar="K", help="Tasks at once.  [default: the daemon's limit]")
    ] = None,
    report: ReportOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    r"""Replay a recorded workflow: each task sleeps its recorded time, divided by N.

    Tells the makespan beside its lower bound: the longer of the critical path and total work over slots.

    \b
    orch-actors stress replay blast-chameleon-small-001.json --speed 50 --slots 4
    """
    from orch_actors.stress import replay as replaying

    with ended_in_order():
        found = replaying.replay(file, speed, slots, home or None)
    if report is not None:
        write_report(report, found.document())
    if as_json:
        say_json(found.document())
    else:
        from orch_actors.stress.showing import show_replay

        show_replay(found)
    return GOOD if found.ok else NOT_AS_EXPECTED


@app.command()
def bench(
    *,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="accepted, tasks, chain, cold, idle, stimulus_cost; repeatable."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A short run that shows that it works; says nothing on speed.")
    ] = False,
    report: ReportOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    r"""Measure, each figure beside a reference taken in the same run; medians over alternating rounds.

    \b
    orch-actors stress bench
    orch-actors stress bench --only tasks --only chain --json

    Exits 1 where a bound is missed (never with --quick). Let nothing else run meanwhile.
    """
    from orch_actors.cli import faults
    from orch_actors.stress.bench.run import run_bench

    if home:
        raise faults.usage("bench takes no --home", "its daemons have fresh homes, or the figures would mean nothing")
    with ended_in_order():
        found = run_bench(only or [], quick=quick, tell=lambda name: note(f"measuring {name} …"))
    if report is not None:
        write_report(report, found.document())
    if as_json:
        say_json(found.document())
    else:
        from orch_actors.stress.showing import show_bench

        show_bench(found)
    return NOT_AS_EXPECTED if found.ok is False else GOOD


@app.command()
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
    r"""Clients work, and everything of ours dies meanwhile, at random; an independent checker judges.

    Supervisor and worker hosts are killed, stopped and continued, and the wall clock jumps (for them alone). The
    checker holds against each other what clients were told, what tasks wrote as they began and ended, and the journal.

    \b
    orch-actors stress chaos --kills 1000
    orch-actors stress chaos --minutes 10 --seed 7 --shims
    orch-actors stress chaos --check DIR

    A seed repeats the load and every strike; what it cannot repeat is where within a write the machine is just then.
    """
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


@app.command()
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
    r"""Cut the power while the journal is written, on a disk that loses what was not synced, and look for what is lost.

    \b
    orch-actors stress powercut --cuts 5000 --seed 1
    orch-actors stress powercut --seed 1 --history 17

    The disk is simulated, in memory: of what was not synced any part may be lost, torn at 512 bytes, entries of folders
    too, and a sync may fail. The journal, its replay, the machine and the supervisor are the real ones.
    """
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


@app.command()
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
    r"""Prove every figure of reliability: what was asked, what was measured, how long it took.

    \b
    orch-actors stress prove --report report.json
    orch-actors stress prove --quick
    orch-actors stress prove --only marathon --seed 7

    In full it takes an hour or so. A seed makes the same plan again; what it cannot repeat is the machine's timing.
    """
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


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Within the block TERM and HUP are as ctrl-C: what was started is ended, and nothing is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say so
        return
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def default_folder() -> str:
    """The checkout that this code runs from, otherwise the current folder."""
    checkout = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    return checkout if os.path.isfile(os.path.join(checkout, "pyproject.toml")) else os.getcwd()


def write_report(path: str, document: dict[str, Any]) -> None:
    """The JSON report, indented.

    Raises:
        OSError: it cannot be written.
    """
    import json

    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1, ensure_ascii=False)
        file.write("\n")
