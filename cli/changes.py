"""Options of a task as they are typed: `key=value` words and a JSON object → what UpdateTask and RetryTasks carry.

A value means what it would mean in a graph file: `timeout=90s`, `retry={attempts: 3}`, `depends_on=[build, test]`,
`approve=true`. What is no list, mapping, number, truth value or quoted text is text as it stands, down to the last
character: a command may hold anything. Whether the daemon takes it is for the daemon to say.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

import msgspec

from orch_actors.cli import faults

#: What a value that is not plain text begins with, in YAML's and JSON's writing.
_STRUCTURED: Final = ("{", "[", '"', "'")


def read_changes(words: Sequence[str], json_set: str | None, option: str = "") -> dict[str, Any]:
    """The changes; an option that is to have its default again is None.

    Args:
        words: `key=value` each; `key=` takes the option back to its default.
        json_set: a JSON object of options, where null takes one back.
        option: how the words are given, for messages; empty: as they stand.

    Raises:
        CommandFault: a word is no `key=value`, a key is given twice, or the JSON is no object.
    """
    changes = _read_json(json_set)
    for word in words:
        key, equals, text = word.partition("=")
        said = f"{option} {word!r}".strip()
        if not equals or not key:
            raise faults.usage(f"{said}: expected KEY=VALUE", f"for example {option} timeout=90s".replace("  ", " "))
        if "." in key:
            name, _, field = key.partition(".")
            raise faults.usage(
                f"{said}: an option is set as a whole", f"for example {name}='{{{field}: {text or '…'}, …}}'"
            )
        if key in changes:
            raise faults.usage(f"{key} is given twice", "give each option once")
        changes[key] = read_value(text, as_text=key in _text_options())
    return changes


def _text_options() -> set[str]:
    """Options that take text: `command=true` is a command, `title=5` a title."""
    from orch_actors.protocol.spec.graph import TaskSpec
    from orch_actors.protocol.spec.work import KINDS

    kinds: tuple[type[msgspec.Struct], ...] = (TaskSpec, *KINDS.values())
    fields = [field for kind in kinds for field in msgspec.structs.fields(kind)]
    return {field.encode_name for field in fields if str in (field.type, *get_args(field.type))}


def read_value(text: str, *, as_text: bool = False) -> Any:
    """What a value means; empty, null and ~ are None. `as_text`: numbers and truth values stay text."""
    if text.startswith(_STRUCTURED):
        from orch_actors.protocol.spec.from_yaml import read_yaml
        from orch_actors.protocol.spec.syntax import SyntaxFault

        try:
            value = read_yaml(text)
        except SyntaxFault:
            return text  # such as `[ -f x ] && make`
        # `{ make; }` is a mapping without values in YAML, and a command to anybody who types it.
        return text if isinstance(value, dict) and ":" not in text and value else value
    from orch_actors.protocol.spec.from_yaml import scalar

    value = scalar(text.strip())
    return text if isinstance(value, str) or (as_text and value is not None) else value


def _read_json(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise faults.usage(f"--json-set is no JSON: {error}", """for example --json-set '{"timeout": 90}'""") from error
    if not isinstance(document, Mapping):
        raise faults.usage("--json-set is no JSON object", """for example --json-set '{"timeout": 90}'""")
    return dict(document)
