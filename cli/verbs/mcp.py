"""`mcp`: the MCP server for agents on stdin and stdout, and the settings that make their programs start it."""

import os
from typing import Annotated, Final

import typer

from orch_actors.cli import faults
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import note, say, say_json

GROUP: Final = "The orchestrator as tools of an agent (MCP). Alone it serves stdin and stdout."

#: What it does without a member.
ALONE: Final = "serve"

EXAMPLES = """
orch-actors mcp                              serve; an agent's program starts this
orch-actors mcp config claude                the settings for Claude Code, to be put into .mcp.json
orch-actors mcp config claude --install      merge them into .mcp.json of this folder
orch-actors mcp config opencode --install    the same for opencode.json; codex: ~/.codex/config.toml
"""


def serve(home: HomeOption = None, as_json: JsonOption = False) -> int:
    """Serve the tools on stdin and stdout, until stdin ends. The daemon is started where a tool needs it."""
    del as_json  # it is a protocol of its own
    said = session(home, as_json=False)
    try:
        from orch_actors.cli.mcp.server import serve as serve_desk
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types", "anyio"):
            raise
        raise faults.environment(
            "the MCP server needs the package mcp, which is not installed here", "pip install 'orch-actors[mcp]'"
        ) from error
    from orch_actors.cli.mcp.lasting import LastingClient
    from orch_actors.cli.mcp.tools import Desk
    from orch_actors.protocol.client import Client

    with Client() if said.by_tcp else LastingClient(said.place) as client:
        serve_desk(Desk(client=client, folder=os.getcwd()))
    return faults.GOOD


def config(
    agent: Annotated[str, typer.Argument(metavar="claude|opencode|codex", help="Whose settings.")],
    install: Annotated[bool, typer.Option("--install", help="Merge them into its file, instead of printing.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Print, or install, the settings that make an agent's program start the server.

    claude: .mcp.json of this folder. opencode: opencode.json of this folder. codex: config.toml of $CODEX_HOME.
    """
    from orch_actors.cli.mcp.configs import install as put
    from orch_actors.cli.mcp.configs import server_command, settings_of

    settings, command = settings_of(agent), server_command(home or None)
    if not install:
        if as_json:
            say_json({"path": settings.path, "text": settings.alone(command), "command": command})
        else:
            say(settings.alone(command).rstrip("\n"))
            note(f"into: {settings.path}; or: orch-actors mcp config {agent} --install")
        return faults.GOOD
    path, changed = put(settings, os.getcwd(), command)
    if as_json:
        say_json({"path": path, "changed": changed, "command": command})
    else:
        say(f"{'written to' if changed else 'it is there already:'} {path}")
    return faults.GOOD


MEMBERS: Final = {"serve": serve, "config": config}
