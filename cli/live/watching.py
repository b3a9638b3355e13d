"""`run`: submit, watch to the end, sum up.

What is shown is folded from events (`progress.py`), from before the submission on, so none is missed; what is said at
the end is asked of the daemon anew. Ctrl-C only detaches: the graph is the daemon's, not this terminal's.
"""

import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from orch_actors.cli import faults
from orch_actors.cli.escape import one_line
from orch_actors.cli.live.audience import leave_with_the_reader
from orch_actors.cli.live.progress import Progress
from orch_actors.cli.output import may_redraw, note, say, say_json, stdout_style
from orch_actors.cli.render.accepted import accepted_line
from orch_actors.cli.render.decisions import asked_hint
from orch_actors.cli.render.outcome import failures, outcome_text
from orch_actors.cli.render.progress import event_text, frame
from orch_actors.cli.render.style import Style
from orch_actors.cli.session import Session
from orch_actors.cli.submission import Submission, prepare, send
from orch_actors.protocol.errors import Refused, Unavailable

if TYPE_CHECKING:
    from orch_actors.protocol.client import Client
    from orch_actors.protocol.messages import GraphAccepted
    from orch_actors.protocol.views import Event, GraphView

#: Of what a failed task wrote last.
_LAST_LINES = 5
_LAST_BYTES = 4096


def run(submission: Submission) -> int:
    """The verb; the exit code is the graph's outcome."""
    prepared = prepare(submission)
    session = Session(home=submission.home, as_json=submission.as_json)
    with session.client(start=not submission.no_start) as client:
        before = client.hello().head
        accepted = send(client, submission, prepared)
        try:
            return _watch(client, session, accepted, before)
        except KeyboardInterrupt:
            return _detach(session, accepted.graph)
        except Unavailable as error:
            raise _daemon_gone(session, accepted.graph) from error


def _watch(client: "Client", session: Session, accepted: "GraphAccepted", before: int) -> int:
    if not session.as_json:
        say(accepted_line(accepted.graph, accepted.name, accepted.tasks, existing=accepted.existing))
        sys.stdout.flush()
    if accepted.existing:
        # Its events lie in the past: begin with what it has come to. What happens between these two answers is
        # taken in twice, which does no harm.
        before = client.summaries([accepted.graph]).head
    progress = Progress(client.graph(accepted.graph), from_the_start=not accepted.existing)
    if not progress.ended:
        _follow(client, progress, before, session)
    view = client.graph(accepted.graph)
    if session.as_json:
        say_json(view)
    else:
        more = session.typed("status", view.id)
        say(outcome_text(view, _last_lines(client, view), time.time(), stdout_style(), more))
    return faults.GOOD if view.state == "done" else faults.NOT_DONE


def _follow(client: "Client", progress: Progress, after: int, session: Session) -> None:
    with client.follow(after) as events:
        if session.as_json:
            _until_ended(events, progress, session)
        elif may_redraw(sys.stdout):
            _follow_live(events, progress, session)
        else:
            _follow_in_lines(events, progress, session)


def _until_ended(events: "Iterable[Event]", progress: Progress, session: Session) -> None:
    for event in events:
        if not progress.apply(event):
            continue
        if event.kind == "decision_asked":
            # Without a word here the run would seem to hang; stdout is for the graph at its end.
            note(f"{one_line(f'{event.graph}/{event.task}')} asks: {one_line(event.message)}")
            note(f"  answer: {asked_hint(event, session.home)}")
        if progress.ended:
            return


def _follow_in_lines(events: "Iterable[Event]", progress: Progress, session: Session) -> None:
    style = stdout_style()
    leave_with_the_reader()
    for event in events:
        if not progress.apply(event):
            continue
        line = event_text(event, progress, style)
        if line is not None:
            say(line)
            if event.kind == "decision_asked":
                say(f"          answer: {asked_hint(event, session.home)}")
            sys.stdout.flush()
        if progress.ended:
            return


def _follow_live(events: "Iterable[Event]", progress: Progress, session: Session) -> None:
    from orch_actors.cli.live.screen import LiveArea, leave_on_term

    base = stdout_style()

    def draw(columns: int, rows: int) -> list[str]:
        style = Style(colour=base.colour, unicode=base.unicode, width=columns)
        return frame(progress, time.time(), style, rows, session.home)

    leave_on_term()
    with LiveArea(sys.stdout, draw) as area:
        for event in events:
            with area.lock:
                changed = progress.apply(event)
            if changed:
                area.touch()
                if progress.ended:
                    return


def _detach(session: Session, graph: str) -> int:
    """Say how to come back."""
    if session.as_json:
        raise faults.interrupted(f"detached; {graph} goes on", session.typed("wait", graph)) from None
    note(f"\ndetached; {graph} goes on in the background")
    for verb, what in (("wait", "wait for its end"), ("status", "look at it"), ("cancel", "end it")):
        note(f"  {session.typed(verb, graph):<32}{what}")
    return faults.INTERRUPTED


def _daemon_gone(session: Session, graph: str) -> faults.CommandFault:
    return faults.CommandFault(
        faults.Fault(
            code="UNAVAILABLE",
            message=f"the daemon went away; {graph} is safe on disk, and its running tasks go on",
            hint=f"{session.typed('up')}, then {session.typed('wait', graph)}",
            exit_code=faults.NO_DAEMON,
        )
    )


def _last_lines(client: "Client", view: "GraphView") -> dict[str, list[str]]:
    """Task → what its latest attempt wrote last: to stderr, or to stdout where stderr is empty."""
    found: dict[str, list[str]] = {}
    for task in failures(view):
        for stream in ("stderr", "stdout"):
            try:
                piece = client.read_log(view.id, task.id, stream=stream, offset=-_LAST_BYTES, limit=_LAST_BYTES)
            except Refused:
                break  # it never ran, or its log is gone
            lines = piece.data.decode(errors="backslashreplace").rstrip().splitlines()
            if piece.offset and len(lines) > 1:
                lines = lines[1:]  # the first one is cut
            if lines:
                found[task.id] = lines[-_LAST_LINES:]
                break
    return found
