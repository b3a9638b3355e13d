"""The typer app: names the verbs, and loads the module of a verb when it is typed.

The place for a new verb: a module in `verbs/` with a function `command` and a text EXAMPLES, and its name in VERBS.
A verb that is a group of verbs has `GROUP` (what its help says) and `MEMBERS` (name → function) instead of `command`.

`stress` is mounted by name and found only when it is asked for: the dependency goes from `stress` to here, so this
module must not import it. It hands over a typer app called `app`.

Of typer only what it documents is used, and `typer.core.TyperGroup`/`TyperCommand`; the parser beneath (click, which
newer typers carry inside) is reached through those, never imported.
"""

import importlib
import os
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from orch_actors.cli import faults
from orch_actors.cli.about import tell_version
from orch_actors.cli.options import HomeOption, JsonOption

#: In the order in which the help lists them.
VERBS: Final = (
    "up",
    "down",
    "submit",
    "run",
    "status",
    "wait",
    "inbox",
    "logs",
    "result",
    "cancel",
    "decisions",
    "decide",
    "ask",
    "progress",
    "why",
    "context",
    "graph",
    "timeline",
    "add",
    "update",
    "retry",
    "pause",
    "resume",
    "limit",
    "prune",
    "events",
    "consumers",
    "actors",
    "doctor",
    "config",
    "journal",
    "keys",
    "mcp",
    "skill",
    "schema",
    "completion",
    "service",
    "upgrade",
    "version",
)

#: Verbs that take a command behind `--`.
WITH_COMMAND: Final = ("submit", "run", "add")

#: Verbs that are groups of verbs.
GROUPS: Final = ("completion", "consumers", "journal", "keys", "mcp", "service", "skill")

#: Groups of verbs that other packages bring: verb → module that holds a typer `app`.
MOUNTED: Final = {"stress": "orch_actors.stress.cli"}

#: What the help says of those; they are not imported for it.
MOUNTED_HELP: Final = {"stress": "Run scenarios, recorded workflows and measurements."}

EXAMPLES: Final = """
orch-actors run graph.yaml              submit a graph and watch it
orch-actors submit -- make -j4 all      one command, in the background
orch-actors status                      what is going on
orch-actors logs g1/build -f            a task's output, as it comes
"""

#: Key in a context's `meta` for the words behind `--`.
WORDS: Final = "orch_actors.words"


class Verb(TyperCommand):
    """A verb; below its options the help shows examples, just as they are typed."""

    #: From the verb's module, EXAMPLES.
    examples: str = ""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples without wrapping their lines."""
        del ctx
        _write_examples(formatter, self.examples)


class CommandWords(Verb):
    """A verb that takes a command behind `--`: those words are kept apart, in the context's `meta[WORDS]`.

    The parser itself would mix them with the arguments before `--`, and `submit -- build` would mean a file.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Cut at the first `--`."""
        cut = args.index("--") if "--" in args else len(args)
        ctx.meta[WORDS] = None if cut == len(args) else tuple(args[cut + 1 :])
        return super().parse_args(ctx, args[:cut])

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Say so in the usage line."""
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]


class VerbGroup(TyperGroup):
    """A verb that is a group of verbs."""

    #: From the group's module, EXAMPLES.
    examples: str = ""
    #: The member that is meant where none is typed, from the group's module; empty: it shows its help.
    alone: str = ""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        del ctx
        _write_examples(formatter, self.examples)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Alone it shows its help, or does what it does alone."""
        if self.alone and not {"-h", "--help", *self.commands} & set(args):
            args = [*args, self.alone]
        return super().parse_args(ctx, args or ["--help"])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the member that was typed, or say which was probably meant."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise unknown_member(ctx.info_name, args[0], list(self.commands))
        return super().resolve_command(ctx, args)


def command_words(ctx: typer.Context) -> tuple[str, ...] | None:
    """The words behind `--`; None: there was no `--`."""
    words: tuple[str, ...] | None = ctx.meta[WORDS]
    return words


def _write_examples(formatter: Any, examples: str) -> None:
    with formatter.section("Examples"):
        for line in examples.strip().splitlines():
            formatter.write(f"  {line}\n" if line else "\n")


class LazyVerbs(TyperGroup):
    """A group whose verbs are modules, imported when they are typed (or listed)."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All verbs, in the order of the help."""
        del ctx
        return [*VERBS, *MOUNTED]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import the verb; None where there is none of that name."""
        del ctx
        if cmd_name not in self.commands:
            found = _load(cmd_name)
            if found is None:
                return None
            self.commands[cmd_name] = found
        return self.commands[cmd_name]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the verbs; those of other packages by what is known of them here."""
        rows = [(name, self.get_command(ctx, name).get_short_help_str(limit=60)) for name in VERBS]
        with formatter.section("Verbs"):
            formatter.write_dl([*rows, *MOUNTED_HELP.items()])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        del ctx
        _write_examples(formatter, EXAMPLES)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the verb that was typed, or say which was probably meant."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            raise unknown_verb(name)
        return super().resolve_command(ctx, args)


def _load(name: str) -> Any:
    if name in MOUNTED:
        try:
            return typer.main.get_command(importlib.import_module(MOUNTED[name]).app)
        except ModuleNotFoundError as error:
            if error.name != MOUNTED[name]:
                raise
            return None
    if name not in VERBS:
        return None
    module = importlib.import_module(f"orch_actors.cli.verbs.{name}")
    command = _group(module) if name in GROUPS else _alone(name, module)
    command.examples = module.EXAMPLES
    return command


def _alone(name: str, module: Any) -> Any:
    alone = _plain_typer()
    alone.command(name, cls=CommandWords if name in WITH_COMMAND else Verb)(module.command)
    return typer.main.get_command(alone)


def _group(module: Any) -> Any:
    group = _plain_typer(cls=VerbGroup)

    def root(ctx: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
        ctx.default_map = dict.fromkeys(module.MEMBERS, _given(home, as_json))

    group.callback(help=module.GROUP)(root)
    for name, member in module.MEMBERS.items():
        group.command(name, cls=Verb)(member)
    made: Any = typer.main.get_command(group)
    made.alone = getattr(module, "ALONE", "")
    return made


def _given(home: str | None, as_json: bool) -> dict[str, object]:
    """What stands before a verb is the default of the same option after it."""
    return {name: value for name, value in (("home", home), ("as_json", as_json or None)) if value is not None}


def unknown_member(group: str, name: str, known: list[str]) -> faults.CommandFault:
    """The fault for a verb that a group does not have, with the nearest."""
    from difflib import get_close_matches

    near = get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
    return faults.usage(f"{group} has no verb {name!r}", hint)


def unknown_verb(name: str) -> faults.CommandFault:
    """The fault for a verb that there is not, with the nearest."""
    from difflib import get_close_matches

    from orch_actors.cli.words import quote

    known = [*VERBS, *MOUNTED]
    near = get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    listed = f"the verbs are: {', '.join(known)}"
    also = f"; to run a command: orch-actors submit -- {quote(name)} …" if not near else ""
    return faults.usage(f"there is no verb {name!r}", f"did you mean {near[0]!r}?" if near else listed + also)


def _plain_typer(**settings: Any) -> typer.Typer:
    """Plain help: no boxes, the same on every terminal and in every pipe, and no import of rich."""
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        **settings,
    )


def build_app() -> typer.Typer:
    """The whole command line."""
    app = _plain_typer(cls=LazyVerbs, no_args_is_help=False)
    app.callback()(_root)
    return app


def name_remote(home: str | None, endpoint: str | None, key_file: str | None) -> None:
    """Name the daemon elsewhere that is meant, for all that runs in this process: as its environment would.

    Raises:
        CommandFault: a home is named as well.
    """
    if home is not None and (endpoint is not None or key_file is not None):
        raise faults.usage("both a home and a daemon elsewhere are named", "give --home, or --endpoint and --key-file")
    from orch_actors.protocol.reach import ENDPOINT_VARIABLE, KEY_FILE_VARIABLE

    for variable, value in ((ENDPOINT_VARIABLE, endpoint), (KEY_FILE_VARIABLE, key_file)):
        if value is not None:
            os.environ[variable] = value


def _show_version(wanted: bool) -> None:
    if wanted:
        raise typer.Exit(tell_version(as_json=False, look=False))


def _root(  # noqa: PLR0917 (typer calls it by name)
    ctx: typer.Context,
    home: HomeOption = None,
    as_json: JsonOption = False,
    endpoint: Annotated[
        str | None,
        typer.Option("--endpoint", metavar="TCP", help="A daemon elsewhere, tcp://HOST:PORT.  [$ORCH_ACTORS_ENDPOINT]"),
    ] = None,
    key_file: Annotated[
        str | None,
        typer.Option("--key-file", metavar="FILE", help="The key to come with, and where to.  [$ORCH_ACTORS_KEY_FILE]"),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="The same as the verb `version`.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Hand over a graph of long-running tasks, have the answer at once, lose nothing.

    --home and --json may stand before or after the verb, --endpoint and --key-file before it. Exit codes: 0 good, 1 the
    graph did not end in `done`, 2 usage, 3 no daemon, 4 refused, 70 a bug, 100 and 111 environment, 124 wait timed out,
    130 interrupted.
    """
    ctx.default_map = dict.fromkeys((*VERBS, *MOUNTED), _given(home, as_json))
    name_remote(home, endpoint, key_file)
    del version  # its callback has answered it


#: The root of the parser's errors, wherever this version of typer keeps it.
_PARSER_ERROR: Final[Any] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def run_typer(words: Sequence[str]) -> int:
    """Parse and run; the verb's exit code.

    Raises:
        Whatever the verb raises, and the parser's own errors (`fault_of_parser`).
    """
    command: Any = typer.main.get_command(build_app())
    # Not `command.main()`: it turns a closed pipe and ctrl-C into exit codes of its own before we see them.
    try:
        with command.make_context("orch-actors", list(words) or ["--help"]) as context:
            code = command.invoke(context)
    except typer.Exit as end:
        code = end.exit_code
    return code if isinstance(code, int) else faults.GOOD


def fault_of_parser(error: BaseException) -> faults.Fault | None:
    """The fault behind one of typer's errors; None: it is none of those."""
    if isinstance(error, typer.Abort):
        return faults.interrupted().fault
    if not isinstance(error, _PARSER_ERROR):
        return None
    message = str(error.format_message()).rstrip(".")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "orch-actors"
    return faults.usage(message[:1].lower() + message[1:], f"see: {path} --help").fault
