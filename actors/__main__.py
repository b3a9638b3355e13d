"""`python -m orch_actors.actors --home DIR [--ready-fd N | --check]`: the daemon, in the foreground.

`--check`: only say whether it could start, as far as that can be known without touching anything.
`--only-to-end`: end the attempts that run, start nothing, and go.
"""

import argparse
import sys

from orch_actors.actors.daemon import check, main
from orch_actors.protocol.homes import Home


def _run() -> int:
    parser = argparse.ArgumentParser(prog="orch-actors daemon")
    parser.add_argument("--home")
    parser.add_argument("--ready-fd", type=int)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only-to-end", action="store_true")
    chosen = parser.parse_args()
    if chosen.check:
        return check(Home(chosen.home))
    return main(Home(chosen.home), chosen.ready_fd, only_to_end=chosen.only_to_end)


if __name__ == "__main__":
    sys.exit(_run())
