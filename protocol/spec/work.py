"""Kinds of work: what a task may ask of a worker type of each kind.

The place for a new kind's fields: one Struct here, registered in KINDS; what it does lives in
`actors/host/adapters/<kind>.py`. In a document these fields stand flat in the task.

A worker type is a name with a kind: those of BUILT_IN are there without any configuration and named after their
kinds; config.toml may name more (`[workers.codex] kind = "agent"`).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

#: Longest text that a program is given in one argument or variable, in bytes; Linux takes 128 KiB (MAX_ARG_STRLEN).
MAX_TEXT_BYTES: Final = 120_000


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


class AgentWork(Work, frozen=True, kw_only=True):
    """A prompt for a coding agent that runs without a terminal; what every agent can be asked, whatever its program."""

    #: What it is to do; or the path of a file that says it, read when the attempt starts.
    prompt: str | None = None
    prompt_file: str | None = None
    #: As its program names it; not given: the worker type's, else the program's own.
    model: str | None = None
    #: Added to what the program tells the agent of itself.
    system_prompt: str | None = None
    #: The result must be JSON of this JSON Schema (2020-12).
    json_schema: dict[str, Any] | None = None
    #: Go on with the session of this task, one that it depends on.
    session: str | None = None
    #: Turns and dollars that one attempt may use.
    max_turns: Annotated[int, Meta(ge=1)] | None = None
    budget_usd: Annotated[float, Meta(gt=0)] | None = None
    #: Arguments for the program that nothing else here says.
    extra_args: tuple[str, ...] = ()

    def problems(self) -> list[tuple[str, str]]:
        """See Work."""
        found: list[tuple[str, str]] = []
        if (self.prompt is None) == (self.prompt_file is None):
            found.append(("prompt", "expected either prompt: what to do, or prompt_file: a file that says it"))
        for name, text in (("prompt", self.prompt), ("prompt_file", self.prompt_file)):
            if text is not None and (not text.strip() or "\0" in text):
                found.append((name, "is empty" if not text.strip() else "holds a NUL character"))
        faults = [fault for text in self.extra_args if (fault := text_fault(text)) is not None]
        found += [("extra_args", f"one of them {fault}") for fault in faults[:1]]
        return found


class ClaudeWork(AgentWork, frozen=True, kw_only=True):
    """Claude Code, `claude -p`."""

    #: As `--allowedTools` and `--disallowedTools` take them: "Read", "Bash(git *)".
    allowed_tools: tuple[str, ...] = ()
    disallowed_tools: tuple[str, ...] = ()
    #: As `--permission-mode` takes it.
    permission_mode: str | None = None
    #: MCP servers: paths of configurations, or one itself; no others are started.
    mcp_config: tuple[str, ...] | dict[str, Any] = ()


class OpencodeWork(AgentWork, frozen=True, kw_only=True):
    """opencode, `opencode run`."""

    #: As its `--agent` takes it.
    agent: str | None = None
    #: Its configuration's `permission`: {"bash": "deny", "edit": "allow"}.
    permission: dict[str, Any] = {}
    #: Its configuration's `mcp`.
    mcp_config: dict[str, Any] = {}


#: Kind → what tasks of its worker types may say.
KINDS: Final[dict[str, type[Work]]] = {
    "shell": ShellWork,
    "python": PythonWork,
    "claude": ClaudeWork,
    "opencode": OpencodeWork,
    "agent": AgentWork,
}

#: Kinds that run a coding agent.
AGENTS: Final = frozenset(kind for kind, work in KINDS.items() if issubclass(work, AgentWork))

#: Worker type → its kind, of those that are always there.
BUILT_IN: Final[Mapping[str, str]] = {name: name for name in ("shell", "python", "claude", "opencode")}
