"""What a graph and its tasks may say: the Structs behind graph files and submissions.

A *document* is the plain JSON form (what a YAML, JSON or TOML file holds, what travels, what is journalled);
these Structs are the same thing typed. `parse.py` turns a document into Structs, `document.py` turns Structs
into a document; both directions are total, so nothing that a task carries can be lost on the way.

In a document a task is flat: common fields (TaskSpec) and the fields of its worker type (`work.py`) side by
side. Here the latter stand apart in `TaskSpec.work`, since the core does not look into them.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from orch_actors.protocol.spec.durations import Duration
from orch_actors.protocol.spec.judging import Deciding, Judge
from orch_actors.protocol.spec.work import Work

#: When a dependency lets its dependent go: it ended `done`, it ended `failed`, or it ended at all.
Condition = Literal["done", "failed", "finished"]

#: What happens to the rest when a task has failed for good.
OnFail = Literal["fail", "continue", "ask", "cancel_graph"]

#: What to do with an attempt of which nobody can know whether it finished.
OnUnknown = Literal["ask", "rerun", "fail"]

PositiveInt = Annotated[int, Meta(ge=1)]


class Dependency(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One dependency; in a document also just the task's id, which means condition `done`."""

    task: str
    on: Condition = "done"


class Retry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """How often a task is tried, and how long to wait in between.

    The wait before attempt n+1 is backoff × factor^(n-1), at most max_backoff, spread by ± jitter (a fraction).
    """

    attempts: Annotated[int, Meta(ge=1, le=1000)] = 1
    backoff: Duration = 0.0
    factor: Annotated[float, Meta(ge=1)] = 2.0
    max_backoff: Duration = 300.0
    jitter: Annotated[float, Meta(ge=0, le=1)] = 0.0
    #: Failure classes (failures.py) that are worth another attempt; none named: all that ever are.
    on: tuple[str, ...] = ()
    #: Exit codes that are worth another attempt; none named: all.
    exit_codes: tuple[int, ...] = ()


class Validate(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What must hold, apart from the exit code, before a task counts as done. All that is given must hold."""

    #: A command for `sh -c` (text) or argv (list), run in the task's cwd and environment; must exit 0.
    command: str | tuple[str, ...] | None = None
    #: Files that must exist and not be empty, relative to the task's cwd.
    files: tuple[str, ...] = ()
    #: A regular expression (Python's `re`) that must be found in stdout.
    pattern: str | None = None
    #: A JSON Schema (2020-12) that the task's result must satisfy.
    # Called `schema` in documents; here that name would read as the schema of this Struct.
    json_schema: dict[str, Any] | None = field(name="schema", default=None)
    timeout: Duration = 60.0


class Artifacts(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Files that each attempt that succeeds leaves."""

    #: Paths or patterns (`*`, `?`, `[…]`, `**`), relative to the task's cwd. Each must find at least one file.
    paths: tuple[str, ...] = ()
    #: Copies are kept with the attempt's files, and handed on in their place.
    copy: bool = False


class Budget(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What a task may use in all: over all of its attempts and those of its judges, retries by hand included.

    Looked at before each attempt: what is used up is not started, and fails with class `budget`.
    """

    #: Dollars, and tokens read and written, as agents report them.
    usd: Annotated[float, Meta(gt=0)] | None = None
    tokens: PositiveInt | None = None
    #: Attempts that may be started.
    attempts: PositiveInt | None = None
    #: Time that attempts may run, together; the last one is ended when it is over.
    wall: Duration | None = None


class Asking(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """How a task's decisions are asked: its approval, its failure, its own questions."""

    #: What people read; not given: a sentence made from what happened.
    question: str = ""
    #: How long an answer is waited for; not given: for ever.
    deadline: Duration | None = None
    #: The option that stands when the deadline has passed; not given: the one that does the least
    #: (`reject`, `fail`; the first option of a task's own question).
    default: str | None = None


class Secret(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Where the value of a secret is found: exactly one of these. The value itself stands in no document."""

    #: A variable of the daemon's, as it was when it started.
    env: str | None = None
    #: A file, relative to the task's cwd.
    file: str | None = None
    #: A command that prints it, run in the task's cwd and environment: text for `sh -c`, or argv.
    command: str | tuple[str, ...] | None = None


#: What a callback may be told of.
Occasion = Literal["graph_ended", "task_failed", "decision_asked"]


class Callback(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What is told to whom when something has happened. Exactly one of `command`, `url` and `append`."""

    on: tuple[Occasion, ...] = ("graph_ended", "task_failed", "decision_asked")
    #: Text for `sh -c`, or argv; the event is on its stdin, as JSON.
    command: str | tuple[str, ...] | None = None
    #: The event is POSTed there: http or https. One that is a secret itself is referred to.
    url: str | Secret | None = None
    #: A file, at whose end a line is put.
    append: str | None = None
    #: The key of the signature of what is POSTed.
    secret: Secret | None = None
    #: Where commands run, and what `secret.file` is relative to; not given: the graph's folder.
    cwd: str | None = None
    #: Of one try.
    timeout: Duration = 30.0
    #: An event that could not be delivered for so long is passed over, which is logged.
    give_up: Duration = 86400.0


class TaskSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One task: who does it, what it waits for, and its policies. Times are seconds.

    Invariant: whatever is set here is honoured, or the submission is refused by name.
    """

    id: str
    #: What to do; the class is that of the worker type (ShellWork, PythonWork, …).
    work: Work
    worker: str = "shell"
    #: Kind of its worker type, where that is one of the configuration. Filled in when the task is read, so that it can
    #: be read again when the configuration has changed.
    kind: str = ""
    title: str = ""
    depends_on: tuple[Dependency, ...] = ()
    cwd: str | None = None
    #: It runs in a git worktree of its own, of the repository that `cwd` is in.
    worktree: bool = False
    env: dict[str, str] = {}
    #: Variables whose values are looked up just before an attempt starts, and written down nowhere.
    secrets: dict[str, Secret] = {}
    #: Longest run of one attempt.
    timeout: Duration | None = None
    #: Longest silence on stdout and stderr of one attempt.
    idle_timeout: Duration | None = None
    #: Longest time from ready to terminal, with waiting and retries.
    deadline: Duration | None = None
    #: Between TERM and KILL.
    grace: Duration = 5.0
    retry: Retry = Retry()
    validate: Validate | None = None
    artifacts: Artifacts = Artifacts()
    #: A sub-agent's verdict on each attempt that succeeded and is valid.
    judge: Judge | None = None
    #: Who answers the questions about it.
    decisions: Deciding = Deciding()
    on_fail: OnFail = "fail"
    on_unknown: OnUnknown = "ask"
    #: Higher runs first among ready tasks of a worker type.
    priority: Annotated[int, Meta(ge=-1000, le=1000)] = 0
    #: A person's yes is needed before the first attempt.
    approve: bool = False
    ask: Asking = Asking()
    #: Shares of the daemon's named capacities that an attempt holds.
    resources: dict[str, Annotated[float, Meta(gt=0)]] = {}
    #: Names of locks; two tasks that share one never run at once.
    exclusive: tuple[str, ...] = ()
    budget: Budget = Budget()


class Limits(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Bounds of a whole graph."""

    #: Attempts of this graph that may run at once.
    parallel: PositiveInt | None = None
    #: Longest time from submission to the graph's end.
    wall: Duration | None = None
    #: What its agents may spend, and the attempts that may be started, in all; see Budget.
    usd: Annotated[float, Meta(gt=0)] | None = None
    tokens: PositiveInt | None = None
    attempts: PositiveInt | None = None


class GraphSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A graph: a named DAG of tasks, submitted as one unit.

    Example:
        >>> GraphSpec(name="demo", tasks=(TaskSpec(id="hello", work=ShellWork(command="echo hi")),))
    """

    name: str
    tasks: tuple[TaskSpec, ...]
    goal: str = ""
    limits: Limits = Limits()
    #: Failed tasks with `on_fail: continue` do not make the graph's outcome `failed`.
    tolerant: bool = False
    #: Who is told of what happens to it.
    callbacks: tuple[Callback, ...] = ()
    #: A folder, in which a folder of the graph's id has an `inbox.jsonl` and an `outbox.jsonl`.
    files: str | None = None
