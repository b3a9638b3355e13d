"""An edit in lines: what it changed, or would change."""

from typing import Final

from orch_actors.cli.escape import one_line
from orch_actors.cli.render.style import Style, paint
from orch_actors.cli.render.width import clip_painted
from orch_actors.protocol.messages import Edited

#: How a line of a difference begins → its colour.
_COLOURS: Final = {"+": "green", "-": "red", "~": "yellow", "↻": "cyan"}


def edited_text(edited: Edited, style: Style) -> str:
    """The changes, and below them where the graph is now; a worker type has no version."""
    if edited.dry_run:
        last = "dry run: nothing was changed"
    elif not edited.changes:
        last = f"{one_line(edited.graph)}: nothing to change"
    else:
        last = f"{one_line(edited.graph)} is at version {edited.version}" if edited.graph else ""
    return "\n".join([*(_line(change, style) for change in edited.changes), *([last] if last else [])])


def _line(change: str, style: Style) -> str:
    text = one_line(change)
    plain = text if style.unicode else text.replace("↻", "@").replace("→", "->")
    return clip_painted(paint(plain, _COLOURS.get(text[:1], ""), style), style.width)
