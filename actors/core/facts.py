"""Facts: what has been decided or has happened, in the past tense; the journal's vocabulary.

A fact is final: folding facts (`fold.py`) is the only way state changes, live and on replay alike. A fact says
what became of things and not by which policy, so policies may change between versions while journals stay
readable. Fields are only ever added, with defaults.

Clients are told of every fact by an event of its own, but for the silent ones (`SilentFact`): what a reader of events
has acknowledged is no news to readers of events. Silent facts are journalled and folded like all others, and take no
event number; `history.numbered` is the one function that goes by that.
"""

from typing import Any

from msgspec import Raw, Struct

from orch_actors.protocol.views import Artifact, GraphState, TaskState, Usage

#: JSON null: no value. (msgspec cannot decode `Raw | None`.)
NOTHING = Raw(b"null")


class FactForm(Struct, frozen=True, kw_only=True, tag_field="k", omit_defaults=True):
    """Any fact; `k` is its kind, also the kind of the event that tells of it."""


class SilentFact(FactForm, frozen=True, kw_only=True):
    """A fact that changes the state and is told to nobody: no event, and no event number."""


class GraphSubmitted(FactForm, frozen=True, kw_only=True, tag="graph_submitted"):
    """A graph was taken in; the document is the normalised one: defaults applied, folders absolute."""

    graph: str
    document: dict[str, Any]
    #: Variables of the submitter that its tasks start from.
    environment: dict[str, str] = {}
    client: str = ""
    key: str | None = None
    #: Of the document as it was sent; the same key with another digest is refused.
    digest: str = ""
    #: The attempt from inside which it was submitted (`g1/build/2`), and how deep that makes it; 0: from outside.
    parent: str = ""
    depth: int = 0


class TaskReady(FactForm, frozen=True, kw_only=True, tag="task_ready"):
    """Nothing but a free slot is missing."""

    graph: str
    task: str


class AttemptStarting(FactForm, frozen=True, kw_only=True, tag="attempt_starting"):
    """The attempt will be started, once; a host hears of it after this is durable."""

    graph: str
    task: str
    attempt: int
    #: Boot id of the machine: of an attempt from another boot only its record can tell.
    boot: str = ""
    #: Of an agent: its session, and whether it is gone on with.
    session: str = ""
    resume: bool = False


class AttemptAdopted(FactForm, frozen=True, kw_only=True, tag="attempt_adopted"):
    """A host found it running and watches it from now on."""

    graph: str
    task: str
    attempt: int
    pid: int


class AttemptStopping(FactForm, frozen=True, kw_only=True, tag="attempt_stopping"):
    """It will be killed, and will have failed with `cls` for the reason `why`."""

    graph: str
    task: str
    attempt: int
    cls: str
    why: str


class AttemptProgressed(FactForm, frozen=True, kw_only=True, tag="attempt_progressed"):
    """It says how far it is."""

    graph: str
    task: str
    attempt: int
    text: str = ""
    percent: float | None = None


class DecisionAsked(FactForm, frozen=True, kw_only=True, tag="decision_asked"):
    """A question about one task, or one worker type, is open. `blocks`: the task waits for it, nothing of it runs."""

    graph: str = ""
    task: str = ""
    #: The worker type that it is about; graph and task are empty then.
    worker: str = ""
    ref: str
    #: `approve`, `failure`, `unknown` or `question`; about a worker type, `worker`.
    about: str
    question: str
    options: tuple[str, ...]
    #: What stands at the deadline.
    default: str
    deadline_s: float | None = None
    evidence: dict[str, Any] = {}
    blocks: bool = True


class DecisionAnswered(FactForm, frozen=True, kw_only=True, tag="decision_answered"):
    """The answer stands; what it means for its task, or worker type, follows as facts of its own."""

    graph: str = ""
    task: str = ""
    worker: str = ""
    ref: str
    choice: str
    note: str = ""
    by: str = ""


class JudgeAsked(FactForm, frozen=True, kw_only=True, tag="judge_asked"):
    """A judge, a task of its own, is to give a verdict on the task's last attempt, or to answer a decision about it."""

    graph: str
    task: str
    #: Id and document of the judge's task.
    judge: str
    document: dict[str, Any]
    #: Ref of the decision; empty: a verdict is wanted.
    decision: str = ""


class Judged(FactForm, frozen=True, kw_only=True, tag="judged"):
    """What a judge came to; what it means for the task follows as facts of its own."""

    graph: str
    task: str
    judge: str
    #: `pass`, `fail`, `unsure`, `impossible`, `error`; of a decision: `answered`, `unsure`, `late`.
    outcome: str
    why: str = ""
    feedback: str = ""
    #: What it found: criteria with evidence, findings.
    verdict: dict[str, Any] = {}


class TaskBlocked(FactForm, frozen=True, kw_only=True, tag="task_blocked"):
    """Its attempt is over, its question is not: it waits for the answer."""

    graph: str
    task: str
    ref: str


class TaskHeld(FactForm, frozen=True, kw_only=True, tag="task_held"):
    """An edit gave it something to wait for again."""

    graph: str
    task: str


class TaskRevived(FactForm, frozen=True, kw_only=True, tag="task_revived"):
    """It will run again, in place; its attempts stay, its retries begin anew."""

    graph: str
    task: str


class TasksAdded(FactForm, frozen=True, kw_only=True, tag="tasks_added"):
    """The graph has more tasks; documents are normalised ones."""

    graph: str
    documents: tuple[dict[str, Any], ...]


class TaskUpdated(FactForm, frozen=True, kw_only=True, tag="task_updated"):
    """The task's whole document from now on; `changes` says it for people."""

    graph: str
    task: str
    document: dict[str, Any]
    changes: tuple[str, ...] = ()


class GraphPaused(FactForm, frozen=True, kw_only=True, tag="graph_paused"):
    """Nothing of it starts until it is resumed."""

    graph: str
    reason: str = ""


class GraphResumed(FactForm, frozen=True, kw_only=True, tag="graph_resumed"):
    """It goes on."""

    graph: str


class GraphReopened(FactForm, frozen=True, kw_only=True, tag="graph_reopened"):
    """It was over and has work again."""

    graph: str


class GraphLimited(FactForm, frozen=True, kw_only=True, tag="graph_limited"):
    """How many of its attempts may run at once; None: no bound of its own."""

    graph: str
    parallel: int | None = None


class GraphBudgeted(FactForm, frozen=True, kw_only=True, tag="graph_budgeted"):
    """What it may use in all from now on; None: no bound."""

    graph: str
    usd: float | None = None
    tokens: int | None = None
    attempts: int | None = None


class GraphForgotten(FactForm, frozen=True, kw_only=True, tag="graph_forgotten"):
    """It is over and is not kept any longer; its files go."""

    graph: str


class WorkerPaused(FactForm, frozen=True, kw_only=True, tag="worker_paused"):
    """Nothing of this worker type starts until it is resumed, or until `until_utc`."""

    worker: str
    reason: str = ""
    until_utc: float | None = None
    #: How often in a row its quota was used up; 0: it was paused for another reason.
    times: int = 0


class WorkerResumed(FactForm, frozen=True, kw_only=True, tag="worker_resumed"):
    """The worker type takes work again."""

    worker: str


class WorkerParked(FactForm, frozen=True, kw_only=True, tag="worker_parked"):
    """Its hosts died too often: none is started until it is released. What runs of it runs on, unwatched."""

    worker: str
    reason: str = ""
    #: How often in a row.
    times: int = 1


class WorkerUnparked(FactForm, frozen=True, kw_only=True, tag="worker_unparked"):
    """Its hosts are tried again."""

    worker: str
    #: Somebody said so: earlier parkings do not count any more.
    afresh: bool = False


class WorkerLimited(FactForm, frozen=True, kw_only=True, tag="worker_limited"):
    """How many attempts of the type may run at once; None: as configured."""

    worker: str
    parallel: int | None = None


class WorkerEased(SilentFact, frozen=True, kw_only=True, tag="worker_eased"):
    """An attempt of the type succeeded: its quota is not used up any more, however often in a row it was."""

    worker: str


class AttemptEnded(FactForm, frozen=True, kw_only=True, tag="attempt_ended"):
    """It is over. `cls` is its failure class, None for success."""

    graph: str
    task: str
    attempt: int
    exit_code: int | None = None
    cls: str | None = None
    message: str = ""
    started_utc: float = 0.0
    ended_utc: float = 0.0
    duration_s: float = 0.0
    #: The JSON value it handed back, where that is small; a larger one stays in its file.
    result: Raw = NOTHING
    #: The value is in the attempt's result file.
    result_in_file: bool = False
    #: The end of its output, where it did not succeed.
    tail: str = ""
    #: The end of what its validation command printed, where it is not valid.
    checked: str = ""
    #: Of an agent: what it used, and the session that it had in the end.
    usage: Usage | None = None
    session: str = ""
    #: Files that it left, where it succeeded.
    artifacts: tuple[Artifact, ...] = ()


class RetryScheduled(FactForm, frozen=True, kw_only=True, tag="retry_scheduled"):
    """Another attempt will follow at `at_utc`, `delay_s` from the moment of the decision."""

    graph: str
    task: str
    #: Number of the attempt to come.
    attempt: int
    at_utc: float
    delay_s: float


class TaskEnded(FactForm, frozen=True, kw_only=True, tag="task_ended"):
    """The task is in a terminal state for good."""

    graph: str
    task: str
    state: TaskState
    cls: str | None = None
    reason: str = ""
    #: It failed, and its dependents go on as if it were done (`on_fail: continue`).
    forgiven: bool = False


class TaskQuarantined(FactForm, frozen=True, kw_only=True, tag="task_quarantined"):
    """Facts of it made no sense and were passed over; it has failed, whatever it was, and its open attempt is unknown.

    Its attempts that it may have had go up to `attempts`; `judges` are those that it may have had besides.
    """

    graph: str
    task: str
    reason: str
    attempts: int = 0
    judges: tuple[str, ...] = ()


class GraphCancelling(FactForm, frozen=True, kw_only=True, tag="graph_cancelling"):
    """Nothing of the graph starts any more; it will end as `outcome`."""

    graph: str
    reason: str = ""
    outcome: GraphState = "cancelled"


class GraphEnded(FactForm, frozen=True, kw_only=True, tag="graph_ended"):
    """Every task is terminal."""

    graph: str
    state: GraphState
    reason: str = ""


class GraphEdited(SilentFact, frozen=True, kw_only=True, tag="graph_edited"):
    """Somebody has cancelled some of it: its version rises. What came of it, other facts tell."""

    graph: str


class ConsumerOpened(SilentFact, frozen=True, kw_only=True, tag="consumer_opened"):
    """A reader of events has a name from now on; what comes after event `seq` is kept for it until it acknowledges."""

    consumer: str
    seq: int
    #: Kinds of events, and graphs, that it wants; none: all.
    kinds: tuple[str, ...] = ()
    graphs: tuple[str, ...] = ()


class ConsumerAdvanced(SilentFact, frozen=True, kw_only=True, tag="consumer_advanced"):
    """It has acknowledged everything up to event `seq`."""

    consumer: str
    seq: int


class ConsumerForgotten(SilentFact, frozen=True, kw_only=True, tag="consumer_forgotten"):
    """Nothing is kept for it any longer; its name means nobody."""

    consumer: str


#: Facts that events tell of, one each.
ToldFact = (
    GraphSubmitted
    | TaskReady
    | AttemptStarting
    | AttemptAdopted
    | AttemptStopping
    | AttemptProgressed
    | AttemptEnded
    | RetryScheduled
    | TaskEnded
    | TaskQuarantined
    | DecisionAsked
    | DecisionAnswered
    | TaskBlocked
    | JudgeAsked
    | Judged
    | TaskHeld
    | TaskRevived
    | TasksAdded
    | TaskUpdated
    | GraphPaused
    | GraphResumed
    | GraphReopened
    | GraphLimited
    | GraphBudgeted
    | GraphForgotten
    | GraphCancelling
    | GraphEnded
    | WorkerPaused
    | WorkerResumed
    | WorkerParked
    | WorkerUnparked
    | WorkerLimited
)

Fact = ToldFact | GraphEdited | WorkerEased | ConsumerOpened | ConsumerAdvanced | ConsumerForgotten
