"""What a process costs while it waits: memory, and processor time, from /proc; from `ps` where there is none."""

import os
import subprocess
from collections.abc import Iterable
from contextlib import suppress

from msgspec import Struct


class Memory(Struct, frozen=True):
    """Bytes: resident, and proportional (shared pages counted by share; as resident where the system does not tell)."""

    rss: int
    pss: int


def memory_of(pid: int) -> Memory:
    """The memory of a process.

    Raises:
        OSError: it is gone.
    """
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            rows = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in file if line.endswith("kB\n")}
        return Memory(rss=rows["Rss"], pss=rows["Pss"])
    except (FileNotFoundError, KeyError):  # no such system, or no such process any more
        rss = int(_ps(pid, "rss")) * 1024
        return Memory(rss=rss, pss=rss)


def total_memory(pids: Iterable[int]) -> Memory:
    """The sum over those that are there: what runs by itself may end meanwhile."""
    found: list[Memory] = []
    for pid in pids:
        with suppress(ProcessLookupError):
            found.append(memory_of(pid))
    return Memory(rss=sum(m.rss for m in found), pss=sum(m.pss for m in found))


def cpu_s(pid: int) -> float:
    """Processor time in seconds that a living process has used, over all its threads.

    Raises:
        OSError: it is gone.
    """
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except FileNotFoundError:
        return _clock_text(_ps(pid, "time"))
    # schedstat counts nanoseconds, stat only ticks of 10 ms.
    total = 0.0
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0]) / 1e9
        except FileNotFoundError:
            return _ticks(pid)
    return total


def _ticks(pid: int) -> float:
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _ps(pid: int, column: str) -> str:
    done = subprocess.run(["ps", "-o", f"{column}=", "-p", str(pid)], capture_output=True, text=True, check=False)
    if done.returncode != 0 or not done.stdout.strip():
        raise ProcessLookupError(f"process {pid} is gone")
    return done.stdout.strip()


def _clock_text(text: str) -> float:
    """`[[days-]hours:]minutes:seconds` → seconds."""
    days, _, rest = text.rpartition("-")
    seconds = 0.0
    for part in rest.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds + 86400 * int(days or 0)
