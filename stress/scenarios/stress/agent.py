"""What the client of the stress scenario does while the graph runs: it answers, edits, pauses, and cancels.

Woken by events, as an agent would be. Whatever goes otherwise than it must is kept in `faults`.
"""

import os
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import ErrorCode, Refused
from orch_actors.protocol.messages import Edited
from orch_actors.protocol.views import Event
from orch_actors.stress.effects import read_effects

#: Where step.sh is.
BASE_DIR: Final = os.path.dirname(os.path.abspath(__file__))

#: Task → the answers to its questions, in their order.
ANSWERS: Final[dict[str, tuple[str, ...]]] = {
    "ask": ("retry", "accept"),
    "question": ("right",),
    "gate": ("approve",),
    "added-rejected": ("reject",),
    "added-given-up": ("fail",),
}

#: What is added while the graph runs, but for the folder in which they leave their effects.
ADDED: Final[tuple[dict[str, Any], ...]] = (
    {"id": "added", "command": "sh step.sh work", "depends_on": ["gate", {"task": "fail", "on": "failed"}]},
    {"id": "added-rejected", "command": "sh step.sh work", "depends_on": ["start"], "approve": True},
    {"id": "added-given-up", "command": "sh step.sh fail 8", "depends_on": ["added"], "on_fail": "ask"},
    {
        "id": "added-last",
        "command": "sh step.sh work",
        "depends_on": [{"task": "added-given-up", "on": "failed"}, {"task": "added-rejected", "on": "finished"}],
    },
)

#: Of the task `updated`, which would fail, and never be reached.
CHANGES: Final[dict[str, Any]] = {
    "command": "sh step.sh work",
    "depends_on": [{"task": "dropped", "on": "finished"}, "gate"],
    "timeout": None,
    "priority": 3,
}

#: A task that was started begins long before.
BEGIN_WITHIN_S: Final = 60.0


class Agent:
    """One run. `done` is what it did, `faults` what went wrong."""

    def __init__(self, client: Client, graph: str, folder: str) -> None:
        """`folder` is where the tasks leave their effects."""
        self._client: Final = client
        self._graph: Final = graph
        self._folder: Final = folder
        self._asked: Final[Counter[str]] = Counter()
        self.done: Final[list[str]] = []
        self.faults: Final[list[str]] = []

    def follow(self, limit_s: float) -> None:
        """Until the graph has ended, for `limit_s` seconds at most."""
        until_at = time.monotonic() + limit_s
        with self._client.follow(since=0) as events:
            while (event := events.next_event(until_at)) is not None:
                if event.graph != self._graph:
                    continue
                if event.kind == "decision_asked":
                    self._decide(event, str(event.task))
                elif event.kind == "attempt_starting" and event.task == "cancelled":
                    self._cancel_in_the_middle()
                elif event.kind == "graph_ended":
                    return
        self.faults.append(f"the graph has not ended after {limit_s:.0f} s")

    def _decide(self, event: Event, task: str) -> None:
        """Answer, twice, which is once; then otherwise, which is refused."""
        number, ref = self._asked[task], str(event.data["ref"])
        self._asked[task] += 1
        choices = ANSWERS.get(task, ())
        if number >= len(choices):
            self.faults.append(f"{task} asks what it should not: {event.message}")
            return
        view = self._client.decision(ref)
        if task == "ask" and (view.evidence.get("class"), view.evidence.get("exit_code")) != ("exit", 5):
            self.faults.append(f"the evidence is {view.evidence}")
        if task == "gate":
            self._edit()
        self._client.decide(ref, choices[number], note="by the agent")
        if task == "gate":
            self._resume()
        if not self._client.decide(ref, choices[number]).existing:
            self.faults.append(f"{ref} was answered twice")
        other = next(option for option in view.options if option != choices[number])
        self._refused("ANSWERED", f"another answer to {ref}", lambda: self._client.decide(ref, other))
        self.done.append(f"{task}: {choices[number]}")

    def _edit(self) -> None:
        """All while the gate is shut, so nothing behind it can have started; the graph is paused in the end."""
        client, graph = self._client, self._graph
        version = client.graph(graph).version

        def update(**how: Any) -> Edited:
            return client.update(graph, "updated", CHANGES, base_dir=BASE_DIR, **how)

        tried = update(dry_run=True)
        self._refused("STALE_VERSION", "a stale edit", lambda: update(if_version=version + 1))
        self._refused("NOT_ALLOWED", "a change of what is over", lambda: client.update(graph, "start", {"priority": 1}))
        changed = update(if_version=version)
        would = client.cancel(graph, "dropped", dry_run=True)
        dropped = client.cancel(graph, "dropped", reason="not needed after all", if_version=changed.version)
        if (would.tasks, would.skipped) != (dropped.tasks, ()):  # `updated` takes any end of it now
            self.faults.append(f"would cancel {would}, and did {dropped}")
        self._refused("STALE_VERSION", "a stale pause", lambda: client.pause(graph, if_version=changed.version))
        tasks = [{**document, "env": {"DIR": self._folder}} for document in ADDED]
        self._refused("INVALID_GRAPH", "half an addition", lambda: client.add(graph, tasks[2:], base_dir=BASE_DIR))
        client.add(graph, tasks, base_dir=BASE_DIR, if_version=dropped.version)
        if tried.changes != changed.changes or tried.version != version or changed.version <= version:
            self.faults.append(f"tried {tried}, changed {changed}")
        client.pause(graph, reason="a moment")
        self.done.append("updated, cancelled, added, paused")

    def _resume(self) -> None:
        """What was approved waits for the end of the pause, and says so."""
        why = self._client.why(self._graph, "gate")
        if why.reason.get("kind") != "paused":
            self.faults.append(f"gate waits for {why.reason}: {why.sentence}")
        self._client.resume(self._graph)
        self.done.append("resumed")

    def _cancel_in_the_middle(self) -> None:
        """It has begun, by its own account."""
        until_at = time.monotonic() + BEGIN_WITHIN_S
        while not any(effect.task == "cancelled" for effect in read_effects(self._folder)):
            if time.monotonic() > until_at:
                self.faults.append("`cancelled` was started and never began")
                return
            time.sleep(0.02)
        self._client.cancel(self._graph, "cancelled", reason="no longer wanted")
        self.done.append("cancelled in the middle of its work")

    def _refused(self, code: ErrorCode, what: str, attempt: Callable[[], object]) -> None:
        """It must be refused with this code."""
        try:
            attempt()
        except Refused as refused:
            if refused.info.code != code:
                self.faults.append(f"{what}: {refused.info.code}, expected {code}")
        else:
            self.faults.append(f"{what}: not refused")
