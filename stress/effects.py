"""What tasks really did: one line in one file for each beginning and each end, written by the tasks themselves.

The file is the witness against which the orchestrator's own account is held, so nothing here reads that account.
Each line is one write to a file opened for appending, so lines of tasks that run at once do not mix, and their order
is the order in which things happened: `<attempt id> begin` or `<attempt id> end`.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from orch_actors.protocol.ids import split_attempt_id

FILE: Final = "effects.log"

Mark = Literal["begin", "end"]


@dataclass(frozen=True)
class Effect:
    """One line."""

    task: str
    attempt: int
    mark: Mark


def read_effects(folder: str) -> list[Effect]:
    """The lines in order; no file: nothing was done.

    Raises:
        ValueError: a line is none of ours; the message shows it.
    """
    try:
        with open(os.path.join(folder, FILE), encoding="utf-8") as file:
            return [parse(line) for line in file.read().splitlines()]
    except FileNotFoundError:
        return []


def parse(line: str) -> Effect:
    """`g1/build/2 begin` → Effect.

    Raises:
        ValueError: it has another form.
    """
    try:
        attempt, mark = line.split(" ")
        _, task, number = split_attempt_id(attempt)
    except ValueError:
        raise ValueError(f"{line!r} is no effect: expected `graph/task/number begin|end`") from None
    if mark == "begin":
        return Effect(task, number, "begin")
    if mark == "end":
        return Effect(task, number, "end")
    raise ValueError(f"{line!r} is no effect: expected begin or end, not {mark!r}")


def most_at_once(effects: Iterable[Effect]) -> int:
    """The most attempts that were between their beginning and their end at one moment.

    An attempt without an end was killed, when is not known: it is left out, so the figure is a lower bound.
    """
    lines = list(effects)
    ended = {(e.task, e.attempt) for e in lines if e.mark == "end"}
    now = most = 0
    for effect in lines:
        if (effect.task, effect.attempt) in ended:
            now += 1 if effect.mark == "begin" else -1
            most = max(most, now)
    return most
