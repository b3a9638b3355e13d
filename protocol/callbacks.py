"""Callbacks, as `config.toml` says them: what is told to whom when something has happened. Pure.

[callbacks.mail]
on = ["graph_ended", "task_failed", "decision_asked"]
command = "mail -s orch me@example.org"      # the event is on its stdin, as JSON; or:
url = "https://example.org/hook"             # is POSTed there, signed where there is a `secret`; or:
append = "/var/log/orch-events.jsonl"        # a line is appended

The form is that of a graph document's `callbacks` (`spec/graph.py`), which are told of that graph alone.
"""

import os.path
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from orch_actors.protocol.ids import is_id
from orch_actors.protocol.spec.graph import Callback, Secret
from orch_actors.protocol.spec.told import callback_faults
from orch_actors.protocol.views import Event

#: Before the callback's name in that of its consumer.
CONSUMER_PREFIX: Final = "callback."
#: Kinds of events among which those are that a callback may want.
KINDS: Final = ("task_ended", "graph_ended", "decision_asked")

#: Before the graph's id in the names of the consumers that the daemon keeps for a graph's own callbacks and files.
GRAPH_PREFIX: Final = "graph."


class FileSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Of those who come by files."""

    #: Lines that are appended to `inbox.jsonl` are carried out; `outbox.jsonl` tells what came of them.
    inbox: bool = False


def consumer_of(callback: str) -> str:
    """The name of the consumer of one of config.toml's callbacks."""
    return CONSUMER_PREFIX + callback


def graph_consumer(graph: str, which: int | str) -> str:
    """The name of the consumer of a graph's own callback, numbered from 1; or of its `files`."""
    return f"{GRAPH_PREFIX}{graph}.{which}"


def files_folder(files: str, graph: str) -> str:
    """The folder of a graph's inbox and outbox, within the one that its document names."""
    return os.path.join(files, graph)


def wants(callback: Callback, event: Event) -> bool:
    """Whether it is one that the callback is told of."""
    if event.kind == "task_ended":
        return "task_failed" in callback.on and event.state == "failed"
    return event.kind in callback.on


def settings_faults(name: str, callback: Callback) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What is wrong with a callback of config.toml whose fields are of the right types: place within it, and what."""
    if not is_id(consumer_of(name)):
        yield (), f"{name!r} cannot be a callback's name: 1 to 55 of a-z 0-9 . _ -"
    yield from callback_faults(callback)
    paths = [("append", callback.append), ("cwd", callback.cwd)]
    paths += [
        (field, source.file)
        for field, source in (("url", callback.url), ("secret", callback.secret))
        if isinstance(source, Secret)
    ]
    for field, path in paths:
        if path is not None and path.strip() and not path.startswith(("/", "~")):
            yield (field,), f"is {path!r}: expected an absolute path"
