"""The references: the same work done by the plainest tools, in a fresh folder each time. Times in seconds."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from orch_actors.protocol.client import Client
from orch_actors.protocol.homes import Home


@contextmanager
def bare_loop(folder: str) -> Iterator[Client]:
    """A client of a bare loop (bare_loop.py) in a process of its own; it ends with the block."""
    # A home, for its socket: it knows what to do where the folder's path is too long for one.
    home = Home(tempfile.mkdtemp(dir=folder))
    home.prepare()
    journal = os.path.join(home.journal, "journal")
    command = [sys.executable, "-P", "-m", "orch_actors.stress.bench.bare_loop", home.commands, journal]
    try:
        with _listening(command), Client(home.path) as client:
            yield client
    finally:
        shutil.rmtree(home.run, ignore_errors=True)


def xargs(tasks: int, parallel: int, folder: str) -> float:
    """`sh -c true`, so many times, through `xargs -P`."""
    names = "".join(f"{number}\n" for number in range(tasks)).encode()
    command = ["xargs", f"-P{parallel}", "-n1", "sh", "-c", "true"]
    return _timed(command, tempfile.mkdtemp(dir=folder), names)


def ninja(tasks: int, parallel: int, folder: str, *, chain: bool = False) -> float | None:
    """The same through ninja, side by side or each after the other; None: it is not installed."""
    if shutil.which("ninja") is None:
        return None
    place = tempfile.mkdtemp(dir=folder)
    with open(os.path.join(place, "build.ninja"), "w", encoding="ascii") as file:
        # ninja itself runs commands through `sh -c`.
        file.write("rule task\n  command = true\n")
        after = [f" t{number - 1}" if chain and number else "" for number in range(tasks)]
        file.writelines(f"build t{number}: task{before}\n" for number, before in enumerate(after))
    return _timed(["ninja", "--quiet", f"-j{parallel}"], place)


def make(tasks: int, parallel: int, folder: str) -> float | None:
    """The same through make; None: it is not installed."""
    if shutil.which("make") is None:
        return None
    place = tempfile.mkdtemp(dir=folder)
    names = " ".join(f"t{number}" for number in range(tasks))
    with open(os.path.join(place, "Makefile"), "w", encoding="ascii") as file:
        file.write(f"all: {names}\n.PHONY: all {names}\n{names}:\n\t@sh -c true\n")
    return _timed(["make", "-s", f"-j{parallel}"], place)


def spawn_chain(hops: int) -> float:
    """`sh -c true`, one after the other, by posix_spawn."""
    begun_at = time.perf_counter()
    for _ in range(hops):
        pid = os.posix_spawn("/bin/sh", ["sh", "-c", "true"], os.environ)
        os.waitpid(pid, 0)
    return time.perf_counter() - begun_at


def bare_interpreter() -> float:
    """Start and end of this interpreter with nothing to do."""
    return _timed([sys.executable, "-c", "pass"], None)


@contextmanager
def waiting_interpreter() -> Iterator[int]:
    """The pid of this interpreter, bare, waiting for the end of its stdin."""
    command = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
    with _listening(command) as pid:
        yield pid


@contextmanager
def waking_interpreter() -> Iterator[int]:
    """The pid of a bare interpreter that wakes once a second, and ends with its stdin.

    What waking costs is the machine's: a virtual processor that sleeps in between is charged milliseconds for it.
    """
    script = "import select; print(flush=True)\nwhile not select.select([0], [], [], 1.0)[0]: pass"
    with _listening([sys.executable, "-c", script]) as pid:
        yield pid


@contextmanager
def _listening(command: list[str]) -> Iterator[int]:
    """The pid of a program that has printed a line, and that ends when its stdin does."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            if process.stdout is None or not process.stdout.readline():
                raise ChildProcessError(f"{command} ended with exit code {process.wait()}")
            yield process.pid
        finally:
            process.communicate(b"")


def _timed(command: list[str], folder: str | None, given: bytes = b"") -> float:
    begun_at = time.perf_counter()
    subprocess.run(command, cwd=folder, input=given, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun_at
