"""Attempts on this machine: shims and the Python runner, behind the seam of place.py."""

import errno
import os
import stat
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, assert_never

import msgspec

from orch_actors.actors.host import logbook, record, stop
from orch_actors.actors.host.adapters import Adapter, RunnerPlan, ShimPlan, adapter_for
from orch_actors.actors.host.blotted import leave_blotted
from orch_actors.actors.host.bounds import Bounds, OnExceeded
from orch_actors.actors.host.branching import make_worktree, within_worktree
from orch_actors.actors.host.children import Children
from orch_actors.actors.host.clock import boot_clock, wall_clock
from orch_actors.actors.host.leavings import write_answer, write_file
from orch_actors.actors.host.mask import Mask
from orch_actors.actors.host.place import CannotSpawn, Gone, OnValidated, Started
from orch_actors.actors.host.progress import OnProgress, Watch
from orch_actors.actors.host.record import Found, Header, Never, Over, Paths, Running, Seen, Taken, paths_of
from orch_actors.actors.host.secrets import Secrets
from orch_actors.actors.host.shim import spawn_shim
from orch_actors.actors.host.validation import Subject, Validation
from orch_actors.actors.host.zygotes import Zygotes
from orch_actors.actors.process.no_room import DISK_FULL, is_no_room
from orch_actors.protocol.hostwire import HostConfig, Launch
from orch_actors.protocol.ids import split_attempt_id

#: The variable by which the processes of an attempt are found, wherever they have gone.
COOKIE: Final = "ORCH_ATTEMPT"


class Local:
    """See Place."""

    def __init__(self, config: HostConfig, children: Children, inherited: Mapping[str, str]) -> None:
        """`inherited`: the variables that the daemon was started with."""
        self._config: Final = config
        self._children: Final = children
        #: Kind of work → its adapter.
        self._adapters: Final[dict[str, Adapter]] = {}
        self._log_folder: Final = os.path.join(config.home, "logs")
        self._zygotes: Final = Zygotes(children, self._log_folder)
        self._bounds: Final = Bounds()
        self._progress: Final = Watch()
        self._secrets: Final = Secrets(children, inherited)

    @property
    def boot(self) -> str:
        """See Place."""
        return self._config.boot

    def take(self, launch: Launch) -> Found:
        """See Place."""
        path = paths_of(launch).record
        try:
            return record.take(path)
        except OSError as error:
            why = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror or error
            raise CannotSpawn(f"cannot create the attempt's record {path}: {why}", _class_of(error)) from error

    def take_back(self, launch: Launch) -> Found:
        """See Place."""
        return record.take(paths_of(launch).record, may_create=False)

    def probe(self, launch: Launch) -> Running | Over | None:
        """See Place."""
        return record.probe(paths_of(launch).record)

    def read(self, launch: Launch) -> Seen:
        """See Place."""
        return record.read(paths_of(launch).record)

    def start(self, launch: Launch, taken: Taken, gone: Gone) -> Started:
        """See Place."""
        paths = paths_of(launch)
        try:
            with _as_cannot_spawn():
                _check_cwd(launch.cwd)
                env = self._environment(launch, paths)
                within = self._folder_of(launch, make=True)
                plan = self._adapter_of(launch).prepare(within)
                env.update(self._secrets.begin(launch, env, paths))
                if launch.answer is not None:
                    write_answer(paths.answer, launch.answer)
                for path, text in ((paths.context, launch.context), (paths.feedback, launch.feedback)):
                    if text:
                        write_file(path, text.encode(errors="replace"))
                if launch.given:
                    write_file(paths.artifacts, msgspec.json.encode(launch.given) + b"\n")
                record.write_header(taken.fd, Header(launch.attempt, self.boot, wall_clock(), boot_clock()))
                match plan:
                    case ShimPlan():
                        for path, data in plan.files.items():
                            write_file(path, data)
                        spawn_shim(
                            self._children,
                            plan.command,
                            cwd=within.cwd,
                            env=env,
                            umask=launch.umask,
                            record_fd=taken.fd,
                            paths=paths,
                            on_exit=gone,
                        )
                        return Started()
                    case RunnerPlan():
                        self._zygotes.submit(
                            plan, cwd=within.cwd, env=env, umask=launch.umask, record_fd=taken.fd, paths=paths
                        )
                    case _ as never:
                        assert_never(never)
        except CannotSpawn as error:
            self._put_down(launch, taken, Never("spawn", str(error), error.cls))
            raise
        finally:
            os.close(taken.fd)
        self.watch(launch, gone)
        return Started(may_be_lost=True)

    def forgo(self, launch: Launch, taken: Taken, never: Never) -> None:
        """See Place."""
        try:
            self._put_down(launch, taken, never)
        finally:
            os.close(taken.fd)

    def _put_down(self, launch: Launch, taken: Taken, never: Never) -> None:
        try:
            record.write_never(taken.fd, never)
        except OSError as error:  # it is told all the same; only a host of the past could still start it
            logbook.warning("{}: its record cannot say that it never runs: {}", launch.attempt, error)

    def watch(self, launch: Launch, gone: Gone) -> None:
        """See Place. A thread blocks in flock: the kernel wakes it when the holder ends."""

        def wait() -> None:
            try:
                record.wait_until_free(paths_of(launch).record)
            except OSError as error:
                logbook.warning("{}: cannot watch its record: {}", launch.attempt, error)
            gone(None)

        threading.Thread(target=wait, name=f"watch-{launch.attempt}", daemon=True).start()

    def signal(self, launch: Launch, signum: int) -> bool:
        """See Place. Only while the lock is held: afterwards the pid may be another's."""
        found = self.probe(launch)
        if isinstance(found, Running):
            if found.seen.pid is None:
                return False
            stop.signal_group(found.seen.pid, signum)
        return True

    def watch_bounds(self, launch: Launch, elapsed_s: float, exceeded: OnExceeded) -> None:
        """See Place."""
        self._bounds.watch(launch, paths_of(launch), elapsed_s, exceeded)

    def forget_bounds(self, launch: Launch) -> None:
        """See Place."""
        self._bounds.forget(launch.attempt)

    def watch_progress(self, launch: Launch, progressed: OnProgress) -> None:
        """See Place."""
        self._progress.add(launch.attempt, paths_of(launch).progress, progressed)

    def forget_progress(self, launch: Launch) -> None:
        """See Place."""
        self._progress.forget(launch.attempt)

    def validate(self, launch: Launch, result: bytes | None, done: OnValidated, *, sweep_first: bool) -> Validation:
        """See Place."""
        paths = paths_of(launch)
        cookie = (COOKIE, self._cookie(launch))

        def environment() -> dict[str, str]:
            env = self._environment(launch, paths)
            return {**env, **self._secrets.values(launch, env, paths)}

        try:
            within = self._folder_of(launch)
        except CannotSpawn:  # its repository was taken away since
            within = msgspec.structs.replace(launch, cwd=launch.worktree)
        subject = Subject(within, paths, environment, lambda: self._secrets.mask(launch), cookie, result)
        validation = Validation(subject, self._children, self._log_folder, done)
        validation.start(sweep_first=sweep_first)
        return validation

    def mask(self, launch: Launch) -> Mask:
        """See Place."""
        return self._secrets.mask(launch)

    def leave_blotted(self, launch: Launch) -> None:
        """See Place."""
        if launch.secrets:
            leave_blotted(paths_of(launch), self._secrets.mask(launch))

    def forget_secrets(self, launch: Launch) -> None:
        """See Place."""
        self._secrets.forget(launch)

    def sweep(self, launch: Launch, told_group: int | None, patience_s: float) -> int:
        """See Place."""
        return stop.sweep(f"{COOKIE}={self._cookie(launch)}", told_group, patience_s)

    def _folder_of(self, launch: Launch, *, make: bool = False) -> Launch:
        """The attempt in the folder that it runs in: its own, or one of its worktree. Raises CannotSpawn, OSError."""
        if not launch.worktree:
            return launch
        if make:
            make_worktree(self._children, launch, self._log_folder)
        within = within_worktree(launch)
        if make and not os.path.isdir(within.cwd):
            raise CannotSpawn(f"the worktree has no folder {within.cwd}: commit {launch.cwd}, which its branch lacks")
        return within

    def _adapter_of(self, launch: Launch) -> Adapter:
        kind = launch.kind or self._config.worker
        if kind not in self._adapters:
            self._adapters[kind] = adapter_for(kind)
        return self._adapters[kind]

    def _cookie(self, launch: Launch) -> str:
        """The journal's last digits, as in the folder of the attempt's files: those a salvage of the journal keeps."""
        return f"{self._config.journal[-12:]}:{launch.attempt}"

    def _environment(self, launch: Launch, paths: Paths) -> dict[str, str]:
        graph, task, number = split_attempt_id(launch.attempt)
        env = {
            **launch.env,
            COOKIE: self._cookie(launch),
            "ORCH_GRAPH": graph,
            "ORCH_TASK": task,
            "ORCH_ATTEMPT_NUMBER": str(number),
            "ORCH_RESULT": paths.result,
            "ORCH_SUMMARY": paths.summary,
            "ORCH_PROGRESS": paths.progress,
            "ORCH_QUESTION": paths.question,
            "ORCH_ACTORS_HOME": self._config.home,
        }
        if launch.answer is not None:
            env["ORCH_ANSWER"] = paths.answer
        if launch.context:
            env["ORCH_CONTEXT"] = paths.context
        if launch.feedback:
            env["ORCH_FEEDBACK"] = paths.feedback
        if launch.given:
            env["ORCH_ARTIFACTS"] = paths.artifacts
        if launch.worktree:
            env["ORCH_BRANCH"] = launch.branch
        return env


def _check_cwd(cwd: str) -> None:
    try:
        mode = os.stat(cwd).st_mode
    except OSError as error:
        raise CannotSpawn(f"cannot enter the working directory {cwd}: {error.strerror or error}") from error
    if not stat.S_ISDIR(mode):
        raise CannotSpawn(f"the working directory {cwd} is not a folder")
    if not os.access(cwd, os.X_OK):
        raise CannotSpawn(f"cannot enter the working directory {cwd}: Permission denied")


def _class_of(error: OSError) -> str:
    return DISK_FULL if is_no_room(error) else ""


@contextmanager
def _as_cannot_spawn() -> Iterator[None]:
    """The system's errors, as the sentence that the attempt's owner reads."""
    try:
        yield
    except OSError as error:
        raise CannotSpawn(f"the system cannot start it: {error.strerror or error}", _class_of(error)) from error
    except ValueError as error:  # a NUL character or a lone surrogate in an argument or variable
        raise CannotSpawn(f"it cannot be started: {error}") from error
