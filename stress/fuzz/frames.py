"""Messages between a request and noise, from a seed. Pure: knows no socket.

They are made to reach as deep as they can: most begin as a request that the daemon understands. None is one that it
would carry out: what the requests name does not exist, or is refused by its own rules (a cycle, an approval that nobody
gives, a program that is nowhere), so whatever a mutation leaves of it runs nothing.
"""

from collections.abc import Callable
from random import Random
from typing import Any, Final

import msgspec

#: Where a message goes.
Socket = str
SOCKETS: Final[tuple[Socket, ...]] = ("commands", "workers", "events")

#: Largest body that is made, in bytes; now and then.
LARGE: Final = 4 * 1024 * 1024

_TASK: Final = {
    "id": "a",
    "command": ["/nowhere/at-all"],
    "approve": True,
    "depends_on": ["b"],
    "retry": {"attempts": 3, "on": ["exit"]},
    "env": {"A": "1"},
    "secrets": {"S": {"env": "NO_SUCH"}},
}
_GRAPH: Final = {"name": "n", "tasks": [_TASK, {**_TASK, "id": "b", "depends_on": ["a"]}], "limits": {"parallel": 2}}

#: Requests that are understood and refused, or only ask.
REQUESTS: Final[tuple[dict[str, Any], ...]] = (
    {"type": "hello"},
    {"type": "get_status"},
    {"type": "submit_graph", "graph": _GRAPH, "key": "k", "base_dir": "/", "environment": {"PATH": "/nowhere"}},
    {"type": "cancel", "graph": "no-such-graph", "reason": "r"},
    {"type": "add_tasks", "graph": "no-such-graph", "tasks": [_TASK], "if_version": 3},
    {"type": "update_task", "graph": "no-such-graph", "task": "t", "set": {"timeout": 5}},
    {"type": "retry_tasks", "graph": "no-such-graph"},
    {"type": "decide", "ref": "d999999", "choice": "yes", "note": "n"},
    {"type": "read_log", "graph": "no-such-graph", "task": "t", "offset": -3, "limit": 100},
    {"type": "read_events", "since": 0, "limit": 10},
    {"type": "get_graph", "graph": "no-such-graph"},
    {"type": "get_summaries", "graphs": ["no-such-graph"]},
    {"type": "why", "graph": "no-such-graph", "task": "t"},
    {"type": "set_limit", "graph": "no-such-graph", "parallel": 2},
    {"type": "set_budget", "graph": "no-such-graph", "set": {"usd": 2}},
    {"type": "list_actors"},
)

#: What worker hosts say, from a host that there is not.
REPORTS: Final[tuple[dict[str, Any], ...]] = (
    {"type": "host_ready", "worker": "shell", "pid": 1},
    {"type": "attempt_ended", "attempt": "g1/a/1", "ending": "exit", "exit_code": 0, "tail": "x"},
    {"type": "attempt_adopted", "attempt": "g1/a/1", "pid": 1, "elapsed_s": 1.0},
    {"type": "actors_described", "ticket": 1, "root": {"name": "x", "kind": "worker", "state": "running", "pid": 1}},
)

_WILD: Final[tuple[Any, ...]] = (
    None, True, -1, 0, 2**63, -(2**63), 2**64 - 1, 1e308, -0.0, "", "\0", "\ud7ff\ue000", "../../etc/passwd",
    "x" * 5000, "\x1b]0;x\x07", [], {}, [[]], {"": ""}, {"type": "shutdown_"}, ["a"] * 500, {"a": {"b": {"c": []}}},
)  # fmt: skip


class Message(msgspec.Struct, frozen=True):
    """One message, and the socket that it is for."""

    socket: Socket
    frames: tuple[bytes, ...]


class Maker:
    """Makes messages; the same seed, the same messages."""

    def __init__(self, seed: int) -> None:
        self._rng: Final = Random(seed)
        self._number = 0
        self._kinds: Final[dict[Callable[[], bytes], int]] = {
            self._mutated: 50,
            self._wild: 25,
            self._noise: 12,
            self._deep: 6,
            self._cut: 6,
            self._large: 1,
        }

    def message(self) -> Message:
        """The next one."""
        self._number += 1
        socket = self._rng.choices(SOCKETS, (80, 12, 8))[0]
        if socket == "events":
            return Message(socket, (self._subscription(),))
        (make,) = self._rng.choices(list(self._kinds), list(self._kinds.values()))
        body = self._report() if socket == "workers" and self._rng.random() < 0.7 else make()
        return Message(socket, self._framed(body))

    def _framed(self, body: bytes) -> tuple[bytes, ...]:
        """Mostly one frame; sometimes as a REQ would, sometimes far too many."""
        draw = self._rng.random()
        if draw < 0.9:
            return (body,)
        if draw < 0.95:
            return (b"", body)
        extra = self._rng.choice([2, 3, 5, 50, 500])
        return (*(self._rng.randbytes(self._rng.randint(0, 8)) for _ in range(extra)), body[:1000])

    def _request(self) -> dict[str, Any]:
        request = {"id": f"f{self._number}", "client": "fuzz", "v": 1, "do": self._rng.choice(REQUESTS)}
        return msgspec.json.decode(msgspec.json.encode(request), type=dict[str, Any])  # its own copy, to the bottom

    def _encoded(self, value: Any) -> bytes:
        encode = self._rng.choice([msgspec.json.encode, msgspec.msgpack.encode])
        return encode(value)

    def _mutated(self) -> bytes:
        """Some bytes of a request changed, taken out, put in, doubled."""
        return self._scratch(self._encoded(self._request()))

    def _scratch(self, whole: bytes) -> bytes:
        body = bytearray(whole)
        for _ in range(self._rng.randint(0, 6)):
            place = self._rng.randrange(len(body) + 1)
            match self._rng.randrange(5):
                case 0:
                    body[place:place] = self._rng.randbytes(self._rng.randint(1, 8))
                case 1:
                    del body[place : place + self._rng.randint(1, 8)]
                case 2 if place < len(body):
                    body[place] = self._rng.randrange(256)
                case 3:
                    body[place:place] = body[: self._rng.randint(1, 40)]
                case _:
                    body[place : place + 4] = b"\xff" * 4
        return bytes(body)

    def _wild(self) -> bytes:
        """A request whose form is right, with values that are not."""
        request = self._request()
        inner: Any = request
        while True:
            keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
            if not keys:
                return self._encoded(request)
            key = self._rng.choice(keys)
            if isinstance(inner[key], dict | list) and self._rng.random() < 0.7:
                inner = inner[key]
                continue
            inner[key] = self._rng.choice(_WILD)
            return self._encoded(request)

    def _noise(self) -> bytes:
        return self._rng.choice([b"", b"{", b"{}", b"["]) + self._rng.randbytes(self._rng.randint(0, 2000))

    def _deep(self) -> bytes:
        """Nested far beyond what anybody may mean, whole or open-ended."""
        depth = self._rng.choice([65, 1000, 30_000])
        opening, closing = self._rng.choice([(b'{"a":', b"}"), (b"[", b"]"), (b"\x91", b""), (b"\x81\xa1a", b"")])
        nest = opening * depth + self._rng.choice([b"1", b"\x01", b""]) + closing * depth
        if opening[:1] in b"{[":
            return b'{"id":"f","client":"fuzz","v":1,"do":{"type":"submit_graph","graph":' + nest + b"}}"
        return b"\x84\xa2id\xa1f\xa6client\xa1f\xa1v\x01\xa2do" + nest

    def _cut(self) -> bytes:
        whole = self._encoded(self._request())
        return whole[: self._rng.randint(0, len(whole))]

    def _large(self) -> bytes:
        size = self._rng.choice([100_000, 1_000_000, LARGE])
        return self._rng.choice([b"{" + b" " * size, b"\xdb\xff\xff\xff\xff" + b"x" * size, b'{"id":"' + b"x" * size])

    def _report(self) -> bytes:
        return self._scratch(msgspec.msgpack.encode(self._rng.choice(REPORTS)))

    def _subscription(self) -> bytes:
        """Subscribing to nothing that there is, leaving what one never came to, and what is neither."""
        flag = self._rng.choice([b"\0", b"\1", b"\2", b"", b"\xff"])
        return flag + self._rng.randbytes(self._rng.randint(0 if flag != b"\1" else 2, 300))


def raw_greeting(rng: Random) -> bytes:
    """Bytes for a bare connection: other protocols, older ZMTP, half a handshake."""
    zmtp = b"\xff" + b"\0" * 8 + b"\x7f"
    mechanism = rng.choice([b"NULL", b"PLAIN", b"CURVE", rng.randbytes(8)]).ljust(20, b"\0")
    whole = zmtp + b"\x03\x00" + mechanism + b"\0" * 32
    return rng.choice(
        [
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\x01\x00\x0a\x00GET / HTT",
            zmtp + b"\x01\x05\0\0\0\5hello",
            whole[: rng.randint(1, len(whole))],
            whole + rng.randbytes(rng.randint(1, 400)),
            b"\x16\x03\x01" + rng.randbytes(200),
            rng.randbytes(rng.randint(1, 600)),
        ]
    )
