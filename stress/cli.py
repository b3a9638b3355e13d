"""`orch-actors stress`: scenarios, replay of recorded workflows, bench. Mounted by `cli/app.py`, by name.

Prints and nothing else: what is done stands in run.py, replay.py and bench/run.py. Exit codes: 0 all as expected,
1 not; what cannot be run at all is a fault like any other verb's (cli/faults.py).
"""

import os
from typing import Annotated, Any, Final

import typer

from orch_actors.cli.options import JsonOption
from orch_actors.cli.output import note, say, say_json
from orch_actors.stress.options import GOOD, NOT_AS_EXPECTED, HomeOption, ReportOption, ended_in_order, write_report
from orch_actors.stress.reliability import chaos, crash, powercut, prove

app: Final = typer.Typer(add_completion=False, rich_markup_mode=None)

VERBS: Final = ("list", "run", "replay", "bench", "chaos", "crash", "powercut", "prove")


@app.callback(invoke_without_command=True)
def stress(ctx: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Try it out: scenarios with known outcomes, recorded workflows, a bench.

    \b
    orch-actors stress list                        the scenarios
    orch-actors stress run pilot --folder DIR      a health report of a folder
    orch-actors stress run review                  agents that write and judge; needs claude and opencode
    orch-actors stress run stress --kills 3        while the daemon is killed three times
    orch-actors stress run marathon --tasks 2000   random graphs, against a model of what must happen
    orch-actors stress replay FILE.json --speed 100
    orch-actors stress bench                       how fast it is, beside the plainest tools
    orch-actors stress chaos --kills 100           everything of ours dies at random; a checker judges
    orch-actors stress crash                       a fault at every write, sync, spawn and send, cell by cell
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
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


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
    settings: Annotated[
        str | None,
        typer.Option("--settings", metavar="FILE", help="A config.toml for the daemon: review's programs and models."),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Run a scenario against a daemon of its own and check every end state.

    \b
    orch-actors stress run pilot --folder ~/src/project
    orch-actors stress run stress --kills 3 --seed 1 --report report.json
    orch-actors stress run marathon --tasks 500 --seed 7
    orch-actors stress run review --settings agents.toml
    """  # noqa: D301 (see `stress`)
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
    if settings is not None and home is not None:
        raise faults.usage("--settings is for a daemon of its own, not for that of --home", "leave one of them out")
    more = "" if settings is None else _settings_of(settings)
    options = Options(
        folder=surveyed, home=home or None, out=out, kills=kills, seed=seed, tasks=tasks, keep=keep, settings=more
    )
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


def _settings_of(path: str) -> str:
    """The text of a config.toml that will do."""
    from orch_actors.protocol.errors import EnvironmentFault
    from orch_actors.protocol.settings import load_settings

    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentFault(f"{path} cannot be read: {error}", "give --settings a config.toml") from error
    load_settings(path)
    return text


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
    """Replay a recorded workflow: each task sleeps its recorded time, divided by N.

    Tells the makespan beside its lower bound: the longer of the critical path and total work over slots.

    \b
    orch-actors stress replay blast-chameleon-small-001.json --speed 50 --slots 4
    """  # noqa: D301 (see `stress`)
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
        typer.Option(
            "--only",
            metavar="NAME",
            help="accepted, mcp, tasks, chain, cold, idle, stimulus_cost, opening, context, memory; repeatable.",
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A short run that shows that it works; says nothing on speed.")
    ] = False,
    report: ReportOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Measure, each figure beside a reference taken in the same run; medians over alternating rounds.

    \b
    orch-actors stress bench
    orch-actors stress bench --only tasks --only chain --json
    orch-actors stress bench --only memory         100,000 tasks in a row: minutes

    Exits 1 where a bound is missed (never with --quick). Let nothing else run meanwhile.
    """  # noqa: D301 (see `stress`)
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


def default_folder() -> str:
    """The checkout that this code runs from, otherwise the current folder."""
    checkout = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    return checkout if os.path.isfile(os.path.join(checkout, "pyproject.toml")) else os.getcwd()


for verb in (chaos, crash, powercut, prove):
    app.command()(verb)
