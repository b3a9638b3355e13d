"""The golden frames: every request, result, error and event of the protocol, as it is on the wire, and what it means.

A vector is one object of a JSON Lines file:

    {"name": …, "of": "request" | "reply" | "published", "object": {…}, "json": "<body as text>", "msgpack": "<base64>"}

`object` is the message as plain JSON, defaults and all; bytes in it are base64. Each kind comes twice: with everything
said, and with as little as may be. Values are made from field names by a fixed table, so that the same version gives
the same vectors.
"""

import base64
import functools
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from orch_actors.protocol import codec, messages
from orch_actors.protocol.errors import ErrorCode, ErrorInfo, Problem
from orch_actors.protocol.views import ActorView, Event

REQUEST_ID = "0198b2a0c1e07c3a9b4c5d6e7f809112"

#: Field → what stands in it; otherwise something is made of its type and name.
VALUES: dict[str, Any] = {
    "id": "g7",
    "graph": "g7",
    "graphs": ("g7", "nightly"),
    "task": "build",
    "tasks": ("build", "tést"),
    "name": "nightly",
    "worker": "shell",
    "client": "agent-1",
    "ref": "d3",
    "choice": "approve",
    "options": ("approve", "reject"),
    "consumer": "reader-1",
    "consumers": ("reader-1",),
    "kinds": ("task_ended", "graph_ended"),
    "key": "nightly-2026-01-31",
    "base_dir": "/home/me/project",
    "environment": {"LANG": "C.UTF-8"},
    "reason": "Umlaute: äöü, an emoji: 🚀, a paragraph separator: \u2028.",
    "message": "exit code 3",
    "time_utc": "2026-01-31T09:05:00.250Z",
    "data": {"exit_code": 3, "class": "exit", "duration_s": 0.25, "deep": [{"a": None}, [], {}, True, -1, 2**63]},
    "value": {"path": "dist/app", "sizes": [1, 2.5, None], "ünïcode": "\u0000\u001f"},
    "evidence": {"class": "exit", "tail": "boom\n"},
    "stream": "stderr",
    "version": "0.1.0",
    "state": None,
}

#: (kind, field) → what stands in it, where the field's name is not enough.
VALUES_OF: dict[tuple[str, str], Any] = {
    ("SubmitGraph", "graph"): {"name": "nightly", "tasks": [{"id": "build", "command": ["make", "-j2"]}]},
    ("AddTasks", "tasks"): ({"id": "lint", "command": "make lint", "depends_on": ["build"]},),
    ("LogPiece", "data"): bytes(range(256)),
    ("Edited", "version"): 4,
    ("GraphView", "version"): 4,
}


def vectors():
    """Every vector, as plain objects."""
    for kind in (*get_args(messages.Command), *get_args(messages.Query)):
        tag = kind.__struct_config__.tag
        full = {"deadline_utc": 1769850310.5, "do": struct(kind, "full")}
        yield vector(f"{tag} full", "request", messages.Request(id=REQUEST_ID, client="agent-1", **full))
        yield least(
            f"{tag} least", "request", messages.Request(id=REQUEST_ID, client="agent-1", do=struct(kind, "least"))
        )
    for kind in get_args(messages.Result):
        tag = kind.__struct_config__.tag
        yield vector(f"{tag} full", "reply", messages.Reply(id=REQUEST_ID, result=struct(kind, "full")))
        yield least(f"{tag} least", "reply", messages.Reply(id=REQUEST_ID, result=struct(kind, "least")))
    for code in get_args(ErrorCode):
        yield vector(f"error {code}", "reply", messages.Reply(id=REQUEST_ID, error=ErrorInfo(code=code, message="no")))
    problem = Problem(where="tasks[1] (test).depends_on[0]", message="no task has the id 'bild'", line=7)
    error = ErrorInfo(code="INVALID_GRAPH", message="1 problem", hint="correct it", retriable=True, problems=(problem,))
    yield vector("error with problems", "reply", messages.Reply(id=REQUEST_ID, error=error))
    yield vector("error without an id", "reply", messages.Reply(id="", error=ErrorInfo(code="INTERNAL", message="no")))
    yield vector("event full", "published", messages.Published(event=struct(Event, "full")))
    yield least("event least", "published", messages.Published(event=struct(Event, "least")))
    yield vector("heartbeat", "published", messages.Heartbeat(head=12345678901, journal="0198b2a0"))


def vector(name, of, message):
    """A message as it is sent by this version."""
    return _vector(name, of, message, codec.encode(message, "json"), codec.encode(message, "msgpack"))


def least(name, of, message):
    """A message of which everything is left out that may be; a request says its version all the same."""
    said = bare(message) | ({"v": 1} if of == "request" else {})
    return _vector(name, of, message, msgspec.json.encode(said), msgspec.msgpack.encode(said))


def _vector(name, of, message, json, msgpack):
    return {
        "name": name,
        "of": of,
        "object": msgspec.to_builtins(message),
        "json": json.decode(),
        "msgpack": base64.b64encode(msgpack).decode(),
    }


def bare(value):
    """As plain data, without what has its default."""
    if isinstance(value, tuple):
        return [bare(one) for one in value]
    if not isinstance(value, msgspec.Struct):
        return value
    config = value.__struct_config__
    found = {} if config.tag is None else {config.tag_field: config.tag}
    for field in msgspec.structs.fields(value):
        held = getattr(value, field.name)
        default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        if field.required or held != default:
            found[field.encode_name] = bare(held)
    return found


def struct(kind, fullness, depth=0):
    """An object of this kind: `full` says everything, `least` only what must be said."""
    hints = get_type_hints(kind)
    fields = msgspec.structs.fields(kind)
    wanted = [field for field in fields if fullness == "full" or field.required]
    return kind(**{field.name: value(kind, field.name, hints[field.name], fullness, depth) for field in wanted})


def value(kind, name, hint, fullness, depth):
    made = VALUES_OF.get((kind.__name__, name), VALUES.get(name))
    if made is not None and fits(made, hint):
        return made
    return of_type(kind, name, hint, fullness, depth)


def fits(made, hint):
    try:
        msgspec.convert(msgspec.to_builtins(made), hint)
    except msgspec.ValidationError:
        return False
    return True


def of_type(kind, name, hint, fullness, depth):
    origin, args = get_origin(hint), get_args(hint)
    again = functools.partial(of_type, kind, name, fullness=fullness, depth=depth)
    if origin is Literal:
        return args[-1]
    if origin in (Union, types.UnionType):
        return again(next(arg for arg in args if arg is not type(None)))
    if origin is tuple:
        leaf = args[0] is ActorView and depth > 1
        return () if leaf or fullness == "least" else (again(args[0]),)
    if origin is dict:
        return {"one": again(args[1])} if fullness == "full" else {}
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return struct(hint, fullness, depth + 1)
    simple = {str: f"a {name}", int: 42, float: 0.25, bool: True, bytes: b"\x00\xff", Any: {"any": ["thing", None]}}
    return simple[hint]
