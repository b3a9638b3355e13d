"""An attempt's record: the file that says, to whoever asks and whoever died, what became of one attempt.

Theory of operation. `<folder>/<stem>.jsonl` is created by the host (O_EXCL), locked (flock), given its header, and
handed over, lock and all, to the shim, which appends the rest:

    {"attempt":"g1/build/2","boot":"…","utc":1767225600.1,"mono":5123.2}     the host, before the spawn
    {"pid":4711}                                                             the shim, before the command
    {"exit":0}                                                               the shim, after the command

or, where it was claimed and will not be run after all, by whoever holds the claim, instead of all that:

    {"never":"killed","why":"it was stopped before it began"}

A flock belongs to the open file, not to a process: the lock is held without a gap from the claim to the shim's end,
through the death of the host. So:

    lock refused                       it runs (or is being started by another host): Running
    lock granted, pid line             it is over; the exit line, where there is one, says how: Over
    lock granted, never line           it is over, and never ran: Over. Without that line a host that was stopped in
                                       the middle and comes back after its successor ended the attempt would run it
    lock granted, no pid line          the command never ran; the lock is ours, we may start it: Taken

Looking takes the lock shared, so that two that look at once do not take each other for a shim; only who wants to
start takes it exclusively, and reads again under it. A pid is returned for Running alone: anything else may have been
given to another process since.

Rejected: a pid file with a start time (reuse, and no exit code); fcntl locks (they do not outlive the process).
"""

import fcntl
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import msgspec

from orch_actors.protocol.hostwire import Launch

#: A record has three short lines; more than this is not one of ours.
_MAX_BYTES: Final = 65536

_OPEN: Final = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW


class Header(msgspec.Struct, frozen=True):
    """The record's first line."""

    attempt: str = ""
    boot: str = ""
    #: Wall time and `boot_clock` of the claim, in seconds.
    utc: float = 0.0
    mono: float = 0.0


class _Line(msgspec.Struct):
    attempt: str | None = None
    boot: str = ""
    utc: float = 0.0
    mono: float = 0.0
    pid: int | None = None
    exit: int | None = None
    never: Literal["killed", "spawn"] | None = None
    why: str = ""
    cls: str = ""


_LINE: Final = msgspec.json.Decoder(_Line)


@dataclass(frozen=True, slots=True)
class Paths:
    """The files of one attempt."""

    record: str
    out: str
    err: str
    result: str
    #: What it asks, and the answer that it was started with.
    question: str
    answer: str
    #: What it says of itself.
    summary: str
    #: How far it says that it is.
    progress: str
    #: What its validation command printed.
    check: str
    #: What those before it came to, and why the attempt before failed.
    context: str
    feedback: str
    #: The artifacts of those before it.
    artifacts: str
    #: A folder for copies of those that it left itself.
    left: str
    #: An agent's: what its driver is given, the raw stream of its program, and the driver's report.
    job: str
    stream: str
    agent: str


def paths_of(launch: Launch) -> Paths:
    """Where the attempt keeps what."""
    return _paths(os.path.join(launch.folder, launch.stem))


@lru_cache(maxsize=256)
def _paths(stem: str) -> Paths:
    return Paths(
        record=stem + ".jsonl",
        out=stem + ".out",
        err=stem + ".err",
        result=stem + ".result",
        question=stem + ".question",
        answer=stem + ".answer",
        summary=stem + ".summary",
        progress=stem + ".progress",
        check=stem + ".check",
        context=stem + ".context",
        feedback=stem + ".feedback",
        artifacts=stem + ".artifacts",
        left=stem + ".left",
        job=stem + ".job",
        stream=stem + ".stream",
        agent=stem + ".agent",
    )


class Never(msgspec.Struct, frozen=True):
    """It was claimed and will never run."""

    never: Literal["killed", "spawn"]
    #: The sentence that its owner reads.
    why: str
    #: Its failure class, where that is known.
    cls: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a record says. `header` is None where its line is not whole, or there is no record."""

    header: Header | None = None
    pid: int | None = None
    exit_code: int | None = None
    #: Wall time of the last write, in seconds since the epoch.
    changed_utc: float = 0.0
    never: Never | None = None

    @property
    def over(self) -> bool:
        """Whether it is, provided that nobody holds the lock."""
        return self.pid is not None or self.never is not None


@dataclass(frozen=True, slots=True)
class Running:
    """Somebody holds the lock. Without `seen.pid` the shim has not got that far."""

    seen: Seen


@dataclass(frozen=True, slots=True)
class Over:
    """The lock is free, and it began, or never will."""

    seen: Seen


@dataclass(frozen=True, slots=True)
class Taken:
    """It never began, and `fd` holds the lock, which is now the caller's: hand it on, or close it."""

    fd: int
    seen: Seen


Found = Running | Over | Taken


def take(path: str, *, may_create: bool = True) -> Found:
    """Claim the attempt, if it never began.

    Args:
        path: its record.
        may_create: not once it was there: who finds it missing then cannot know whether the attempt ran.

    Raises:
        OSError: the record can be neither created nor opened.
    """
    created = may_create
    try:
        fd = os.open(path, _OPEN | os.O_CREAT | os.O_EXCL, 0o600) if may_create else os.open(path, _OPEN)
    except FileExistsError:
        created = False
        fd = os.open(path, _OPEN)
    found: Found | None = None
    try:
        found = _take(fd, created=created)
        return found
    finally:
        if not isinstance(found, Taken):
            os.close(fd)


def _take(fd: int, *, created: bool) -> Found:
    if not created:
        if not _lock(fd, fcntl.LOCK_SH):
            return Running(_read(fd))
        seen = _read(fd)
        if seen.over:
            return Over(seen)
    if not _lock(fd, fcntl.LOCK_EX):
        return Running(_read(fd))
    # Between the two locks another host may have run it from beginning to end.
    seen = _read(fd)
    return Over(seen) if seen.over else Taken(fd, seen)


def probe(path: str) -> Running | Over | None:
    """Look without claiming; None: there is no record, or it never began and nobody is about to start it.

    Raises:
        OSError: the record is there and cannot be read.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        if not _lock(fd, fcntl.LOCK_SH):
            return Running(_read(fd))
        seen = _read(fd)
        return Over(seen) if seen.over else None
    finally:
        os.close(fd)


def read(path: str) -> Seen:
    """What the record says, whoever holds it; empty where there is none.

    Raises:
        OSError: it is there and cannot be read.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return Seen()
    try:
        return _read(fd)
    finally:
        os.close(fd)


def write_header(fd: int, header: Header) -> None:
    """Make the header the record's only line. Only for a Taken descriptor.

    What an earlier start left (half a header, half a pid line) is dropped: nothing ran, or it would have a pid line.

    Raises:
        OSError: no room, or the disk's fault.
    """
    _write_alone(fd, msgspec.json.encode(header) + b"\n")


def write_never(fd: int, never: Never) -> None:
    """Put down that it will never run. Only for a Taken descriptor.

    Raises:
        OSError: no room, or the disk's fault.
    """
    _write_alone(fd, msgspec.json.encode(never) + b"\n")


def _write_alone(fd: int, line: bytes) -> None:
    os.ftruncate(fd, 0)
    while line:
        line = line[os.write(fd, line) :]


def wait_until_free(path: str) -> None:
    """Block until nobody holds the lock.

    Raises:
        OSError: the record is gone or cannot be read.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)


def _lock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(fd: int) -> Seen:
    data = os.pread(fd, _MAX_BYTES, 0)
    header: Header | None = None
    pid: int | None = None
    exit_code: int | None = None
    never: Never | None = None
    # Without its newline a line is not whole (a full disk, a power cut): it does not count.
    for text in data.split(b"\n")[:-1]:
        try:
            line = _LINE.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if line.attempt is not None:
            header = Header(line.attempt, line.boot, line.utc, line.mono)
        pid = line.pid if line.pid is not None else pid
        exit_code = line.exit if line.exit is not None else exit_code
        never = Never(line.never, line.why, line.cls) if line.never is not None else never
    return Seen(header, pid, exit_code, os.fstat(fd).st_mtime, never)
