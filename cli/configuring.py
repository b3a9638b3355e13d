"""`config`: the settings of a home, read here as the daemon reads them, and taken over by the daemon on SIGHUP.

The file is checked before the daemon is bothered: a mistake is told to who made it. That the daemon has taken it over
is seen in its status, which counts how often it did.
"""

import os
import signal
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from orch_actors.cli import faults
from orch_actors.cli.output import say, say_json
from orch_actors.cli.render.config import config_text
from orch_actors.cli.session import Session
from orch_actors.protocol.settings import Settings, load_settings

if TYPE_CHECKING:
    from orch_actors.protocol.client import Client

#: It reads a small file; a daemon that is busy with a large graph may take its time over it.
_TAKES_WITHIN_S: Final = 15.0
#: There is no event for it.
_LOOK_EVERY_S: Final = 0.05


def show(session: Session) -> int:
    """What holds, from the file and by default."""
    path = session.place.config
    settings = load_settings(path)
    document = _document(path, settings)
    if session.as_json:
        say_json(document)
    else:
        say(config_text(document))
    return faults.GOOD


def show_path(session: Session) -> int:
    """Where the file is, or would be."""
    path = session.place.config
    if session.as_json:
        say_json({"path": path, "exists": os.path.exists(path)})
    else:
        say(path)
    return faults.GOOD


def reload(session: Session) -> int:
    """Check the file, tell the daemon, and wait until it has taken it over."""
    path = session.place.config
    load_settings(path)
    with session.client() as client:
        supervisor = client.status().supervisor
        try:
            os.kill(supervisor.pid, signal.SIGHUP)
        except ProcessLookupError:
            raise faults.no_daemon(session.place.path, session.typed("up")) from None
        except PermissionError as error:
            raise faults.environment(
                f"the daemon (pid {supervisor.pid}) is not yours to signal", "ask its user"
            ) from error
        _wait(client, session, supervisor.pid, supervisor.reloads)
    if session.as_json:
        say_json({"path": path, "reloaded": True, "pid": supervisor.pid})
    else:
        say(f"pid {supervisor.pid} has taken over {path}" + ("" if os.path.exists(path) else " (none: the defaults)"))
    return faults.GOOD


def _wait(client: "Client", session: Session, pid: int, before: int) -> None:
    until = time.monotonic() + _TAKES_WITHIN_S
    while time.monotonic() < until:
        supervisor = client.status().supervisor
        # Another pid: a new daemon, which has read the file when it started.
        if supervisor.pid != pid or supervisor.reloads > before:
            return
        time.sleep(_LOOK_EVERY_S)
    raise faults.environment(
        f"the daemon (pid {pid}) did not take the settings over within {_TAKES_WITHIN_S:.0f} s",
        f"see {session.place.log}",
        faults.ENVIRONMENT_FOR_NOW,
    )


def _document(path: str, settings: Settings) -> dict[str, Any]:
    """`config --json`: every setting, also those that have their default."""
    return {
        "path": path,
        "exists": os.path.exists(path),
        "workers": {
            worker: {"limit": limit} if kind == worker else {"kind": kind, "limit": limit}
            for (worker, kind), limit in zip(settings.worker_types().items(), settings.limits().values(), strict=True)
        },
        "resources": settings.resources,
        "defaults": settings.defaults,
        "retention": msgspec.to_builtins(settings.retention),
        "hosts": msgspec.to_builtins(settings.hosts),
        "nesting": msgspec.to_builtins(settings.nesting),
        "files": msgspec.to_builtins(settings.files),
        "callbacks": msgspec.to_builtins(settings.callbacks),
        "output_limit": settings.output_limit,
        "copies_limit": settings.copies_limit,
    }
