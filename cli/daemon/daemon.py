"""The daemon of a home, seen from outside: is there one, start it, wait for it.

Whether one is there is asked of its socket, by connecting: the kernel refuses at once when nobody listens, a stale
socket file included. (Taking the home's lock to find out would get in the way of a daemon that is starting.)

Two `up` at the same moment both start a daemon; one gets the lock, the other ends with a fault that may pass (111), and
its starter then asks whoever won.
"""

import os
import socket
import struct
import sys
from typing import Any, Final

import msgspec

from orch_actors.cli import faults
from orch_actors.cli.daemon.launch import daemon_command, launch
from orch_actors.protocol.environment import outside_attempts
from orch_actors.protocol.errors import Problem
from orch_actors.protocol.homes import Home

#: A daemon that has not answered by then has a problem; a long journal is read in much less.
START_TIMEOUT_S: Final = 60.0

#: macOS; the library does not name them.
_SOL_LOCAL: Final = 0
_LOCAL_PEERPID: Final = 2

#: For the winner of a race to answer.
_RIVAL_TIMEOUT_S: Final = 10.0


class _Ready(msgspec.Struct, frozen=True, kw_only=True):
    """The daemon's line, good or bad."""

    pid: int = 0
    error: dict[str, Any] | None = None
    exit_code: int = faults.ENVIRONMENT_FOR_NOW


def listener(home: Home) -> int | None:
    """The pid that listens on the home's socket (0 where the system does not tell); None: nobody does."""
    return listener_at(home.commands)


def listener_at(endpoint: str) -> int | None:
    """The same of an `ipc://` endpoint."""
    path = endpoint.removeprefix("ipc://")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(path)
        except TimeoutError:
            return 0  # its backlog is full: somebody is there
        except OSError:
            return None
        return _peer_pid(probe)


def _peer_pid(probe: socket.socket) -> int:
    try:
        if hasattr(socket, "SO_PEERCRED"):  # Linux: pid, uid, gid
            return int(struct.unpack("3i", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])
        return int(probe.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID))
    except OSError:
        return 0


def ensure_up(home: Home) -> None:
    """Start the daemon unless one listens.

    Raises:
        CommandFault, EnvironmentFault: it cannot be started; says why.
    """
    if listener(home) is None:
        start(home)


def start(home: Home) -> bool:
    """Start the daemon in the background; back once it answers. False: another one was faster.

    Raises:
        CommandFault, EnvironmentFault: it cannot be started; says why.
    """
    return _started(home) is not None


def start_only_to_end(home: Home) -> int | None:
    """Start a daemon that ends what runs, starts nothing, and goes by itself; its pid. None: another one was faster.

    Raises:
        CommandFault, EnvironmentFault: it cannot be started; says why.
    """
    return _started(home, "--only-to-end")


def _started(home: Home, *more: str) -> int | None:
    home.prepare()
    log_size = _size(home.log)
    line = launch(home.path, home.log, START_TIMEOUT_S, *more)
    if line is None:
        raise faults.environment(
            f"the daemon did not answer within {START_TIMEOUT_S:.0f} s; it may still be starting",
            f"see {home.log}",
            faults.ENVIRONMENT_FOR_NOW,
        )
    ready = _read_ready(line)
    if ready is not None and ready.error is None and ready.pid:
        return ready.pid
    fault = _fault_of(ready, home, log_size)
    if fault.exit_code == faults.ENVIRONMENT_FOR_NOW and _rival_answers(home):
        return None
    raise faults.CommandFault(fault)


def become(home: Home) -> None:
    """Turn this process into the daemon, for service managers; does not return."""
    home.prepare()
    command = daemon_command(home.path)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, outside_attempts(os.environ))  # noqa: S606 (no shell is wanted)


def _read_ready(line: bytes) -> _Ready | None:
    try:
        return msgspec.json.decode(line, type=_Ready)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _fault_of(ready: _Ready | None, home: Home, log_size: int) -> faults.Fault:
    if ready is None or ready.error is None:
        last = _last_line(home.log, log_size)
        return faults.Fault(
            code="ENVIRONMENT",
            message="the daemon ended before it answered" + (f": {last}" if last else ""),
            hint=f"see {home.log}, or watch it start: orch-actors up --foreground",
            exit_code=faults.ENVIRONMENT_FOR_NOW,
        )
    error = ready.error
    code = str(error.get("code") or "ENVIRONMENT")
    return faults.Fault(
        code="ENVIRONMENT" if code == "INTERNAL" and ready.exit_code != faults.BUG else code,
        message=str(error.get("message") or "the daemon could not start"),
        hint=str(error.get("hint") or f"see {home.log}"),
        problems=_problems_of(error),
        exit_code=ready.exit_code,
    )


def _problems_of(error: dict[str, Any]) -> tuple[Problem, ...]:
    try:
        return msgspec.convert(error.get("problems") or (), tuple[Problem, ...])
    except msgspec.ValidationError:  # another version's daemon
        return ()


def _rival_answers(home: Home) -> bool:
    """Whether a daemon that somebody else started answers soon. The client waits on its socket: no polling here."""
    from orch_actors.protocol.client import Client
    from orch_actors.protocol.errors import Unavailable

    with Client(home.path, timeout_s=_RIVAL_TIMEOUT_S) as client:
        try:
            client.hello()
        except Unavailable:
            return False
    return True


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _last_line(path: str, since: int) -> str:
    """The last line that was written to the log after byte `since`."""
    try:
        with open(path, "rb") as log:
            log.seek(since)
            lines = log.read(65536).decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].strip() if lines else ""
