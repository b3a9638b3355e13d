"""Tables of the scenarios and the bench: like those of the other verbs, for whatever text the cells hold."""

from collections.abc import Sequence

from orch_actors.cli.escape import one_line
from orch_actors.cli.render.style import PLAIN
from orch_actors.cli.render.table import table as painted_table


def table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[int] = ()) -> str:
    """Rows under headings, made safe to show; the columns in `right` are set to the right."""
    return painted_table(headings, [[one_line(str(cell)) for cell in row] for row in rows], PLAIN, right=right)
