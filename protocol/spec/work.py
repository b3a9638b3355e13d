"""Worker types: what a task may ask of each.

The place for a new built-in worker type's fields: one Struct here, registered in WORK; what it does lives in
`actors/host/adapters/<type>.py`. In a document these fields stand flat in the task.
"""

from typing import Any, Final

from msgspec import Struct

#: Longest text that a program is given in one argument or variable, in bytes; Linux takes 128 KiB (MAX_ARG_STRLEN).
MAX_TEXT_BYTES: Final = 120_000

#: Worker types that are planned; named so that nobody looks for a mistake of theirs.
PLANNED_WORKERS: Final = ("claude", "opencode")


def text_fault(text: str) -> str | None:
    """Why a program cannot be given this text as an argument or variable, if it cannot."""
    if "\0" in text:
        return "holds a NUL character, which no program can be given"
    if len(text) > MAX_TEXT_BYTES // 4 and len(text.encode(errors="surrogatepass")) > MAX_TEXT_BYTES:
        return f"is longer than {MAX_TEXT_BYTES:,} bytes: put it into a file"
    return None


def command_fault(command: str | tuple[str, ...]) -> str | None:
    """What is wrong with a command, text or list, if anything."""
    if not command or (not isinstance(command, str) and not command[0]):
        return "is empty: expected text for sh -c, or a list of a program and its arguments"
    parts = (command,) if isinstance(command, str) else command
    return next((fault for part in parts if (fault := text_fault(part)) is not None), None)


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
        fault = command_fault(self.command)
        return [] if fault is None else [("command", fault)]


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
