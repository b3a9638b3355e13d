"""Worktrees of graphs that are forgotten: what nobody can miss is removed, by git; the others stay, and are told.

In a thread and a process of their own: git may look at a large folder for a while, and nobody waits for it. What stays
is looked at again when the daemon starts.
"""

import os
import subprocess
import threading
from collections.abc import Sequence
from typing import Final

from loguru import logger

from orch_actors.actors.worktrees import CLEAR, worktrees_of

#: How long git may look at the worktrees of one graph.
WITHIN_S: Final = 600.0


def clear_worktrees(folders: Sequence[str]) -> None:
    """Begin to remove the worktrees of forgotten graphs, by the folders of their attempts' files."""
    owned = [worktrees_of(folder) for folder in folders]
    owned = [one for one in owned if os.path.isdir(one.path)]
    if owned:
        threading.Thread(target=_clear, args=(owned,), name="worktrees", daemon=True).start()


def _clear(owned: Sequence[tuple[str, str]]) -> None:
    for folder, branches in owned:
        try:
            done = subprocess.run(
                ["sh", "-c", CLEAR, "sh", folder, branches],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env={name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
                | {"LC_ALL": "C"},
                timeout=WITHIN_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            logger.warning("the worktrees in {} are kept: {}", folder, error)
            continue
        for line in done.stdout.decode(errors="replace").splitlines():
            logger.warning("worktree {}", line)
