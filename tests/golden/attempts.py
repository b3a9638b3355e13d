"""Records of attempts, in each state that one can be found in: what hosts and shims write, line by line."""

import msgspec

from orch_actors.actors.host.record import Header, Never

HEADER = Header(attempt="g1/build/2", boot="boot-1", utc=1769850000.125, mono=5123.25)
HEADER_LINE = msgspec.json.encode(HEADER) + b"\n"


def never(kind, why, cls=""):
    return msgspec.json.encode(Never(kind, why, cls)) + b"\n"


def records():
    """Name → bytes."""
    return {
        "claimed.jsonl": b"",
        "header.jsonl": HEADER_LINE,
        "half-a-header.jsonl": HEADER_LINE[:40],
        "half-a-pid.jsonl": HEADER_LINE + b'{"pid":47',
        "running.jsonl": HEADER_LINE + b'{"pid":4711}\n',
        "exit-0.jsonl": HEADER_LINE + b'{"pid":4711}\n{"exit":0}\n',
        "exit-143.jsonl": HEADER_LINE + b'{"pid":4711}\n{"exit":143}\n',
        "half-an-exit.jsonl": HEADER_LINE + b'{"pid":4711}\n{"exit":0}',
        "never-killed.jsonl": never("killed", "it was stopped before it began"),
        "never-spawned.jsonl": never("spawn", "the working directory /none is not a folder", "reference"),
    }
