"""A task's git worktree, had before it starts: ../worktrees.py's program run in this host, and its faults in words.

It runs in the attempt's own thread: nobody else waits, but the attempt itself cannot be stopped meanwhile. Whoever dies
in between leaves nothing that the next one minds; see there. A checkout may take its time (WITHIN_S).
"""

import os
import signal
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final

from msgspec.structs import replace

from orch_actors.actors.host.children import Children
from orch_actors.actors.host.place import CannotSpawn
from orch_actors.actors.host.shim import SH, umask_line
from orch_actors.actors.host.unnamed import unnamed_file
from orch_actors.actors.process.no_room import DISK_FULL
from orch_actors.actors.worktrees import FAULTS, MAKE, folder_within
from orch_actors.protocol.hostwire import Launch

#: How long it may take to make one.
WITHIN_S: Final = 600.0

_KILL_PATIENCE_S: Final = 5.0
_LINE: Final = 500

#: Nothing that it runs asks anybody, or answers in a language that only its reader knows.
_QUIET: Final = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def make_worktree(children: Children, launch: Launch, log_folder: str) -> None:
    """Have the attempt's worktree there.

    Raises:
        CannotSpawn: there can be none; says what to do.
        OSError: git cannot be started.
    """
    over = threading.Event()
    ended: list[int | None] = []

    def on_exit(status: int | None) -> None:
        ended.append(status)
        over.set()

    with ExitStack() as stack:
        said = unnamed_file(log_folder)
        stack.callback(os.close, said)
        pid = children.spawn(
            SH,
            ["sh", "-c", umask_line(launch.umask) + MAKE, "sh", launch.cwd, launch.worktree, launch.branch],
            {**_variables(launch.env), **_QUIET},
            [
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, said, 1),
                (os.POSIX_SPAWN_DUP2, said, 2),
            ],
            on_exit,
        )
        if not over.wait(WITHIN_S):
            children.signal_group(pid, signal.SIGKILL)
            over.wait(_KILL_PATIENCE_S)
            raise CannotSpawn(f"the worktree was not made within {WITHIN_S:.0f} s: try `git worktree add` by hand")
        lines = os.pread(said, 65536, 0).decode(errors="replace").split("\n")
    status = ended[0]
    code = os.WEXITSTATUS(status) if status is not None and os.WIFEXITED(status) else 44
    if code:
        raise _fault(code, launch, next((line.strip() for line in reversed(lines) if line.strip()), ""))


def within_worktree(launch: Launch) -> Launch:
    """The same attempt, in the folder of its worktree that stands for its own.

    Raises:
        CannotSpawn: its own is in no repository (any more).
    """
    try:
        return replace(launch, cwd=folder_within(launch.worktree, launch.cwd), given_in=launch.cwd)
    except LookupError:
        raise CannotSpawn(FAULTS[42].format(cwd=launch.cwd)) from None


def _fault(code: int, launch: Launch, said: str) -> CannotSpawn:
    text = FAULTS.get(code, FAULTS[44]).format(cwd=launch.cwd)
    full = "No space left on device" in said
    return CannotSpawn(f"{text}: {said[:_LINE]}" if code in (44, 45) and said else text, DISK_FULL if full else "")


def _variables(env: Mapping[str, str]) -> dict[str, str]:
    """Those of the task, but for what would have git look elsewhere."""
    return {name: value for name, value in env.items() if not name.startswith("GIT_")}
