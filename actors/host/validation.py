"""Whether an attempt that exited with 0 did what it should: its `validate` (protocol/spec/graph.py), part by part.

A thread of its own works through the parts, so that the attempt's actor can be told to stop at any time, and names all
that do not hold. Files are looked at here. What runs for as long as it likes runs in a process, a *validator*, which
leads a session of its own and may take `timeout` seconds; then its group gets TERM, and KILL after the attempt's grace:

    checker.py     for `pattern` and `schema` (why: see there)
    the command    for `command`: in the attempt's folder and environment, its output in `<stem>.check`

Of what is valid the artifacts are collected then (artifacts.py): not before, since a command may still sign or strip
what it checks, and what is handed on is what was found to be good.

Nothing of a validation is recorded. A host that dies in the middle leaves an attempt that exited with 0 and was not
reported; the next one begins the validation anew. **So validation commands must be repeatable.** A validator that its
host left behind carries a cookie of its own (VALIDATION): it is ended before the next ones begin, while whatever the
attempt itself left in the background on purpose (a server that the command asks, say) stays.

Rejected: `re` in this process (one bad pattern stops every attempt of the worker type, and cannot be stopped itself).
"""

import json
import os
import re
import signal
import stat
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from orch_actors.actors.host import artifacts, logbook, stop
from orch_actors.actors.host.adapters.shell import for_exec
from orch_actors.actors.host.artifacts import NotKept
from orch_actors.actors.host.children import Children
from orch_actors.actors.host.copies import Copies
from orch_actors.actors.host.leavings import fresh_file, read_tail
from orch_actors.actors.host.mask import Mask
from orch_actors.actors.host.place import CannotSpawn, OnValidated, Stopped
from orch_actors.actors.host.record import Paths
from orch_actors.actors.host.shim import SH, umask_line
from orch_actors.actors.host.unnamed import unnamed_file
from orch_actors.actors.process.no_room import is_no_room
from orch_actors.protocol.hostwire import Launch
from orch_actors.protocol.spec.graph import Validate
from orch_actors.protocol.views import Artifact

#: The variable by which validators are found; its value is that of the attempt's own cookie.
VALIDATION: Final = "ORCH_VALIDATION"

CHECKER: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "checker.py")

#: Characters of an `invalid`, and of a command's last line in it.
_MOST: Final = 2000
_LINE: Final = 200

#: Files that are looked for in vain and named.
_SHOWN_FILES: Final = 10

#: A validator that KILL does not end within this is stuck in the kernel; we do not wait for it.
_KILL_PATIENCE_S: Final = 5.0

_SCRIPT: Final = """\
cd "$1" || exit 1
shift
unset OLDPWD
exec "$@"
"""

#: A pattern that stands for itself.
_LITERAL: Final = re.compile(r"[^\\.^$*+?{}\[\]|()]*")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is validated."""

    launch: Launch
    paths: Paths
    #: Gives the attempt's whole environment; raises CannotSpawn where a secret cannot be had.
    environment: Callable[[], Mapping[str, str]]
    #: What blots its secrets out.
    mask: Callable[[], Mask]
    #: The attempt's cookie, as `NAME` and value.
    cookie: tuple[str, str]
    #: Its result in msgpack, where it left one.
    result: bytes | None


class Validation:
    """One validation, running; see Place.validate. `done` is told once, in the validation's thread."""

    def __init__(self, subject: Subject, children: Children, log_folder: str, done: OnValidated) -> None:
        self._subject: Final = subject
        self._launch: Final = subject.launch
        self._children: Final = children
        self._log_folder: Final = log_folder
        self._done: Final = done
        self._changed: Final = threading.Condition()
        #: How many validators were started; whether the last one has ended, and its status as waitpid gives it.
        self._started = 0
        self._over = True
        self._status: int | None = None
        #: Seconds between TERM and KILL, once the end was asked for.
        self._stop_grace_s: float | None = None

    def start(self, *, sweep_first: bool) -> None:
        """Begin. `sweep_first`: validators of an earlier host may be there."""
        threading.Thread(
            target=self._run, args=(sweep_first,), name=f"validate-{self._launch.attempt}", daemon=True
        ).start()

    def stop(self, grace_s: float) -> None:
        """End it; safe from any thread. `done` is told when its validators have ended."""
        with self._changed:
            self._stop_grace_s = grace_s
            self._changed.notify_all()

    # --- in the thread ----------------------------------------------------------------------------------

    def _run(self, sweep_first: bool) -> None:
        try:
            if sweep_first:
                self._sweep(self._launch.grace_s)
            self._done(self._verdict())
        except Exception as error:  # noqa: BLE001 (the entry point of a thread: the actor is told, and dies of it)
            self._done(error)

    def _verdict(self) -> tuple[Artifact, ...] | str:
        """What it left, or why it is not valid."""
        text = "; ".join(self._faults())
        if not text:
            try:
                return self._artifacts()
            except NotKept as error:
                text = str(error)
        text = text.encode(errors="replace").decode()
        return text if len(text) <= _MOST else text[: _MOST - 1] + "…"

    def _artifacts(self) -> tuple[Artifact, ...]:
        """What it left. Raises NotKept."""
        launch, limit = self._launch, self._launch.copies_limit
        copies = None if limit is None else Copies(self._subject.paths.left, launch.cwd, limit)
        found = artifacts.collect(launch.cwd, launch.artifacts, self._heed_stop, copies)
        if self._subject.mask().holds([artifact.path for artifact in found]):  # as of a result: never in silence
            if copies is not None:
                copies.forget()
            raise NotKept("the path of an artifact holds the value of a secret, and paths are written down")
        return found

    def _faults(self) -> Iterator[str]:
        if self._launch.validate is None:  # it promised artifacts, and that is all
            return
        try:
            wanted = msgspec.convert(self._launch.validate, Validate)
        except msgspec.ValidationError as error:
            yield f"its validation is not of the form that this version knows: {error}"
            return
        yield from self._files(wanted.files)
        yield from self._checker(wanted)
        if wanted.command is not None:
            yield from self._command(wanted.command, wanted.timeout)
        self._heed_stop()

    def _heed_stop(self) -> None:
        with self._changed:
            if self._stop_grace_s is not None:
                raise Stopped

    def _files(self, names: tuple[str, ...]) -> Iterator[str]:
        faults = [f"file {_shorten(name)} {fault}" for name in names if (fault := _file_fault(self._launch.cwd, name))]
        yield from faults[:_SHOWN_FILES]
        if len(faults) > _SHOWN_FILES:
            yield f"and {len(faults) - _SHOWN_FILES} more files"

    # --- pattern and schema -----------------------------------------------------------------------------

    def _checker(self, wanted: Validate) -> Iterator[str]:
        job: dict[str, Any] = {"out": self._subject.paths.out, "timeout_s": wanted.timeout}
        names: dict[str, str] = {}
        if wanted.pattern is not None and not _holds_literally(wanted.pattern, self._subject.paths.out):
            job["pattern"], names["pattern"] = wanted.pattern, f"pattern {_shorten(wanted.pattern)!r}"
        if wanted.json_schema is not None and self._subject.result is None:
            yield "there is no result for the schema to check"
        elif wanted.json_schema is not None and self._subject.result is not None:
            job["schema"], names["schema"] = wanted.json_schema, "schema"
            job["result"] = msgspec.msgpack.decode(self._subject.result)
        if not names:
            return
        try:
            said, in_time, remark = self._ask_checker(json.dumps(job).encode(), wanted.timeout)
        except OSError as error:
            yield f"{' and '.join(names.values())} cannot be checked: {error.strerror or error}"
            return
        for part, name in names.items():
            if part in said:
                if said[part]:
                    yield f"{name} {said[part]}"
            elif in_time:
                yield f"{name} cannot be checked: {remark}"
            else:
                yield f"{name} is not decided after {wanted.timeout:g} s"

    def _ask_checker(self, job: bytes, timeout_s: float) -> tuple[dict[str, str], bool, str]:
        """What it said of each part; whether it ended by itself; its last line."""
        with ExitStack() as stack:
            asked, told = unnamed_file(self._log_folder), unnamed_file(self._log_folder)
            stack.callback(os.close, asked)
            stack.callback(os.close, told)
            while job:
                job = job[os.write(asked, job) :]
            os.lseek(asked, 0, os.SEEK_SET)
            name, value = self._subject.cookie
            in_time = self._run_validator(
                sys.executable,
                [sys.executable, "-P", CHECKER],
                {**os.environ, name: value},
                [(os.POSIX_SPAWN_DUP2, asked, 0), (os.POSIX_SPAWN_DUP2, told, 1), (os.POSIX_SPAWN_DUP2, told, 2)],
                timeout_s,
            )
            lines = os.pread(told, 65536, 0).decode(errors="replace").splitlines()
        said: dict[str, str] = {}
        for line in lines:
            with suppress(msgspec.DecodeError):
                verdict = msgspec.json.decode(line, type=dict[str, str])
                said[verdict.get("part", "")] = verdict.get("fault", "")
        return said, in_time, _shorten(lines[-1]) if lines else "the checker ended without a word"

    # --- command ----------------------------------------------------------------------------------------

    def _command(self, command: str | tuple[str, ...], timeout_s: float) -> Iterator[str]:
        launch, check = self._launch, self._subject.paths.check
        try:
            env = self._subject.environment()
            run = [SH, "-c", command, "sh"] if isinstance(command, str) else for_exec(command, launch.env, launch.cwd)
            out = _output_file(check)
        except CannotSpawn as error:
            yield f"the validation command cannot be run: {error}"
            return
        except OSError as error:
            yield f"the validation command's output cannot be kept in {check}: {error.strerror or error}"
            return
        try:
            in_time = self._run_validator(
                SH,
                ["sh", "-c", umask_line(launch.umask) + _SCRIPT, "sh", launch.cwd, *run],
                env,
                [
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, out, 1),
                    (os.POSIX_SPAWN_DUP2, out, 2),
                ],
                timeout_s,
            )
        except (OSError, ValueError) as error:
            yield f"the validation command cannot be run: {error}"
            return
        finally:
            os.close(out)
        how = _how_it_ended(self._status) if in_time else f"was not over after {timeout_s:g} s"
        if how:
            line = read_tail(check, self._subject.mask()).rpartition("\n")[2].strip()
            yield f"the validation command {how}" + (f": {_shorten(line)}" if line else "")

    # --- validators -------------------------------------------------------------------------------------

    def _run_validator(
        self, program: str, argv: list[str], env: Mapping[str, str], actions: list[tuple[Any, ...]], timeout_s: float
    ) -> bool:
        """Run one to its end, which `_status` then tells; False where it had to be ended.

        Raises:
            OSError, ValueError: it cannot be started; see Children.spawn.
            Stopped: the validation was asked to stop, and it has ended.
        """
        self._heed_stop()
        with self._changed:
            self._started += 1
            self._over, self._status = False, None
            number = self._started
        marked = {**env, VALIDATION: self._subject.cookie[1]}
        pid = self._children.spawn(program, argv, marked, actions, lambda status: self._on_exit(number, status))
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._stop_grace_s is not None, timeout_s)
            if self._over and self._stop_grace_s is None:
                return True
            grace_s = self._launch.grace_s if self._stop_grace_s is None else self._stop_grace_s
        self._terminate(pid, grace_s)
        self._heed_stop()
        return False

    def _terminate(self, pid: int, grace_s: float) -> None:
        if grace_s > 0:
            self._children.signal_group(pid, signal.SIGTERM)
            self._wait_until_over(grace_s)
        self._children.signal_group(pid, signal.SIGKILL)
        self._wait_until_over(_KILL_PATIENCE_S)
        self._sweep(0)  # what has left the group, or outlived its leader

    def _wait_until_over(self, patience_s: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._over, patience_s)

    def _sweep(self, patience_s: float) -> None:
        count = stop.sweep(f"{VALIDATION}={self._subject.cookie[1]}", None, patience_s)
        if count:
            logbook.info("{}: ended {} process(es) of a validation", self._launch.attempt, count)

    def _on_exit(self, number: int, status: int | None) -> None:
        """Called in the reaper's thread; one that KILL did not end at once may come very late."""
        with self._changed:
            if number == self._started:
                self._over, self._status = True, status
                self._changed.notify_all()


def _file_fault(cwd: str, name: str) -> str:
    """Nothing is opened: a pipe would wait for its writer."""
    try:
        info = os.stat(os.path.join(cwd, name))
    except FileNotFoundError:
        return "is not there"
    except (OSError, ValueError) as error:
        return f"cannot be looked at: {error.strerror if isinstance(error, OSError) else error}"
    if stat.S_ISDIR(info.st_mode):
        return "is a folder"
    if not stat.S_ISREG(info.st_mode):
        return "is no regular file"
    return "" if info.st_size else "is empty"


def _holds_literally(pattern: str, path: str) -> bool:
    """Whether a pattern without special characters is there: most are such, and need no process to look for them."""
    if not _LITERAL.fullmatch(pattern):
        return False
    wanted = pattern.encode(errors="replace")
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        left, text = os.fstat(fd).st_size, b""
        while left > 0 and (piece := os.read(fd, min(left, 1 << 20))):
            left -= len(piece)
            text = text[max(0, len(text) - len(wanted) + 1) :] + piece
            if wanted in text:
                return True
    except OSError:
        return False
    finally:
        os.close(fd)
    return False


def _output_file(path: str) -> int:
    """A fresh file for what a validator prints; on a full disk nothing of it is kept: what it finds matters more.

    Raises:
        OSError: for another reason there can be no such file.
    """
    try:
        return fresh_file(path)
    except OSError as error:
        if not is_no_room(error):
            raise
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)


def _how_it_ended(status: int | None) -> str:
    """Empty where it exited with 0."""
    if status is None:
        return "ended, and it cannot be known how"
    if os.WIFSIGNALED(status):
        return f"was ended by signal {os.WTERMSIG(status)}"
    code = os.WEXITSTATUS(status)
    return f"exited with {code}" if code else ""


def _shorten(text: str) -> str:
    return text if len(text) <= _LINE else text[: _LINE - 1] + "…"
