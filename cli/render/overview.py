"""`status` without a graph, and what `up` says: the daemon, its workers, its graphs."""

from orch_actors.cli.escape import one_line
from orch_actors.cli.render.graphs import graphs_table
from orch_actors.cli.render.style import Style, paint, state_text
from orch_actors.cli.render.table import table
from orch_actors.cli.render.times import elapsed_text
from orch_actors.protocol.version import VERSION
from orch_actors.protocol.views import GraphSummary, StatusView, SupervisorView, WorkerView

#: Graphs that are shown unless all are asked for.
SHOWN_GRAPHS = 20


def daemon_line(supervisor: SupervisorView) -> str:
    """`orch-actors is up: pid 123, home /…`."""
    attempts = "attempt" if supervisor.adopted == 1 else "attempts"
    adopted = f", {supervisor.adopted} running {attempts} adopted" if supervisor.adopted else ""
    return f"orch-actors is up: pid {supervisor.pid}, home {one_line(supervisor.home)}{adopted}"


def overview_text(view: StatusView, now_utc: float, style: Style, *, show_all: bool = False) -> str:
    """Three blocks. Of the graphs those that have not ended and the newest, unless `show_all`."""
    supervisor = view.supervisor
    up_for = elapsed_text(supervisor.started_utc, None, now_utc)
    head = f"{daemon_line(supervisor)}, version {one_line(supervisor.version)}, for {up_for}"
    blocks = [head]
    if supervisor.version != VERSION:
        blocks[0] += f"\nthis command line is of version {VERSION}; to replace the daemon in place: orch-actors upgrade"
    if supervisor.disk:
        full = f"the disk is full ({one_line(supervisor.disk)}): nothing new is taken or started until there is room"
        blocks.append(paint(full, "red", style))
    if view.compaction is not None and view.compaction.fault:
        left = f"the journal was not compacted: {one_line(view.compaction.fault)}; it grows until that is mended"
        blocks.append(paint(left, "yellow", style))
    if view.workers:
        blocks.append(workers_table(view.workers, style))
    shown = list(view.graphs) if show_all else _shown(view.graphs)
    if not view.graphs:
        blocks.append(
            "no graphs yet; try: orch-actors run -- echo hello" if not view.elsewhere else "no graphs from here"
        )
    else:
        blocks.append(graphs_table(shown, now_utc, style))
    hidden = len(view.graphs) - len(shown)
    if hidden:
        blocks[-1] += "\n" + paint(f"… and {hidden} that have ended; --all shows them", "dim", style)
    if view.elsewhere:
        other = f"{view.elsewhere} submitted from other folders or sessions; --all shows all"
        blocks[-1] += "\n" + paint(f"… and {other}", "dim", style)
    return "\n\n".join(blocks)


def workers_table(workers: tuple[WorkerView, ...], style: Style) -> str:
    """A worker type a row."""
    rows = [
        (
            one_line(worker.type),
            state_text(worker.state, style),
            f"{worker.running}/{worker.limit}",
            "-" if worker.pid is None else str(worker.pid),
            str(worker.restarts),
            one_line(worker.reason),
        )
        for worker in workers
    ]
    return table(("WORKER", "STATE", "RUNNING", "PID", "RESTARTS", "WHY"), rows, style, right=(2, 3, 4))


def _shown(graphs: tuple[GraphSummary, ...]) -> list[GraphSummary]:
    newest = {graph.id for graph in graphs[-SHOWN_GRAPHS:]}
    return [graph for graph in graphs if graph.id in newest or graph.state in {"running", "paused"}]
