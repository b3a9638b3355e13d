"""Callbacks, as `config.toml` says them: what is told to whom when something has happened. Pure.

[callbacks.mail]
on = ["graph_ended", "task_failed", "decision_asked"]
command = "mail -s orch me@example.org"      # the event is on its stdin, as JSON; or:
url = "https://example.org/hook"             # is POSTed there, signed where there is a `secret_file`; or:
append = "/var/log/orch-events.jsonl"        # a line is appended
"""

from collections.abc import Iterator
from typing import Final, Literal
from urllib.parse import urlsplit

from msgspec import Struct

from orch_actors.protocol.ids import is_id
from orch_actors.protocol.spec.durations import Duration
from orch_actors.protocol.views import Event

#: Before the callback's name in that of its consumer.
CONSUMER_PREFIX: Final = "callback."
#: Kinds of events among which those are that a callback may want.
KINDS: Final = ("task_ended", "graph_ended", "decision_asked")

Occasion = Literal["graph_ended", "task_failed", "decision_asked"]


class CallbackSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One callback. Exactly one of `command`, `url` and `append`."""

    on: tuple[Occasion, ...] = ("graph_ended", "task_failed", "decision_asked")
    command: str | tuple[str, ...] | None = None
    url: str | None = None
    append: str | None = None
    #: A file whose content is the key of the signature.
    secret_file: str | None = None
    #: Of one try.
    timeout: Duration = 30.0
    #: An event that could not be delivered for so long is passed over, which is logged.
    give_up: Duration = 86400.0


class FileSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Of those who come by files."""

    #: Lines that are appended to `inbox.jsonl` are carried out; `outbox.jsonl` tells what came of them.
    inbox: bool = False


def consumer_of(callback: str) -> str:
    """The name of a callback's consumer."""
    return CONSUMER_PREFIX + callback


def wants(settings: CallbackSettings, event: Event) -> bool:
    """Whether it is one that the callback is told of."""
    if event.kind == "task_ended":
        return "task_failed" in settings.on and event.state == "failed"
    return event.kind in settings.on


def callback_faults(name: str, settings: CallbackSettings) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with a callback whose fields are of the right types: place within it, and what."""
    if not is_id(consumer_of(name)):
        yield (), f"{name!r} cannot be a callback's name: 1 to 55 of a-z 0-9 . _ -"
    targets = [one for one in ("command", "url", "append") if vars_of(settings)[one] is not None]
    if len(targets) != 1:
        yield (), f"has {' and '.join(targets) or 'no target'}: exactly one of command, url and append is needed"
    if settings.command is not None and not settings.command:
        yield ("command",), "is empty"
    if settings.url is not None and (
        urlsplit(settings.url).scheme not in ("http", "https") or not urlsplit(settings.url).netloc
    ):
        yield ("url",), f"is {settings.url!r}: expected http://… or https://…"
    if settings.secret_file is not None and settings.url is None:
        yield ("secret_file",), "signs what is POSTed, and there is no url"
    if settings.append is not None and not settings.append.startswith(("/", "~")):
        yield ("append",), f"is {settings.append!r}: expected an absolute path"
    if settings.timeout < 0.1:
        yield ("timeout",), "is too short to mean anything"
    if not settings.on:
        yield ("on",), "is empty: it would never be told of anything"


def vars_of(settings: CallbackSettings) -> dict[str, object]:
    """The targets by name."""
    return {"command": settings.command, "url": settings.url, "append": settings.append}
