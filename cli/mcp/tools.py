"""What each tool does: asks the daemon, and puts the answer into its form. Knows nothing of MCP.

The place for a new tool: its forms in `forms.py`, a function here, its line in TOOLS.
"""

import os
import re
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict

from orch_actors.cli import faults
from orch_actors.cli.mcp import bounds
from orch_actors.cli.mcp import forms as f
from orch_actors.cli.mcp.waiting import wait
from orch_actors.cli.mine import mine_of
from orch_actors.cli.targets import named_task
from orch_actors.cli.words import id_from, split_target
from orch_actors.protocol.client import Client
from orch_actors.protocol.inbox import KINDS, consumer_of, read_inbox
from orch_actors.protocol.messages import Edited
from orch_actors.protocol.submitter import submitter
from orch_actors.protocol.views import DecisionView, GraphSummary

#: Tells how far a tool has come: so much, of so much, in words. Raises where nobody waits for the answer any more.
Tell = Callable[[float, float, str], None]

#: Bytes of a log that are searched in one call.
_SEARCHED: Final = 1 << 20
_QUESTION: Final = 600


class Desk(Struct, frozen=True, kw_only=True):
    """What every tool is given."""

    client: Client
    #: The server's folder.
    folder: str


def submit(desk: Desk, takes: f.Submit, tell: Tell) -> f.Submitted:
    """`orch_submit`."""
    del tell
    given = [name for name in ("graph", "file", "command") if asdict(takes)[name] is not None]
    if len(given) != 1:
        said = f"{' and '.join(given)} are given" if given else "nothing to submit was given"
        raise faults.usage(said, "give one of: graph (an object), file (a path), command (text or a list)")
    folder = _folder(desk, takes.folder)
    document, base_dir = _document(takes, folder)
    if takes.name is not None:
        document = {**document, "name": takes.name}
    done = desk.client.submit(document, key=takes.key, base_dir=base_dir, dry_run=takes.dry_run)
    next_ = "submit it without dry_run" if done.dry_run else "go on with other work; orch_inbox tells when it has ended"
    return f.Submitted(
        graph=done.graph, name=done.name, tasks=done.tasks, existing=done.existing, dry_run=done.dry_run, next=next_
    )


def _folder(desk: Desk, folder: str | None) -> str:
    path = os.path.normpath(os.path.join(desk.folder, os.path.expanduser(folder or "")))
    if not os.path.isdir(path):
        raise faults.usage(f"there is no folder {path}", "name one that exists, or leave `folder` out")
    return path


def _document(takes: f.Submit, folder: str) -> tuple[dict[str, Any], str]:
    """The document, and the folder that its relative paths are read from."""
    if takes.command is not None:
        words = takes.command if isinstance(takes.command, list) else takes.command.split()
        if not words:
            raise faults.usage("the command is empty", 'for example "make all"')
        name = id_from(os.path.basename(words[0]), "task")
        return {"name": name, "tasks": [{"id": name, "command": takes.command}]}, folder
    from orch_actors.protocol.spec.load import load_graph

    if takes.file is not None:
        path = os.path.normpath(os.path.join(folder, os.path.expanduser(takes.file)))
        loaded = load_graph(path, params=takes.params)
        return loaded.document, loaded.base_dir
    return fill(takes.graph or {}, takes.params), folder


def fill(document: dict[str, Any], params: dict[str, str]) -> dict[str, Any]:
    """A document with its parameters filled in.

    Raises:
        Refused: INVALID_GRAPH, they do not fit.
    """
    from orch_actors.protocol.spec.params import fill as fill_in
    from orch_actors.protocol.spec.places import Findings

    findings = Findings()
    filled = fill_in(document, params, findings)
    if findings:
        findings.refuse()
    return filled


def status(desk: Desk, takes: f.Status, tell: Tell) -> f.StatusTold:
    """`orch_status`."""
    del tell
    if takes.id is not None:
        graph, task, _ = split_target(takes.id)
        budget = {0: bounds.LINE, 1: 4_000}.get(takes.layer, bounds.PIECE)
        found = desk.client.context(graph, task, layer=takes.layer, budget=budget)
        id_ = found.graph if found.task is None else f"{found.graph}/{found.task}"
        text = bounds.log_budget(found.text, bounds.PIECE)
        more = "more: layer 2 (results), layer 3 (output), orch_logs" if found.cut else ""
        return f.StatusTold(id=id_, text=text, cut=found.cut + len(found.text) - len(text), next=more)
    view = desk.client.status()
    view = view if takes.everyone else mine_of(view)
    shown = newest_first(view.graphs)[: bounds.ITEMS]
    ids = {graph.id for graph in view.graphs}
    open_ = sum(1 for decision in desk.client.decisions() if decision.graph in ids)
    hints = ["orch_status with an id says more"] if shown else ["nothing was submitted from here; orch_submit does"]
    hints += ["orch_decisions has the open questions"] if open_ else []
    hints += [f"{view.elsewhere} graphs are of others: everyone = true shows them"] if view.elsewhere else []
    return f.StatusTold(
        graphs=lines(shown),
        more=len(view.graphs) - len(shown),
        decisions=open_,
        next="; ".join(hints),
    )


def newest_first(graphs: tuple[GraphSummary, ...]) -> list[GraphSummary]:
    """Those that go on before those that are over, each the newest first."""
    latest = graphs[::-1]
    return [graph for over in (False, True) for graph in latest if (graph.ended_utc is not None) is over]


def lines(graphs: list[GraphSummary]) -> tuple[f.Line, ...]:
    """A line for each graph, from its summary alone."""
    return tuple(f.Line(graph=graph.id, state=graph.state, line=summary_line(graph)) for graph in graphs)


def summary_line(graph: GraphSummary) -> str:
    """`g7 nightly done (5 done)`."""
    counts = ", ".join(f"{count} {state}" for state, count in sorted(graph.counts.items()))
    return bounds.line(f"{graph.id} {graph.name} {graph.state} ({counts})")


def result(desk: Desk, takes: f.Result, tell: Tell) -> f.ResultTold:
    """`orch_result`."""
    del tell
    graph, task = named_task(takes.task, "result")
    found = desk.client.result(graph, task)
    value = part_of(found.value, takes.path)
    name = f"{found.graph}/{found.task}"
    if bounds.fits(value, bounds.PIECE):
        more = f"it left {len(found.artifacts)} artifacts: orch_status of the task, layer 2" if found.artifacts else ""
        return f.ResultTold(task=name, attempt=found.attempt, value=value, next=more)
    text = bounds.log_budget(bounds.spelled(value), bounds.PIECE)
    return f.ResultTold(
        task=name,
        attempt=found.attempt,
        text=text,
        cut=len(bounds.spelled(value)) - len(text),
        next=f"name a part by `path`: {bounds.line(parts_of(value), 400)}",
    )


def part_of(value: Any, path: str) -> Any:
    """What is found at a path.

    Raises:
        CommandFault: there is nothing; says what there is.
    """
    at = ""
    for step in path.split(".") if path else ():
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            raise faults.usage(
                f"the result has nothing at {bounds.line(f'{at}{step}', 200)}", bounds.line(parts_of(value))
            )
        at += f"{step}."
    return value


def parts_of(value: Any) -> str:
    """What a value consists of, in words."""
    if isinstance(value, dict):
        return f"it has {', '.join(map(str, list(value)[:40]))}" if value else "it is empty"
    if isinstance(value, list):
        return f"it has the places 0 to {len(value) - 1}" if value else "it is empty"
    return f"it is {type(value).__name__}, and has no parts"


def logs(desk: Desk, takes: f.Logs, tell: Tell) -> f.LogsTold:
    """`orch_logs`."""
    graph, task = named_task(takes.task, "logs")
    if takes.pattern is None:
        piece = desk.client.read_log(
            graph, task, attempt=takes.attempt, stream=takes.stream, offset=takes.offset, limit=takes.limit
        )
        text, used = fitted(piece.data)
        return f.LogsTold(
            text=text,
            offset=piece.offset,
            next_offset=piece.offset + used,
            size=piece.size,
            ended=piece.ended,
            path=piece.path,
            next=_going_on(piece.offset + used, piece.size, ended=piece.ended),
        )
    return _search(desk, takes, graph, task, tell)


def _going_on(offset: int, size: int, *, ended: bool) -> str:
    if offset < size:
        return f"{size - offset} bytes follow: offset {offset}"
    return "" if ended else "it still runs; read on later"


def fitted(data: bytes) -> tuple[str, int]:
    """Bytes as text that is not too long as JSON, and how many of them it is."""
    text = data.decode(errors="backslashreplace")
    if bounds.fits(text, bounds.PIECE):
        return text, len(data)
    keep = len(data) * bounds.PIECE // (len(bounds.spelled(text)) + 1)
    return fitted(data[:keep])


def _search(desk: Desk, takes: f.Logs, graph: str, task: str, tell: Tell) -> f.LogsTold:
    """Lines with the pattern: of at most `_SEARCHED` bytes, at most `limit` of them."""
    try:
        wanted = re.compile(takes.pattern or "")
    except re.error as error:
        raise faults.usage(f"pattern: {error}", "give a regular expression of Python's") from error
    offset = 0 if takes.offset == f.Logs(task="g/t").offset else takes.offset
    piece = desk.client.read_log(
        graph, task, attempt=takes.attempt, stream=takes.stream, offset=offset, limit=_SEARCHED
    )
    tell(0, 1, "searching")
    found: list[str] = []
    at = piece.offset
    for raw in piece.data.split(b"\n"):
        text = raw[:2000].decode(errors="backslashreplace")
        if wanted.search(text):
            entry = f"{at}: {bounds.line(text, 400)}"
            if len(found) == takes.limit or not bounds.fits("\n".join([*found, entry]), bounds.PIECE):
                break
            found.append(entry)
        at += len(raw) + 1
    at = min(at, piece.offset + len(piece.data))
    return f.LogsTold(
        text="\n".join(found),
        offset=piece.offset,
        next_offset=at,
        size=piece.size,
        ended=piece.ended,
        path=piece.path,
        next="each line begins with its offset" + ("" if at >= piece.size else f"; search on from offset {at}"),
    )


def add(desk: Desk, takes: f.Add, tell: Tell) -> f.Changed:
    """`orch_add`."""
    del tell
    return _edited(
        desk.client.add(takes.graph, takes.tasks, base_dir=_folder(desk, takes.folder), dry_run=takes.dry_run)
    )


def _edited(edited: Edited) -> f.Changed:
    changes, more = bounds.names(edited.changes)
    return f.Changed(
        graph=edited.graph,
        changes=changes,
        more=more,
        version=edited.version,
        dry_run=edited.dry_run,
        next="nothing was changed: do it without dry_run" if edited.dry_run else "orch_inbox tells when it has ended",
    )


def cancel(desk: Desk, takes: f.Cancel, tell: Tell) -> f.Changed:
    """`orch_cancel`."""
    del tell
    graph, task, _ = split_target(takes.id)
    done = desk.client.cancel(graph, task, reason=takes.reason, dry_run=takes.dry_run)
    told = [f"cancelled {name}" for name in done.tasks] + [f"skipped {name}" for name in done.skipped]
    changes, more = bounds.names(tuple(told))
    return f.Changed(
        graph=done.graph,
        changes=changes,
        more=more,
        version=done.version,
        dry_run=done.dry_run,
        next="what runs ends within its grace; orch_retry takes it back",
    )


def retry(desk: Desk, takes: f.Retry, tell: Tell) -> f.Changed:
    """`orch_retry`."""
    del tell
    graph, task, _ = split_target(takes.id)
    if takes.set and task is None:
        raise faults.usage("`set` changes one task, and none is named", "give id as GRAPH/TASK")
    base_dir = _folder(desk, takes.folder)
    return _edited(desk.client.retry(graph, task, changes=takes.set or None, base_dir=base_dir, dry_run=takes.dry_run))


def decisions(desk: Desk, takes: f.Decisions, tell: Tell) -> f.DecisionsTold:
    """`orch_decisions`."""
    del tell
    if (takes.ref is None) != (takes.choice is None):
        raise faults.usage("to answer a question, both ref and choice are needed", "give both, or none to list them")
    if takes.ref is not None and takes.choice is not None:
        done = desk.client.decide(takes.ref, takes.choice, note=takes.note)
        said = "it had this answer already" if done.existing else "its task goes on"
        return f.DecisionsTold(answered=done.ref, choice=done.choice, next=said)
    found = desk.client.decisions(takes.graph)
    if takes.graph is None and not takes.everyone:
        mine = {graph.id for graph in mine_of(desk.client.status()).graphs}
        found = tuple(decision for decision in found if decision.graph in mine or decision.worker)
    shown = tuple(question(decision) for decision in found[:10])
    return f.DecisionsTold(
        decisions=shown,
        more=len(found) - len(shown),
        next="answer with ref and choice" if found else "no question is open",
    )


def question(decision: DecisionView) -> f.Question:
    """A decision, bounded."""
    about = f"worker {decision.worker}" if decision.worker else f"{decision.graph}/{decision.task}"
    options, _ = bounds.names(decision.options, 10)
    return f.Question(
        ref=decision.ref,
        about=bounds.line(about, 160),
        question=bounds.line(decision.question, _QUESTION),
        options=options,
        default=bounds.line(decision.default or "", 160),
        deadline_utc=decision.deadline_utc or "",
    )


def inbox(desk: Desk, takes: f.Inbox, tell: Tell) -> f.InboxTold:
    """`orch_inbox`."""
    del tell
    name = submitter()
    if takes.ack is not None:
        desk.client.open_consumer(consumer_of(name), kinds=KINDS)
        desk.client.ack_events(consumer_of(name), takes.ack)
    found = read_inbox(desk.client, name, graphs=10)
    items = tuple(
        f.News(
            graph=item.graph,
            state=item.state,
            ended=item.ended,
            line=bounds.line(item.line),
            failed=tuple(f"{item.graph}/{task}" for task in item.failed),
            decisions=tuple(question(decision) for decision in item.decisions[:1]),
        )
        for item in found.items
    )
    next_ = f"deal with these, then orch_inbox with ack = {found.through}" if items or found.lost else "nothing new"
    lost = "" if not found.lost else f"{found.lost.partition(':')[0]}: look for what ended then with orch_status"
    return f.InboxTold(items=items, through=found.through, more=found.more, lost=lost, next=next_)


class Tool(Struct, frozen=True, kw_only=True):
    """One tool: its name without the prefix is its function's."""

    run: Callable[[Desk, Any, Tell], f.Tells]
    takes: type[f.Takes]
    tells: type[f.Tells]
    does: str
    #: It changes nothing.
    reads: bool = False


TOOLS: Final = {
    "orch_submit": Tool(
        run=submit, takes=f.Submit, tells=f.Submitted,
        does="Hand over a command, a graph of tasks, or a graph file; it runs in the background. Answers at once.",
    ),
    "orch_status": Tool(
        run=status, takes=f.Status, tells=f.StatusTold, reads=True,
        does="Without id: what this session or folder submitted. With one: what a graph or task came to, and why.",
    ),
    "orch_result": Tool(
        run=result, takes=f.Result, tells=f.ResultTold, reads=True, does="What a task handed back, as JSON, or a part.",
    ),
    "orch_logs": Tool(
        run=logs, takes=f.Logs, tells=f.LogsTold, reads=True,
        does="A bounded piece of what a task wrote, its end by default; or the lines that match a pattern.",
    ),
    "orch_wait": Tool(
        run=wait, takes=f.Wait, tells=f.WaitTold, reads=True,
        does="Block until graphs have ended, for `timeout` seconds at most. Better: other work, and orch_inbox.",
    ),
    "orch_add": Tool(run=add, takes=f.Add, tells=f.Changed, does="Add tasks to a graph, also to one that is over."),
    "orch_cancel": Tool(run=cancel, takes=f.Cancel, tells=f.Changed, does="End a graph, or one task of it."),
    "orch_retry": Tool(
        run=retry, takes=f.Retry, tells=f.Changed,
        does="Run again what failed or was cancelled, in place; or one task, with changed fields.",
    ),
    "orch_decisions": Tool(
        run=decisions, takes=f.Decisions, tells=f.DecisionsTold,
        does="The open questions about tasks; with ref and choice: answer one.",
    ),
    "orch_inbox": Tool(
        run=inbox, takes=f.Inbox, tells=f.InboxTold,
        does="What ended, failed or asks since you last acknowledged, over restarts of you and of the daemon.",
    ),
}  # fmt: skip
