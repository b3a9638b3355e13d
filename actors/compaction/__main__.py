"""`python -m orch_actors.actors.compaction --home DIR --through N`: the compactor, a process of its own.

It is nice to everybody, and leaves as soon as its stdin closes, which the kernel sees to when the daemon dies. It says
what came of it as one line of JSON on stdout; see `actors/errands.py`.
"""

import argparse
import os
import sys
from contextlib import suppress
from typing import Final

from orch_actors.actors.compaction.alone import compact_alone
from orch_actors.actors.errands import carry_out
from orch_actors.actors.process.leaving import leave_with_stdin
from orch_actors.protocol.homes import Home

#: Of the process, while others want the processor.
NICENESS: Final = 15


def main(words: list[str] | None = None) -> int:
    """Compact once; the exit code."""
    parser = argparse.ArgumentParser(prog="orch-actors-compaction")
    parser.add_argument("--home", required=True)
    parser.add_argument("--through", type=int, required=True)
    asked = parser.parse_args(words)
    leave_with_stdin()
    with suppress(OSError):  # where that is not allowed, it is as urgent as everybody
        os.nice(NICENESS)
    return carry_out(lambda: compact_alone(Home(asked.home), asked.through))


if __name__ == "__main__":
    sys.exit(main())
