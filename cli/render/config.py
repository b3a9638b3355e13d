"""The settings that hold, in the words of config.toml."""

import re
from typing import Any, Final

import msgspec

from orch_actors.cli.escape import many_lines, one_line
from orch_actors.protocol.spec.durations import format_duration

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def config_text(document: dict[str, Any]) -> str:
    """`config --json`'s document for people; what has no value is told as a comment."""
    where = one_line(document["path"])
    lines = [f"# {where}" if document["exists"] else f"# {where} is not there: these are the defaults"]
    limit = document["output_limit"]
    lines.append("# output_limit: none" if limit is None else f"output_limit = {limit}")
    lines.append(f"copies_limit = {document['copies_limit']}")
    for worker, settings in document["workers"].items():
        lines += ["", f"[workers.{one_line(worker)}]", *_lines(settings)]
    lines += ["", "[resources]", *_lines(document["resources"])]
    lines += ["", "[defaults]", *_lines(document["defaults"])]
    retention = document["retention"]
    older_than = retention["older_than"]
    lines += ["", "[retention]", *_lines({name: retention[name] for name in ("keep", "tasks")})]
    lines.append(
        "# older_than: for ever"
        if older_than is None
        else f"older_than = {older_than:.10g}  # seconds: {format_duration(older_than)}"
    )
    lines += _lines({name: retention[name] for name in ("events", "unread")})
    lines += ["", "[hosts]", *_lines(document["hosts"])]
    lines += ["", "[nesting]", *_lines(document["nesting"])]
    lines += ["", "[files]", *_lines(document["files"])]
    for name, callback in document["callbacks"].items():
        said = {field: value for field, value in callback.items() if value is not None}
        lines += ["", f"[callbacks.{_key(one_line(name))}]", *_lines(said)]
    return many_lines("\n".join(lines))


def _lines(table: dict[str, Any]) -> list[str]:
    return [f"{_key(name)} = {_value(value)}" for name, value in table.items()] or ["# none"]


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: Any) -> str:
    """A value as TOML writes it: numbers, truth values and texts as JSON does."""
    match value:
        case dict():
            return "{" + ", ".join(f"{_key(name)} = {_value(inner)}" for name, inner in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(_value(inner) for inner in value) + "]"
        case _:
            return msgspec.json.encode(value).decode()
