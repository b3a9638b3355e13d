"""Many daemons started at once on one home: exactly one lives, nobody's socket is stolen, the others say why they go.

Twice: on a home that is new, and on the same one after its daemon was killed, which leaves its sockets' files behind.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from orch_actors.cli.daemon.daemon import listener
from orch_actors.protocol.client import Client
from orch_actors.protocol.environment import outside_attempts
from orch_actors.protocol.errors import OrchError
from orch_actors.protocol.homes import Home
from orch_actors.stress.proofs.proof import Proof, Report, Trial

#: What the losers say and end with: it may pass.
WORDS: Final = "another daemon serves"
CODE: Final = 111

#: What a whole crowd may take, on a slow machine too; and one daemon that lives, to answer or to go.
RACE_S: Final = 300.0
ANSWER_S: Final = 60.0
LOOK_S: Final = 0.02

#: How often, over sockets of its own each time, the home is asked who serves it.
ASKED: Final = 10


class Crowd:
    """One start of many; `close` leaves nothing of it. `program` is a module like stress/rigged/crowd.py."""

    def __init__(self, home: str, folder: str, number: int, program: str) -> None:
        self.home, self.number = Home(home), number
        self._folder: Final = Path(folder)
        self._folder.mkdir()
        with open(self._folder / "crowd.err", "wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", program, home, folder, str(number)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=outside_attempts(os.environ),
            )

    def ends(self) -> dict[int, int]:
        """Pid → exit code of those that have ended."""
        try:
            lines = (self._folder / "ends").read_text().split("\n")[:-1]
        except FileNotFoundError:
            return {}
        return {int(pid): int(code) for pid, code in map(str.split, lines)}

    def wait_for(self, number: int, patience_s: float) -> bool:
        """Whether so many end in time."""
        until_at = time.monotonic() + patience_s
        while len(self.ends()) < number:
            if self._process.poll() is not None or time.monotonic() > until_at:
                return len(self.ends()) >= number
            time.sleep(LOOK_S)
        return True

    def all_told(self, patience_s: float) -> list[dict[str, Any]]:
        """What each has told its starter, once all have, or time is up."""
        until_at = time.monotonic() + patience_s
        while not all(lines := self.said(".ready")) and time.monotonic() < until_at:
            time.sleep(LOOK_S)
        return [json.loads(line or "{}") for line in lines]

    def said(self, suffix: str) -> list[str]:
        """What each left in its file of this kind."""
        return [(self._folder / f"{place}{suffix}").read_text() for place in range(self.number)]

    def close(self) -> None:
        """End those that live, and wait until all are gone."""
        self._process.terminate()
        try:
            self._process.wait(ANSWER_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Race:
    """What came of one."""

    def __init__(self) -> None:
        self.lived = self.refused = 0
        self.faults: list[str] = []


def race(home: str, folder: str, number: int, *, kill: bool, program: str = "orch_actors.stress.rigged.crowd") -> Race:
    """Start so many and look at what comes of it; `kill`: the one that lives is killed in the end, not asked to go."""
    found = Race()
    crowd = Crowd(home, folder, number, program)
    try:
        if not crowd.wait_for(number - 1, RACE_S):
            found.faults.append(f"of {number} daemons {len(crowd.ends())} have ended, instead of all but one")
        _look_at_losers(crowd, found)
        winner = _winner(crowd, found)
        if winner is not None:
            _look_at_winner(crowd, winner, found)
            os.kill(winner, signal.SIGKILL if kill else signal.SIGTERM)
            crowd.wait_for(number, ANSWER_S)
            if crowd.ends().get(winner) != (-signal.SIGKILL if kill else 0):
                found.faults.append(f"the one that lived ended with {crowd.ends().get(winner)}")
    finally:
        crowd.close()
    return found


def _look_at_losers(crowd: Crowd, found: Race) -> None:
    ends, words = crowd.ends(), crowd.said(".err")
    found.refused = min(sum(code == CODE for code in ends.values()), sum(WORDS in text for text in words))
    if found.refused != crowd.number - 1:
        codes = dict(Counter(ends.values()))
        found.faults.append(
            f"{found.refused} of {crowd.number - 1} went with {CODE} and the right words; codes: {codes}"
        )
        found.faults += [text.strip() for text in words if text and WORDS not in text][:3]


def _winner(crowd: Crowd, found: Race) -> int | None:
    told = crowd.all_told(ANSWER_S)
    pids = [line["pid"] for line in told if "pid" in line]
    living = [pid for pid in pids if pid not in crowd.ends()]
    found.lived = len(living)
    if len(pids) != 1 or living != pids:
        found.faults.append(f"{len(pids)} said that they serve ({pids}), of these {living} live")
    refused = [line["exit_code"] for line in told if "error" in line]
    if refused != [CODE] * (crowd.number - 1):
        found.faults.append(f"{len(refused)} of {crowd.number - 1} told their starter that they could not start")
    return living[0] if len(living) == 1 else None


def _look_at_winner(crowd: Crowd, winner: int, found: Race) -> None:
    """It holds the lock, and it is the one that answers: a second bind would have stolen its sockets."""
    lock = Path(crowd.home.lock)
    held = lock.read_text().strip() if lock.exists() else ""
    answering = {listener(crowd.home)}
    try:
        for _ in range(ASKED):
            with Client(crowd.home.path, timeout_s=ANSWER_S) as client:
                answering.add(client.hello().pid)
        with Client(crowd.home.path, timeout_s=ANSWER_S) as client:
            graph = client.submit({"name": "one", "tasks": [{"id": "t", "worker": "shell", "command": "true"}]}).graph
            (summary,) = client.wait([graph], timeout_s=ANSWER_S)
    except (OrchError, TimeoutError) as error:
        found.faults.append(f"the one that lives does no work: {error}")
        return
    if held != str(winner) or answering != {winner}:
        found.faults.append(f"{winner} lives, {held} stands in the lock, {sorted(map(str, answering))} answer")
    if summary.state != "done":
        found.faults.append(f"the one that lives does no work: {summary.state}")


def run(trial: Trial) -> Report:
    """See the module."""
    home, number = os.path.join(trial.folder, "home"), max(2, trial.size)
    races: list[Race] = []
    for name, kill in (("new", True), ("killed", False)):
        trial.tell(f"{number} daemons at once, home: {name}")
        races.append(race(home, os.path.join(trial.folder, name), number, kill=kill))
    left = [end for end in ("commands.sock", "events.sock", "workers.sock") if (Path(Home(home).run) / end).exists()]
    faults = [fault for one in races for fault in one.faults]
    if left:
        faults.append(f"sockets were left behind: {', '.join(left)}")
    counts = {
        "homes": len(races),
        "daemons started": number * len(races),
        "lived": sum(one.lived for one in races),
        "refused in order": sum(one.refused for one in races),
    }
    done = min(one.lived + one.refused for one in races)
    return Report(done=done, counts=counts, faults=tuple(faults))


PROOF: Final = Proof(
    name="starts",
    proves="However many daemons are started at once on one home, one serves it, and the others say so and go.",
    asked="200 daemons started at once: exactly one lives, 199 refused with code 111, no stolen socket",
    full=200,
    quick=20,
    unit="starts",
    run=run,
)
