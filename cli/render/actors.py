"""The living tree of actors over all processes."""

from orch_actors.cli.escape import one_line
from orch_actors.cli.render.style import Style
from orch_actors.cli.render.table import table
from orch_actors.protocol.views import ActorView


def actors_table(root: ActorView, style: Style) -> str:
    """An actor a row, indented below the one that it belongs to."""
    rows = _rows(root, style, "", "")
    return table(("ACTOR", "KIND", "STATE", "PID", "MAILBOX", "HANDLED", "RESTARTS"), rows, style, right=(3, 4, 5, 6))


def _rows(actor: ActorView, style: Style, lead: str, indent: str) -> list[tuple[str, ...]]:
    fork, last, bar = ("├─ ", "└─ ", "│  ") if style.unicode else ("|- ", "`- ", "|  ")
    own = (
        lead + one_line(actor.name),
        one_line(actor.kind),
        one_line(actor.state),
        str(actor.pid),
        str(actor.mailbox),
        str(actor.handled),
        str(actor.restarts),
    )
    rows: list[tuple[str, ...]] = [own]
    for number, child in enumerate(actor.children, 1):
        ends = number == len(actor.children)
        rows += _rows(child, style, indent + (last if ends else fork), indent + ("   " if ends else bar))
    return rows
