"""The Workforce: starts one worker host per worker type, and another when one dies, within a budget.

OTP's vocabulary: intensity over a period, then escalation. The first deaths within the period are followed by another
host at once, further ones after growing waits, and with the last one of the budget the type is given up: no host is
started until somebody says so (ReleaseHost). What that means for the type's tasks is decided by the supervisor, which
is told (HostGone, `exhausted`). A host that keeps dying must not burn the machine, and the types that work go on.

A host that lives may still hang: stopped, deadlocked, stuck in a system call. It is asked for a sign of life several
times within its patience; if none of these is answered, it is ended, which counts as a death. Only answers count that
its Worker actor gives, in its turn. Several questions, and not one long wait: a supervisor that was itself stopped for
a while finds the timer due and the answers unread, and must not end a healthy host for that.

A host's stdin is a pipe that this process holds open; when the supervisor dies, however it dies, the kernel closes it
and the host leaves. What attempts it had is found by the next one on disk.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar, Final

import msgspec
import pykka
from loguru import logger

from orch_actors.actors.actor import Actor
from orch_actors.actors.inside import (
    HostAnswered,
    HostDue,
    HostExited,
    HostGone,
    HostsConfigured,
    HostSpoke,
    HostUp,
    ReleaseHost,
    WakeHost,
)
from orch_actors.actors.timekeeper import Timekeeper
from orch_actors.protocol.hostwire import HostConfig, Ping, ToHost
from orch_actors.protocol.settings import HostSettings
from orch_actors.protocol.views import WorkerState

#: The wait before a host that comes after more than half of the budget's deaths; doubles with each.
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0
#: A host that has not spoken by then is ended and counts as dead.
READY_WITHIN_S: Final = 20.0
#: How often a host is asked for a sign of life within its patience.
QUESTIONS: Final = 3


@dataclass
class HostRecord:
    """What is known of one worker type's host."""

    state: WorkerState = "stopped"
    name: str = ""
    process: "subprocess.Popen[bytes] | None" = None
    restarts: int = 0
    reason: str = ""
    #: When hosts of the type died, as far as that still counts.
    deaths: deque[float] = field(default_factory=deque)
    #: Questions since its last sign of life.
    unanswered: int = 0
    #: Why we ended it, where we did.
    ended: str = ""


class Workforce(Actor):
    """The actor; it fills `hosts`, which other threads may read for display."""

    kind = "workforce"
    #: What a host process is, but for its configuration.
    program: ClassVar[Sequence[str]] = (sys.executable, "-m", "orch_actors.actors.host")

    def __init__(
        self,
        config: HostConfig,
        hosts: dict[str, HostRecord],
        timekeeper: Timekeeper,
        *,
        tell_supervisor: Callable[[HostUp | HostGone], None],
        send: Callable[[str, ToHost], None],
        on_crash: Callable[[str, BaseException], None],
    ) -> None:
        super().__init__("workforce", on_crash=on_crash)
        self._config = config
        self._timekeeper = timekeeper
        self._tell_supervisor = tell_supervisor
        self._send = send
        self._settings = HostSettings()
        self.hosts = hosts
        self._serial = 0

    # --- asked for ------------------------------------------------------------------------------------------------

    def _on_hosts_configured(self, message: HostsConfigured) -> None:
        self._settings = message.settings

    def _on_wake_host(self, message: WakeHost) -> None:
        record = self.hosts.setdefault(message.worker, HostRecord())
        if record.state == "stopped":
            self._start(message.worker, record)

    def _on_release_host(self, message: ReleaseHost) -> None:
        record = self.hosts.setdefault(message.worker, HostRecord())
        record.deaths.clear()
        if record.state == "parked":
            record.state, record.reason = "stopped", ""

    # --- what hosts do --------------------------------------------------------------------------------------------

    def _on_host_spoke(self, message: HostSpoke) -> None:
        for worker, record in self.hosts.items():
            if record.name == message.host and record.state == "starting":
                record.state, record.reason, record.unanswered = "ready", "", 0
                logger.info("host {} is ready, pid {}", record.name, record.process.pid if record.process else None)
                self._ask_again_later(worker, record)
                self._tell_supervisor(HostUp(worker, message.host, careful=self._is_suspicious(record)))

    def _on_host_answered(self, message: HostAnswered) -> None:
        for record in self.hosts.values():
            if record.name == message.host:
                record.unanswered = 0

    def _on_host_exited(self, message: HostExited) -> None:
        record = self.hosts[message.worker]
        if record.name == message.host:
            self._gone(message.worker, record, record.ended or _how(message.code))

    # --- time -----------------------------------------------------------------------------------------------------

    def _on_host_due(self, message: HostDue) -> None:
        record = self.hosts[message.worker]
        if record.name != message.host:
            return  # it was on its way while another host began
        if message.wait == "restart" and record.state == "backoff":
            self._start(message.worker, record)
        elif message.wait == "ready" and record.state == "starting":
            self._end(record, f"did not get ready in {READY_WITHIN_S:.0f} s")
        elif message.wait == "answer" and record.state == "ready":
            self._ask(message.worker, record)

    def _ask(self, worker: str, record: HostRecord) -> None:
        if record.unanswered >= QUESTIONS:
            self._end(record, f"did not answer for {self._settings.patience:.10g} s")
            return
        record.unanswered += 1
        self._send(record.name, Ping())
        self._ask_again_later(worker, record)

    def _ask_again_later(self, worker: str, record: HostRecord) -> None:
        self._arm(HostDue(worker, record.name, "answer"), self._settings.patience / QUESTIONS)

    def _arm(self, due: HostDue, wait_s: float) -> None:
        self._timekeeper.arm(("host", due.worker), wait_s, lambda: self._tell_self(due))

    # --- life and death -------------------------------------------------------------------------------------------

    def _end(self, record: HostRecord, why: str) -> None:
        """KILL it, which a stopped process heeds, too; HostExited follows."""
        logger.error("host {} {}; ending it", record.name, why)
        record.ended = why
        if record.process is not None:
            record.process.kill()

    def _is_suspicious(self, record: HostRecord) -> bool:
        """So many have died that something may be wrong with what they are given."""
        return len(record.deaths) >= max(1, self._settings.deaths // 2)

    def _gone(self, worker: str, record: HostRecord, how: str) -> None:
        now_at = time.monotonic()
        record.deaths.append(now_at)
        while now_at - record.deaths[0] > self._settings.within:
            record.deaths.popleft()
        if record.process is not None and record.process.stdin is not None:
            record.process.stdin.close()
        record.process, record.ended = None, ""
        record.restarts += 1
        record.reason = self._in_words(worker, record, how)
        exhausted = len(record.deaths) >= self._settings.deaths
        self._tell_supervisor(HostGone(worker, record.name, record.reason, exhausted))
        if exhausted:
            record.state = "parked"
            self._timekeeper.disarm(("host", worker))
            logger.error("{}: {}; no other one is started for now", record.name, record.reason)
            return
        extra = len(record.deaths) - self._settings.deaths // 2
        wait_s = min(FIRST_WAIT_S * 2.0 ** min(extra - 1, 30), LONGEST_WAIT_S) if extra > 0 else 0.0
        record.state = "backoff"
        logger.warning("{}: {}; the next one starts in {} s", record.name, record.reason, wait_s)
        self._arm(HostDue(worker, record.name, "restart"), wait_s)

    def _in_words(self, worker: str, record: HostRecord, how: str) -> str:
        count = len(record.deaths)
        if count == 1:
            return f"its host {how}"
        log = os.path.join(self._config.home, "logs", f"host-{worker}.log")
        return f"its host died {count} times in {self._settings.within:.10g} s; the last one {how} (see {log})"

    def _start(self, worker: str, record: HostRecord) -> None:
        self._serial += 1
        record.name = f"{worker}-{os.getpid()}-{self._serial}"
        record.state = "starting"
        config = msgspec.structs.replace(self._config, worker=worker, name=record.name)
        try:
            record.process = subprocess.Popen(
                [*self.program, json.dumps(msgspec.to_builtins(config))],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                cwd="/",
            )
        except OSError as error:  # no memory, no descriptors, no processes left: it may pass
            self._gone(worker, record, f"cannot be started: {error.strerror or error}")
            return
        watcher = threading.Thread(
            target=self._watch, args=(worker, record.name, record.process), name=f"watch-{record.name}", daemon=True
        )
        watcher.start()
        self._arm(HostDue(worker, record.name, "ready"), READY_WITHIN_S)

    def _watch(self, worker: str, name: str, process: "subprocess.Popen[bytes]") -> None:
        code = process.wait()
        self._tell_self(HostExited(worker, name, code))

    def _tell_self(self, message: HostExited | HostDue) -> None:
        with suppress(pykka.ActorDeadError):  # it is on its way out
            self.actor_ref.tell(message)

    def on_stop(self) -> None:
        """Let the hosts go: closing their stdin is the word. Their attempts run on."""
        processes = [record.process for record in self.hosts.values() if record.process is not None]
        for process in processes:
            if process.stdin is not None:
                process.stdin.close()
        for process in processes:
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _how(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
