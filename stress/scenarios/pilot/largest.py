"""A task of the pilot, a script for the python worker: the largest files of a folder.

python largest.py FOLDER OUT [HOW MANY]
"""

import heapq
import json
import os
import sys

from orch_actors.stress.scenarios.pilot.folders import hand_on, looked_into


def main(folder: str, out: str, how_many: str = "15") -> None:
    """Leave them in OUT and as the task's result, and print them."""
    walk = looked_into(folder)
    largest = heapq.nlargest(int(how_many), walk.files(), key=lambda found: (found.size, found.shown))
    rows = [{"file": found.shown, "bytes": found.size} for found in largest]
    value = hand_on(out, "largest", {"files": rows, "left_out": walk.left_out, "unreadable": walk.unreadable})
    result = os.environ.get("ORCH_RESULT")
    if result:
        with open(result, "w", encoding="utf-8") as file:
            json.dump(value, file)
    for row in rows:
        print(f"{row['bytes']:>12}  {row['file']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
