"""The attack: messages thrown at the sockets of a real daemon, and a look at it before, meanwhile and afterwards.

What must hold: it is the same process as before; its log tells of no bug; it answers in time all along; its memory and
its descriptors stay where they were; it then does its work as ever. What a message comes to by itself (an answer, a
refusal, nothing) is left to it.
"""

import os
import random
import socket as sockets
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any, Final

import zmq

from orch_actors.protocol.codec import REPLY
from orch_actors.protocol.errors import OrchError, PeerFault
from orch_actors.protocol.homes import Home
from orch_actors.protocol.transport import context
from orch_actors.stress.daemon import TrialDaemon
from orch_actors.stress.fuzz.frames import Maker, Message, raw_greeting

#: What an answer to `hello` may take, in the thick of it, on a slow machine too.
ANSWER_S: Final = 60.0

#: How often it is looked at, and how often a bare connection is made, in messages.
LOOK_EVERY: Final = 2_000
RAW_EVERY: Final = 200

#: Messages before memory is first measured: tables and buffers have their sizes by then. What it may grow by then, for
#: good, and while the largest messages are in the air.
WARM_UP: Final = 0.1
GROWTH_KB: Final = 16 * 1024
DESCRIPTORS: Final = 16

#: Words that its log has only for what must not be.
BAD_WORDS: Final = ("Traceback", "a bug", "CRITICAL", "died")


class Found:
    """What came of it."""

    def __init__(self) -> None:
        self.sent = 0
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        #: Resident memory in KiB: when it was warm, the most, at the end.
        self.warm_kb = self.most_kb = self.end_kb = 0
        self.longest_s = 0.0


class Attack:
    """One attack on one daemon."""

    def __init__(self, daemon: TrialDaemon, seed: int) -> None:
        self._daemon, self._home = daemon, daemon.home
        self._pid: Final = daemon.pid
        self._maker: Final = Maker(seed)
        self._rng: Final = random.Random(seed + 1)
        self.found: Final = Found()
        self._descriptors = 0

    def run(self, size: int, tell: Any) -> Found:
        """Send so many messages; stops early only where the daemon is gone."""
        with ExitStack() as stack:
            self._open(stack)
            warm = max(1, int(size * WARM_UP))
            for number in range(1, size + 1):
                if not self._send(self._maker.message()):
                    return self.found
                if number % RAW_EVERY == 0:
                    self._bare_connection()
                if number == warm:
                    self._settle()
                    self.found.warm_kb, self._descriptors = self._memory_kb(), self._open_descriptors()
                if number % LOOK_EVERY == 0 or number == size:
                    if not self._look():
                        self.found.faults += list(bad_lines(self._home))
                        return self.found
                    self._subscribe_anew()
                    tell(f"{number:,} messages, {self.found.counts['answers']:,} answers, {self._memory_kb():,} KiB")
            self._settle()
            self._afterwards()
        return self.found

    # --- sending --------------------------------------------------------------------------------------------------

    def _open(self, stack: ExitStack) -> None:
        endpoints = {"commands": self._home.commands, "workers": self._home.workers, "events": self._home.events}
        self._sockets: dict[str, zmq.Socket[bytes]] = {}
        stack.callback(self._close)
        for name, endpoint in endpoints.items():
            self._sockets[name] = _opened(zmq.XSUB if name == "events" else zmq.DEALER, endpoint)

    def _close(self) -> None:
        for socket in self._sockets.values():
            socket.close(0)

    def _subscribe_anew(self) -> None:
        """A subscriber's topics are kept for as long as it stays: it is its leaving that must give all back."""
        self._sockets["events"].close(0)
        self._sockets["events"] = _opened(zmq.XSUB, self._home.events)

    def _send(self, message: Message) -> bool:
        socket = self._sockets[message.socket]
        try:
            socket.send_multipart(message.frames)
        except zmq.Again:
            self.found.faults.append(f"message {self.found.sent + 1} could not be sent for {ANSWER_S:.0f} s")
            self.found.faults += list(bad_lines(self._home))
            return False
        self.found.sent += 1
        self.found.counts[f"to {message.socket}"] += 1
        self._take_answers()
        return True

    def _take_answers(self) -> None:
        commands = self._sockets["commands"]
        while commands.poll(0):
            body = commands.recv_multipart()[-1]
            try:
                reply = REPLY.decode(body)
            except PeerFault as fault:
                self.found.faults.append(f"after message {self.found.sent} an answer is none: {fault}")
                continue
            self.found.counts["answers"] += 1
            if reply.error is not None:
                self.found.counts["refused"] += 1
                if reply.error.code == "INTERNAL":
                    self.found.faults.append(f"after message {self.found.sent}: INTERNAL: {reply.error.message}")
        while self._sockets["events"].poll(0):
            self._sockets["events"].recv_multipart()

    def _bare_connection(self) -> None:
        """One that is no ZeroMQ; whoever hangs up first, and how, is nobody's business."""
        endpoint = self._rng.choice([self._home.commands, self._home.workers, self._home.events])
        with sockets.socket(sockets.AF_UNIX) as connection, suppress(OSError):
            connection.settimeout(0.05)
            connection.connect(endpoint.removeprefix("ipc://"))
            connection.sendall(raw_greeting(self._rng))
            connection.recv(1024)
        self.found.counts["bare connections"] += 1

    # --- looking --------------------------------------------------------------------------------------------------

    def _look(self) -> bool:
        """Whether the same daemon is there and answers."""
        begun_at = time.monotonic()
        try:
            with self._daemon.client(ANSWER_S) as client:
                pid = client.hello().pid
        except OrchError as error:
            self.found.faults.append(f"after message {self.found.sent} it does not answer: {error}")
            return False
        self.found.longest_s = max(self.found.longest_s, time.monotonic() - begun_at)
        self._take_answers()
        if pid != self._pid:
            self.found.faults.append(f"after message {self.found.sent} another daemon answers: {pid}, not {self._pid}")
            return False
        self.found.most_kb = max(self.found.most_kb, self._memory_kb())
        return True

    def _settle(self) -> None:
        """Let it work off what is on the way: two answers over a fresh connection each, and no other."""
        for _ in range(2):
            self._look()
        time.sleep(0.2)
        self._take_answers()

    def _afterwards(self) -> None:
        found = self.found
        found.end_kb = self._memory_kb()
        if found.end_kb > found.warm_kb + GROWTH_KB:
            found.faults.append(f"its memory grew from {found.warm_kb:,} to {found.end_kb:,} KiB")
        descriptors = self._open_descriptors()
        if descriptors > self._descriptors + DESCRIPTORS:
            found.faults.append(f"its descriptors grew from {self._descriptors} to {descriptors}")
        found.faults += list(bad_lines(self._home))
        found.faults += list(self._works())

    def _works(self) -> Iterator[str]:
        """It does its work as ever: a graph runs, its events have no gap, nothing of what was thrown is there."""
        try:
            with self._daemon.client(ANSWER_S) as client:
                before = client.status().graphs
                if before:
                    yield f"{len(before)} graphs were taken from the noise"
                with client.follow() as events:
                    tasks = [{"id": "a", "command": "true"}, {"id": "b", "command": "true", "depends_on": ["a"]}]
                    graph = client.submit({"name": "after", "tasks": tasks}, base_dir="/").graph
                    numbers = []
                    for event in events:
                        numbers.append(event.seq)
                        if event.kind == "graph_ended" and event.graph == graph:
                            break
                if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
                    yield f"its events have gaps: {numbers}"
                (summary,) = client.wait([graph], timeout_s=ANSWER_S)
                if summary.state != "done":
                    yield f"a graph afterwards is {summary.state}"
        except (OrchError, TimeoutError) as error:
            yield f"it does no work afterwards: {error}"

    def _memory_kb(self) -> int:
        """Resident; 0 where the system does not tell."""
        with suppress(OSError), open(f"/proc/{self._pid}/status", encoding="ascii") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("VmRSS:")), 0)
        return 0

    def _open_descriptors(self) -> int:
        with suppress(OSError):
            return len(os.listdir(f"/proc/{self._pid}/fd"))
        return 0


def _opened(kind: int, endpoint: str) -> "zmq.Socket[bytes]":
    socket = context().socket(kind)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.SNDTIMEO, int(ANSWER_S * 1000))
    socket.connect(endpoint)
    return socket


def bad_lines(home: Home) -> Iterator[str]:
    """What its logs say that must not be."""
    folder = os.path.join(home.path, "logs")
    names = [home.log, *(os.path.join(folder, name) for name in (os.listdir(folder) if os.path.isdir(folder) else ()))]
    for path in names:
        with suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                if any(word in line for word in BAD_WORDS):
                    yield f"{os.path.basename(path)} says: {line.strip()[:300]}"
