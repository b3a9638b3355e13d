"""`schema`: JSON Schema of every message, for clients in other languages."""

from typing import Annotated

import typer

from orch_actors.cli import faults
from orch_actors.cli.documents import put
from orch_actors.cli.options import HomeOption, JsonOption, OutputOption
from orch_actors.cli.output import say_json

EXAMPLES = """
orch-actors schema -o wire.json          every message, in one document
orch-actors schema submit_graph          one of them, with what it refers to
orch-actors schema Reply
"""


def command(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Request, Reply, Event, …, or a `type`: submit_graph.")
    ] = None,
    output: OutputOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Print JSON Schema of the wire protocol's messages.

    For clients in other languages: with it, `protocol/SPEC.md` and the vectors in `tests/golden`. Needs no daemon.
    """
    import json

    from orch_actors.protocol.schemas import names, schema_of, whole_schema

    del home
    document = whole_schema() if name is None else schema_of(name)
    if document is None:
        from difflib import get_close_matches

        near = get_close_matches(str(name), names(), n=1)
        raise faults.usage(
            f"there is no message {name!r}", f"did you mean {near[0]!r}?" if near else ", ".join(names())
        )
    if as_json and output is None:
        say_json(document)
    else:
        put(json.dumps(document, indent=2), output, "the schema")
    return faults.GOOD
