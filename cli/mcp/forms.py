"""What each tool takes and answers. Agents see schemas made from these, so comments are `Meta` descriptions."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from orch_actors.cli.mcp.bounds import PIECE

Ref = Annotated[str, Meta(description="A graph: its id (g7), or its name.", min_length=1, max_length=200)]
Target = Annotated[str, Meta(description="GRAPH or GRAPH/TASK, such as g7 or g7/build.", min_length=1, max_length=300)]
TaskRef = Annotated[str, Meta(description="GRAPH/TASK, such as g7/build.", min_length=3, max_length=300)]
DryRun = Annotated[bool, Meta(description="Only check, change nothing.")]
Folder = Annotated[str | None, Meta(description="Where relative paths are read from; default: the server's folder.")]
Next = Annotated[str, Meta(description="What makes sense next.")]


class Takes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of a tool."""


class Tells(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer of a tool."""


class Submit(Takes, frozen=True, kw_only=True):
    """One of `graph`, `file` and `command`."""

    graph: Annotated[
        dict[str, Any] | None,
        Meta(description='A graph: {"name": …, "tasks": [{"id", "command" or "prompt", "depends_on": [ids], …}]}.'),
    ] = None
    file: Annotated[str | None, Meta(description="A graph file (YAML, JSON, TOML).")] = None
    command: Annotated[
        str | list[str] | None, Meta(description="One command: text for sh -c, or a list that is run as it stands.")
    ] = None
    name: Annotated[str | None, Meta(description="The graph's name.")] = None
    key: Annotated[str | None, Meta(description="Idempotency: submitting again with it gives the same graph.")] = None
    params: Annotated[dict[str, str], Meta(description="Fills ${params.NAME} of a file or graph.")] = {}
    folder: Folder = None
    dry_run: DryRun = False


class Submitted(Tells, frozen=True, kw_only=True):
    """It is on disk and begins."""

    graph: Annotated[str, Meta(description="Its id; empty after a dry run.")]
    name: str
    tasks: int
    existing: Annotated[bool, Meta(description="The key was known: this is the graph from then.")] = False
    dry_run: bool = False
    next: Next = ""


class Status(Takes, frozen=True, kw_only=True):
    """Without `id`: everything that this session or folder submitted."""

    id: Annotated[str | None, Meta(description="GRAPH or GRAPH/TASK; none: all of mine.")] = None
    layer: Annotated[
        int, Meta(description="Of an id: 0 a line, 1 an overview, 2 results and verdicts, 3 output.", ge=0, le=3)
    ] = 1
    everyone: Annotated[bool, Meta(description="Without id: graphs of other sessions and folders, too.")] = False


class Line(Tells, frozen=True, kw_only=True):
    """A graph in a line."""

    graph: str
    state: str
    line: str


class StatusTold(Tells, frozen=True, kw_only=True):
    """Graphs, the newest first; or one graph or task, as text."""

    graphs: tuple[Line, ...] = ()
    more: Annotated[int, Meta(description="Graphs that are not shown.")] = 0
    decisions: Annotated[int, Meta(description="Open questions of these graphs.")] = 0
    id: str = ""
    text: str = ""
    cut: Annotated[int, Meta(description="Characters that were left out, at least.")] = 0
    next: Next = ""


class Result(Takes, frozen=True, kw_only=True):
    """What a task handed back."""

    task: TaskRef
    path: Annotated[
        str, Meta(description="A part of it: names and list positions with dots between, such as files.0.name.")
    ] = ""


class ResultTold(Tells, frozen=True, kw_only=True):
    """The value, or the beginning of its JSON where it is too large."""

    task: str
    attempt: int
    value: Any = None
    text: Annotated[str, Meta(description="The beginning of its JSON, where it is too large to be `value`.")] = ""
    cut: Annotated[int, Meta(description="Characters that were left out.")] = 0
    next: Next = ""


class Logs(Takes, frozen=True, kw_only=True):
    """A bounded piece of a task's output."""

    task: TaskRef
    stream: Annotated[str, Meta(pattern="^(stdout|stderr|validation)$")] = "stdout"
    attempt: Annotated[int, Meta(description="0: the latest.", ge=0)] = 0
    offset: Annotated[int, Meta(description="In bytes; negative: from the end.")] = -4000
    limit: Annotated[int, Meta(description="Bytes, or with `pattern` lines that match.", ge=1, le=PIECE)] = 4000
    pattern: Annotated[
        str | None, Meta(description="Only lines in which this regular expression is found, from `offset` on.")
    ] = None


class LogsTold(Tells, frozen=True, kw_only=True):
    """Text, and where to go on."""

    text: str
    offset: Annotated[int, Meta(description="Where the text begins, in bytes.")]
    next_offset: Annotated[int, Meta(description="Name it as `offset` to read on.")]
    size: int
    ended: Annotated[bool, Meta(description="The attempt is over: nothing will be added.")]
    path: str = ""
    next: Next = ""


class Wait(Takes, frozen=True, kw_only=True):
    """Blocks for at most `timeout` seconds."""

    graphs: Annotated[list[Ref], Meta(description="None: all of mine that go on.", max_length=100)] = []
    any: Annotated[bool, Meta(description="Until one of them has ended, not all.")] = False
    timeout: Annotated[float, Meta(description="Seconds.", ge=0, le=600)] = 45


class WaitTold(Tells, frozen=True, kw_only=True):
    """What has ended and what goes on."""

    ended: tuple[Line, ...] = ()
    running: tuple[Line, ...] = ()
    more: Annotated[int, Meta(description="Graphs that are not shown.")] = 0
    timed_out: bool = False
    next: Next = ""


class Add(Takes, frozen=True, kw_only=True):
    """More tasks for a graph."""

    graph: Ref
    tasks: Annotated[list[dict[str, Any]], Meta(description="As in a graph.", min_length=1, max_length=10_000)]
    folder: Folder = None
    dry_run: DryRun = False


class Cancel(Takes, frozen=True, kw_only=True):
    """End a graph, or one task."""

    id: Target
    reason: Annotated[str, Meta(max_length=1000)] = ""
    dry_run: DryRun = False


class Retry(Takes, frozen=True, kw_only=True):
    """Run again what is over."""

    id: Annotated[
        str, Meta(description="GRAPH: all that failed or were cancelled. GRAPH/TASK: that one.", min_length=1)
    ]
    set: Annotated[dict[str, Any], Meta(description="Fields to change before it runs; only for one task.")] = {}
    folder: Folder = None
    dry_run: DryRun = False


class Changed(Tells, frozen=True, kw_only=True):
    """What an edit came to."""

    graph: str
    changes: tuple[str, ...] = ()
    more: Annotated[int, Meta(description="Changes that are not shown.")] = 0
    version: int = 0
    dry_run: bool = False
    next: Next = ""


class Decisions(Takes, frozen=True, kw_only=True):
    """List the open questions, or answer one."""

    graph: Annotated[str | None, Meta(description="Only those of one graph.")] = None
    ref: Annotated[str | None, Meta(description="The question to answer, such as d3.")] = None
    choice: Annotated[str | None, Meta(description="One of its options.")] = None
    note: Annotated[str, Meta(description="Why.", max_length=4000)] = ""
    everyone: Annotated[bool, Meta(description="Those of other sessions and folders, too.")] = False


class Question(Tells, frozen=True, kw_only=True):
    """An open question about one task, or a worker type."""

    ref: str
    about: str
    question: str
    options: tuple[str, ...] = ()
    default: str = ""
    deadline_utc: str = ""


class DecisionsTold(Tells, frozen=True, kw_only=True):
    """Open questions; or the answer that stands."""

    decisions: tuple[Question, ...] = ()
    more: int = 0
    answered: str = ""
    choice: str = ""
    next: Next = ""


class Inbox(Takes, frozen=True, kw_only=True):
    """Read, and acknowledge what an earlier reading told."""

    ack: Annotated[
        int | None, Meta(description="`through` of a reading whose items are dealt with: not told again.")
    ] = None


class News(Tells, frozen=True, kw_only=True):
    """What came of one graph."""

    graph: str
    state: str
    ended: bool
    line: str
    failed: Annotated[tuple[str, ...], Meta(description="Some of the tasks that failed.")] = ()
    decisions: tuple[Question, ...] = ()


class InboxTold(Tells, frozen=True, kw_only=True):
    """What ended or asks since it was last acknowledged."""

    items: tuple[News, ...] = ()
    through: Annotated[int, Meta(description="Name it as `ack` once the items are dealt with.")] = 0
    more: Annotated[bool, Meta(description="There is more, once these are acknowledged.")] = False
    lost: Annotated[str, Meta(description="What cannot be told any more, if anything.")] = ""
    next: Next = ""
