"""The options that several verbs share, as typer wants them; imported by verb modules only."""

from typing import Annotated

import typer

from orch_actors.cli.session import Session

HomeOption = Annotated[
    str | None,
    typer.Option(
        "--home", metavar="DIR", help="The daemon's home.  [default: $ORCH_ACTORS_HOME, or the platform's state folder]"
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON, errors included.")]

NoStartOption = Annotated[bool, typer.Option("--no-start", help="Fail (exit 3) where no daemon runs; start none.")]

TimeoutOption = Annotated[
    str | None, typer.Option("--timeout", metavar="TIME", help="Give up after this long (exit 124): 90, 90s, 5m.")
]

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what it would change.")]

IfVersionOption = Annotated[
    int | None,
    typer.Option("--if-version", metavar="N", help="Refuse where the graph has changed since version N."),
]

WorkerOption = Annotated[
    str | None, typer.Option("--worker", metavar="TYPE", help="A worker type, such as shell, instead of a graph.")
]

JsonSetOption = Annotated[
    str | None, typer.Option("--json-set", metavar="{…}", help="Options of the task as a JSON object.")
]

OutputOption = Annotated[
    str | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there, whole or not at all.")
]


def session(home: str | None, as_json: bool) -> Session:
    """The session of a verb; an empty --home counts as none."""
    return Session(home=home or None, as_json=as_json)
