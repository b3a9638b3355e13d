"""`status --watch`: what `status` shows, anew whenever something has happened, until ctrl-C.

Events say that something happened; what there is now is asked of the daemon, at most four times a second, and less
often where the answer takes long: watching a large graph must not keep the daemon busy. A terminal is drawn over; a
pipe gets each view below the one before, or a JSON object a line.
"""

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from orch_actors.cli import faults
from orch_actors.cli.live.audience import leave_with_the_reader, must_have_a_reader
from orch_actors.cli.mine import mine_of
from orch_actors.cli.output import may_redraw, say, say_json, stdout_style
from orch_actors.cli.render.graphs import graph_text
from orch_actors.cli.render.overview import overview_text
from orch_actors.cli.render.style import Style
from orch_actors.cli.session import Session
from orch_actors.protocol.views import GraphView, StatusView, TaskView

if TYPE_CHECKING:
    from orch_actors.protocol.client import Client
    from orch_actors.protocol.follower import Follower

_EVERY_S: Final = 0.25

#: A look takes at most this part of the time.
_SHARE: Final = 0.2

#: Which tasks stay in sight where not all have room.
_FIRST: Final = ("blocked", "failed", "running", "judging", "ready", "cancelled", "pending", "skipped", "done")

#: Lines of a graph's text that are not tasks: heading, goal, reason, a space, the columns' names, what is left out.
_AROUND: Final = 6

View = StatusView | GraphView


def watch_status(session: Session, graph: str | None, *, show_all: bool) -> int:
    """The verb; ctrl-C is its ordinary end, told by the exit code alone."""
    must_have_a_reader()
    leave_with_the_reader()
    with session.client() as client, client.follow() as events:
        views = _views(client, events, graph, show_all=show_all)
        try:
            if session.as_json:
                for view in views:
                    say_json(view)
                    sys.stdout.flush()
            elif may_redraw(sys.stdout):
                _live(views, show_all=show_all)
            else:
                _in_turn(views, show_all=show_all)
        except KeyboardInterrupt:
            return faults.INTERRUPTED
    return faults.GOOD


def _views(client: "Client", events: "Follower", graph: str | None, *, show_all: bool) -> Iterator[View]:
    """What there is, and again after every burst of events."""
    while True:
        began = time.monotonic()
        view: View = client.status() if graph is None else client.graph(graph)
        if isinstance(view, StatusView) and not show_all:
            view = mine_of(view)
        took_s = time.monotonic() - began
        yield view
        if isinstance(view, GraphView):
            graph = view.id  # a second graph may come to have its name
        if events.next_event(None) is None:
            return  # closed
        # What happens within this time is seen by the next look.
        rest_until = began + max(_EVERY_S, took_s / _SHARE)
        while time.monotonic() < rest_until:
            events.next_event(rest_until)


def _in_turn(views: Iterator[View], *, show_all: bool) -> None:
    style, before = stdout_style(), ""
    for view in views:
        text = _text(view, style, show_all=show_all)
        if text != before:
            say(f"\n{text}" if before else text)
            sys.stdout.flush()
        before = text


def _live(views: Iterator[View], *, show_all: bool) -> None:
    from orch_actors.cli.live.screen import LiveArea, leave_on_term

    base = stdout_style()
    shown = next(views)

    def draw(columns: int, rows: int) -> list[str]:
        return frame(shown, Style(colour=base.colour, unicode=base.unicode, width=columns), rows, show_all=show_all)

    leave_on_term()
    try:
        with LiveArea(sys.stdout, draw, not_before_s=_EVERY_S) as area:
            for view in views:
                with area.lock:
                    shown = view
                area.touch()
    finally:
        # The area is cleared at its end; what was seen last stays on the screen.
        say(_text(shown, base, show_all=show_all))


def frame(view: View, style: Style, rows: int, *, show_all: bool, now_utc: float | None = None) -> list[str]:
    """At most `rows` - 1 lines: of a graph that has more tasks than room, those that need a look."""
    now = time.time() if now_utc is None else now_utc
    left = 0
    if isinstance(view, GraphView):
        chosen = _in_sight(view.tasks, max(1, rows - 1 - _AROUND))
        left = len(view.tasks) - len(chosen)
        view = replace(view, tasks=chosen)
    lines = _text(view, style, show_all=show_all, now_utc=now).splitlines()
    if left:
        lines.append(f"… and {left} more tasks")
    return lines if len(lines) < rows else [*lines[: max(1, rows - 2)], "…"]


def _in_sight(tasks: tuple[TaskView, ...], room: int) -> tuple[TaskView, ...]:
    if len(tasks) <= room:
        return tasks
    rank = {state: number for number, state in enumerate(_FIRST)}
    chosen = sorted(range(len(tasks)), key=lambda index: (rank.get(tasks[index].state, 0), index))[:room]
    return tuple(tasks[index] for index in sorted(chosen))


def _text(view: View, style: Style, *, show_all: bool, now_utc: float | None = None) -> str:
    now = time.time() if now_utc is None else now_utc
    if isinstance(view, StatusView):
        return overview_text(view, now, style, show_all=show_all)
    return graph_text(view, now, style)
