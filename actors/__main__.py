"""`python -m orch_actors.actors --home DIR [--ready-fd N]`: the daemon, in the foreground."""

import argparse
import sys

from orch_actors.actors.daemon import main
from orch_actors.protocol.homes import Home


def _run() -> int:
    parser = argparse.ArgumentParser(prog="orch-actors daemon")
    parser.add_argument("--home")
    parser.add_argument("--ready-fd", type=int)
    chosen = parser.parse_args()
    return main(Home(chosen.home), chosen.ready_fd)


if __name__ == "__main__":
    sys.exit(_run())
