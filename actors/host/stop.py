"""Ending processes: a group's signal, and the sweep for what got away from its group.

The caller knows that a group is still the attempt's own (record.py: only while the lock is held). The sweep trusts
no pid: it looks for the attempt's cookie in every process's environment, which exec, fork, setsid and daemonising all
hand on. On Linux each process is held by a pidfd before it is examined, so a pid that
is given away in between can never be hit; waiting for its end is a poll on those descriptors, not a loop.

Not reached: a process that has wiped its environment and does not heed TERM, or has left its group. This is
housekeeping, no sandbox.
"""

import os
import select
import signal
import sys
import time
from contextlib import ExitStack, suppress
from typing import Final

#: A process that KILL does not end within this is stuck in the kernel; we do not wait for it.
_KILL_PATIENCE_S: Final = 5.0

#: Scans that must find nothing, in a row: a process that forked while it was looked for shows up in the second.
_EMPTY_SCANS: Final = 2


def signal_group(pid: int, signum: int) -> None:
    """Signal a process group; none there is no error."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signum)


def sweep(cookie: str, told_group: int | None, patience_s: float) -> int:
    """End every process with `cookie` (`NAME=value`) in its environment.

    TERM first (not again to `told_group`, which has had it: many programs take the second for "at once"), KILL after
    `patience_s`; until two scans in a row find nothing. Blocks for at most the patience and some seconds.

    Returns:
        How many processes were found.
    """
    kill_at = time.monotonic() + patience_s
    give_up_at = kill_at + _KILL_PATIENCE_S
    seen: set[int] = set()
    empty = 0
    while empty < _EMPTY_SCANS and time.monotonic() < give_up_at:
        found = _sweep_once(cookie, told_group, kill_at, seen)
        empty = 0 if found else empty + 1
        seen |= found
    return len(seen)


def _sweep_once(cookie: str, told_group: int | None, kill_at: float, told: set[int]) -> set[int]:
    """One scan; whoever is found gets TERM (once), or KILL when it is time, and a while to end."""
    if sys.platform != "linux":
        return _sweep_by_ps(cookie, kill_at, told)
    with ExitStack() as stack:
        held: dict[int, int] = {}
        for pid in _all_pids():
            handle = _hold(pid)
            if handle is None:
                continue
            if _has(pid, cookie.encode()):
                stack.callback(os.close, handle)
                held[handle] = pid
            else:
                os.close(handle)
        patience_s = kill_at - time.monotonic()
        for handle, pid in held.items():
            if patience_s <= 0:
                _signal(handle, signal.SIGKILL)
            elif pid not in told and not _in_group(pid, told_group):
                _signal(handle, signal.SIGTERM)
        _wait_for_ends(held, patience_s if patience_s > 0 else _KILL_PATIENCE_S)
        return set(held.values())


def _all_pids() -> list[int]:
    own = os.getpid()
    return [int(name) for name in os.listdir("/proc") if name.isdecimal() and int(name) != own]


def _hold(pid: int) -> int | None:
    """A descriptor for the process that has this pid now."""
    try:
        return os.pidfd_open(pid)
    except OSError:  # gone, or a thread's id
        return None


def _has(pid: int, cookie: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return cookie in file.read().split(b"\0")
    except OSError:  # gone, or somebody else's
        return False


def _in_group(pid: int, group: int | None) -> bool:
    try:
        return group is not None and os.getpgid(pid) == group
    except OSError:
        return False


def _signal(handle: int, signum: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        signal.pidfd_send_signal(handle, signum)


def _wait_for_ends(held: dict[int, int], patience_s: float) -> None:
    """Until all have ended, or the patience is over."""
    poller = select.poll()
    for handle in held:
        poller.register(handle, select.POLLIN)
    left = len(held)
    until = time.monotonic() + patience_s
    while left > 0 and (rest_s := until - time.monotonic()) > 0:
        for handle, _ in poller.poll(rest_s * 1000):
            poller.unregister(handle)
            left -= 1


def _sweep_by_ps(cookie: str, kill_at: float, told: set[int]) -> set[int]:
    """Where there is no /proc (macOS): ps shows the environment of one's own processes behind the command."""
    import subprocess  # noqa: PLC0415 (slow to import; the reaper may take its exit status, which is not looked at)

    listing = subprocess.run(
        ["/bin/ps", "-Eww", "-A", "-o", "pid=,command="], capture_output=True, check=False, text=True, errors="replace"
    ).stdout
    found = {
        int(line.split(None, 1)[0])
        for line in listing.splitlines()
        if f" {cookie} " in f"{line} " and int(line.split(None, 1)[0]) != os.getpid()
    }
    late = time.monotonic() >= kill_at
    for pid in found:
        if late or pid not in told:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
    if found:
        time.sleep(0.05)
    return found
