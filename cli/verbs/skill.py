"""`skill`: how to use this, for agents, in the Agent Skills format: print it, or put it where they look for it."""

import os
from typing import Annotated, Final

import typer

from orch_actors.cli.options import HomeOption, JsonOption
from orch_actors.cli.output import say, say_json

GROUP: Final = "How to use this, for agents (the Agent Skills format): print it, or install it."

EXAMPLES = """
orch-actors skill install claude             into .claude/skills of this folder
orch-actors skill install opencode --user    into your own folder, for all projects
orch-actors skill install openclaw --user
orch-actors skill show                       the text
"""


def show(home: HomeOption = None, as_json: JsonOption = False) -> int:
    """Print the skill."""
    from orch_actors.cli.skills import NAME, skill_text

    del home
    text = skill_text()
    if as_json:
        say_json({"name": NAME, "text": text})
    else:
        say(text.rstrip("\n"))
    return 0


def install(
    program: Annotated[str, typer.Argument(metavar="claude|opencode|openclaw", help="Whose.")],
    user: Annotated[bool, typer.Option("--user", help="For all projects, not only this folder.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Over one that was changed.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Put the skill where an agent's program looks for skills."""
    from orch_actors.cli.skills import folder_for
    from orch_actors.cli.skills import install as put

    del home
    path, changed = put(folder_for(program, user=user, project=os.getcwd()), force=force)
    if as_json:
        say_json({"path": path, "changed": changed})
    else:
        say(f"{'written to' if changed else 'it is there already:'} {path}")
    return 0


MEMBERS: Final = {"show": show, "install": install}
