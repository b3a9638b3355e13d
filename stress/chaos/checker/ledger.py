r"""The journal, read by nothing of the daemon's: lines, their chain, commands, outcomes, and the events they come to.

{"s":1042,"y":1040,"p":"9f3c01aa","t":"command","d":{…},"c":"1b2e77d0"}\n        see the design, "Journal"
"""

import json
import os
import re
import zlib
from dataclasses import dataclass, field
from typing import Any

SEGMENT = re.compile(r"[0-9]{8}\.jsonl")
TAIL = re.compile(rb',"c":"([0-9a-f]{8})"\}$')

#: Facts that nobody is told of; their numbers are not counted.
SILENT = {"graph_edited", "consumer_opened", "consumer_advanced", "consumer_forgotten"}


@dataclass
class Outcome:
    """What was decided."""

    sequence: int
    #: Sequence of the command that it answers.
    of: int | None
    #: Number of its first event.
    event: int
    facts: list[dict[str, Any]]
    reply: dict[str, Any] | None


@dataclass
class Ledger:
    """A journal. `faults`: what is wrong with it as a file."""

    #: Sequence → client, id, do.
    commands: dict[int, tuple[str, str, dict[str, Any]]] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    lines: int = 0

    def events(self) -> dict[int, dict[str, Any]]:
        """Number → the fact that it tells of."""
        return {
            outcome.event + place: fact
            for outcome in self.outcomes
            for place, fact in enumerate(fact for fact in outcome.facts if fact["k"] not in SILENT)
        }


def read_ledger(folder: str) -> Ledger:
    """All segments of a journal, oldest first.

    Raises:
        OSError: there is no such folder.
    """
    ledger = Ledger()
    chain, last = b"00000000", 0
    for name in sorted(filter(SEGMENT.fullmatch, os.listdir(folder))):
        with open(os.path.join(folder, name), "rb") as file:
            pieces = file.read().split(b"\n")
        if pieces.pop() != b"":
            ledger.faults.append(f"{name} ends within a line")
        for number, raw in enumerate(pieces, 1):
            where = f"{name}:{number}"
            tail = TAIL.search(raw)
            if tail is None or b"%08x" % zlib.crc32(raw[: tail.start()]) != tail.group(1):
                ledger.faults.append(f"{where}: the checksum does not hold")
                return ledger
            line = json.loads(raw)
            before = line["prev"] if number == 1 else line["p"]
            if before.encode() != chain:
                ledger.faults.append(f"{where}: it does not follow on the line before")
            chain = tail.group(1)
            if number == 1:
                continue
            if line["s"] != last + 1:
                ledger.faults.append(f"{where}: sequence {line['s']} follows {last}")
            last = line["s"]
            ledger.lines += 1
            _take(ledger, line)
    return ledger


def _take(ledger: Ledger, line: dict[str, Any]) -> None:
    data = line["d"]
    if line["t"] == "command":
        ledger.commands[line["s"]] = (data["client"], data["id"], data["do"])
    else:
        outcome = Outcome(line["s"], data["of"], data["e"], data["facts"], data.get("reply"))
        ledger.outcomes.append(outcome)
