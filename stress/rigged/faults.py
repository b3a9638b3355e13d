"""Puts a fault into a place, for this process: at the nth call of a function, in the namespace of one module.

Calls are counted over all processes of a home, a byte for each in the file of their place: so a fault can be put into
the next daemon's first steps as well, and happens once. It leaves a marker file, so that one sees that it happened.
"""

import errno
import fcntl
import functools
import importlib
import os
import signal
import types
from collections.abc import Callable
from typing import Any, Final, NoReturn

from orch_actors.stress.rigged.places import PLACES, Place
from orch_actors.stress.rigged.rig import Planted

Call = Callable[..., Any]

ERRORS: Final = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC, "EAGAIN": errno.EAGAIN, "ENOMEM": errno.ENOMEM}

#: As imported, before anything is replaced.
_kill, _open, _write, _close, _flock = os.kill, os.open, os.write, os.close, fcntl.flock


def plant(planted: Planted | None, folder: str, role: str) -> None:
    """Count the calls of places in files of this folder: all of this role, or only the one where a fault is planted."""
    for number, place in enumerate(PLACES):
        if place.role == role and (planted is None or planted.place == place.name):
            _replace(place, functools.partial(_Trap, os.path.join(folder, str(number)), place, planted))


def counted(folder: str) -> dict[str, int]:
    """Place → calls that were counted, in all processes."""
    found: dict[str, int] = {}
    for number, place in enumerate(PLACES):
        try:
            found[place.name] = os.stat(os.path.join(folder, str(number))).st_size
        except OSError:
            found[place.name] = 0
    return found


# --- what happens in a place -----------------------------------------------------------------------------------------


class _Trap:
    """A function whose calls are counted, and that goes wrong at the nth."""

    def __init__(self, path: str, place: Place, planted: Planted | None, real: Call) -> None:
        self._path: Final = path
        self._place: Final = place
        self._planted: Final = planted
        self._real: Final = real

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """The call."""
        number = self._count()
        if self._planted is None or number != self._planted.nth:
            return self._real(*arguments, **named)
        _close(_open(self._planted.marker, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        fault, half, _ = self._planted.fault.partition(" half-way")
        done = None
        if fault == "killed after":
            self._real(*arguments, **named)
        elif half or fault == "short":
            done = self._half(*arguments)
        if fault.startswith("killed"):
            _die()
        if fault in ERRORS:
            raise self._error(ERRORS[fault])
        return done

    def _count(self) -> int:
        """The number of this call, among all processes."""
        fd = _open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _flock(fd, fcntl.LOCK_EX)
            _write(fd, b".")
            return os.fstat(fd).st_size
        finally:
            _close(fd)

    def _half(self, fd: int, data: Any) -> Any:
        return self._real(fd, bytes(data)[: (len(data) + 1) // 2])

    def _error(self, number: int) -> Exception:
        if self._place.kind != "send":
            return OSError(number, os.strerror(number))
        import zmq

        return zmq.Again(number)


def _die() -> NoReturn:
    _kill(os.getpid(), signal.SIGKILL)
    while True:  # the signal is on its way
        signal.pause()


# --- how a place is replaced -----------------------------------------------------------------------------------------


def _replace(place: Place, trap: Callable[[Call], Call]) -> None:
    """Replace a function in the namespace of its module, and nowhere else."""
    module = importlib.import_module(place.module)
    owner, _, function = place.function.partition(".")
    if place.kind == "send":
        _replace_send(module, place.function.removeprefix("send:"), trap)
        return
    real = vars(module)[owner]
    vars(module)[owner] = _like(real, **{function: trap(vars(real)[function])})


def _like(real: types.ModuleType, **replaced: Any) -> types.ModuleType:
    """A module that is as another one, but for what is replaced."""
    made = types.ModuleType(real.__name__)
    vars(made).update(vars(real) | replaced)
    return made


#: The end of a socket's endpoint → whose messages go out through it.
_SENDERS: Final = {"commands.sock": "reply", "events.sock": "event", "workers.sock": "host"}


def _replace_send(module: types.ModuleType, whose: str, trap: Callable[[Call], Call]) -> None:
    """Sockets of this module that carry such messages have a send of ours; the others are as they were before."""
    before = vars(module)["zmq"]
    trapped: dict[int, Call] = {}

    class Socket(before.Context._socket_class):  # type: ignore[misc, name-defined] # noqa: SLF001 (pyzmq's documented way)
        """It knows what it sends when it is bound or connected."""

        def bind(self, endpoint: str) -> Any:
            if _SENDERS.get(endpoint.rpartition("/")[2]) == whose:
                trapped[id(self)] = trap(super().send_multipart)
            return super().bind(endpoint)

        def connect(self, endpoint: str) -> Any:
            if whose == "supervisor":
                trapped[id(self)] = trap(super().send)
            return super().connect(endpoint)

        def send_multipart(self, *arguments: Any, **named: Any) -> Any:
            ours = trapped.get(id(self)) if whose != "supervisor" else None
            return (ours or super().send_multipart)(*arguments, **named)

        def send(self, *arguments: Any, **named: Any) -> Any:  # send_multipart comes through here, too
            ours = trapped.get(id(self)) if whose == "supervisor" else None
            return (ours or super().send)(*arguments, **named)

    class Context(before.Context):  # type: ignore[misc, name-defined]
        """Makes those."""

        _socket_class = Socket

    vars(module)["zmq"] = _like(before, Context=Context)
