"""Worker types: what a task may ask of each.

The place for a new built-in worker type's fields: one Struct here, registered in WORK; what it does lives in
`actors/host/adapters/<type>.py`. In a document these fields stand flat in the task.
"""

from typing import Any, Final

from msgspec import Struct


class Work(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What one task does; a subclass for each worker type."""

    def problems(self) -> list[tuple[str, str]]:
        """What the field types cannot say: (field, what is wrong and what was expected)."""
        return []


class ShellWork(Work, frozen=True, kw_only=True):
    """A command: text for `sh -c`, or a list that is run as it stands, without a shell."""

    command: str | tuple[str, ...]

    def problems(self) -> list[tuple[str, str]]:
        """See Work."""
        if not self.command or (not isinstance(self.command, str) and not self.command[0]):
            return [("command", "is empty: expected text for sh -c, or a list of a program and its arguments")]
        parts = (self.command,) if isinstance(self.command, str) else self.command
        if any("\0" in part for part in parts):
            return [("command", "holds a NUL character, which no program can be given")]
        # Linux takes at most 128 KiB in one argument (MAX_ARG_STRLEN).
        if any(len(part.encode(errors="surrogatepass")) > 120_000 for part in parts):
            return [("command", "is longer than 120,000 bytes: put it into a script file and run that")]
        return []


class PythonWork(Work, frozen=True, kw_only=True):
    """A Python function (`call`), or a script (`script`).

    `call` is "package.module:function"; `args` is a list of positional or a mapping of keyword arguments,
    JSON values; what the function returns becomes the task's result. `script` is the path of a .py file, or
    Python source; its `args` is a list of texts, found in sys.argv.
    """

    call: str | None = None
    script: str | None = None
    args: list[Any] | dict[str, Any] = []
    #: The interpreter to run in, a path or a name on PATH; not given: the daemon's own.
    interpreter: str | None = None
    #: Folders put before sys.path, relative to cwd; cwd itself always comes first.
    path: tuple[str, ...] = ()

    def problems(self) -> list[tuple[str, str]]:
        """See Work."""
        found: list[tuple[str, str]] = []
        if (self.call is None) == (self.script is None):
            found.append(("call", 'expected either call: "package.module:function" or script: a path or source'))
        if self.call is not None:
            module, colon, function = self.call.partition(":")
            parts = [*module.split("."), *function.split(".")]
            if not colon or not all(part.isidentifier() for part in parts):
                found.append(("call", f'{self.call!r} is not of the form "package.module:function"'))
        if self.script is not None and not (
            isinstance(self.args, list) and all(isinstance(arg, str) for arg in self.args)
        ):
            found.append(("args", "a script takes a list of texts"))
        return found


#: Worker type → what its tasks may say.
WORK: Final[dict[str, type[Work]]] = {
    "shell": ShellWork,
    "python": PythonWork,
}
