"""Runs a scenario: a daemon, the graphs through a client, kills where they are asked for, the checks, the report."""

import os
import time
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import EnvironmentFault, Refused
from orch_actors.protocol.views import GraphSummary, GraphView
from orch_actors.stress.daemon import TrialDaemon
from orch_actors.stress.expect import Check
from orch_actors.stress.kills import Kill, Killer, choose_moments
from orch_actors.stress.scenario import Ended, Place, Scenario, all_events, results_of

#: Below the current folder; pilot's walk leaves it out.
REPORTS = "orch-actors-reports"
#: What the killer may take after the graph has ended.
KILLER_S = 120.0


class Options(Struct, frozen=True, kw_only=True):
    """How a scenario is to be run."""

    folder: str
    #: An existing or new daemon's home; None: one of its own.
    home: str | None = None
    out: str | None = None
    kills: int = 0
    seed: int = 0
    #: Of a scenario that makes its graphs: tasks of all of them together.
    tasks: int | None = None
    #: More for the config.toml of a daemon of its own, a TOML text.
    settings: str = ""
    #: Keep the daemon's own home afterwards.
    keep: bool = False


class RunReport(Struct, frozen=True, kw_only=True):
    """What a run came to; the JSON report."""

    scenario: str
    ok: bool
    #: Of the only graph; None where there are several.
    graph: str | None
    state: str | None
    graphs: tuple[GraphSummary, ...]
    tasks: int
    #: Seconds from the first submission to the last answer, and to the last graph's end.
    accepted_s: float
    elapsed_s: float
    seed: int
    kills: tuple[Kill, ...]
    checks: tuple[Check, ...]
    headline: str
    out: str
    #: The home, where it was kept.
    home: str | None
    started_utc: str
    #: The only graph; None where there are several.
    view: GraphView | None

    def document(self) -> dict[str, Any]:
        """The report as a plain mapping, failures first in `failed`."""
        import msgspec

        plain: dict[str, Any] = msgspec.to_builtins(self)
        return {"ok": self.ok, "failed": [check.name for check in self.checks if not check.ok], **plain}


class _Course(Struct, frozen=True, kw_only=True):
    """What happened while the daemon was up."""

    accepted_s: float
    elapsed_s: float
    kills: tuple[Kill, ...]
    checks: tuple[Check, ...]
    views: tuple[GraphView, ...]
    headline: str


def run_scenario(scenario: Scenario, options: Options) -> RunReport:
    """Run it to its end and judge it. What failed is in the report, not raised.

    Raises:
        Refused, EnvironmentFault, Unavailable: it could not be run at all.
    """
    place = Place(
        folder=os.path.abspath(options.folder),
        out=_out_path(scenario.name, options),
        seed=options.seed,
        tasks=options.tasks,
    )
    moments = _moments(scenario, place, options)
    _create_out(place.out)
    started_utc = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    daemon = TrialDaemon(options.home, keep=options.keep, settings=scenario.settings + options.settings)
    with daemon, daemon.client() as client:
        begun_at = time.monotonic()
        graphs = scenario.submit(client, place)
        accepted_s = time.monotonic() - begun_at
        killer = Killer(daemon, graphs, moments, options.seed)
        course = _course(scenario, client, place, killer, accepted_s=accepted_s, begun_at=begun_at)
        daemon.keep = daemon.keep or not all(check.ok for check in course.checks)
    checks = list(course.checks)
    if daemon.own:
        checks.append(Check("nothing left running", not daemon.left, f"processes of the home: {list(daemon.left)}"))
    only = course.views[0] if len(course.views) == 1 else None
    return RunReport(
        scenario=scenario.name,
        ok=all(check.ok for check in checks),
        graph=only.id if only else None,
        state=only.state if only else None,
        graphs=tuple(map(_summary, course.views)),
        tasks=sum(len(view.tasks) for view in course.views),
        accepted_s=round(course.accepted_s, 6),
        elapsed_s=round(course.elapsed_s, 3),
        seed=options.seed,
        kills=course.kills,
        checks=tuple(checks),
        headline=course.headline,
        out=place.out,
        home=daemon.home.path if daemon.keep or not daemon.own else None,
        started_utc=started_utc,
        view=only,
    )


def _summary(view: GraphView) -> GraphSummary:
    return GraphSummary(
        id=view.id,
        name=view.name,
        state=view.state,
        counts=view.counts,
        submitted_utc=view.submitted_utc,
        ended_utc=view.ended_utc,
    )


def _course(
    scenario: Scenario, client: Client, place: Place, killer: Killer, *, accepted_s: float, begun_at: float
) -> _Course:
    """From the answer to the submission to the last check that needs the daemon."""
    try:
        if killer.moments:
            killer.start()
        checks = scenario.drive(client, killer.graphs, place)
        checks.append(_wait(client, killer.graphs, scenario.limit_s))
        elapsed_s = time.monotonic() - begun_at
        checks += _join(killer)
    finally:
        killer.cease()  # or it could bring up what is being ended
    views = tuple(client.graph(graph) for graph in killer.graphs)
    results = results_of(client, views[0]) if len(views) == 1 else {}
    ended = Ended(views=views, events=all_events(client), results=results)
    checks += scenario.judge(client, ended, place)
    return _Course(
        accepted_s=accepted_s,
        elapsed_s=elapsed_s,
        kills=tuple(killer.kills),
        checks=tuple(checks),
        views=views,
        headline=scenario.headline(ended),
    )


def _moments(scenario: Scenario, place: Place, options: Options) -> tuple[int, ...]:
    try:
        return choose_moments(options.kills, options.seed, scenario.least_events(place))
    except ValueError as error:
        raise Refused.because("INVALID_REQUEST", f"--kills: {error}", "ask for fewer") from error


def _out_path(name: str, options: Options) -> str:
    """The folder for what the run leaves: `--out`, otherwise a fresh one below the current folder."""
    if options.out is not None:
        return os.path.abspath(os.path.expanduser(options.out))
    return os.path.abspath(os.path.join(REPORTS, f"{name}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}"))


def _create_out(out: str) -> None:
    try:
        os.makedirs(out, exist_ok=True)
        if os.listdir(out):
            raise EnvironmentFault(f"{out} is not empty", "give --out a new or an empty folder")
        if os.path.basename(os.path.dirname(out)) == REPORTS:
            with open(os.path.join(os.path.dirname(out), ".gitignore"), "w", encoding="ascii") as file:
                file.write("# Reports of scenarios: nothing for version control.\n*\n")
    except OSError as error:
        raise EnvironmentFault(f"{out} cannot be used: {error.strerror}", "name another folder: --out DIR") from error


def _wait(client: Client, graphs: tuple[str, ...], limit_s: float) -> Check:
    try:
        found = client.wait(graphs, timeout_s=limit_s)
    except TimeoutError:
        return Check("ended in time", ok=False, detail=f"still running after {limit_s:.0f} s")
    return Check("ended in time", ok=True, detail=", ".join(summary.state for summary in found))


def _join(killer: Killer) -> list[Check]:
    """Let the killer finish: a moment may come up just before the end."""
    if not killer.moments:
        return []
    killer.join(timeout=KILLER_S)
    victims = [kill.victim for kill in killer.kills]
    good = len(victims) == len(killer.moments) and not killer.fault and not killer.is_alive()
    detail = f"{victims} at events {list(killer.moments)}"
    return [Check("kills", good, f"{detail}; {killer.fault}" if killer.fault else detail)]
