"""What is wrong with callbacks whose fields are of the right types, and their paths made absolute. Pure.

The form is the same in a graph document, where paths are relative to the graph's folder, and in `config.toml`, where
there is no such folder.
"""

import os.path
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from orch_actors.protocol.spec.graph import Callback, Secret
from orch_actors.protocol.spec.places import Finding, Path
from orch_actors.protocol.spec.work import command_fault, text_fault

#: Callbacks of one graph.
MAX_CALLBACKS: Final = 16
#: Shortest time that a try may have.
LEAST_S: Final = 0.1

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def callback_faults(callback: Callback) -> Iterator[tuple[Path, str]]:
    """Place within it, and what is wrong there."""
    given = {"command": callback.command, "url": callback.url, "append": callback.append}
    targets = [name for name, value in given.items() if value is not None]
    if len(targets) != 1:
        yield (), f"has {' and '.join(targets) or 'no target'}: exactly one of command, url and append is needed"
    fault = None if callback.command is None else command_fault(callback.command)
    if fault is not None:
        yield ("command",), fault
    if isinstance(callback.url, str):
        fault = url_fault(callback.url)
        if fault is not None:
            yield ("url",), fault
    elif callback.url is not None:
        for path, message in _source_faults(callback.url):
            yield ("url", *path), message
    if callback.secret is not None:
        if callback.url is None:
            yield ("secret",), "signs what is POSTed, and there is no url"
        for path, message in _source_faults(callback.secret):
            yield ("secret", *path), message
    for name, place in (("append", callback.append), ("cwd", callback.cwd)):
        fault = None if place is None else path_fault(place)
        if fault is not None:
            yield (name,), fault
    if callback.timeout < LEAST_S:
        yield ("timeout",), "is too short to mean anything"
    if not callback.on:
        yield ("on",), "is empty: it would never be told of anything"


def check_told(callbacks: tuple[Callback, ...], files: str | None) -> Iterator[Finding]:
    """What is wrong with a graph's callbacks and its folder of files; paths begin in the graph."""
    if len(callbacks) > MAX_CALLBACKS:
        yield Finding(("callbacks",), f"are {len(callbacks)}: expected at most {MAX_CALLBACKS}")
    for index, callback in enumerate(callbacks):
        for path, message in callback_faults(callback):
            yield Finding(("callbacks", index, *path), message)
    fault = None if files is None else path_fault(files)
    if fault is not None:
        yield Finding(("files",), fault)


def path_fault(path: str) -> str | None:
    """What is wrong with a path, if anything."""
    return text_fault(path) if path.strip() else "is empty: expected a path"


def url_fault(url: str) -> str | None:
    """What is wrong with an address, if anything; it is not repeated where it may hold a password."""
    try:
        parts = urlsplit(url)
        held = parts.username is not None or parts.password is not None
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        held, good = "@" in url, False
    if held:
        return "holds a name or password, which would be written down: refer to it by url: {file: PATH} or {env: NAME}"
    if not good or not url.isprintable() or " " in url:
        return f"is {url!r}: expected http://… or https://…"
    return None


def _source_faults(source: Secret) -> Iterator[tuple[Path, str]]:
    given = {"env": source.env, "file": source.file, "command": source.command}
    named = [key for key, value in given.items() if value is not None]
    if len(named) != 1:
        what = " and ".join(f"`{key}`" for key in named) or "nothing"
        yield (), f"says {what}: expected one of `env`, `file`, `command`"
    if source.env is not None and not _VARIABLE.fullmatch(source.env):
        yield ("env",), "is no name of a variable: expected the NAME of one, never the value itself"
    fault = None if source.file is None else path_fault(source.file)
    if fault is not None:
        yield ("file",), fault
    fault = None if source.command is None else command_fault(source.command)
    if fault is not None:
        yield ("command",), fault


def settled(callback: Callback, folder: str) -> Callback:
    """With all paths absolute; `folder` is what they are relative to."""
    cwd = absolute(callback.cwd or ".", folder)
    return replace(
        callback,
        cwd=cwd,
        append=None if callback.append is None else absolute(callback.append, cwd),
        url=_settled(callback.url, cwd) if isinstance(callback.url, Secret) else callback.url,
        secret=None if callback.secret is None else _settled(callback.secret, cwd),
    )


def _settled(source: Secret, cwd: str) -> Secret:
    return source if source.file is None else replace(source, file=absolute(source.file, cwd))


def absolute(path: str, folder: str) -> str:
    """A path of a document."""
    return os.path.normpath(os.path.join(folder, os.path.expanduser(path)))
