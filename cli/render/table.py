"""Plain tables: two spaces between columns, headings above, the last column cut where the terminal ends."""

from collections.abc import Sequence

from orch_actors.cli.render.style import Style, paint
from orch_actors.cli.render.width import clip_painted, display_width, pad


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], style: Style, *, right: Sequence[int] = ()) -> str:
    """Rows in columns; `right` numbers the columns that are set to the right.

    Cells are one line each, safe to show (`escape.one_line`), and may hold colours. No rows: the headings alone.
    """
    widths = [display_width(heading) for heading in headings]
    for row in rows:
        for index, cell in enumerate(row):
            widths[index] = max(widths[index], display_width(cell))
    lines = [paint(_line(headings, widths, right), "dim", style)]
    lines += [_line(row, widths, right) for row in rows]
    return "\n".join(clip_painted(line, style.width) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> str:
    padded = [
        pad(cell, width, right=index in right) for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()
