"""Where agents look for skills (the Agent Skills format), and putting ours there.

| program | of the project | of the user |
|---|---|---|
| Claude Code | .claude/skills | ~/.claude/skills |
| opencode | .opencode/skills | ~/.config/opencode/skills |
| OpenClaw | skills (the folder is its workspace) | ~/.openclaw/skills |

The skill is one file, `SKILL.md` beside this module. A copy that somebody changed is not overwritten unasked.
"""

import os
from typing import Final

from orch_actors.cli import faults

NAME: Final = "orch-actors"

#: Program → folder of skills in a project, and in the user's home.
PLACES: Final = {
    "claude": (".claude/skills", "~/.claude/skills"),
    "opencode": (".opencode/skills", "~/.config/opencode/skills"),
    "openclaw": ("skills", "~/.openclaw/skills"),
}


def skill_text() -> str:
    """The skill, as it is installed."""
    with open(os.path.join(os.path.dirname(__file__), "SKILL.md"), encoding="utf-8") as file:
        return file.read()


def folder_for(program: str, *, user: bool, project: str) -> str:
    """Where the program finds it: the folder of the skill itself.

    Raises:
        CommandFault: the program is none that we know.
    """
    if program not in PLACES:
        raise faults.usage(
            f"no place of skills is known for {program!r}",
            f"known are: {', '.join(PLACES)}; for another: orch-actors skill show > SKILL.md",
        )
    here, home = PLACES[program]
    return os.path.join(os.path.expanduser(home) if user else os.path.join(project, here), NAME)


def install(folder: str, *, force: bool) -> tuple[str, bool]:
    """Write the skill into its folder; the file's path, and whether anything was changed. Whole or not at all.

    Raises:
        CommandFault: another one is there, or it cannot be written.
    """
    path, text = os.path.join(folder, "SKILL.md"), skill_text()
    try:
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                held = file.read()
            if held == text:
                return path, False
            if not force:
                raise faults.environment(f"{path} is there, and differs", "look at it; --force overwrites it")
        os.makedirs(folder, exist_ok=True)
        beside = f"{path}.{os.getpid()}.part"
        with open(beside, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(beside, path)
    except OSError as error:
        raise faults.environment(f"cannot write {path}: {error.strerror or error}", "look at its folder") from error
    return path, True
