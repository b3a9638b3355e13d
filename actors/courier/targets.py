"""Where an event goes: a command's stdin, an HTTP server, the end of a file. Each says in a sentence why it failed.

What is delivered is one JSON object: the event, `id`, which is the same whenever it is delivered again, and `callback`.
"""

import hashlib
import hmac
import os
import signal
import subprocess
import time
from contextlib import suppress
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

import msgspec

from orch_actors.actors.courier.unread import GONE
from orch_actors.protocol.environment import allowed_variables
from orch_actors.protocol.homes import HOME_VARIABLE
from orch_actors.protocol.spec.graph import Callback, Secret
from orch_actors.protocol.spec.told import url_fault
from orch_actors.protocol.views import Event

_SAID: Final = 300
_MOST_OF_A_SECRET: Final = 65_536


def document_of(event: Event, journal: str, callback: str) -> dict[str, Any]:
    """What is delivered."""
    lost = "gone-" if event.kind == GONE else ""  # which is none of the journal's events
    return {"id": f"{journal}-{lost}{event.seq}", "callback": callback, **msgspec.to_builtins(event)}


def delivered(callback: Callback, event: Event, journal: str, label: str) -> str:
    """Deliver it; empty, or why it was not. The work of a thread."""
    try:
        return deliver(callback, document_of(event, journal, label))
    except Exception as error:  # noqa: BLE001 (an entry point; whatever it is, the event waits, and is not lost)
        return f"{type(error).__name__}: {error}"


def deliver(callback: Callback, document: dict[str, Any]) -> str:
    """Deliver it; empty, or why it was not."""
    body = msgspec.json.encode(document)
    try:
        if callback.command is not None:
            return _run(callback, body, str(document["id"]))
        if callback.url is not None:
            return _post(callback, callback.url, body, str(document["id"]))
        return _append(str(callback.append), body)
    except OSError as error:
        return f"{type(error).__name__}: {error}"


def _run(callback: Callback, body: bytes, id_: str) -> str:
    """Run the command with the event on its stdin; its whole group is ended when its time is up."""
    with subprocess.Popen(
        _words(callback.command or ()),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=_environment(ORCH_EVENT_ID=id_),
        cwd=_folder(callback),
        start_new_session=True,
    ) as process:
        try:
            _, errors = process.communicate(body, timeout=callback.timeout)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return f"it had not ended after {callback.timeout:g} s"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it left in the background
    if process.returncode == 0:
        return ""
    return f"it exited with {process.returncode}: {errors.decode(errors='replace').strip()[-_SAID:]}"


def _words(command: str | tuple[str, ...]) -> list[str]:
    return ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)


def _environment(**more: str) -> dict[str, str]:
    home = os.environ.get(HOME_VARIABLE)
    return {**allowed_variables(os.environ), **({HOME_VARIABLE: home} if home else {}), **more}


def _folder(callback: Callback) -> str:
    return os.path.expanduser(callback.cwd or "~")


def _value_of(source: Secret, callback: Callback) -> str:
    """A secret, less white space around it; looked up anew for each try, and kept nowhere.

    Raises:
        OSError: it cannot be had; says where it was looked for, never what was found.
    """
    if source.env is not None:
        found = os.environ.get(source.env)
        if not found:
            raise OSError(f"the daemon was started without the variable {source.env}")
        return found.strip()
    if source.file is not None:
        with open(os.path.expanduser(source.file), encoding="utf-8") as file:
            value = file.read(_MOST_OF_A_SECRET).strip()
    else:
        try:
            done = subprocess.run(
                _words(source.command or ()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                cwd=_folder(callback),
                timeout=callback.timeout,
                check=True,
            )
        except subprocess.SubprocessError as error:
            raise OSError("the command of a secret had not ended with 0 in time") from error
        value = done.stdout.decode().strip()
    if not value:
        raise OSError("a secret is empty")
    return value


class _NoRedirect(HTTPRedirectHandler):
    """Who answers with another place has not taken the event."""

    def redirect_request(self, *_: Any) -> None:
        """None: the redirection is the answer."""
        return


def _opener() -> OpenerDirector:
    return build_opener(ProxyHandler({}), _NoRedirect())


def signature(secret: bytes, stamp: str, body: bytes) -> str:
    """What a server holds against `Orch-Signature`: HMAC-SHA256 of the stamp, a dot and the body."""
    return "sha256=" + hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _post(callback: Callback, url: str | Secret, body: bytes, id_: str) -> str:
    if isinstance(url, Secret):
        url = _value_of(url, callback)
        if url_fault(url) is not None:
            return "what its url refers to is no http://… or https://…"
    stamp = str(int(time.time()))
    headers = {"Content-Type": "application/json", "Orch-Event-Id": id_, "Orch-Timestamp": stamp}
    if callback.secret is not None:
        headers["Orch-Signature"] = signature(_value_of(callback.secret, callback).encode(), stamp, body)
    request = Request(url, data=body, headers=headers, method="POST")  # noqa: S310 (http and https alone: url_fault)
    try:
        with _opener().open(request, timeout=callback.timeout) as answer:
            status = int(answer.status)
    except HTTPError as error:
        status = error.code
        error.close()
    except URLError as error:
        return str(error.reason)
    return "" if 200 <= status < 300 else f"it answered {status}"


def _append(path: str, body: bytes) -> str:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    fd = os.open(os.path.expanduser(path), flags, 0o600)
    try:
        line = body + b"\n"
        written = os.write(fd, line)
        os.fdatasync(fd)
    finally:
        os.close(fd)
    return "" if written == len(line) else "the disk took a part of it"
