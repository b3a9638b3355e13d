"""The files of a journal."""

from typing import Any

from orch_actors.cli.escape import one_line
from orch_actors.cli.render.style import Style
from orch_actors.cli.render.table import table


def files_table(found: dict[str, Any], style: Style) -> str:
    """A file a row."""
    rows = [
        (
            one_line(file["name"]),
            one_line(file["kind"]),
            f"{file['bytes']:,}",
            str(file.get("sequence", "")),
            str(file.get("event", "")),
            one_line(file.get("time_utc", "")),
        )
        for file in found["files"]
    ]
    heading = f"journal {one_line(found['journal'] or 'none')} in {one_line(found['folder'])}"
    return f"{heading}\n" + table(("FILE", "KIND", "BYTES", "SEQUENCE", "EVENT", "BEGUN"), rows, style, right=(2, 3, 4))
