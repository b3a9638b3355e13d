"""Worker type `shell`: a command for sh, or a program with its arguments."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from orch_actors.actors.host.adapters.plans import ShimPlan, work_of
from orch_actors.actors.host.adapters.programs import find_program
from orch_actors.actors.host.shim import SH
from orch_actors.protocol.hostwire import Launch
from orch_actors.protocol.spec.work import ShellWork

#: What text that runs in the shim's subshell would see of the shim: the shell's own pid and its parent's.
#: `kill -9 $$` there would kill the shim, not the command.
_OWN_PID: Final = re.compile(r"\$\{?\$|PPID|BASHPID|SHLVL|BASH_SUBSHELL")

#: Names that a shell hands on. Others it drops from the environment.
_SHELL_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class ShellAdapter:
    """See Adapter."""

    def prepare(self, launch: Launch) -> ShimPlan:
        """See Adapter."""
        command = work_of(launch, ShellWork).command
        if isinstance(command, str):
            return ShimPlan([SH, "-c", command, "sh"] if _OWN_PID.search(command) else command)
        return ShimPlan(for_exec(command, launch.env, launch.cwd))


def for_exec(command: Sequence[str], env: Mapping[str, str], cwd: str) -> tuple[str, ...]:
    """A program and its arguments as a shell's `exec` must be given them, so that it runs just that.

    Raises:
        CannotSpawn: there is no such program.
    """
    program = find_program(command[0], env, cwd)
    # As it was written, so that the program sees its own name; but not where the shim's `exec` could take
    # it for something else, or would look elsewhere.
    first = program if command[0].startswith("-") or "PATH" not in env else command[0]
    return (*_dropped_by_sh(env), first, *command[1:])


def _dropped_by_sh(env: Mapping[str, str]) -> tuple[str, ...]:
    """A prefix that restores the variables whose names a shell does not hand on (`my.setting`)."""
    odd = [f"{name}={value}" for name, value in env.items() if not _SHELL_NAME.fullmatch(name)]
    return ("/usr/bin/env", *odd) if odd else ()
