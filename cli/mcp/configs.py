"""The settings that make an agent's program start the MCP server: printed, or merged into its file.

What is in the file already stays; a server of this name that says something else is not overwritten in silence.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from orch_actors.cli import faults

NAME: Final = "orch-actors"


class Settings(Struct, frozen=True, kw_only=True):
    """Of one agent's program."""

    #: Its file; relative: of the project's folder.
    path: str
    #: What to put into it, alone; and merged into what it holds.
    alone: Callable[[list[str]], str]
    merged: Callable[[str, list[str], str], str]
    #: How else to do it.
    also: str = ""


def server_command(home: str | None) -> list[str]:
    """The command that starts the server: by its name where that finds this program, else by its path."""
    beside = os.path.join(os.path.dirname(sys.executable), NAME)
    found = shutil.which(NAME)
    same = found is not None and os.path.realpath(found) == os.path.realpath(beside)
    program = NAME if same or not os.path.exists(beside) else beside
    return [program, "mcp", *(("--home", os.path.abspath(home)) if home else ())]


def _claude(command: list[str]) -> dict[str, Any]:
    return {"mcpServers": {NAME: {"command": command[0], "args": command[1:]}}}


def _opencode(command: list[str]) -> dict[str, Any]:
    return {
        "$schema": "https://opencode.ai/config.json",
        "mcp": {NAME: {"type": "local", "command": command, "enabled": True}},
    }


def _as_json(document: Callable[[list[str]], dict[str, Any]], section: str) -> Settings:
    def alone(command: list[str]) -> str:
        return json.dumps(document(command), indent=2, ensure_ascii=False) + "\n"

    def merged(text: str, command: list[str], path: str) -> str:
        ours = document(command)
        try:
            held = json.loads(text) if text.strip() else {}
        except ValueError as error:
            raise _unreadable(path, str(error)) from error
        if not isinstance(held, dict) or not isinstance(held.get(section, {}), dict):
            raise _unreadable(path, f"`{section}` is no object")
        known = held.get(section, {}).get(NAME)
        if known is not None and known != ours[section][NAME]:
            raise _taken(path)
        whole = {**ours, **held, section: {**held.get(section, {}), **ours[section]}}
        return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"

    return Settings(path="", alone=alone, merged=merged)


def _codex_text(command: list[str]) -> str:
    # A JSON text is a TOML text, too.
    args = ", ".join(json.dumps(word) for word in command[1:])
    return f"[mcp_servers.{NAME}]\ncommand = {json.dumps(command[0])}\nargs = [{args}]\n"


def _codex_merged(text: str, command: list[str], path: str) -> str:
    import tomllib

    try:
        held = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _unreadable(path, str(error)) from error
    servers = held.get("mcp_servers", {})
    if NAME in servers:
        if servers[NAME] != {"command": command[0], "args": command[1:]}:
            raise _taken(path)
        return text
    return f"{text.rstrip()}\n\n{_codex_text(command)}".lstrip("\n")


def _unreadable(path: str, why: str) -> faults.CommandFault:
    return faults.environment(
        f"{path} cannot be merged into: {why}", "put it there by hand; without --install it is printed"
    )


def _taken(path: str) -> faults.CommandFault:
    return faults.environment(
        f"{path} has a server {NAME} already, with other settings", "take that entry out, then install again"
    )


def settings_of(agent: str) -> Settings:
    """The settings of a program.

    Raises:
        CommandFault: it is none that we know.
    """
    claude, opencode = _as_json(_claude, "mcpServers"), _as_json(_opencode, "mcp")
    codex_home = os.environ.get("CODEX_HOME") or os.path.expanduser("~/.codex")
    known = {
        "claude": Settings(path=".mcp.json", alone=claude.alone, merged=claude.merged),
        "opencode": Settings(path="opencode.json", alone=opencode.alone, merged=opencode.merged),
        "codex": Settings(path=os.path.join(codex_home, "config.toml"), alone=_codex_text, merged=_codex_merged),
    }
    if agent not in known:
        raise faults.usage(
            f"no settings are known for {agent!r}",
            f"known are: {', '.join(known)}; any other MCP client starts: {' '.join(server_command(None))}",
        )
    return known[agent]


def install(settings: Settings, folder: str, command: list[str]) -> tuple[str, bool]:
    """Merge them into the program's file; its path, and whether anything was changed. Whole or not at all.

    Raises:
        CommandFault: the file cannot be merged into, or written.
    """
    path = os.path.realpath(os.path.join(folder, settings.path))
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, str(error)) from error
    whole = settings.merged(text, command, path)
    if whole == text:
        return path, False
    beside = f"{path}.{os.getpid()}.part"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(beside, "w", encoding="utf-8") as file:
            file.write(whole)
        os.replace(beside, path)
    except OSError as error:
        raise faults.environment(f"cannot write {path}: {error.strerror or error}", "put it there by hand") from error
    return path, True
