"""Views as a daemon would send them, for the renderers."""

from datetime import UTC, datetime

from orch_actors.protocol.views import (
    ActorView,
    AttemptView,
    Event,
    GraphSummary,
    GraphView,
    StatusView,
    SupervisorView,
    TaskView,
    WorkerView,
)

#: Twelve seconds after the graph was submitted.
NOW = datetime(2026, 1, 31, 9, 5, 12, tzinfo=UTC).timestamp()


def at(second, millis=0):
    return f"2026-01-31T09:05:{second:02d}.{millis:03d}Z"


def attempt(number=1, state="done", begin=0, took=None, **more):
    ended = None if took is None else at(begin + int(took))
    return AttemptView(number=number, state=state, started_utc=at(begin), ended_utc=ended, duration_s=took, **more)


def graph(state="failed", ended="2026-01-31T09:05:10.000Z"):
    tasks = (
        TaskView(id="fetch", worker="shell", state="done", reason="", attempts=(attempt(took=2.0, exit_code=0),)),
        TaskView(
            id="build",
            worker="shell",
            state="failed",
            reason="exit code 2, after 2 attempts \x1b[2J",
            class_="exit",
            attempts=(
                attempt(1, "failed", 2, 1.0, exit_code=2, class_="exit"),
                attempt(2, "failed", 4, 1.5, exit_code=2, class_="exit", stdout="/h/b.out", stderr="/h/b.err"),
            ),
        ),
        TaskView(id="slow", worker="python", state="running", reason="", attempts=(attempt(1, "running", 4),)),
        TaskView(id="test", worker="shell", state="skipped", reason="build failed"),
    )
    counts = {"done": 1, "failed": 1, "running": 1, "skipped": 1}
    return GraphView(
        id="g7",
        name="nightly",
        state=state,
        goal="all green",
        reason="1 of 4 tasks failed" if state == "failed" else "",
        counts=counts,
        submitted_utc=at(0),
        ended_utc=ended,
        tasks=tasks,
    )


def summaries(count=2):
    made = [GraphSummary(id="g1", name="old", state="running", counts={"running": 1}, submitted_utc=at(0))]
    made += [
        GraphSummary(id=f"g{n}", name="日本", state="done", counts={"done": 3}, submitted_utc=at(1), ended_utc=at(4))
        for n in range(2, count + 1)
    ]
    return tuple(made)


def status(count=2):
    return StatusView(
        supervisor=SupervisorView(
            pid=123, version="0.1.0", home="/h", endpoint="ipc:///h/run/commands.sock", started_utc=at(0), adopted=2
        ),
        workers=(
            WorkerView(type="shell", pid=124, state="ready", running=1, limit=4),
            WorkerView(
                type="python", pid=None, state="parked", running=0, limit=2, restarts=5, reason="died too often"
            ),
        ),
        graphs=summaries(count),
    )


def actors():
    def one(name, kind, *children, mailbox=0):
        return ActorView(
            name=name, kind=kind, state="idle", pid=9, mailbox=mailbox, handled=4, restarts=0, children=children
        )

    return one(
        "supervisor",
        "supervisor",
        one("gateway", "gateway"),
        one("workforce", "workforce", one("worker/shell", "worker", one("g1/a/1", "task", mailbox=2))),
    )


def event(seq, kind, task=None, state=None, attempt=None, message="", data=None, graph="g7", second=0):  # noqa: PLR0917
    return Event(
        seq=seq,
        kind=kind,
        time_utc=at(second),
        graph=graph,
        task=task,
        attempt=attempt,
        state=state,
        message=message,
        data=data or {},
    )
