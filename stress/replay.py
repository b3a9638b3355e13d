"""Replays a recorded workflow against a daemon and holds its makespan beside the lower bound (wfformat.py)."""

import time
from typing import Any

import msgspec
from msgspec import Struct

from orch_actors.protocol.errors import Refused
from orch_actors.protocol.views import GraphView, StatusView
from orch_actors.stress.daemon import TrialDaemon
from orch_actors.stress.expect import Check, Expected, check_events, check_graph, check_parallel, check_tasks
from orch_actors.stress.scenario import all_events
from orch_actors.stress.wfformat import Workflow, as_graph, read_workflow

#: A replay may take this many times its lower bound, and these seconds, before it counts as hanging.
PATIENCE = 10.0
PATIENCE_S = 120.0


class ReplayReport(Struct, frozen=True, kw_only=True):
    """What a replay came to. All times in seconds, at the replay's speed where not said otherwise."""

    file: str
    workflow: str
    ok: bool
    graph: str
    tasks: int
    speed: float
    slots: int
    makespan_s: float
    lower_bound_s: float
    ratio: float
    critical_path_s: float
    critical_path: tuple[str, ...]
    work_s: float
    #: Of the recorded run, at its own speed, on what it ran on.
    recorded_makespan_s: float | None
    checks: tuple[Check, ...]

    def document(self) -> dict[str, Any]:
        """As a plain mapping."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def replay(path: str, speed: float, slots: int | None, home: str | None) -> ReplayReport:
    """Run the workflow in the file at `path`, `speed` times as fast, at most `slots` tasks at once.

    Raises:
        Refused: the file is no such workflow, or `speed` or `slots` cannot be.
        OSError: the file cannot be read.
    """
    if not speed > 0 or speed == float("inf"):
        raise Refused.because("INVALID_REQUEST", f"--speed {speed:g}: expected more than 0", "for example --speed 100")
    if slots is not None and slots < 1:
        raise Refused.because("INVALID_REQUEST", f"--slots {slots}: expected 1 or more", "for example --slots 2")
    with open(path, "rb") as file:
        workflow = read_workflow(file.read(), path)
    settings = f"[workers.shell]\nlimit = {slots}\n" if slots is not None else ""
    with TrialDaemon(home, settings=settings) as daemon, daemon.client() as client:
        slots = _slots(slots, client.status())
        bound_s = workflow.lower_bound_s(slots, speed)
        begun_at = time.monotonic()
        graph = client.submit(as_graph(workflow, speed, slots), base_dir="/").graph
        try:
            client.wait((graph,), timeout_s=bound_s * PATIENCE + PATIENCE_S)
            checks = [Check("ended in time", ok=True)]
        except TimeoutError as error:
            checks = [Check("ended in time", ok=False, detail=str(error))]
        makespan_s = time.monotonic() - begun_at
        view = client.graph(graph)
        checks += judge(view, workflow, slots)
        checks += check_events(all_events(client), view)
    length_s, path_ids = workflow.critical_path()
    return ReplayReport(
        file=path,
        workflow=workflow.name,
        ok=all(check.ok for check in checks),
        graph=graph,
        tasks=len(workflow.steps),
        speed=speed,
        slots=slots,
        makespan_s=round(makespan_s, 3),
        lower_bound_s=round(bound_s, 3),
        ratio=round(makespan_s / bound_s, 3) if bound_s else 0.0,
        critical_path_s=round(length_s / speed, 3),
        critical_path=path_ids,
        work_s=round(workflow.work_s / speed, 3),
        recorded_makespan_s=workflow.recorded_makespan_s,
        checks=tuple(checks),
    )


def judge(view: GraphView, workflow: Workflow, slots: int) -> list[Check]:
    """All done, with the recorded dependencies, none begun before what it depends on, never more than the slots."""
    expected = {step.id: Expected(state="done", exit_codes=(0,)) for step in workflow.steps}
    wanted = {step.id: set(step.parents) for step in workflow.steps}
    found = {task.id: set(task.depends_on) for task in view.tasks}
    times = {task.id: task.attempts[-1] for task in view.tasks if task.attempts}
    early = [
        f"{name} before {parent}"
        for name, parents in wanted.items()
        for parent in parents
        if name in times and parent in times and times[name].started_utc < (times[parent].ended_utc or "~")
    ]
    return [
        *check_graph(view, "done", expected),
        *check_tasks(view, expected),
        Check("dependencies as recorded", found == wanted, f"{sum(map(len, found.values()))} dependencies"),
        Check("order of times", not early, f"began too early: {early}" if early else ""),
        *check_parallel((), view, slots),
    ]


def _slots(asked: int | None, status: StatusView) -> int:
    """How many run at once: as asked, otherwise what the daemon's shell worker takes.

    Raises:
        Refused: the daemon takes fewer than were asked for.
    """
    limit = next((worker.limit for worker in status.workers if worker.type == "shell"), None)
    if limit is None:
        raise Refused.because("NOT_ALLOWED", "the daemon has no worker of type shell", "see: orch-actors status")
    if asked is not None and asked > limit:
        raise Refused.because(
            "INVALID_REQUEST",
            f"--slots {asked}: the daemon runs at most {limit} shell tasks at once",
            "ask for fewer, raise the limit in the home's config.toml, or leave --home away",
        )
    return asked or limit
