"""`graph`: a graph's form, with the states of its tasks."""

from enum import StrEnum
from typing import Annotated

import msgspec
import typer

from orch_actors.cli import faults
from orch_actors.cli.documents import put
from orch_actors.cli.escape import json_text
from orch_actors.cli.options import HomeOption, JsonOption, OutputOption, session
from orch_actors.cli.output import stdout_style
from orch_actors.cli.render.dag import dag_text
from orch_actors.cli.render.diagram import dot_text, graph_document, mermaid_text
from orch_actors.cli.render.style import PLAIN
from orch_actors.cli.targets import graph_only
from orch_actors.protocol.views import GraphView

EXAMPLES = """
orch-actors graph g7                               by levels, as text
orch-actors graph g7 --format mermaid
orch-actors graph g7 --format dot | dot -Tsvg > g7.svg
orch-actors graph g7 --json     {"id", "name", "state", "version", "nodes": [{"id", …}], "edges": [{"from", …}]}
"""


class Format(StrEnum):
    """What `--format` takes."""

    TEXT = "text"
    MERMAID = "mermaid"
    DOT = "dot"
    JSON = "json"


def command(
    graph: Annotated[str, typer.Argument(metavar="GRAPH", help="Its id, the beginning of it, or its name.")],
    *,
    format_: Annotated[Format | None, typer.Option("--format", help="How to draw it.  [default: text]")] = None,
    output: OutputOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show a graph's form, with the states of its tasks."""
    graph_only(graph, "graph")
    if as_json and format_ not in (None, Format.JSON):
        raise faults.usage(f"--json and --format {format_} were given", "give one of them")
    with session(home, as_json).client() as client:
        view = client.graph(graph)
    form = Format.JSON if as_json else format_ or Format.TEXT
    put(_drawn(view, form, to_file=output is not None), output, "the graph was")
    return faults.GOOD


def _drawn(view: GraphView, form: Format, *, to_file: bool) -> str:
    match form:
        case Format.TEXT:
            return dag_text(view, PLAIN if to_file else stdout_style())
        case Format.MERMAID:
            return mermaid_text(view)
        case Format.DOT:
            return dot_text(view)
        case Format.JSON:
            return json_text(msgspec.json.encode(graph_document(view)).decode())
