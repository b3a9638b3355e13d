"""A supervisor for worker hosts under test: the ROUTER's side of protocol/hostwire.py, and real host processes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import zmq

from orch_actors.protocol.codec import encode
from orch_actors.protocol.hostwire import (
    TO_SUPERVISOR,
    AdoptAttempt,
    AttemptAdopted,
    AttemptEnded,
    HostConfig,
    HostReady,
    Launch,
    StartAttempt,
    StopAttempt,
)

DEADLINE_S = 30.0
BOOT = "boot-now"

#: A python task that does what a text for sh says, in a process below its own.
IN_PYTHON = "import subprocess, sys; sys.exit(subprocess.call(['sh', '-c', sys.argv[1]]))"

M = TypeVar("M")


def eventually(what: Callable[[], Any], why: str = "") -> Any:
    """The first true value of `what`, asked again and again until the deadline."""
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        value = what()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError(f"not within {DEADLINE_S} s: {why or what}")


def alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1] not in b"ZX"
    except OSError:
        return False


def signal_other_thread(pid: int, signum: int) -> None:
    """Signal a thread of a process that is not its main one (Linux): that one's calls are not interrupted."""
    import ctypes

    threads = eventually(lambda: [int(name) for name in os.listdir(f"/proc/{pid}/task") if int(name) != pid])
    assert ctypes.CDLL(None).tgkill(pid, threads[0], signum) == 0


class Host:
    """One host process and what it has said."""

    def __init__(self, supervisor: "FakeSupervisor", config: HostConfig) -> None:
        self.supervisor = supervisor
        self.name = config.name
        self.worker = config.worker
        self.said: list[Any] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "orch_actors.actors.host", msgspec.json.encode(config).decode()],
            stdin=subprocess.PIPE,
        )

    def send(self, message: Any) -> None:
        self.supervisor.router.send_multipart([self.name.encode(), encode(message)])

    def wait_for(self, kind: type[M], where: Callable[[M], bool] = lambda _: True) -> M:
        """The first message of a kind that it has said or says."""
        until = time.monotonic() + DEADLINE_S
        while True:
            for message in self.said:
                if isinstance(message, kind) and where(message):
                    return message
            if not self.supervisor.receive(until - time.monotonic()):
                raise AssertionError(f"no {kind.__name__} from {self.name} within {DEADLINE_S} s: {self.said}")

    def ready(self) -> "Host":
        self.wait_for(HostReady)
        return self

    def ended(self, attempt: str) -> AttemptEnded:
        return self.wait_for(AttemptEnded, lambda message: message.attempt == attempt)

    def adopted(self, attempt: str) -> AttemptAdopted:
        return self.wait_for(AttemptAdopted, lambda message: message.attempt == attempt)

    def run(self, launch: Launch) -> AttemptEnded:
        self.send(StartAttempt(launch=launch))
        return self.ended(launch.attempt)

    def stop(self, launch: Launch) -> AttemptEnded:
        self.send(StopAttempt(attempt=launch.attempt))
        return self.ended(launch.attempt)

    def adopt(self, launch: Launch, *, stopping: bool = False) -> None:
        self.send(AdoptAttempt(launch=launch, stopping=stopping))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(DEADLINE_S)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(DEADLINE_S)


class FakeSupervisor:
    """Starts hosts, hands out launches, and leaves nothing running behind."""

    def __init__(self, folder: Path, worker: str = "shell") -> None:
        self.folder = folder
        #: Of hosts that nothing else is said of; a text for sh is run by tasks of this type, whatever it is.
        self.worker = worker
        self.home = folder / "home"
        self.attempts = folder / "attempts"
        self.cwd = folder / "cwd"
        for made in (self.home, self.attempts, self.cwd):
            made.mkdir()
        self._sockets = tempfile.mkdtemp(prefix="oa-", dir="/tmp")
        self.endpoint = f"ipc://{self._sockets}/s"
        self._context = zmq.Context()
        self.router = self._context.socket(zmq.ROUTER)
        self.router.linger = 0
        self.router.router_mandatory = True
        self.router.bind(self.endpoint)
        self.hosts: list[Host] = []
        self.launches: list[Launch] = []
        self.journal = f"j{os.getpid()}-{time.monotonic_ns()}"

    def config(self, worker: str) -> HostConfig:
        return HostConfig(
            worker=worker,
            endpoint=self.endpoint,
            name=f"h{len(self.hosts)}",
            home=str(self.home),
            journal=self.journal,
            boot=BOOT,
            log_level="DEBUG",
        )

    def start_host(self, worker: str | None = None, **changes: Any) -> Host:
        host = Host(self, msgspec.structs.replace(self.config(worker or self.worker), **changes))
        self.hosts.append(host)
        return host.ready()

    def receive(self, patience_s: float) -> bool:
        if not self.router.poll(max(0, patience_s) * 1000):
            return False
        name, body = self.router.recv_multipart()
        for host in self.hosts:
            if host.name == name.decode():
                host.said.append(TO_SUPERVISOR.decode(body))
        return True

    def launch(self, work: Mapping[str, Any] | str | list[str], **changes: Any) -> Launch:
        number = len(self.launches) + 1
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8"}
        launch = Launch(
            attempt=f"g1/t{number}/1",
            folder=str(self.attempts),
            stem=f"t{number}.1",
            work=dict(work) if isinstance(work, Mapping) else self._work(work),
            cwd=str(self.cwd),
            env=env | changes.pop("env", {}),
            grace_s=changes.pop("grace_s", 20.0),
            boot=BOOT,
        )
        launch = msgspec.structs.replace(launch, **changes)
        self.launches.append(launch)
        return launch

    def _work(self, command: str | list[str]) -> dict[str, Any]:
        if self.worker == "shell" or not isinstance(command, str):
            return {"command": command}
        return {"script": IN_PYTHON, "args": [command]}

    def out(self, launch: Launch) -> str:
        return self.file(launch, ".out").read_text()

    def err(self, launch: Launch) -> str:
        return self.file(launch, ".err").read_text()

    def file(self, launch: Launch, suffix: str) -> Path:
        return Path(launch.folder) / (launch.stem + suffix)

    def record(self, launch: Launch) -> list[dict[str, Any]]:
        path = self.file(launch, ".jsonl")
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    def pid(self, launch: Launch) -> int:
        """The pid in its record, once it is there."""
        return int(eventually(lambda: [line["pid"] for line in self.record(launch) if "pid" in line], "no pid line")[0])

    def close(self) -> None:
        with ExitStack() as stack:  # all of it, whatever fails
            stack.callback(shutil.rmtree, self._sockets)
            stack.callback(self._context.term)
            stack.callback(self.router.close)
            stack.callback(self._kill_all)
            for host in self.hosts:
                stack.callback(host.close)

    def _kill_all(self) -> None:
        for process in self.processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def processes(self) -> list[int]:
        """All processes that belong to attempts of this supervisor."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    environ = (entry / "environ").read_bytes()
                except OSError:
                    continue
                if f"ORCH_ATTEMPT={self.journal[-12:]}:".encode() in environ:
                    found.append(int(entry.name))
        return found
