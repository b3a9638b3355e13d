"""`python -m orch_actors.actors.inspection ACTION --home DIR …`: a home looked at, with a daemon or without.

What the command line starts for verbs that look into what is the daemon's own; see `errands.py`. The place for a new
action: a function of a Home and the parsed words, and its parser in `_parser`.
"""

import argparse
import sys

from orch_actors.actors.errands import carry_out
from orch_actors.actors.inspection.doctor.checkup import checkup
from orch_actors.actors.inspection.doctor.orphans import Orphans, end, orphans_of
from orch_actors.actors.inspection.lines import show
from orch_actors.actors.inspection.outlook import outlook
from orch_actors.actors.inspection.rescue import salvage
from orch_actors.actors.inspection.running import running
from orch_actors.protocol.homes import Home


def _show(home: Home, words: argparse.Namespace) -> object:
    return show(home.journal, graph=words.graph, task=words.task, since=words.since, limit=words.limit)


def _outlook(home: Home, words: argparse.Namespace) -> object:
    return outlook(home, words.daemon)


def _running(home: Home, _words: argparse.Namespace) -> object:
    return running(home)


def _salvage(home: Home, words: argparse.Namespace) -> object:
    return salvage(home, accept=words.accept)


def _checkup(home: Home, _words: argparse.Namespace) -> object:
    return checkup(home)


def _orphans(home: Home, words: argparse.Namespace) -> object:
    return end(home) if words.end else Orphans(home=home.path, orphans=orphans_of(home))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="orch-actors-inspection")
    actions = parser.add_subparsers(required=True)
    shown = actions.add_parser("show")
    shown.set_defaults(run=_show)
    shown.add_argument("--graph", default="")
    shown.add_argument("--task", default="")
    shown.add_argument("--since", type=int)
    shown.add_argument("--limit", type=int, required=True)
    ahead = actions.add_parser("outlook")
    ahead.set_defaults(run=_outlook)
    ahead.add_argument("--daemon", type=int)
    saved = actions.add_parser("salvage")
    saved.set_defaults(run=_salvage)
    saved.add_argument("--accept", action="store_true")
    actions.add_parser("checkup").set_defaults(run=_checkup)
    orphans = actions.add_parser("orphans")
    orphans.set_defaults(run=_orphans)
    orphans.add_argument("--end", action="store_true")
    actions.add_parser("running").set_defaults(run=_running)
    for action in actions.choices.values():
        action.add_argument("--home", required=True)
    return parser


def main(words: list[str] | None = None) -> int:
    """Run one action; the exit code."""
    chosen = _parser().parse_args(words)
    return carry_out(lambda: chosen.run(Home(chosen.home), chosen))


if __name__ == "__main__":
    sys.exit(main())
