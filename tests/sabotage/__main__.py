"""Break the safety on purpose, and see that the tests find out.

    python tests/sabotage                              all of it: some minutes
    python tests/sabotage --list
    python tests/sabotage --fast                       three of them
    python tests/sabotage --only "no fdatasync" --json

Exit code 0: every sabotage was caught. 1: one survived, or did not apply. The tree that this file is in is copied, and
not changed.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sabotage.runner import Copy, chosen_of, faults_before
from sabotage.sabotages import FAST


def main() -> int:
    parser = argparse.ArgumentParser(prog="python tests/sabotage", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", metavar="NAME", action="append", default=[], help="this one; repeatable")
    parser.add_argument("--fast", action="store_true", help="a few quick ones")
    parser.add_argument("--list", action="store_true", help="name them, and do nothing")
    parser.add_argument("--json", action="store_true", help="print an object for each, a line each")
    asked = parser.parse_args()
    try:
        chosen = chosen_of([*asked.only, *(FAST if asked.fast else ())])
    except LookupError as error:
        parser.error(str(error))
    if asked.list:
        for sabotage in chosen:
            print(json.dumps(asdict(sabotage)) if asked.json else f"{sabotage.name}: {sabotage.breaks}")
        return 0
    with Copy() as copy:
        faults = faults_before(copy, chosen)
        for fault in faults:
            print(fault, file=sys.stderr)
        if faults:
            return 1
        outcomes = []
        for sabotage in chosen:
            outcomes.append(found := copy.try_out(sabotage))
            line = f"{found.verdict:8} {found.seconds:5.1f} s  {found.name}: {found.said}"
            print(json.dumps(asdict(found)) if asked.json else line, flush=True)
    caught = sum(found.verdict == "caught" for found in outcomes)
    print(f"{caught} of {len(outcomes)} sabotages were caught", file=sys.stderr)
    return 0 if caught == len(outcomes) else 1


if __name__ == "__main__":
    raise SystemExit(main())
