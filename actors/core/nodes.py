"""The machine's state: graphs, tasks, attempts, worker types, decisions, consumers. Plain data; who changes it is
`fold.py` and nobody else.

Derived fields (counters, reverse edges) are marked; they follow from the facts and keep every step's cost
independent of the size of the graph.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from msgspec import Struct

from orch_actors.protocol.spec.graph import Budget, Condition, GraphSpec, TaskSpec
from orch_actors.protocol.views import Artifact, GraphState, TaskState, Usage

WorkerTypeState = Literal["open", "parked"]
#: A graph's state as far as stimuli go by it: one that is being ended differs from one that runs.
GraphPhase = GraphState | Literal["cancelling"]

#: What a task claims that neither waits for a slot nor runs.
NO_CLAIMS: Final[Mapping[str, float]] = {}


@dataclass(slots=True, eq=False)
class Consumer:
    """A named reader of events. Invariant: `cursor` only ever grows."""

    name: str
    #: It has acknowledged everything up to the event of this number; what comes after is kept for it.
    cursor: int
    #: What it wants; none: all.
    kinds: tuple[str, ...]
    graphs: tuple[str, ...]
    created_utc: float
    #: When its cursor last moved.
    acknowledged_utc: float | None = None

    @property
    def idle_since_utc(self) -> float:
        """When it was last heard of."""
        return self.created_utc if self.acknowledged_utc is None else self.acknowledged_utc


#: Failure class of an attempt that could not begin since the disk was full: it is no try.
NO_ROOM: Final = "disk_full"

#: Failure classes of attempts that are no tries: they say nothing of the task.
NO_TRIES: Final = frozenset({NO_ROOM, "quota"})


class Attempt(Struct, eq=False, gc=False, omit_defaults=True):
    """One execution. Invariant: numbers begin with 1 and rise by 1 within a task.

    A Struct, since there are many of them: it is smaller, and as it refers to nothing that could refer back, the
    collector need not look at it.
    """

    number: int
    boot: str
    started_utc: float
    #: Its kill is decided: failure class and reason that it will end with.
    stopping: tuple[str, str] | None = None
    pid: int | None = None
    #: Of an agent: its session, whether it went on with one, and what it used.
    session: str = ""
    resume: bool = False
    usage: Usage | None = None
    #: What its judge said: outcome, why, feedback, and what was found.
    verdict: dict[str, Any] | None = None
    #: How far it says that it is, and how often it has said so.
    progress: str = ""
    percent: float | None = None
    progressed: int = 0
    ended_utc: float | None = None
    duration_s: float | None = None
    exit_code: int | None = None
    cls: str | None = None
    message: str = ""
    tail: str = ""
    checked: str = ""
    #: The JSON text of a small result.
    result: bytes | None = None
    result_in_file: bool = False
    #: Files that it left, as it promised.
    artifacts: tuple[Artifact, ...] = ()


@dataclass(slots=True)
class Spent:
    """What attempts used together. Whole numbers: whatever the order, the sum is the same. None: nobody said."""

    #: Tries that were started.
    attempts: int = 0
    turns: int | None = None
    #: Billionths of a dollar.
    nanos: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None

    def add(self, used: Usage | None) -> None:
        """One more attempt has said what it used."""
        if used is None:
            return
        self.turns = _sum(self.turns, used.turns)
        self.nanos = _sum(self.nanos, None if used.cost_usd is None else round(used.cost_usd * 1e9))
        self.input_tokens = _sum(self.input_tokens, used.input_tokens)
        self.output_tokens = _sum(self.output_tokens, used.output_tokens)

    @property
    def usd(self) -> float:
        """Dollars."""
        return (self.nanos or 0) / 1e9

    @property
    def tokens(self) -> int:
        """Read and written."""
        return (self.input_tokens or 0) + (self.output_tokens or 0)

    @property
    def usage(self) -> Usage | None:
        """As clients see it; None: no agent said anything."""
        if self.turns is self.nanos is self.input_tokens is self.output_tokens is None:
            return None
        return Usage(
            turns=self.turns,
            cost_usd=None if self.nanos is None else self.usd,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
        )


def _sum(before: int | None, more: int | None) -> int | None:
    return before if more is None else (before or 0) + more


@dataclass(slots=True, eq=False)
class Decision:
    """A question about one task, or about one worker type. Invariant: at most one about each is open."""

    ref: str
    #: What its answer releases, and nothing else.
    subject: "Task | WorkerType"
    #: `approve`, `failure`, `unknown` or `question`; about a worker type, `worker`.
    about: str
    question: str
    options: tuple[str, ...]
    #: What stands at the deadline.
    default: str
    deadline_s: float | None
    evidence: dict[str, Any]
    asked_utc: float
    choice: str | None = None
    note: str = ""
    by: str = ""
    answered_utc: float | None = None

    @property
    def open(self) -> bool:
        """Whether it waits for an answer."""
        return self.subject.decision is self

    @property
    def due_utc(self) -> float | None:
        """When its default stands, if nobody answers."""
        return None if self.deadline_s is None else self.asked_utc + self.deadline_s


@dataclass(slots=True, eq=False)
class WorkerType:
    """What the machine knows of one worker type. Invariant: a parked one is not ready."""

    name: str
    #: As configured; not journalled.
    configured: int = 1
    #: Set by a client; counts before the configuration.
    override: int | None = None
    #: A host answers; not journalled.
    ready: bool = False
    #: A host was asked for; not journalled.
    woken: bool = False
    #: Derived: attempts in flight.
    running: int = 0
    paused: bool = False
    pause_reason: str = ""
    #: When the pause ends by itself.
    paused_until_utc: float | None = None
    #: Its hosts died too often: no further one is started until it is released.
    parked: bool = False
    park_reason: str = ""
    #: How often in a row its quota was used up.
    quota_times: int = 0
    #: How often it was parked in a row: the distance to the next try grows with it.
    parkings: int = 0
    #: When it was last released.
    unparked_utc: float = 0.0
    #: The open question about it.
    decision: Decision | None = None
    #: Derived: refs of the newest decisions about it, oldest first.
    decisions: list[str] = field(default_factory=list)

    @property
    def ref(self) -> str:
        """`worker shell`."""
        return f"worker {self.name}"

    @property
    def state(self) -> WorkerTypeState:
        """Where it is in the table."""
        return "parked" if self.parked else "open"

    @property
    def limit(self) -> int:
        """How many attempts may run at once."""
        return self.configured if self.override is None else self.override

    @property
    def takes(self) -> bool:
        """Whether one more may start now."""
        return self.ready and not self.paused and self.running < self.limit


@dataclass(slots=True, eq=False)
class Task:
    """One task of one graph."""

    graph: "Graph"
    spec: TaskSpec
    index: int
    state: TaskState = "pending"
    attempts: list[Attempt] = field(default_factory=list)
    cls: str | None = None
    reason: str = ""
    #: When the next attempt is due (wall clock), and after what delay; only while one is scheduled.
    retry_at_utc: float | None = None
    retry_delay_s: float = 0.0
    #: When it first became ready (or was asked about) since it was submitted or revived: its deadline runs from then.
    begun_utc: float | None = None
    #: Attempts of earlier lives, before it was revived; they do not count as tries.
    tries_before: int = 0
    #: It failed, and its dependents go on as if it were done.
    forgiven: bool = False
    #: A person said yes to its `approve`.
    approved: bool = False
    #: The open question about it.
    decision: Decision | None = None
    #: The newest answered one, for its next attempt.
    answer: Decision | None = None
    #: The judge that is at it now, by whom a verdict or an answer comes; ids of all that there were.
    judge: "Task | None" = None
    judges: list[str] = field(default_factory=list)
    #: Verdicts against it in this life, and what the newest one told.
    rounds: int = 0
    #: Of a judge: the task that it judges, and the decision that it is to answer.
    judged: "Task | None" = None
    about: Decision | None = None
    #: Derived: dependencies whose condition does not hold yet.
    unmet: int = 0
    #: Derived: a dependency whose condition can no longer hold.
    broken_by: "Task | None" = None
    #: Derived: who waits for this one, and for what; in the order of the graph.
    dependents: list[tuple["Task", Condition]] = field(default_factory=list)
    #: Derived: order in which it became ready; its place in the queue among equals.
    rank: int = 0
    #: Derived: capacities that it claims while it runs, fixed when it became ready; only while it waits for a slot
    #: or runs.
    claims: Mapping[str, float] = field(default_factory=lambda: NO_CLAIMS)
    #: `g1/build`; made once, since it is the key wherever tasks are noted.
    ref: str = field(init=False)

    def __post_init__(self) -> None:
        self.ref = f"{self.graph.id}/{self.spec.id}"

    @property
    def id(self) -> str:
        """The task's id within its graph."""
        return self.spec.id

    @property
    def worker(self) -> str:
        """The worker type."""
        return self.spec.worker

    @property
    def terminal(self) -> bool:
        """Whether the state is final."""
        return self.state in ("done", "failed", "cancelled", "skipped")

    @property
    def tries(self) -> int:
        """Attempts of this life that began, or failed to for a reason of their own."""
        return sum(attempt.cls not in NO_TRIES for attempt in self.attempts[self.tries_before :])


@dataclass(slots=True, eq=False)
class Quarantined:
    """A task of which replay could not make sense, until a fact says so for good. Not journalled."""

    task: Task
    why: str
    #: Highest number of an attempt that a fact names which was passed over; attempts that may still run.
    attempts: int = 0
    running: set[int] = field(default_factory=set)
    #: Judges that such facts name.
    judges: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Graph:
    """One graph. Invariant: `state` is terminal exactly if `open_tasks` is 0 (once its GraphEnded is folded)."""

    id: str
    #: Without its tasks: those are in `tasks`.
    spec: GraphSpec
    environment: dict[str, str]
    client: str
    key: str | None
    digest: str
    submitted_utc: float
    state: GraphState = "running"
    reason: str = ""
    ended_utc: float | None = None
    #: Number of the event that told of its end.
    ended_seq: int = 0
    #: `limits.wall` runs from here: its submission, or when it was last reopened.
    wall_from_utc: float = 0.0
    #: A cancellation of the whole graph was asked for.
    cancelling: bool = False
    #: What it will have ended as once it is cancelled.
    outcome: GraphState = "cancelled"
    #: Attempts that may run at once; None: no bound of its own.
    parallel: int | None = None
    #: What it may use in all: as its document says, or as somebody said since. (`wall` is not in it.)
    budget: Budget = field(default_factory=Budget)
    #: The attempt from inside which it was submitted (`g1/build/2`), and how deep that makes it; 0: from outside.
    parent: str = ""
    depth: int = 0
    #: Rises with every edit.
    version: int = 1
    tasks: dict[str, Task] = field(default_factory=dict)
    #: Derived: tasks that are not terminal.
    open_tasks: int = 0
    #: Derived: state → how many tasks.
    counts: dict[TaskState, int] = field(default_factory=dict)
    #: Derived: refs of all decisions about its tasks, oldest first.
    decisions: list[str] = field(default_factory=list)
    #: Derived: ids of the graphs that its tasks submitted and that are not forgotten, oldest first.
    children: list[str] = field(default_factory=list)
    #: Derived: what its attempts used, judges' included.
    spent: Spent = field(default_factory=Spent)

    @property
    def phase(self) -> GraphPhase:
        """Its state; or that it is being ended."""
        return "cancelling" if self.cancelling and self.ended_utc is None else self.state
