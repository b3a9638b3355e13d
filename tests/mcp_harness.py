"""The MCP SDK's own client, in memory and over stdio, driven from plain tests."""

import json
import sysconfig

import anyio
from mcp.client import Client as McpClient
from mcp.client.stdio import StdioServerParameters

PROGRAM = sysconfig.get_path("scripts") + "/orch-actors"


class Agent:
    """Calls tools; each answer is held to its bound."""

    def __init__(self, client):
        self.client = client

    async def __call__(self, tool, **arguments):
        """A tool's structured answer; it must be no error."""
        told = await self.raw(tool, **arguments)
        assert not told.is_error, told.content[0].text
        assert len(json.dumps(told.structured_content, ensure_ascii=False)) <= 12_000, tool
        return told.structured_content

    async def error(self, tool, **arguments):
        """The text of an error; it says what to do next."""
        told = await self.raw(tool, **arguments)
        assert told.is_error
        text = told.content[0].text
        assert len(text) <= 4_000
        assert "\nnext: " in text
        return text

    async def raw(self, tool, on_progress=None, **arguments):
        """The answer as it came."""
        with anyio.fail_after(60):
            told = await self.client.call_tool(tool, arguments, progress_callback=on_progress)
        assert len(told.content[0].text) <= 12_000, tool
        return told


def talk(server, conversation, **options):
    """Run `conversation(agent)` with a client that is connected to `server`: one in this process, or parameters."""

    async def run():
        async with McpClient(server, **options) as client:
            return await conversation(Agent(client))

    return anyio.run(run)


def stdio(cli, cwd):
    """Parameters of the real program."""
    return StdioServerParameters(command=PROGRAM, args=["mcp"], env=cli.env, cwd=str(cwd))
