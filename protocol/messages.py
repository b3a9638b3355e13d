"""Client ⇄ daemon: one closed union of requests, one of results (SPEC.md is the contract).

The place for a new verb: a Struct here (Command if it changes anything: journalled and idempotent; Query if
not), a handler of the same name in the daemon's dispatch, a file in `cli/verbs/`.
"""

from typing import Any

from msgspec import Raw, Struct

from orch_actors.protocol.errors import ErrorInfo
from orch_actors.protocol.version import PROTOCOL_VERSION
from orch_actors.protocol.views import (
    ActorView,
    Artifact,
    ConsumerView,
    DecisionView,
    Event,
    GraphSummary,
    GraphView,
    StatusView,
    Usage,
    WhyView,
)


class Message(Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    """Anything with a tag."""


# --- commands: durable before they are answered, executed at most once -----------------------------------


class SubmitGraph(Message, frozen=True, kw_only=True, tag="submit_graph"):
    """Take a graph and begin it. Answer: GraphAccepted."""

    #: A graph document (SPEC.md, "Graph documents"), parameters already filled in.
    graph: dict[str, Any]
    #: Submitting twice with the same key and document gives the same graph; with another document KEY_CONFLICT.
    key: str | None = None
    #: Absolute folder against which relative `cwd`s are read.
    base_dir: str = "/"
    #: The submitter's variables that its tasks start from; the daemon lets allow-listed names through only.
    environment: dict[str, str] = {}
    #: From inside a task: what that one finds in ORCH_ATTEMPT.
    parent: str = ""
    #: Check only, change nothing.
    dry_run: bool = False


class Cancel(Message, frozen=True, kw_only=True, tag="cancel"):
    """End a graph, or one task of it. Answer: Cancelled."""

    graph: str
    task: str | None = None
    reason: str = ""
    if_version: int | None = None
    dry_run: bool = False


class AddTasks(Message, frozen=True, kw_only=True, tag="add_tasks"):
    """Add tasks to a graph that runs or is over; they may depend on any task of it. Answer: Edited."""

    graph: str
    #: Task documents, as in a graph document.
    tasks: tuple[dict[str, Any], ...]
    base_dir: str = "/"
    #: Refuse (STALE_VERSION) unless the graph is at this version.
    if_version: int | None = None
    dry_run: bool = False


class UpdateTask(Message, frozen=True, kw_only=True, tag="update_task"):
    """Change options of a task that has not started, its dependencies included. Answer: Edited."""

    graph: str
    task: str
    #: Fields of a task document; null takes the option back to its default.
    set: dict[str, Any]
    base_dir: str = "/"
    if_version: int | None = None
    dry_run: bool = False


class RetryTasks(Message, frozen=True, kw_only=True, tag="retry_tasks"):
    """Run tasks that are over again, in place: one, or all that failed or were cancelled. Answer: Edited.

    What depends on them is revived with them; every attempt and its log stay.
    """

    graph: str
    task: str | None = None
    #: Fields of the task document to change before it runs; only where one task is named.
    set: dict[str, Any] = {}
    base_dir: str = "/"
    if_version: int | None = None
    dry_run: bool = False


class Pause(Message, frozen=True, kw_only=True, tag="pause"):
    """Start nothing new of a graph, or of a worker type; what runs goes on. Answer: Edited."""

    graph: str | None = None
    worker: str | None = None
    reason: str = ""
    if_version: int | None = None
    dry_run: bool = False


class Resume(Message, frozen=True, kw_only=True, tag="resume"):
    """Take a pause back. Answer: Edited."""

    graph: str | None = None
    worker: str | None = None
    if_version: int | None = None
    dry_run: bool = False


class SetLimit(Message, frozen=True, kw_only=True, tag="set_limit"):
    """Change how many attempts of a graph, or of a worker type, may run at once. Answer: Edited."""

    graph: str | None = None
    worker: str | None = None
    #: None: unlimited (a graph), as configured (a worker type).
    parallel: int | None = None
    if_version: int | None = None
    dry_run: bool = False


class SetBudget(Message, frozen=True, kw_only=True, tag="set_budget"):
    """Change what a graph may use in all; also of one that is over, to retry what failed for it. Answer: Edited.

    (A task's own is its option `budget`, which UpdateTask changes while the task is not over.)
    """

    graph: str
    #: `usd`, `tokens`, `attempts`, those that are to change; null: no bound.
    set: dict[str, float | int | None]
    if_version: int | None = None
    dry_run: bool = False


class Decide(Message, frozen=True, kw_only=True, tag="decide"):
    """Answer one decision; it releases its own task and no other. Answer: Decided."""

    ref: str
    choice: str
    note: str = ""


class Ask(Message, frozen=True, kw_only=True, tag="ask"):
    """A running task asks for a decision. Answer: Asked; the answer reaches it by GetDecision or its next attempt."""

    graph: str
    task: str
    question: str
    options: tuple[str, ...] = ("yes", "no")
    default: str | None = None
    #: Seconds.
    deadline: float | None = None


class Prune(Message, frozen=True, kw_only=True, tag="prune"):
    """Forget graphs that are over, with their files: the named ones, or by age and number. Answer: Pruned."""

    graphs: tuple[str, ...] = ()
    #: Those that ended longer ago than this, in seconds.
    older_than: float | None = None
    #: All but this many of those that ended last.
    keep: int | None = None
    dry_run: bool = False


class OpenConsumer(Message, frozen=True, kw_only=True, tag="open_consumer"):
    """Be known as a reader of events: what is not acknowledged is delivered again. Answer: ConsumerOpened.

    A consumer that is there stays as it is, its cursor too.
    """

    consumer: str
    #: It begins after this event; None: with the oldest that is kept. Only for a new one.
    since: int | None = None
    #: Kinds of events that it wants, and graphs; none: all.
    kinds: tuple[str, ...] = ()
    graphs: tuple[str, ...] = ()


class ForgetConsumers(Message, frozen=True, kw_only=True, tag="forget_consumers"):
    """Keep nothing for these consumers any longer: the named ones (where one is unknown, none), or by their silence.
    Answer: ConsumersForgotten.
    """

    consumers: tuple[str, ...] = ()
    #: Those that have acknowledged nothing for longer than this, in seconds; of a new one since it was opened.
    idle: float | None = None


Command = (
    SubmitGraph
    | Cancel
    | AddTasks
    | UpdateTask
    | RetryTasks
    | Pause
    | Resume
    | SetLimit
    | SetBudget
    | Decide
    | Ask
    | Prune
    | OpenConsumer
    | ForgetConsumers
)

# --- queries: not journalled, may be repeated freely --------------------------------------------------------


class Hello(Message, frozen=True, kw_only=True, tag="hello"):
    """Who is there? Answer: Welcome."""


class GetStatus(Message, frozen=True, kw_only=True, tag="get_status"):
    """The daemon, its workers, its graphs. Answer: Status."""


class GetGraph(Message, frozen=True, kw_only=True, tag="get_graph"):
    """One graph whole. Answer: Graph."""

    #: Id, unique beginning of an id, or a name that only one graph has.
    graph: str


class GetSummaries(Message, frozen=True, kw_only=True, tag="get_summaries"):
    """The named graphs, a line each, in the order asked; cheap: for waiting. Answer: Summaries."""

    graphs: tuple[str, ...]


class GetResult(Message, frozen=True, kw_only=True, tag="get_result"):
    """What a task handed back. Answer: TaskResult."""

    graph: str
    task: str


class ReadLog(Message, frozen=True, kw_only=True, tag="read_log"):
    """A piece of an attempt's output. Answer: LogPiece."""

    graph: str
    task: str
    #: 0: the latest.
    attempt: int = 0
    stream: str = "stdout"
    #: In bytes from the beginning; negative: from the end.
    offset: int = 0
    limit: int = 65536


class ReadEvents(Message, frozen=True, kw_only=True, tag="read_events"):
    """Events after number `since`, oldest first, at most `limit`. Answer: Events."""

    #: None: after what `consumer` has acknowledged; without a consumer, from the oldest on.
    since: int | None = None
    limit: int = 1000
    #: Only what this consumer wants.
    consumer: str | None = None


class GetConsumers(Message, frozen=True, kw_only=True, tag="get_consumers"):
    """The named readers of events. Answer: Consumers."""


class AckEvents(Message, frozen=True, kw_only=True, tag="ack_events"):
    """A consumer has dealt with everything up to event `seq`; durable when it is answered. Answer: Acknowledged.

    Journalled, and yet no Command: its id is not remembered, since a repetition changes nothing whenever it comes, and
    a busy reader's acknowledgements would push other clients' answers out of the table.
    """

    consumer: str
    seq: int


class GetDecisions(Message, frozen=True, kw_only=True, tag="get_decisions"):
    """Open decisions, oldest first; with `answered` those that were answered too. Answer: Decisions."""

    graph: str | None = None
    answered: bool = False


class GetDecision(Message, frozen=True, kw_only=True, tag="get_decision"):
    """One decision, open or answered. Answer: Decisions with one."""

    ref: str


class Why(Message, frozen=True, kw_only=True, tag="why"):
    """Why a task is where it is. Answer: Because."""

    graph: str
    task: str


class GetContext(Message, frozen=True, kw_only=True, tag="get_context"):
    """What a graph or a task came to, in few words: a layer from 0 to 3. Answer: Context."""

    graph: str
    task: str | None = None
    layer: int = 1
    #: Most characters; null: 256, 4,000, 20,000, 20,000 by layer.
    budget: int | None = None


class ListActors(Message, frozen=True, kw_only=True, tag="list_actors"):
    """The living tree over all processes. Answer: Actors."""


class Shutdown(Message, frozen=True, kw_only=True, tag="shutdown"):
    """Stop the daemon; running attempts go on, unless `kill`. Answer: Stopping, then it goes."""

    kill: bool = False


class Compact(Message, frozen=True, kw_only=True, tag="compact"):
    """Have a snapshot made of the journal as it is now. Answer: Compacting, at once; GetStatus tells what came of it.

    Repeated, it does no harm: a journal to which nothing was added since is compacted already.
    """


Query = (
    Hello
    | GetStatus
    | GetGraph
    | GetSummaries
    | GetResult
    | ReadLog
    | ReadEvents
    | GetConsumers
    | AckEvents
    | ListActors
    | GetDecisions
    | GetDecision
    | Why
    | GetContext
    | Compact
    | Shutdown
)

# --- results --------------------------------------------------------------------------------------------------


class Answer(Message, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """A result. Fields may be added to it within a protocol version, so a client passes over unknown ones."""


class GraphAccepted(Answer, frozen=True, kw_only=True, tag="graph_accepted"):
    """The graph is on disk. With `dry_run`: it would have been taken; `graph` is then empty."""

    graph: str
    name: str
    tasks: int
    dry_run: bool = False
    #: The key was known: nothing new was begun, this is the graph from then.
    existing: bool = False


class Cancelled(Answer, frozen=True, kw_only=True, tag="cancelled"):
    """What the cancellation reached; running ones end within their grace."""

    graph: str
    tasks: tuple[str, ...]
    #: Tasks that will be skipped for it, since what they wait for can no longer come.
    skipped: tuple[str, ...] = ()
    #: Graphs that were submitted from inside it, at any depth, and are cancelled with it.
    graphs: tuple[str, ...] = ()
    #: The graph's version after it.
    version: int = 0
    dry_run: bool = False


class Welcome(Answer, frozen=True, kw_only=True, tag="welcome"):
    """Another journal id: the state was wiped. Another boot id: the machine restarted."""

    version: str
    journal: str
    boot: str
    pid: int
    home: str
    #: Number of the newest event.
    head: int
    #: Endpoint of the event socket.
    events: str
    #: Number of the oldest event that can be read; above the head: none can.
    oldest: int = 1


class Status(Answer, frozen=True, kw_only=True, tag="status"):
    """See GetStatus."""

    status: StatusView


class Graph(Answer, frozen=True, kw_only=True, tag="graph"):
    """See GetGraph."""

    graph: GraphView


class Summaries(Answer, frozen=True, kw_only=True, tag="summaries"):
    """See GetSummaries."""

    graphs: tuple[GraphSummary, ...]
    #: Number of the newest event that these summaries reflect.
    head: int


class TaskResult(Answer, frozen=True, kw_only=True, tag="task_result"):
    """The JSON value that the task's latest successful attempt handed back."""

    graph: str
    task: str
    attempt: int
    #: None also where it left artifacts alone.
    value: Any
    #: What agents used for it, all attempts and judges together; None: none was at it.
    usage: Usage | None = None
    #: Files that this attempt left.
    artifacts: tuple[Artifact, ...] = ()
    #: The task's git worktree, and the branch of that; empty: it has none.
    worktree: str = ""
    branch: str = ""


class LogPiece(Answer, frozen=True, kw_only=True, tag="log_piece"):
    """Bytes [offset, offset + len(data)) of a log; in JSON `data` is base64."""

    attempt: int
    offset: int
    data: bytes
    #: Size of the log now.
    size: int
    #: The attempt is over: nothing will be added.
    ended: bool
    path: str


class Events(Answer, frozen=True, kw_only=True, tag="events"):
    """See ReadEvents. `head` is the newest event's number; while `through` is below it, ask again after `through`."""

    events: tuple[Event, ...]
    head: int
    #: Everything that is wanted up to this number is here, or was before.
    through: int = 0


class ConsumerOpened(Answer, frozen=True, kw_only=True, tag="consumer_opened"):
    """The consumer is there. `existing`: it was before."""

    consumer: str
    #: Number of the last event that it has acknowledged.
    cursor: int
    #: Number of the newest event.
    head: int
    kinds: tuple[str, ...] = ()
    graphs: tuple[str, ...] = ()
    existing: bool = False


class Acknowledged(Answer, frozen=True, kw_only=True, tag="acknowledged"):
    """Where the consumer's cursor stands now: at what was acknowledged, or beyond."""

    consumer: str
    cursor: int


class ConsumersForgotten(Answer, frozen=True, kw_only=True, tag="consumers_forgotten"):
    """Those that were forgotten."""

    consumers: tuple[str, ...]


class Consumers(Answer, frozen=True, kw_only=True, tag="consumers"):
    """See GetConsumers."""

    consumers: tuple[ConsumerView, ...]
    head: int


class Actors(Answer, frozen=True, kw_only=True, tag="actors"):
    """See ListActors."""

    root: ActorView


class Edited(Answer, frozen=True, kw_only=True, tag="edited"):
    """What an edit came to; with `dry_run`, what it would come to."""

    #: Empty where a worker type was meant.
    graph: str
    #: The graph's version after it; it rises with every edit.
    version: int
    #: A line for each change: `+ deploy`, `~ test: timeout 60 → 120`, `↻ build`.
    changes: tuple[str, ...]
    dry_run: bool = False


class Decided(Answer, frozen=True, kw_only=True, tag="decided"):
    """The decision stands. `existing`: the same answer had been given before."""

    ref: str
    #: Both are empty where it is about a worker type.
    graph: str
    task: str
    choice: str
    existing: bool = False
    worker: str = ""


class Asked(Answer, frozen=True, kw_only=True, tag="asked"):
    """The decision is open."""

    ref: str


class Pruned(Answer, frozen=True, kw_only=True, tag="pruned"):
    """The graphs that were (or would be) forgotten."""

    graphs: tuple[str, ...]
    dry_run: bool = False


class Decisions(Answer, frozen=True, kw_only=True, tag="decisions"):
    """See GetDecisions."""

    decisions: tuple[DecisionView, ...]


class Because(Answer, frozen=True, kw_only=True, tag="because"):
    """See Why."""

    why: WhyView


class Context(Answer, frozen=True, kw_only=True, tag="context"):
    """See GetContext. `cut`: characters that are left out, at least."""

    graph: str
    task: str | None
    layer: int
    text: str
    cut: int = 0


class Stopping(Answer, frozen=True, kw_only=True, tag="stopping"):
    """The daemon will be gone in a moment."""

    #: Attempts that go on running and that the next daemon adopts.
    running: int
    killed: int = 0
    pid: int = 0


class Compacting(Answer, frozen=True, kw_only=True, tag="compacting"):
    """The journal's segments up to this one are closed, and a snapshot of them is being made, or there; 0: there is
    nothing to compact.
    """

    segment: int


Result = (
    GraphAccepted
    | Cancelled
    | Welcome
    | Status
    | Graph
    | Summaries
    | TaskResult
    | LogPiece
    | Events
    | ConsumerOpened
    | Acknowledged
    | ConsumersForgotten
    | Consumers
    | Actors
    | Edited
    | Decided
    | Asked
    | Pruned
    | Decisions
    | Because
    | Context
    | Compacting
    | Stopping
)

# --- envelopes ------------------------------------------------------------------------------------------------


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client sends, in one frame. Defaults are sent too: a version that goes without saying says nothing."""

    #: Time-ordered UUID; the same for every repetition of the same command.
    id: str
    #: Chosen by the client, stable over its life; (client, id) identifies a command.
    client: str
    do: Command | Query
    v: int = PROTOCOL_VERSION
    #: Seconds since the epoch after which the client no longer wants it; a command is then not executed.
    deadline_utc: float | None = None


class Reply(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the daemon answers: a result or an error."""

    id: str
    result: Result | None = None
    error: ErrorInfo | None = None
    v: int = PROTOCOL_VERSION


class RequestHead(Struct, frozen=True, kw_only=True):
    """The part of a request that can be read although the rest makes no sense, to answer it."""

    id: str = ""
    #: Text, in a request that is well formed.
    client: Any = ""
    v: int = 0
    do: Raw = Raw()


class ReplyHead(Struct, frozen=True, kw_only=True):
    """The part of a reply that can be read although the rest makes no sense, to tell whose it is."""

    id: str = ""
    v: int = 0


class Heartbeat(Struct, frozen=True, kw_only=True, tag_field="type", tag="heartbeat"):
    """Published every second: a subscriber that is behind `head` has missed something and asks for it."""

    head: int
    journal: str


class Published(Struct, frozen=True, kw_only=True, tag_field="type", tag="event"):
    """An event as published."""

    event: Event
