"""Processes as the system tells of them: Linux's /proc, read and nothing else."""

import os
from contextlib import suppress
from typing import Final

import msgspec

#: The variable that marks the processes of an attempt.
COOKIE: Final = b"ORCH_ATTEMPT="


def children(pid: int) -> list[int]:
    """Those that it has started and that live."""
    found: list[int] = []
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, _read(f"/proc/{pid}/task/{task}/children").split())
    return [child for child in found if state(child) not in ("", "Z")]


def state(pid: int) -> str:
    """One letter; empty where there is none."""
    return _read(f"/proc/{pid}/stat").rpartition(b") ")[2][:1].decode()


def hosts(supervisor: int) -> dict[str, int]:
    """Worker type → pid, of the worker hosts of a supervisor."""
    found: dict[str, int] = {}
    for child in children(supervisor):
        arguments = _read(f"/proc/{child}/cmdline").split(b"\0")
        with suppress(msgspec.DecodeError, IndexError, KeyError, TypeError):
            found[str(msgspec.json.decode(arguments[-2])["worker"])] = child
    return found


def of_attempts(home: str) -> dict[int, str]:
    """Pid → attempt of all processes of attempts of this home."""
    needle = b"ORCH_ACTORS_HOME=" + os.fsencode(home)
    found: dict[int, str] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        variables = _read(f"/proc/{name}/environ").split(b"\0")
        cookies = [text for text in variables if text.startswith(COOKIE)]
        if cookies and needle in variables and state(int(name)) not in ("", "Z"):
            found[int(name)] = cookies[0].removeprefix(COOKIE).partition(b":")[2].decode(errors="replace")
    return found


def shims(home: str) -> dict[str, int]:
    """Attempt → pid of who leads its session and holds its record: the shim, or the runner's keeper."""
    return {attempt: pid for pid, attempt in of_attempts(home).items() if _session(pid) == pid}


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def _read(path: str) -> bytes:
    """A file of /proc; empty where it is gone, or not ours."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
