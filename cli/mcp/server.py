"""The SDK's server around the tools: the one module of ours that imports `mcp`.

Each call runs in a thread, which ends soon after its caller has gone (`Tell` raises then). Arguments are checked by the
forms, not by the SDK, so that an error says in our words what to do; what a tool answers is both structured content and
text, each within `bounds.ANSWER`.
"""

from functools import partial
from typing import Any, Final

import anyio
import anyio.from_thread
import anyio.to_thread
import mcp_types as types
import msgspec
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from orch_actors.cli import faults
from orch_actors.cli.crash import report_bug
from orch_actors.cli.escape import json_text
from orch_actors.cli.mcp import bounds
from orch_actors.cli.mcp.forms import Takes, Tells
from orch_actors.cli.mcp.instructions import INSTRUCTIONS
from orch_actors.cli.mcp.telling import text_of, text_of_fault
from orch_actors.cli.mcp.tools import TOOLS, Desk, Tool
from orch_actors.protocol.errors import OrchError
from orch_actors.protocol.version import VERSION

Context = ServerRequestContext[Any, Any]

#: Calls at once: each may wait for long.
_THREADS: Final = 64


def schema_of(kind: type[Takes | Tells]) -> dict[str, Any]:
    """The JSON Schema of a form, with an object at its top, as the protocol wants it."""
    _, components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    top: dict[str, Any] = dict(components.pop(kind.__name__))
    return {**top, "$defs": components} if components else top


def described(name: str, tool: Tool) -> types.Tool:
    """A tool as it is listed."""
    return types.Tool(
        name=name,
        description=tool.does,
        input_schema=schema_of(tool.takes),
        output_schema=schema_of(tool.tells),
        annotations=types.ToolAnnotations(
            read_only_hint=tool.reads,
            destructive_hint=name == "orch_cancel",
            idempotent_hint=tool.reads,
            open_world_hint=False,
        ),
    )


def build(desk: Desk) -> Server[Any]:
    """The server for one desk."""
    limiter = anyio.CapacityLimiter(_THREADS)
    listed = [described(name, tool) for name, tool in TOOLS.items()]

    async def list_tools(context: Context, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        del context, params
        return types.ListToolsResult(tools=listed)

    async def call_tool(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        def tell(done: float, total: float, message: str) -> None:
            anyio.from_thread.check_cancelled()
            anyio.from_thread.run(context.session.report_progress, done, total, message)

        work = partial(answer, desk, params.name, params.arguments or {}, tell)
        return await anyio.to_thread.run_sync(work, limiter=limiter)

    return Server(
        "orch-actors", version=VERSION, instructions=INSTRUCTIONS, on_list_tools=list_tools, on_call_tool=call_tool
    )


def answer(desk: Desk, name: str, arguments: dict[str, Any], tell: Any) -> types.CallToolResult:
    """Carry a call out; whatever goes wrong is told, with what to do next."""
    try:
        tool = TOOLS.get(name)
        if tool is None:
            raise faults.usage(f"there is no tool {bounds.line(name, 100)!r}", f"the tools are: {', '.join(TOOLS)}")
        told = tool.run(desk, taken(name, tool, arguments), tell)
        content = msgspec.to_builtins(told)
        return types.CallToolResult(content=[_text(text_of(told))], structured_content=content)
    except (OrchError, OSError) as error:
        return _failed(faults.explain(error), name)
    except anyio.get_cancelled_exc_class():
        raise
    except Exception as error:  # noqa: BLE001 (an entry point, as the console script's is)
        return _failed(report_bug(error, ["mcp", name]), name)


def taken(name: str, tool: Tool, arguments: dict[str, Any]) -> Takes:
    """The arguments in their form.

    Raises:
        CommandFault: they are not of that form.
    """
    try:
        return msgspec.convert(arguments, tool.takes)
    except msgspec.ValidationError as error:
        fields = ", ".join(tool.takes.__struct_fields__)
        raise faults.usage(f"{name}: {bounds.line(str(error), 400)}", f"{name} takes: {fields}") from error


def _text(text: str) -> types.TextContent:
    return types.TextContent(text=json_text(text))


def _failed(fault: faults.Fault, name: str) -> types.CallToolResult:
    return types.CallToolResult(content=[_text(text_of_fault(fault, name))], is_error=True)


def serve(desk: Desk) -> None:
    """Serve stdin and stdout until stdin ends."""

    async def run() -> None:
        server = build(desk)
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    anyio.run(run)
