"""`python -m orch_actors.actors.recovery FOLDER FIRST LAST CLOSED`: a part of a journal, read for a `forerunner.py`.

It looks through all closed segments, up to number CLOSED, for graphs that are forgotten, then reads those from FIRST to
LAST. On stdout comes a digest of each, after its length; where one is not as it must be it ends without a word, as when
its stdin closes: who started it reads on alone.
"""

import gc
import os
import sys
from typing import Final

import msgspec

from orch_actors.actors.journal.disk import RealDisk
from orch_actors.actors.journal.opening import segment_name
from orch_actors.actors.journal.record import Damaged, Unfamiliar
from orch_actors.actors.process.leaving import leave_with_stdin
from orch_actors.actors.recovery.digest import digest_of
from orch_actors.actors.recovery.forerunner import LENGTH_BYTES
from orch_actors.actors.recovery.heads import forgotten_in
from orch_actors.protocol.errors import EnvironmentFault

#: Exit code of one that will not go on.
NO_MORE: Final = 4


def main(words: list[str]) -> int:
    """Read them; the exit code."""
    leave_with_stdin()
    gc.disable()  # nothing here is cyclic, and it does not live long
    folder, (first, last, closed) = words[0], (int(word) for word in words[1:])
    disk, encode = RealDisk(), msgspec.msgpack.Encoder().encode

    def path_of(number: int) -> str:
        return os.path.join(folder, segment_name(number))

    try:
        doomed = {graph for number in range(1, closed + 1) for graph in forgotten_in(disk.read(path_of(number)))}
        for number in range(first, last + 1):
            said = encode(digest_of(number, path_of(number), disk.read(path_of(number)), doomed))
            sys.stdout.buffer.write(len(said).to_bytes(LENGTH_BYTES) + said)
            sys.stdout.buffer.flush()
    except (EnvironmentFault, Damaged, Unfamiliar, OSError):
        return NO_MORE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
