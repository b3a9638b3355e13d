"""The sh shim: how one command is started so that it survives us and leaves its exit code behind.

A POSIX sh runs SCRIPT, in a session of its own, with the attempt's locked record as descriptor 3 and the command's
stderr as descriptor 4 (its own goes to /dev/null: shells remark "Killed" and "Terminated" on theirs). It

- enters the working directory (posix_spawn cannot), or exits 112;
- writes its pid line, or exits 111: a command whose pid line is not on disk never runs;
- runs the command in a subshell without descriptors 3 and 4, with traps and positional parameters cleared;
- writes the exit line and ends, which frees the lock.

It ignores nothing but traps TERM, INT and HUP, so it outlives what is meant for the command; a subshell has trapped
signals back at their default.

Text runs by `eval` in that subshell: forking is cheap, a second exec doubles the price of a short command. The
subshell must stand alone on its line: after `||`, `&&` or `if` a `set -e` in the text would have no effect. What an
eval in a subshell cannot imitate is `$$` and `$PPID`; text with these gets a shell of its own (adapters/shell.py).

Tried with dash and bash (as sh).
"""

import os
from collections.abc import Mapping, Sequence
from typing import Final

from orch_actors.actors.host.children import Children, OnExit
from orch_actors.actors.host.record import Paths

SH: Final = "/bin/sh"

#: Exit codes of the shim itself, both before its pid line.
NO_RECORD: Final = 111
NO_CWD: Final = 112

_OPENING: Final = """\
trap : TERM INT HUP
cd "$1" || exit 112
unset OLDPWD
printf '{"pid":%d}\\n' "$$" >&3 || exit 111
"""
_CLOSING: Final = """\
printf '{"exit":%d}\\n' "$?" >&3
"""
TEXT_SCRIPT: Final = (
    _OPENING
    + """\
(trap - TERM INT HUP; eval "set --;$2") 2>&4 3>&- 4>&-
"""
    + _CLOSING
)
LIST_SCRIPT: Final = (
    _OPENING
    + """\
shift
(trap - TERM INT HUP; exec "$@") 2>&4 3>&- 4>&-
"""
    + _CLOSING
)


def umask_line(umask: int | None) -> str:
    """A line for sh that sets the umask, where there is one to set."""
    return "" if umask is None else f"umask {umask & 0o777:03o}\n"


def spawn_shim(
    children: Children,
    command: str | Sequence[str],
    *,
    cwd: str,
    env: Mapping[str, str],
    umask: int | None,
    record_fd: int,
    paths: Paths,
    on_exit: OnExit,
) -> int:
    """Start a shim; its pid. The record's descriptor stays the caller's to close. `umask` None: the host's own.

    Raises:
        OSError, ValueError: it cannot be started; see Children.spawn.
    """
    if isinstance(command, str):
        argv = ["sh", "-c", umask_line(umask) + TEXT_SCRIPT, "sh", cwd, command]
    else:
        argv = ["sh", "-c", umask_line(umask) + LIST_SCRIPT, "sh", cwd, *command]
    append = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    actions = [
        # First: the record may be on any number, the ones below are then overwritten freely.
        (os.POSIX_SPAWN_DUP2, record_fd, 3),
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
        (os.POSIX_SPAWN_OPEN, 1, paths.out, append, 0o600),
        (os.POSIX_SPAWN_DUP2, 0, 2),
        (os.POSIX_SPAWN_OPEN, 4, paths.err, append, 0o600),
    ]
    return children.spawn(SH, argv, env, actions, on_exit)
