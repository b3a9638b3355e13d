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

from orch_actors.protocol.callbacks import CallbackSettings
from orch_actors.protocol.environment import allowed_variables
from orch_actors.protocol.views import Event

_SAID: Final = 300


def document_of(event: Event, journal: str, callback: str) -> dict[str, Any]:
    """What is delivered."""
    return {"id": f"{journal}-{event.seq}", "callback": callback, **msgspec.to_builtins(event)}


def deliver(settings: CallbackSettings, document: dict[str, Any]) -> str:
    """Deliver it; empty, or why it was not."""
    body = msgspec.json.encode(document)
    try:
        if settings.command is not None:
            return _run(settings, body, str(document["id"]))
        if settings.url is not None:
            return _post(settings, settings.url, body, str(document["id"]))
        return _append(str(settings.append), body)
    except OSError as error:
        return f"{type(error).__name__}: {error}"


def _run(settings: CallbackSettings, body: bytes, id_: str) -> str:
    """Run the command with the event on its stdin; its whole group is ended when its time is up."""
    command = settings.command
    words = ["/bin/sh", "-c", command] if isinstance(command, str) else list(command or ())
    environment = {**allowed_variables(os.environ), "ORCH_EVENT_ID": id_}
    with subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=os.path.expanduser("~"),
        start_new_session=True,
    ) as process:
        try:
            _, errors = process.communicate(body, timeout=settings.timeout)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return f"it had not ended after {settings.timeout:g} s"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it left in the background
    if process.returncode == 0:
        return ""
    return f"it exited with {process.returncode}: {errors.decode(errors='replace').strip()[-_SAID:]}"


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


def _post(settings: CallbackSettings, url: str, body: bytes, id_: str) -> str:
    stamp = str(int(time.time()))
    headers = {"Content-Type": "application/json", "Orch-Event-Id": id_, "Orch-Timestamp": stamp}
    if settings.secret_file is not None:
        with open(os.path.expanduser(settings.secret_file), "rb") as file:
            headers["Orch-Signature"] = signature(file.read().strip(), stamp, body)
    request = Request(url, data=body, headers=headers, method="POST")  # noqa: S310 (http and https alone: settings)
    try:
        with _opener().open(request, timeout=settings.timeout) as answer:
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
