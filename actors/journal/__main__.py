"""`python -m orch_actors.actors.journal ACTION --home DIR`: the journal on disk, read and tended by itself.

What the command line's `journal` verbs start (`cli/journal.py`). Each action prints one JSON object, as the last line
on stdout; a fault is `{"error": {"code", "message", "hint"}}` and an exit code. The place for a new action: a function
of a Home and the parsed words, and its line in ACTIONS.
"""

import argparse
import sys
from collections.abc import Callable
from typing import Any, Final

import msgspec

from orch_actors.actors.journal.disk import RealDisk
from orch_actors.actors.journal.inventory import inventory
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.homes import Home


def _files(home: Home, _words: argparse.Namespace) -> object:
    return inventory(RealDisk(), home.journal)


ACTIONS: Final[dict[str, Callable[[Home, argparse.Namespace], object]]] = {"files": _files}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="orch-actors-journal")
    actions = parser.add_subparsers(dest="action", required=True)
    for name in ACTIONS:
        actions.add_parser(name).add_argument("--home", required=True)
    return parser


def main(words: list[str] | None = None) -> int:
    """Run one action; the exit code."""
    chosen = _parser().parse_args(words)
    code, said = 0, None
    try:
        said = ACTIONS[chosen.action](Home(chosen.home), chosen)
    except EnvironmentFault as fault:
        code, said = fault.exit_code, _error(fault.message, fault.hint)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        code, said = 111, _error(f"{place}{error.strerror or error}", "see to the journal's folder")
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
    return code


def _error(message: str, hint: str) -> dict[str, Any]:
    return {"error": {"code": "ENVIRONMENT", "message": message, "hint": hint}}


if __name__ == "__main__":
    sys.exit(main())
