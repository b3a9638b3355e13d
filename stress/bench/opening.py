"""How long a daemon takes to come to its state: from a journal of many lines, and from its snapshot.

    python -m orch_actors.stress.bench.opening FOLDER     open the journal in FOLDER once, as a start does: seconds

The journal is a past (past.py) with graphs forgotten as a retention of 1,000 graphs has it. Each opening is a process
of its own, as a daemon is; what is timed is what stands between its start and its first word: reading, checking and
folding, not the interpreter's own start. Beside it, what no reader can do without: the same bytes, read and summed up.
"""

import os
import subprocess
import sys
import time
import zlib
from typing import Final

from loguru import logger

from orch_actors.actors.compaction.compacting import compact
from orch_actors.actors.journal.disk import RealDisk
from orch_actors.actors.journal.opening import numbers_in, segment_name
from orch_actors.actors.journal.writer import SEGMENT_BYTES
from orch_actors.actors.recovery.recalling import recall
from orch_actors.stress.bench.past import Past

#: Finished graphs that are kept.
KEEP: Final = 1000

#: Lines of a journal that would be of one segment alone; its segments are of so many bytes.
FEW: Final = 200_000


def write_past(folder: str, lines: int) -> None:
    """A journal of so many lines."""
    os.mkdir(folder, 0o700)
    past = Past(folder, 1, {"older_than_s": None, "keep": KEEP}, SEGMENT_BYTES if lines > FEW else FEW)
    past.live(lines)
    past.close()


def make_snapshot(folder: str) -> int:
    """Compact it as a daemon does, with each closed segment; its snapshot's bytes.

    Raises:
        ValueError: no segment is closed.
    """
    closed = numbers_in(os.listdir(folder))[:-1]
    if not closed:
        raise ValueError("the journal is too short: no segment is closed")
    return compact(RealDisk(), folder, closed[-1], time.time).bytes


def open_timed(folder: str) -> float:
    """Seconds that a fresh process takes to open it.

    Raises:
        subprocess.CalledProcessError: it could not.
    """
    command = [sys.executable, "-P", "-m", "orch_actors.stress.bench.opening", folder]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def sum_timed(folder: str) -> float:
    """Seconds to read all segments and sum their lines up."""
    begun_at = time.perf_counter()
    for number in numbers_in(os.listdir(folder)):
        with open(os.path.join(folder, segment_name(number)), "rb") as file:
            for line in file.read().split(b"\n"):
                zlib.crc32(line)
    return time.perf_counter() - begun_at


def main() -> None:
    """Open it once."""
    logger.remove()
    begun_at = time.perf_counter()
    journal, _, _ = recall(RealDisk(), sys.argv[1])
    sys.stdout.write(f"{time.perf_counter() - begun_at}\n")
    journal.close()


if __name__ == "__main__":
    main()
