"""What every edit says at its end: the lines of its difference, and the version after it."""

from orch_actors.cli.output import say, say_json, stdout_style
from orch_actors.cli.render.edited import edited_text
from orch_actors.protocol.messages import Edited


def tell_edited(edited: Edited, *, as_json: bool) -> None:
    """`{"graph", "version", "changes", "dry_run"}`, or a line for each change."""
    if as_json:
        say_json(
            {
                "graph": edited.graph or None,
                "version": edited.version,
                "changes": edited.changes,
                "dry_run": edited.dry_run,
            }
        )
        return
    say(edited_text(edited, stdout_style()))
