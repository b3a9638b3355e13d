"""`submit`: the words of the command line; the work is in `submission.py`."""

from typing import Annotated

import typer

from orch_actors.cli.app import command_words
from orch_actors.cli.options import HomeOption, JsonOption, NoStartOption
from orch_actors.cli.submission import Submission, submit

EXAMPLES = """
orch-actors submit graph.yaml
orch-actors submit graph.yaml --param branch=main --key nightly-2026-01-31
orch-actors submit graph.yaml --dry-run
generate-graph | orch-actors submit -
orch-actors submit --timeout 1h --retry 3 -- make -j4 all
orch-actors submit graph.yaml --json      {"graph", "name", "tasks", "existing", "dry_run"}
"""

FileArgument = Annotated[
    str | None, typer.Argument(metavar="FILE|-", help="A graph in YAML, JSON or TOML; - reads it from stdin.")
]
KeyOption = Annotated[
    str | None, typer.Option("--key", metavar="KEY", help="Submitting again with it gives the same graph.")
]
ParamOption = Annotated[
    list[str] | None, typer.Option("--param", metavar="KEY=VALUE", help="Fills ${params.KEY}; may be repeated.")
]
NameOption = Annotated[str | None, typer.Option("--name", metavar="NAME", help="The graph's name.")]
TimeoutOption = Annotated[
    str | None, typer.Option("--timeout", metavar="TIME", help="Of a command: its longest run: 90, 90s, 1h30m.")
]
RetryOption = Annotated[
    int | None, typer.Option("--retry", metavar="N", help="Of a command: try it at most N times in all.")
]
EnvOption = Annotated[
    list[str] | None, typer.Option("--env", metavar="KEY=VALUE", help="Of a command: a variable; may be repeated.")
]
CwdOption = Annotated[
    str | None, typer.Option("--cwd", metavar="DIR", help="Of a command: where it runs.  [default: here]")
]


def command(
    ctx: typer.Context,
    file: FileArgument = None,
    *,
    key: KeyOption = None,
    param: ParamOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check it; begin nothing.")] = False,
    name: NameOption = None,
    timeout: TimeoutOption = None,
    retry: RetryOption = None,
    env: EnvOption = None,
    cwd: CwdOption = None,
    no_start: NoStartOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Hand over a graph, or a command; have its id at once.

    When the answer is there, the graph is on disk; it runs in the background, whatever becomes of this terminal.
    """
    return submit(
        Submission(
            home=home or None,
            as_json=as_json,
            no_start=no_start,
            file=file,
            words=command_words(ctx),
            key=key,
            param=tuple(param or ()),
            dry_run=dry_run,
            name=name,
            timeout=timeout,
            retry=retry,
            env=tuple(env or ()),
            cwd=cwd,
        )
    )
