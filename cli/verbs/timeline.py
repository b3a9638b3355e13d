"""`timeline`: when each attempt of a graph ran."""

import time
from typing import Annotated

import msgspec
import typer

from orch_actors.cli import faults
from orch_actors.cli.documents import put
from orch_actors.cli.escape import json_text
from orch_actors.cli.options import HomeOption, JsonOption, OutputOption, session
from orch_actors.cli.output import stdout_style
from orch_actors.cli.render.gantt import chrome_trace, gantt_text
from orch_actors.cli.render.style import PLAIN
from orch_actors.cli.targets import graph_only
from orch_actors.cli.timeline import timeline_of

EXAMPLES = """
orch-actors timeline g7
orch-actors timeline g7 --chrome -o g7.trace.json     for chrome://tracing or https://ui.perfetto.dev
orch-actors timeline g7 --json     {"graph", "name", "state", "submitted_utc", "span_s", "rows": [{"task", "bars"}]}
"""


def command(
    graph: Annotated[str, typer.Argument(metavar="GRAPH", help="Its id, the beginning of it, or its name.")],
    *,
    chrome: Annotated[bool, typer.Option("--chrome", help="As a trace in Chrome's format.")] = False,
    output: OutputOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show when each attempt of a graph ran, and how it ended.

    Attempts are bars by their state; what still runs goes up to now.
    """
    graph_only(graph, "timeline")
    with session(home, as_json).client() as client:
        timeline = timeline_of(client.graph(graph), time.time())
    if chrome:
        put(_json(chrome_trace(timeline)), output, "the trace was")
    elif as_json:
        put(_json(timeline), output, "the timeline was")
    else:
        put(gantt_text(timeline, stdout_style() if output is None else PLAIN), output, "the timeline was")
    return faults.GOOD


def _json(value: object) -> str:
    return json_text(msgspec.json.encode(value).decode())
