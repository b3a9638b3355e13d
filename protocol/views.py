"""What the daemon tells of itself: the forms behind every `--json`.

These shapes are a promise: fields may be added, none is renamed, retyped or taken away within a protocol
version. Instants are text, RFC 3339 in UTC with milliseconds (`2026-01-31T09:05:00.250Z`); durations are
seconds.
"""

from datetime import UTC, datetime
from typing import Any, Final, Literal

from msgspec import Struct, field

from orch_actors.protocol.visible import one_line

TaskState = Literal["pending", "ready", "running", "judging", "blocked", "done", "failed", "cancelled", "skipped"]
GraphState = Literal["running", "paused", "done", "failed", "cancelled"]
AttemptState = Literal["running", "stopping", "done", "failed", "cancelled", "unknown"]
WorkerState = Literal["stopped", "starting", "ready", "backoff", "parked"]

#: What an event may tell of. `Event.kind` is plain text, since a newer daemon may know more kinds.
EventKind = Literal[
    "graph_submitted",
    "task_ready",
    "attempt_starting",
    "attempt_adopted",
    "attempt_stopping",
    "attempt_progressed",
    "attempt_ended",
    "retry_scheduled",
    "task_ended",
    "task_quarantined",
    "decision_asked",
    "decision_answered",
    "task_blocked",
    "judge_asked",
    "judged",
    "task_held",
    "task_revived",
    "tasks_added",
    "task_updated",
    "graph_paused",
    "graph_resumed",
    "graph_reopened",
    "graph_limited",
    "graph_budgeted",
    "graph_forgotten",
    "worker_paused",
    "worker_resumed",
    "worker_limited",
    "worker_parked",
    "worker_unparked",
    "graph_cancelling",
    "graph_ended",
]

#: Graph states that are final.
GRAPH_ENDINGS: Final[frozenset[GraphState]] = frozenset({"done", "failed", "cancelled"})


def utc_text(stamp: float) -> str:
    """Seconds since the epoch → RFC 3339 text in UTC."""
    return datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Usage(Struct, frozen=True, kw_only=True):
    """What an agent used; None: it did not say."""

    turns: int | None = None
    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


class Artifact(Struct, frozen=True, kw_only=True):
    """A file that a task left, as it was when the attempt ended."""

    #: Absolute.
    path: str
    #: In hexadecimal digits.
    sha256: str
    #: Bytes.
    size: int
    #: Where `path` is a copy: the file that it was made of. Otherwise empty.
    source: str = ""


class AttemptView(Struct, frozen=True, kw_only=True):
    """One execution of a task."""

    number: int
    state: AttemptState
    started_utc: str
    ended_utc: str | None = None
    duration_s: float | None = None
    #: What the command exited with; 128 + the signal's number where a signal ended it; None where nobody knows.
    exit_code: int | None = None
    #: Failure class; None while it runs and when it succeeded.
    class_: str | None = field(name="class", default=None)
    #: Why it failed, in a sentence.
    message: str = ""
    #: Log files, absolute paths.
    stdout: str = ""
    stderr: str = ""
    #: Of an agent: its session, and what it used.
    session: str = ""
    usage: Usage | None = None
    #: What its judge said.
    verdict: dict[str, Any] | None = None
    #: How far it says that it is.
    progress: str = ""
    percent: float | None = None
    #: How many artifacts it left; `get_result` names those of the last one.
    artifacts: int = 0


class TaskView(Struct, frozen=True, kw_only=True):
    """One task with its attempts."""

    id: str
    worker: str
    state: TaskState
    #: Why it is where it is, in a sentence: what it waits for, how it failed, why it was skipped.
    reason: str
    title: str = ""
    depends_on: tuple[str, ...] = ()
    priority: int = 0
    #: Failure class of a failed task.
    class_: str | None = field(name="class", default=None)
    attempts: tuple[AttemptView, ...] = ()
    has_result: bool = False
    #: Dependency → the end that lets this task go, where that is another than `done`.
    conditions: dict[str, str] = {}
    #: Ref of the open decision about it.
    decision: str | None = None
    #: What agents used for it, all attempts and judges together; None: none was at it.
    usage: Usage | None = None
    #: What it may use in all: `usd`, `tokens`, `attempts`, `wall`, those that are bounded.
    budget: dict[str, float | int] = {}
    #: Its git worktree, and the branch of that, once an attempt was started; empty: it has none.
    worktree: str = ""
    branch: str = ""


#: Tasks that a graph shows of itself in Python.
_TASKS_SHOWN: Final = 20


def _in_words(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "no tasks"


class GraphSummary(Struct, frozen=True, kw_only=True):
    """A graph in one line."""

    id: str
    name: str
    state: GraphState
    #: Task state → how many tasks; states without tasks are left out.
    counts: dict[str, int]
    submitted_utc: str
    ended_utc: str | None = None
    #: Id of the client that submitted it; `submitter.py` says what can be read from it.
    client: str = ""
    #: What agents used in it; None: none was at it.
    usage: Usage | None = None
    #: The attempt from inside which it was submitted, such as g1/build/2.
    parent: str = ""
    #: Who is told of what happens to it, as its document says; and the folder of its inbox and outbox, if it has them.
    callbacks: tuple[dict[str, Any], ...] = ()
    files: str = ""

    def __repr__(self) -> str:
        return f"<graph {self.id} {one_line(self.name)} {self.state}: {_in_words(self.counts)}>"


class GraphView(Struct, frozen=True, kw_only=True):
    """A graph with all its tasks, in the order of submission."""

    id: str
    name: str
    state: GraphState
    goal: str
    reason: str
    counts: dict[str, int]
    submitted_utc: str
    ended_utc: str | None
    tasks: tuple[TaskView, ...]
    #: Rises with every edit; for `--if-version`.
    version: int = 1
    #: Attempts that may run at once; None: as many as there are slots.
    parallel: int | None = None
    #: What agents used in it; None: none was at it.
    usage: Usage | None = None
    #: Attempts that were started, judges' included.
    tries: int = 0
    #: The attempt from inside which it was submitted, such as g1/build/2; and ids of those that its tasks submitted.
    parent: str = ""
    children: tuple[str, ...] = ()
    #: What it may use in all: `usd`, `tokens`, `attempts`, those that are bounded.
    budget: dict[str, float | int] = {}
    #: Who is told of what happens to it, as its document says; and the folder of its inbox and outbox, if it has them.
    callbacks: tuple[dict[str, Any], ...] = ()
    files: str = ""

    def __repr__(self) -> str:
        lines = [f"<graph {self.id} {one_line(self.name)} {self.state}: {_in_words(self.counts)}>"]
        lines += [f"  {task.id}  {task.state}  {one_line(task.reason)}".rstrip() for task in self.tasks[:_TASKS_SHOWN]]
        more = len(self.tasks) - _TASKS_SHOWN
        return "\n".join([*lines, *([f"  … and {more} more"] if more > 0 else [])])


class SupervisorView(Struct, frozen=True, kw_only=True):
    """The daemon."""

    pid: int
    version: str
    home: str
    endpoint: str
    started_utc: str
    events: str = ""
    journal: str = ""
    #: Attempts that were found running when this daemon started, and taken over.
    adopted: int = 0
    #: How often it has taken config.toml over anew since it started.
    reloads: int = 0
    #: Why its disk is full, and nothing new is taken and started; empty: it is not.
    disk: str = ""


class WorkerView(Struct, frozen=True, kw_only=True):
    """A worker type and the process that serves it."""

    type: str
    pid: int | None
    state: WorkerState
    running: int
    limit: int
    restarts: int = 0
    reason: str = ""


class TrafficView(Struct, frozen=True, kw_only=True):
    """What goes on between the daemon and its clients; numbers since it started, but for what is there now."""

    #: Connections for requests, and for events, now.
    connections: int
    subscribers: int
    #: Requests that are not answered yet.
    waiting: int
    #: Bytes of replies that clients have not taken in yet, as far as they are known.
    unsent_bytes: int
    #: Why messages were dropped, or refused unseen → how often.
    dropped: dict[str, int]
    #: Named readers of events; and how many events the last of them is behind.
    consumers: int = 0
    behind: int = 0


class CompactionView(Struct, frozen=True, kw_only=True):
    """How far the journal is compacted: what of it a start need not read."""

    #: File name of the newest snapshot, number of the last segment in it, and its bytes; empty and 0: there is none.
    snapshot: str = ""
    segment: int = 0
    bytes: int = 0
    #: When it was made, if that was in this daemon's life.
    made_utc: str = ""
    #: One is being made.
    running: bool = False
    #: Number of the last segment of the newest try in this life, and why that failed; empty: it did not.
    tried: int = 0
    fault: str = ""


class StatusView(Struct, frozen=True, kw_only=True):
    """`status --json` without a graph, and `up --json`."""

    supervisor: SupervisorView
    workers: tuple[WorkerView, ...]
    graphs: tuple[GraphSummary, ...]
    traffic: TrafficView | None = None
    #: Graphs that `status` left out, since they were submitted from elsewhere; the daemon leaves out none.
    elsewhere: int = 0
    compaction: CompactionView | None = None

    def __repr__(self) -> str:
        going = sum(graph.state not in GRAPH_ENDINGS for graph in self.graphs)
        return f"<orch-actors pid {self.supervisor.pid}: {len(self.graphs)} graphs, {going} running>"


class DecisionView(Struct, frozen=True, kw_only=True):
    """A question about one task, or about one worker type."""

    ref: str
    #: Both are empty where it is about a worker type.
    graph: str
    task: str
    #: `approve`, `failure`, `unknown` or `question`; about a worker type, `worker`.
    kind: str
    question: str
    options: tuple[str, ...]
    #: What stands when the deadline has passed.
    default: str | None
    deadline_utc: str | None
    asked_utc: str
    #: What there is to judge by: failure class, message, exit code, the tail of the output.
    evidence: dict[str, Any] = {}
    choice: str | None = None
    note: str = ""
    #: Who answered: a client's id, or `deadline`.
    by: str = ""
    answered_utc: str | None = None
    #: The worker type that it is about.
    worker: str = ""

    def __repr__(self) -> str:
        about = f"worker {self.worker}" if self.worker else f"{self.graph}/{self.task}"
        answer = self.choice or "|".join(self.options)
        return f"<decision {self.ref} about {one_line(about)}: {one_line(self.question)} {one_line(answer)}>"


class StoryLine(Struct, frozen=True, kw_only=True):
    """One fact on the way to where a task is."""

    time_utc: str
    kind: str
    message: str


class WhyView(Struct, frozen=True, kw_only=True):
    """Why a task is where it is."""

    graph: str
    task: str
    state: TaskState
    #: For people.
    sentence: str
    #: For programs: `kind` (dependency, slot, graph_limit, budget, resource, lock, paused, worker_paused, worker_down,
    #: retry, decision, running, stopping, done, failed, cancelled, skipped) and what belongs to it.
    reason: dict[str, Any]
    #: Oldest first.
    story: tuple[StoryLine, ...] = ()
    #: The command that would help; empty where nothing needs help.
    help: str = ""
    #: The story lacks its beginning: events from then are not kept any more.
    cut: bool = False


class ConsumerView(Struct, frozen=True, kw_only=True):
    """A named reader of events."""

    name: str
    #: It has acknowledged everything up to this event.
    cursor: int
    #: Events that came since, wanted or not; they are kept for it.
    behind: int
    #: What it wants; none: all.
    kinds: tuple[str, ...]
    graphs: tuple[str, ...]
    created_utc: str
    acknowledged_utc: str | None = None


class ActorView(Struct, frozen=True, kw_only=True):
    """One living actor; the tree spans all processes."""

    name: str
    kind: str
    state: str
    pid: int
    #: Messages that wait.
    mailbox: int
    #: Messages handled since it started.
    handled: int
    restarts: int = 0
    children: "tuple[ActorView, ...]" = ()


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened, durable before anybody is told.

    `seq` is dense: 1, 2, 3, … for as long as the journal lives; so a reader sees a gap by itself.
    """

    seq: int
    kind: str
    time_utc: str
    graph: str | None = None
    task: str | None = None
    attempt: int | None = None
    #: The state that graph or task is in from now on, where the event changed it.
    state: str | None = None
    #: One line for people.
    message: str = ""
    #: What else the event carries, by kind (SPEC.md).
    data: dict[str, Any] = {}
