"""The state as data: what a snapshot keeps of the machine. Forms only: `picture.py` makes them, `restoring.py` reads.

An image says what the facts came to, so that they need not be folded again; what a restart does not keep (which hosts
are ready, the configuration, promises of the scheduler) is not in it. "Restored equals pictured, and goes on as if
nothing had been" is a property test, at every cut of a history; a unit test holds the fields against `nodes.py`.

A picture is a sequence of pieces, none of them large, so that neither side has the whole of it in memory twice: first
the machine's own numbers, workers and consumers; then each graph, followed by its tasks, so many at a time. Derived
fields that follow from the others alone (reverse edges, counts, claims, the queue) are made anew. Those that follow
from the order of what happened (rank, who broke a task first) are written down.

Options of tasks are kept as the Structs that they are in memory, not as documents: msgspec reads them in one go, which
is what makes a start from a snapshot fast. Fields are only ever added, with defaults; for anything else the snapshot
gets another format version (`actors/journal/snapshots.py`).
"""

from typing import Any

from msgspec import Raw, Struct

from orch_actors.actors.core.nodes import Attempt, Consumer
from orch_actors.protocol.spec.graph import Budget, GraphSpec, TaskSpec
from orch_actors.protocol.views import GraphState, TaskState


class DecisionImage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A Decision; what it is about stands around it."""

    ref: str
    about: str
    question: str
    options: tuple[str, ...]
    default: str
    asked_utc: float
    #: The task that it is about, where it is not about a worker type.
    task: str = ""
    deadline_s: float | None = None
    evidence: dict[str, Any] = {}
    choice: str | None = None
    note: str = ""
    by: str = ""
    answered_utc: float | None = None


class WorkerImage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the journal knows of a WorkerType."""

    name: str
    override: int | None = None
    paused: bool = False
    pause_reason: str = ""
    paused_until_utc: float | None = None
    parked: bool = False
    park_reason: str = ""
    quota_times: int = 0
    parkings: int = 0
    unparked_utc: float = 0.0
    #: Ref of the open decision about it; and those that are remembered, oldest first.
    decision: str | None = None
    decisions: tuple[DecisionImage, ...] = ()
    #: Its attempts in flight, by graph and task, in the order in which they started.
    running: tuple[tuple[str, str], ...] = ()


class QuarantinedImage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A Quarantined: facts of the task made no sense, and no later one has said so for good yet."""

    graph: str
    task: str
    why: str
    attempts: int = 0
    running: tuple[int, ...] = ()
    judges: tuple[str, ...] = ()


class MachineImage(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="machine"):
    """The first piece: all that is not a graph."""

    last_graph: int
    last_decision: int
    told: int
    #: How many graphs follow.
    graphs: int
    workers: tuple[WorkerImage, ...] = ()
    consumers: tuple[Consumer, ...] = ()
    quarantine: tuple[QuarantinedImage, ...] = ()


class GraphImage(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="graph"):
    """A Graph; so many tasks follow."""

    id: str
    spec: GraphSpec
    tasks: int
    client: str
    digest: str
    submitted_utc: float
    environment: dict[str, str] = {}
    key: str | None = None
    state: GraphState = "running"
    reason: str = ""
    ended_utc: float | None = None
    ended_seq: int = 0
    wall_from_utc: float = 0.0
    cancelling: bool = False
    outcome: GraphState = "cancelled"
    parallel: int | None = None
    parent: str = ""
    depth: int = 0
    #: Where somebody changed it; otherwise as its document says.
    budget: Budget | None = None
    version: int = 1
    decisions: tuple[DecisionImage, ...] = ()


class TaskImage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A Task. `spec` is without its `work`, which stands beside it: what that is depends on the kind."""

    spec: TaskSpec
    work: Raw
    state: TaskState = "pending"
    attempts: list[Attempt] = []
    cls: str | None = None
    reason: str = ""
    retry_at_utc: float | None = None
    retry_delay_s: float = 0.0
    begun_utc: float | None = None
    tries_before: int = 0
    forgiven: bool = False
    approved: bool = False
    #: Refs of the open decision about it, and of the newest answered one.
    decision: str | None = None
    answer: str | None = None
    #: Ids of the judge that is at it, and of all that there were; verdicts against it.
    judge: str | None = None
    judges: list[str] = []
    rounds: int = 0
    #: Of a judge: id of the task that it judges, and ref of the decision that it is to answer.
    judged: str | None = None
    about: str | None = None
    unmet: int = 0
    #: Id of the dependency that broke it first.
    broken_by: str | None = None
    rank: int = 0


class TasksImage(Struct, frozen=True, kw_only=True, tag="tasks"):
    """Tasks of the graph that came last."""

    tasks: tuple[TaskImage, ...]


Piece = MachineImage | GraphImage | TasksImage
