"""The Workforce: starts one worker host per worker type, and another when one dies, within a budget.

Restarts come at once at first, then after growing waits (OTP's intensity over a period, with backoff in place of
giving up): a host that keeps dying must not burn the machine, and the types that work go on. A host's stdin is a
pipe that this process holds open; when the supervisor dies, however it dies, the kernel closes it and the host
leaves. What attempts it had is found by the next one on disk.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar

import msgspec
import pykka
from loguru import logger

from orch_actors.actors.actor import Actor
from orch_actors.actors.inside import HostDue, HostExited, HostGone, HostSpoke, HostUp, WakeHost
from orch_actors.actors.timekeeper import Timekeeper
from orch_actors.protocol.hostwire import HostConfig
from orch_actors.protocol.views import WorkerState

#: Restarts within PERIOD_S that come at once; further ones wait.
INTENSITY = 3
PERIOD_S = 60.0
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
#: A host that has not spoken by then is ended and counts as dead.
READY_WITHIN_S = 20.0


@dataclass
class HostRecord:
    """What is known of one worker type's host."""

    state: WorkerState = "stopped"
    name: str = ""
    process: "subprocess.Popen[bytes] | None" = None
    restarts: int = 0
    reason: str = ""
    deaths: deque[float] = field(default_factory=deque)


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
        tell_supervisor: Callable[[HostUp | HostGone], None],
        on_crash: Callable[[str, BaseException], None],
    ) -> None:
        super().__init__("workforce", on_crash=on_crash)
        self._config = config
        self._timekeeper = timekeeper
        self._tell_supervisor = tell_supervisor
        self.hosts = hosts
        self._serial = 0

    def _on_wake_host(self, message: WakeHost) -> None:
        record = self.hosts.setdefault(message.worker, HostRecord())
        if record.state == "stopped":
            self._start(message.worker, record)

    def _on_host_due(self, message: HostDue) -> None:
        record = self.hosts[message.worker]
        if record.name != message.host:
            return  # it was on its way while another host began
        if message.wait == "restart" and record.state == "backoff":
            self._start(message.worker, record)
        elif message.wait == "ready" and record.state == "starting" and record.process is not None:
            logger.error("host {} did not get ready in {} s; ending it", record.name, READY_WITHIN_S)
            record.process.kill()  # HostExited follows

    def _on_host_spoke(self, message: HostSpoke) -> None:
        for worker, record in self.hosts.items():
            if record.name == message.host and record.state == "starting":
                record.state, record.reason = "ready", ""
                self._timekeeper.disarm(("host", worker))
                logger.info("host {} is ready, pid {}", record.name, record.process.pid if record.process else None)
                self._tell_supervisor(HostUp(worker, message.host))

    def _on_host_exited(self, message: HostExited) -> None:
        record = self.hosts[message.worker]
        if record.name == message.host:
            self._gone(message.worker, record, f"its host ended with code {message.code}")

    def _gone(self, worker: str, record: HostRecord, why: str) -> None:
        now_at = time.monotonic()
        record.deaths.append(now_at)
        while record.deaths and now_at - record.deaths[0] > PERIOD_S:
            record.deaths.popleft()
        extra = len(record.deaths) - INTENSITY
        wait_s = min(FIRST_WAIT_S * 2.0 ** (extra - 1), LONGEST_WAIT_S) if extra > 0 else 0.0
        if record.process is not None and record.process.stdin is not None:
            record.process.stdin.close()
        record.state, record.process = "backoff", None
        record.restarts += 1
        record.reason = f"{why}, {len(record.deaths)} times in {PERIOD_S:.0f} s"
        logger.warning("{}: {}; the next one starts in {} s", record.name, record.reason, wait_s)
        self._tell_supervisor(HostGone(worker, record.name, record.reason))
        self._arm(HostDue(worker, record.name, "restart"), wait_s)

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
            self._gone(worker, record, f"its host cannot be started: {error.strerror or error}")
            return
        watcher = threading.Thread(
            target=self._watch, args=(worker, record.name, record.process), name=f"watch-{record.name}", daemon=True
        )
        watcher.start()
        self._arm(HostDue(worker, record.name, "ready"), READY_WITHIN_S)

    def _arm(self, due: HostDue, wait_s: float) -> None:
        self._timekeeper.arm(("host", due.worker), wait_s, lambda: self._tell_self(due))

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
