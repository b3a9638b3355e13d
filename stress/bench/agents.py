"""Submitting as an agent does: a tool call over MCP, beside the same submission by the Python client.

The server is the real program, spoken to over its stdin and stdout, a line of JSON for each message: the SDK's own
client is not what is measured. Without the extra `orch-actors[mcp]` there is nothing to measure.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Final

from orch_actors.stress.daemon import command_line

_HELLO: Final = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}


def is_installed() -> bool:
    """Whether there is an MCP server to measure."""
    return find_spec("mcp") is not None


class McpServer:
    """A server that answers one call after the other."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._serial = 0

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """A request's result.

        Raises:
            AssertionError: the server went away, or answers with an error: then its time means nothing.
        """
        self._serial += 1
        self.tell({"id": self._serial, "method": method, "params": params})
        assert self._process.stdout is not None  # noqa: S101 (an invariant of ours)
        while line := self._process.stdout.readline():
            message: dict[str, Any] = json.loads(line)
            if message.get("id") == self._serial:
                if "result" not in message or message["result"].get("isError"):
                    raise AssertionError(f"{method} failed: {line.decode()[:500]}")
                result: dict[str, Any] = message["result"]
                return result
        raise AssertionError("the MCP server went away")

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message."""
        assert self._process.stdin is not None  # noqa: S101 (an invariant of ours)
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self._process.stdin.flush()

    def submit(self, graph: dict[str, Any]) -> tuple[float, str]:
        """Seconds from the call to its answer, and the graph's id."""
        begun_at = time.perf_counter()
        told = self.ask("tools/call", {"name": "orch_submit", "arguments": {"graph": graph}})
        return time.perf_counter() - begun_at, str(told["structuredContent"]["graph"])


@contextmanager
def mcp_server(home: str, folder: str) -> Iterator[McpServer]:
    """The real program, for a home whose daemon runs; it has answered once."""
    words = [*command_line(), "mcp", "--home", home]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, cwd=folder) as process:
        server = McpServer(process)
        server.ask("initialize", _HELLO)
        server.tell({"method": "notifications/initialized"})
        try:
            yield server
        finally:
            process.kill()
