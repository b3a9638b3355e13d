"""JSON Schema of every message, made from the Structs themselves: what `schema` prints, for clients in other languages.

Bodies in JSON are described; msgpack has the same maps. What a schema cannot say (who may say what when, limits) is in
`protocol/SPEC.md`.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from orch_actors.protocol import messages as m
from orch_actors.protocol.version import PROTOCOL_VERSION

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

#: What stands alone in a frame: its name → its Struct.
BODIES: Final[dict[str, type[Struct]]] = {
    "Request": m.Request,
    "Reply": m.Reply,
    "Published": m.Published,
    "Heartbeat": m.Heartbeat,
}


def whole_schema() -> dict[str, Any]:
    """One document for all bodies, each and every part of them under `$defs`."""
    refs, definitions = msgspec.json.schema_components(BODIES.values(), ref_template="#/$defs/{name}")
    return {
        "$schema": DIALECT,
        "title": f"orch-actors, wire protocol {PROTOCOL_VERSION}",
        "anyOf": list(refs),
        "$defs": definitions,
    }


def schema_of(name: str) -> dict[str, Any] | None:
    """The schema of one part, with what it refers to; by its name (`Request`) or tag (`submit_graph`)."""
    whole = whole_schema()["$defs"]
    for title, definition in whole.items():
        tags = definition.get("properties", {}).get("type", {}).get("enum", [])
        if name in (title, *tags):
            return {"$schema": DIALECT, **definition, "$defs": _needed(definition, whole)}
    return None


def names() -> list[str]:
    """All that `schema_of` knows, by the name that says most: the tag, where there is one."""
    found: list[str] = []
    for title, definition in whole_schema()["$defs"].items():
        found += definition.get("properties", {}).get("type", {}).get("enum", []) or [title]
    return found


def _needed(part: Any, whole: dict[str, Any]) -> dict[str, Any]:
    """The definitions that a part refers to, and those that they refer to."""
    needed: dict[str, Any] = {}
    waiting = [part]
    while waiting:
        at = waiting.pop()
        if isinstance(at, dict):
            reference = at.get("$ref")
            if isinstance(reference, str):
                title = reference.rpartition("/")[2]
                if title not in needed:
                    needed[title] = whole[title]
                    waiting.append(whole[title])
            waiting += [value for key, value in at.items() if key != "$ref"]
        elif isinstance(at, list):
            waiting += at
    return needed
