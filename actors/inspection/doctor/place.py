"""The home as a place: is it there, is it ours, is it private, is there room, does a socket fit in.

What `Home.prepare` would refuse is an error here; what it would mend by itself is a note.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from orch_actors.actors.inspection.doctor.finding import Finding, error, good, note, warning
from orch_actors.actors.journal.ballast import BALLAST_BYTES, BALLAST_NAME
from orch_actors.protocol.homes import MAX_SOCKET_PATH, Home, may_be_closed

#: Below this a daemon takes nothing new (twice the ballast); and where it is time to look.
_FULL_BYTES: Final = 2 * BALLAST_BYTES
_LITTLE_BYTES: Final = 512 * 1024 * 1024
_FEW_FILES: Final = 10_000

_ANOTHER: Final = "choose another home with --home DIR or ORCH_ACTORS_HOME"


def look_at_home(home: Home) -> Iterator[Finding]:
    """Is it there, and ours."""
    try:
        found = os.lstat(home.path)
    except FileNotFoundError:
        yield note("home", f"{home.path} is not there yet", "the first start makes it: orch-actors up")
        return
    except OSError as fault:
        yield error("home", f"{home.path} cannot be looked at: {fault.strerror}", _ANOTHER)
        return
    if stat.S_ISLNK(found.st_mode) or not stat.S_ISDIR(found.st_mode):
        yield error("home", f"{home.path} is not a folder but a link or file", f"remove it, or {_ANOTHER}")
        return
    if found.st_uid != os.getuid():
        yield error("home", f"{home.path} belongs to user {found.st_uid}, not to you", _ANOTHER)
        return
    if stat.S_IMODE(found.st_mode) & 0o077 and not may_be_closed(home.path):
        yield error(
            "home", f"{home.path} is no daemon's home: it holds other things, and others may see them", _ANOTHER
        )
        return
    if not os.access(home.path, os.R_OK | os.W_OK | os.X_OK):
        yield error("home", f"{home.path} is not writable", f"make it so: chmod 700 {home.path}")
        return
    yield good("home", home.path)


def look_at_permissions(home: Home) -> Iterator[Finding]:
    """Who else can read or exchange what is in it."""
    if not os.path.isdir(home.path) or not os.access(home.path, os.R_OK | os.X_OK):
        return
    faults = [*_open_to_others(home), *_exchangeable(home), *_links(home)]
    yield from faults or [good("permissions", "nobody else can read or exchange what is in it")]


def _open_to_others(home: Home) -> Iterator[Finding]:
    for path in (home.path, home.journal, home.attempts, home.keys, home.salvage, home.run):
        try:
            found = os.lstat(path)
        except OSError:
            continue
        if found.st_uid != os.getuid():
            yield error("permissions", f"{path} belongs to user {found.st_uid}, not to you", "look who put it there")
        elif stat.S_IMODE(found.st_mode) & 0o077:
            mode = stat.S_IMODE(found.st_mode)
            yield warning("permissions", f"{path} is open to others (mode {mode:03o})", f"close it: chmod 700 {path}")


def _exchangeable(home: Home) -> Iterator[Finding]:
    folder = os.path.dirname(os.path.realpath(home.path))
    while True:
        mode = os.stat(folder).st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            what = f"every user may write into {folder} (mode {stat.S_IMODE(mode):03o}), and so exchange {home.path}"
            yield error("permissions", what, f"take the others' right away: chmod o-w {folder}")
        if folder == os.path.dirname(folder):
            return
        folder = os.path.dirname(folder)


def _links(home: Home) -> Iterator[Finding]:
    inside = [home.lock, home.log, home.config, home.journal, home.attempts]
    with suppress(OSError):  # the journal's check speaks of it
        inside += [os.path.join(home.journal, name) for name in sorted(os.listdir(home.journal))]
    for path in inside:
        if os.path.islink(path):
            what = f"{path} is a symbolic link (to {os.readlink(path)}): no daemon starts with it"
            yield error("permissions", what, "look who put it there; then put the file itself in its place")


def look_at_room(home: Home) -> Iterator[Finding]:
    """Is there room on the disk that the home is on, or will be."""
    folder = home.path
    while not os.path.isdir(folder) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    try:
        found = os.statvfs(folder)
    except OSError as fault:
        yield error("disk", f"{folder} cannot be looked at: {fault.strerror}", _ANOTHER)
        return
    free = found.f_bavail * found.f_frsize
    make_room = "make room; old graphs go with: orch-actors prune --older-than 7d"
    if found.f_flag & os.ST_RDONLY:
        yield error("disk", f"{folder} is on a disk that is mounted read-only", _ANOTHER)
    elif free < _FULL_BYTES:
        yield error("disk", f"full: {_size(free)} are free; a daemon takes nothing new", make_room)
    elif found.f_files and not found.f_favail:
        yield error("disk", "full: no file can be made on it", make_room)
    elif free < _LITTLE_BYTES:
        yield warning("disk", f"{_size(free)} are free", make_room)
    elif found.f_files and found.f_favail < _FEW_FILES:
        yield warning("disk", f"{found.f_favail:,} files can still be made on it", make_room)
    else:
        yield good("disk", f"{_size(free)} are free")
    if os.path.isdir(home.journal) and os.access(home.journal, os.X_OK):
        yield from _ballast(home)


def _ballast(home: Home) -> Iterator[Finding]:
    path = os.path.join(home.journal, BALLAST_NAME)
    size = os.stat(path).st_size if os.path.isfile(path) else 0
    if size < BALLAST_BYTES:
        what = "the room that is kept for the ends of tasks (journal/ballast) is used up, or not made yet"
        yield note("disk", what, "a daemon makes it again by itself once there is room")


def look_at_sockets(home: Home) -> Iterator[Finding]:
    """Where clients and daemon meet, and whether the path fits."""
    path = os.path.join(home.run, "commands.sock")
    length = len(os.fsencode(path))
    if length > MAX_SOCKET_PATH:
        what = f"{path} has {length} bytes, more than the {MAX_SOCKET_PATH} that a socket's path may have"
        yield error("sockets", what, "set XDG_RUNTIME_DIR to a shorter folder, or choose a shorter --home")
        return
    if os.path.isdir(home.run) and not os.access(home.run, os.W_OK | os.X_OK):
        yield error("sockets", f"{home.run} is not writable", f"see whose it is: ls -ld {home.run}")
        return
    if home.run.startswith(home.path + os.sep):
        yield good("sockets", f"{home.run} ({length} of {MAX_SOCKET_PATH} bytes)")
        return
    what = f"in {home.run}, since the home's own path is too long for them"
    yield note("sockets", what, "every program must see the same XDG_RUNTIME_DIR, or they look in different places")


def _size(size: int) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 10_000 or unit == "GiB":
            return f"{size:,} {unit}"
        size //= 1024
    raise AssertionError("unreachable")
