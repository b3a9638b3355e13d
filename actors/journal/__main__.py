"""`python -m orch_actors.actors.journal ACTION --home DIR`: the journal on disk, read and tended by itself.

What the command line's `journal` verbs start; see `errands.py`. The place for a new action: a function of a Home and
the parsed words, and its line in ACTIONS.
"""

import argparse
import sys
from collections.abc import Callable
from typing import Final

from orch_actors.actors.errands import carry_out
from orch_actors.actors.journal.disk import RealDisk
from orch_actors.actors.journal.inventory import inventory
from orch_actors.actors.journal.survey import survey
from orch_actors.protocol.homes import Home


def _files(home: Home, _words: argparse.Namespace) -> object:
    return inventory(RealDisk(), home.journal)


def _verify(home: Home, _words: argparse.Namespace) -> object:
    return survey(RealDisk(), home.journal)[0]


ACTIONS: Final[dict[str, Callable[[Home, argparse.Namespace], object]]] = {"files": _files, "verify": _verify}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="orch-actors-journal")
    actions = parser.add_subparsers(dest="action", required=True)
    for name in ACTIONS:
        actions.add_parser(name).add_argument("--home", required=True)
    return parser


def main(words: list[str] | None = None) -> int:
    """Run one action; the exit code."""
    chosen = _parser().parse_args(words)
    return carry_out(lambda: ACTIONS[chosen.action](Home(chosen.home), chosen))


if __name__ == "__main__":
    sys.exit(main())
