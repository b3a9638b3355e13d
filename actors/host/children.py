"""The processes that this host has started: spawn, and be told of the end. The one module that spawns and reaps.

One thread blocks in waitpid(-1) and waits on a condition while there are no children: no poll, and no thread per
child. Several may be spawned at once, and none under the lock, which would keep the others waiting until a program is
loaded. So a child may end before it is registered: who finds it ended waits for the spawns that had begun by then.
Nothing else in this process may start or reap children (no `subprocess`).
"""

import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from orch_actors.actors.host import spawning

#: Told of an exit, in the reaper's thread: the status as waitpid gives it, None where it is not known.
#: Must not block or raise.
OnExit = Callable[[int | None], None]


class Children:
    """All children of this process. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._some = threading.Condition(self._lock)
        #: pid → whom to tell; exactly the children that are not reaped yet.
        self._on_exit: dict[int, OnExit] = {}
        #: Spawns that have begun and not ended yet.
        self._spawning: set[int] = set()
        self._tickets = 0

    def start_reaping(self) -> None:
        """Begin to reap, in a thread of its own."""
        threading.Thread(target=self._reap, name="reaper", daemon=True).start()

    def spawn(
        self,
        program: str,
        argv: list[str],
        env: Mapping[str, str],
        file_actions: Sequence[spawning.FileAction],
        on_exit: OnExit,
    ) -> int:
        """Start `program` in a session of its own, no signal blocked or ignored; its pid.

        Raises:
            OSError: it cannot be started (E2BIG, EAGAIN, ENOENT, ENOSPC for one of its files, …).
            ValueError: a NUL character in an argument or variable, or a variable without a name.
        """
        with self._some:
            ticket = self._tickets = self._tickets + 1
            self._spawning.add(ticket)
        pid = None
        try:
            pid = spawning.posix_spawn(program, argv, env, file_actions)
        finally:
            with self._some:
                self._spawning.discard(ticket)
                if pid is not None:
                    self._on_exit[pid] = on_exit
                self._some.notify_all()
        return pid

    def kill(self, pid: int) -> None:
        """KILL one child, unless it was reaped already (its pid may be another's by now)."""
        with self._lock, suppress(ProcessLookupError):
            if pid in self._on_exit:
                os.kill(pid, signal.SIGKILL)

    def signal_group(self, pid: int, signum: int) -> bool:
        """Signal the group that a child leads; False where the child was reaped already, for the same reason."""
        with self._lock, suppress(ProcessLookupError):
            if pid in self._on_exit:
                os.killpg(pid, signum)
                return True
        return False

    def _reap(self) -> None:
        while True:
            with self._some:
                while not self._on_exit:
                    self._some.wait()
            try:
                status, on_exit = self._wait_for_one()
            except ChildProcessError:
                self._tell_all_unknown()
                continue
            if on_exit is not None:
                on_exit(status)

    def _wait_for_one(self) -> tuple[int, OnExit | None]:
        if not hasattr(os, "waitid"):  # macOS before Python 3.13
            pid, status = os.waitpid(-1, 0)
            with self._some:
                self._registered(pid)
                return status, self._on_exit.pop(pid, None)
        # Leaves it a zombie, so that its pid is nobody else's while it is still on our list; see `kill`.
        info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        assert info is not None  # noqa: S101 (None comes with WNOHANG alone)
        with self._some:
            if not self._registered(info.si_pid):  # it could not be loaded: posix_spawn itself has reaped it, mostly
                with suppress(ChildProcessError):
                    os.waitpid(info.si_pid, os.WNOHANG)
                return 0, None
            pid, status = os.waitpid(info.si_pid, 0)
            return status, self._on_exit.pop(pid, None)

    def _registered(self, pid: int) -> bool:
        """Whether a child that has ended is one of ours, once every spawn is over that may have made it."""
        begun = set(self._spawning)
        while pid not in self._on_exit and begun & self._spawning:
            self._some.wait()
        return pid in self._on_exit

    def _tell_all_unknown(self) -> None:
        """Somebody else reaped our children: how they ended is lost, that they did is not."""
        with self._lock:
            lost = list(self._on_exit.values())
            self._on_exit.clear()
        for on_exit in lost:
            on_exit(None)
