"""What a round left, as plain Python. A file that lacks what it must have is the reader's error, not a verdict."""

import json
import os
from dataclasses import dataclass, field
from typing import Any

from orch_actors.stress.chaos.checker.ledger import Ledger, read_ledger


@dataclass
class Call:
    """One call of a client, as it wrote it down. At most one of `result` and `error`; neither: it knows nothing."""

    number: int
    client: str
    id: str
    do: dict[str, Any]
    result: dict[str, Any] | None = None
    error: str | None = None

    @property
    def command(self) -> tuple[str, str]:
        """By what the daemon knows it."""
        return self.client, self.id

    def __str__(self) -> str:
        return f"call {self.number} ({self.do['type']} {self.client} {self.id})"


@dataclass
class Effects:
    """What one attempt wrote: how often it began, and with which codes it ended."""

    begins: int = 0
    codes: list[int] = field(default_factory=list)


@dataclass
class Evidence:
    """All of it."""

    calls: list[Call]
    #: Attempt (`g1/t1/1`) → what it wrote.
    effects: dict[str, Effects]
    #: Consumer → events in the order in which it was told.
    consumers: dict[str, list[dict[str, Any]]]
    #: The same of consumers with a name, with a line where their cursor stood, and for each acknowledgement.
    named: dict[str, list[dict[str, Any]]]
    ledger: Ledger
    graphs: dict[str, dict[str, Any]]
    head: int
    #: Attempts whose shims were killed.
    shims: set[str]
    strikes: int
    kills: int
    #: What agents and consumers found strange, and deaths that nobody caused.
    strange: list[str]
    #: Processes that were left: of attempts that are over; of the home, after the daemon went.
    orphans: list[str]
    left: list[int]
    exit_code: int


def read_evidence(folder: str) -> Evidence:
    """Read a round's folder.

    Raises:
        OSError, ValueError, KeyError: something is missing, or has another form.
    """
    strange: list[str] = []
    final = json.loads(_text(folder, "final.json"))
    strikes = _lines(folder, "strikes.jsonl")
    strange += [
        f"the {line['died']} died by itself, code {line['code']}: {line['words']}" for line in strikes if "died" in line
    ]
    consumers: dict[str, list[dict[str, Any]]] = {}
    named: dict[str, list[dict[str, Any]]] = {}
    for name in sorted(os.listdir(folder)):
        if name.startswith("consumer-"):
            lines = _lines(folder, name)
            strange += [line["fault"] for line in lines if "fault" in line]
            told = [line for line in lines if "fault" not in line]
            into = named if any("opened" in line for line in told) else consumers
            into[name.removesuffix(".jsonl")] = told
    return Evidence(
        calls=_calls(_lines(folder, "history.jsonl"), strange),
        effects=_effects(_text(folder, "effects.log")),
        consumers=consumers,
        named=named,
        ledger=read_ledger(os.path.join(folder, "home", "journal")),
        graphs={graph["id"]: graph for graph in final["graphs"]},
        head=final["head"],
        shims={line["shim"] for line in strikes if "shim" in line},
        strikes=sum("strike" in line for line in strikes),
        kills=sum(len(line["victims"]) for line in strikes if "strike" in line),
        strange=strange,
        orphans=[f"{attempt} ({pid})" for pid, attempt in final["orphans"].items()],
        left=final["left"],
        exit_code=final["exit_code"],
    )


def _text(folder: str, name: str) -> str:
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return file.read()


def _lines(folder: str, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _text(folder, name).split("\n") if line]


def _calls(lines: list[dict[str, Any]], strange: list[str]) -> list[Call]:
    calls: dict[tuple[str, int], Call] = {}
    numbers: dict[int, Call] = {}
    for line in lines:
        if "fault" in line:
            strange.append(line["fault"])
        elif "do" in line:
            call = Call(line["call"], line["client"], line["id"], line["do"])
            numbers[call.number] = calls[call.client, call.number] = call
        elif "result" in line:
            numbers[line["call"]].result = line["result"]
        elif "error" in line:
            numbers[line["call"]].error = line["error"]["code"]
    return list(calls.values())


def _effects(text: str) -> dict[str, Effects]:
    found: dict[str, Effects] = {}
    for line in text.splitlines():
        attempt, mark, *code = line.split(" ")
        effects = found.setdefault(attempt, Effects())
        if mark == "begin" and not code:
            effects.begins += 1
        elif mark == "end":
            effects.codes.append(int(code[0]))
        else:
            raise ValueError(f"{line!r} is no effect")
    return found
