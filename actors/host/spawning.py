"""posix_spawn, with Python's lock free while it runs.

The caller of posix_spawn stands still until the new program is loaded, half a millisecond and more, and keeps the
interpreter's lock for all of that time if it calls `os.posix_spawn`: of the time that a host of short commands held the
lock, that was five sixths. So on Linux libc's function is called by ctypes, which gives the lock away. Structures that
libc keeps to itself stand in buffers that are larger than any libc's; the flags' values are the same in glibc and musl.

Elsewhere it is `os.posix_spawn`. Rejected: `_posixsubprocess.fork_exec`, which keeps the lock, too; a process that
starts others for us, whose children they would be.
"""

import ctypes
import functools
import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from ctypes import byref, c_char_p, c_int, c_short, create_string_buffer
from typing import Any, Final

#: What Python or the host ignores and a program expects at its default.
_DEFAULT_SIGNALS: Final = [
    signal.SIGPIPE,
    signal.SIGXFSZ,
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGCHLD,
]

#: Of spawn.h.
_SETSIGDEF, _SETSIGMASK, _SETSID = 0x04, 0x08, 0x80

#: Bytes; the largest structure (attributes, glibc) has 336.
_ROOM: Final = 1024

#: (os.POSIX_SPAWN_DUP2, descriptor, its new number), or (os.POSIX_SPAWN_OPEN, number, path, flags, mode).
FileAction = tuple[Any, ...]


def posix_spawn(program: str, argv: Sequence[str], env: Mapping[str, str], file_actions: Sequence[FileAction]) -> int:
    """Start `program` in a session of its own, no signal blocked or ignored; its pid.

    Raises:
        OSError: it cannot be started (E2BIG, EAGAIN, ENOENT, ENOSPC for one of its files, …).
        ValueError: a NUL character in an argument or variable, or a variable without a name.
    """
    if sys.platform != "linux":
        return os.posix_spawn(
            program,
            list(argv),
            env,
            file_actions=file_actions,
            setsid=True,
            setsigmask=[],
            setsigdef=_DEFAULT_SIGNALS,
        )
    libc, attributes = _libc()
    words, variables = _array(map(_bytes, argv)), _array(_variable(*item) for item in env.items())
    pid, actions = c_int(), create_string_buffer(_ROOM)
    _check(libc.posix_spawn_file_actions_init(actions))
    try:
        for action in file_actions:
            _check(_add(libc, actions, action))
        _check(libc.posix_spawn(byref(pid), _bytes(program), actions, attributes, words, variables))
    finally:
        libc.posix_spawn_file_actions_destroy(actions)
    return pid.value


@functools.cache
def _libc() -> "tuple[ctypes.CDLL, ctypes.Array[ctypes.c_char]]":
    """libc, and the attributes of all that are started; they are read only."""
    libc = ctypes.CDLL(None)
    attributes, signals = create_string_buffer(_ROOM), create_string_buffer(_ROOM)
    _check(libc.posix_spawnattr_init(attributes))
    libc.sigemptyset(signals)
    _check(libc.posix_spawnattr_setsigmask(attributes, signals))
    for number in _DEFAULT_SIGNALS:
        libc.sigaddset(signals, int(number))
    _check(libc.posix_spawnattr_setsigdefault(attributes, signals))
    _check(libc.posix_spawnattr_setflags(attributes, c_short(_SETSIGDEF | _SETSIGMASK | _SETSID)))
    return libc, attributes


def _add(libc: ctypes.CDLL, actions: "ctypes.Array[ctypes.c_char]", action: FileAction) -> int:
    what, *arguments = action
    if what == os.POSIX_SPAWN_DUP2:
        fault = libc.posix_spawn_file_actions_adddup2(actions, *arguments)
    else:
        assert what == os.POSIX_SPAWN_OPEN  # noqa: S101 (the host uses no other)
        number, path, flags, mode = arguments
        fault = libc.posix_spawn_file_actions_addopen(actions, number, _bytes(path), flags, mode)
    return int(fault)


def _check(fault: int) -> None:
    if fault:
        raise OSError(fault, os.strerror(fault))


def _bytes(text: str) -> bytes:
    data = os.fsencode(text)
    if b"\0" in data:  # libc would take what is before it
        raise ValueError("embedded null character")
    return data


def _variable(name: str, value: str) -> bytes:
    if not name or "=" in name[1:]:
        raise ValueError("illegal environment variable name")
    return _bytes(f"{name}={value}")


def _array(words: Iterable[bytes]) -> "ctypes.Array[c_char_p]":
    found = [*words, None]
    return (c_char_p * len(found))(*found)
