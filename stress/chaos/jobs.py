"""What agents do: one job after the other, each a graph and what its agent does to it, all from a seed. Pure.

A job is drawn whole before it begins, so that what is offered does not depend on how fast anything is answered. Every
edit carries a token that occurs nowhere else: the id of an added task, a title, a reason. By it the checker sees how
often the edit was carried out.
"""

import os
from collections.abc import Iterator
from random import Random
from typing import Any, Final, Literal

from msgspec import Struct

#: The folder with the tasks' programs.
PROGRAMS: Final = os.path.dirname(os.path.abspath(__file__))

Document = dict[str, Any]

Verb = Literal[
    "repeat",  # the submission again, with the same command id
    "rekey",  # the submission again, as a new command with the same key
    "conflict",  # another command with the id of the submission
    "add",
    "update",
    "cancel_task",
    "cancel",
    "pause",  # and resume, a moment later
    "limit",
    "look",  # queries
    "retry",  # when the graph is over
    "prune",  # the same, and then nothing else
]

DURING: Final[dict[Verb, int]] = {
    "repeat": 4,
    "rekey": 3,
    "conflict": 1,
    "add": 4,
    "update": 3,
    "cancel_task": 2,
    "cancel": 1,
    "pause": 2,
    "limit": 1,
    "look": 2,
}

#: Before a step an agent waits up to so long. One job of so many is a burst of steps.
PAUSE_S: Final = 0.4
BURST: Final = 0.3
BURST_PAUSE_S: Final = 0.03
MOST_STEPS: Final = 30


class Patience(Struct, frozen=True, kw_only=True):
    """How long an answer is waited for, and whether one that did not come is asked for again."""

    wait_s: float
    settle: bool


class Step(Struct, frozen=True, kw_only=True):
    """One thing that an agent does to its graph."""

    verb: Verb
    #: Since the step before, or since the submission.
    after_s: float
    patience: Patience
    task: str = ""
    #: In what it changes, so that it can be found again.
    token: str = ""
    tasks: tuple[Document, ...] = ()


class Job(Struct, frozen=True, kw_only=True):
    """A graph, and what its agent does to it."""

    name: str
    key: str | None
    document: Document
    patience: Patience
    steps: tuple[Step, ...]
    #: When it is over.
    last: tuple[Step, ...]
    #: Which option is chosen, question by question: the one at this share of the list.
    answers: tuple[float, ...]


def jobs(seed: int, agent: int, effects: str) -> Iterator[Job]:
    """The jobs of one agent, without end.

    Args:
        seed: of the round.
        agent: its number.
        effects: the file in which its tasks leave a line as they begin and end.
    """
    rng = Random(f"jobs {seed} {agent}")
    number = 0
    while True:
        number += 1
        yield _Maker(rng, f"a{agent}-{number}", effects).job()


class _Maker:
    """Makes one job."""

    def __init__(self, rng: Random, name: str, effects: str) -> None:
        self._rng: Final = rng
        self._name: Final = name
        self._effects: Final = effects
        self._tokens = 0
        self._ids: list[str] = []

    def job(self) -> Job:
        """The whole."""
        rng = self._rng
        count = rng.choice([1, 1, 2, 3, 4, 5, 6, 8])
        tasks = [self._task(f"t{number}") for number in range(1, count + 1)]
        document: Document = {
            "name": self._name,
            "cwd": PROGRAMS,
            "defaults": {"env": {"EFFECTS": self._effects}},
            "tasks": tasks,
        }
        if rng.random() < 0.3:
            document["limits"] = {"parallel": rng.randint(1, 3)}
        key = f"key-{self._name}" if rng.random() < 0.5 else None
        if rng.random() < BURST:
            # It stays open while the edits come, as fast as they are answered: some are on their way at every kill.
            tasks.append({"id": "gate", "command": ["sh", "act.sh", "0.000", "0"], "approve": True, **self._answered()})
            steps = tuple(self._step(key, BURST_PAUSE_S) for _ in range(rng.randint(10, MOST_STEPS)))
        else:
            steps = tuple(self._step(key, PAUSE_S) for _ in range(rng.choice([0, 0, 1, 1, 2, 3, 5])))
        last: list[Step] = []
        if rng.random() < 0.15:
            last.append(Step(verb="retry", after_s=0.0, patience=self._patience()))
        if rng.random() < 0.05:
            last.append(Step(verb="prune", after_s=0.0, patience=self._patience()))
        return Job(
            name=self._name,
            key=key,
            document=document,
            patience=self._patience(),
            steps=steps,
            last=tuple(last),
            answers=tuple(rng.random() for _ in range(8)),
        )

    def _patience(self) -> Patience:
        if self._rng.random() < 0.8:
            return Patience(wait_s=60.0, settle=True)
        return Patience(wait_s=round(self._rng.uniform(0.02, 0.5), 3), settle=self._rng.random() < 0.7)

    def _token(self, kind: str) -> str:
        self._tokens += 1
        return f"{kind}-{self._name}-{self._tokens}"

    # --- tasks ----------------------------------------------------------------------------------------------------

    def _task(self, name: str) -> Document:
        """One task that waits for some of those before it."""
        rng = self._rng
        document: Document = {"id": name, **self._work()}
        chosen = rng.sample(self._ids, min(len(self._ids), rng.choice([0, 0, 1, 1, 2])))
        if chosen:
            document["depends_on"] = [
                other if rng.random() < 0.5 else {"task": other, "on": rng.choice(["finished", "finished", "failed"])}
                for other in chosen
            ]
        if rng.random() < 0.2:
            document["priority"] = rng.randint(-5, 5)
        self._ids.append(name)
        return document

    def _work(self) -> Document:
        rng = self._rng
        kind = rng.choices(
            ["good", "python", "fails", "flaky", "hangs", "approved", "asks", "checked"],
            [30, 18, 8, 12, 5, 4, 4, 6],
        )[0]
        work_s = f"{rng.choice([0.0, rng.uniform(0.01, 0.3), rng.uniform(0.1, 1.0)]):.3f}"
        shell = ["sh", "act.sh", work_s]
        match kind:
            case "python":
                codes = rng.choice([["0"], ["0"], [str(rng.randint(1, 99)), "0"]])
                document: Document = {"worker": "python", "script": "act.py", "args": [work_s, *codes]}
                return {**document, **({"retry": {"attempts": 2}} if len(codes) > 1 else {})}
            case "fails":
                on_fail = rng.choice(["fail", "continue", "ask", "cancel_graph"])
                return {"command": [*shell, str(rng.randint(1, 99))], "on_fail": on_fail, **self._answered()}
            case "flaky":
                codes = [str(rng.randint(1, 99)) for _ in range(rng.randint(1, 2))]
                retry = {"attempts": 3, "backoff": rng.choice([0, 0.1, 0.5]), "jitter": 0.5}
                return {"command": [*shell, *codes, "0"], "retry": retry}
            case "hangs":
                found: Document = {"command": ["sh", "act.sh", "hang"], "grace": rng.choice([0, 0.2])}
                return {**found, "timeout": round(rng.uniform(0.2, 1.5), 2)}
            case "approved":
                return {"command": [*shell, "0"], "approve": True, **self._answered()}
            case "asks":
                return {"command": ["sh", "act.sh", work_s, "ask", "0"], **self._answered()}
            case "checked":
                return {"command": [*shell, "0"], "validate": {"command": "sleep 0.05"}}
            case _:
                return {"command": [*shell, "0"]}

    def _answered(self) -> Document:
        """Where nobody answers, its default stands after a while."""
        return {"ask": {"deadline": self._rng.choice([0.5, 3.0, 30.0])}}

    # --- steps ----------------------------------------------------------------------------------------------------

    def _step(self, key: str | None, most_s: float) -> Step:
        rng = self._rng
        verbs = {verb: weight for verb, weight in DURING.items() if verb != "rekey" or key is not None}
        verb: Verb = rng.choices(list(verbs), list(verbs.values()))[0]
        tasks: tuple[Document, ...] = ()
        token = self._token(verb)
        if verb == "add":
            tasks = tuple({**self._task(self._token("add")), "env": {"EFFECTS": self._effects}} for _ in range(2))
        return Step(
            verb=verb,
            after_s=round(rng.uniform(0.0, most_s), 3),
            patience=self._patience(),
            task=rng.choice(self._ids),
            token=token,
            tasks=tasks,
        )
