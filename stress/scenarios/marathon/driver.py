"""The client of a marathon: follows the events and does what the script says at each cue, as an agent would.

It knows the plans and the daemon's answers, not what must come of them. What goes otherwise than planned is kept in
`faults`: an edit that is refused, one that should have been and was not, a cue that never came.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.views import Event
from orch_actors.stress.scenarios.marathon.plan import Action, Cue, GraphPlan

#: Where act.sh is.
BASE_DIR: Final = os.path.dirname(os.path.abspath(__file__))
#: The worker type of all tasks.
WORKER: Final = "shell"
#: Given besides the planned choice, it is always another one.
_OTHER: Final = "something else"
#: Events of kinds that are cues.
_CUES: Final = ("decision_asked", "task_blocked", "attempt_starting", "task_ended", "graph_ended")


class Driver:
    """The client over some graphs. Invariant: each cue's actions are done once, or (nth 0) once each time."""

    def __init__(self, client: Client, plans: Sequence[GraphPlan], graphs: Sequence[str], folder: str) -> None:
        """`graphs` are the ids of the plans' graphs, in the same order; `folder` is where tasks look for a word."""
        self._client: Final = client
        self._folder: Final = folder
        self._plans: Final = dict(zip(graphs, plans, strict=True))
        self._due: Final[dict[tuple[str, str | None, str], list[Cue]]] = {}
        for graph, plan in self._plans.items():
            for cue in plan.script:
                self._due.setdefault((graph, cue.task, cue.when), []).append(cue)
        self._seen: Final[Counter[tuple[str, str | None, str]]] = Counter()
        self._running: Final = set(graphs)
        self.faults: Final[list[str]] = []
        #: How many actions were done.
        self.done = 0

    def follow(self, limit_s: float) -> None:
        """Until every graph has ended with nothing left to do, or for `limit_s` seconds at most."""
        until_at = time.monotonic() + limit_s
        with self._client.follow(since=0) as events:
            while (event := events.next_event(until_at)) is not None:
                if event.graph not in self._plans:
                    continue
                self._note(event)
                if event.kind in _CUES:
                    self._act(event)
                if not self._running and self._all_over(events.after):
                    break
            else:
                self.faults.append(f"not at the end after {limit_s:.0f} s: {sorted(self._running)}")
        self.faults.extend(f"{cue} never came" for cue in self._left())

    def _note(self, event: Event) -> None:
        if event.graph is None:
            return
        if event.kind == "graph_ended":
            self._running.discard(event.graph)
        elif event.kind == "graph_reopened":
            self._running.add(event.graph)

    def _all_over(self, after: int) -> bool:
        """Whether it is so, and not a moment ago only: a retry may have revived one since the event was told."""
        summaries = self._client.summaries(tuple(self._plans))
        return summaries.head <= after and all(graph.ended_utc is not None for graph in summaries.graphs)

    def _left(self) -> Iterator[str]:
        for (graph, task, when), cues in self._due.items():
            for cue in cues:
                if cue.nth > self._seen[graph, task, when]:
                    yield f"{when} {cue.nth} of {graph}/{task}"

    def _act(self, event: Event) -> None:
        key = (str(event.graph), event.task, event.kind)
        self._seen[key] += 1
        for cue in self._due.get(key, ()):
            if cue.nth in (0, self._seen[key]):
                for action in cue.actions:
                    self._do(event, action)

    def _do(self, event: Event, action: Action) -> None:
        what = f"{action.verb} {action.task or ''} at {event.kind} of {event.graph}/{event.task}"
        try:
            self._carry_out(event, action)
        except Refused as refused:
            too_late = self._plans[str(event.graph)].cut and refused.info.code == "NOT_ALLOWED"
            if refused.info.code != action.refused and not too_late:
                self.faults.append(f"{what}: refused with {refused.info.code}, {refused.info.message}")
        else:
            if action.refused is not None:
                self.faults.append(f"{what}: not refused, expected {action.refused}")
        self.done += 1

    # --- deeds ------------------------------------------------------------------------------------------------------

    def _carry_out(self, event: Event, action: Action) -> None:
        client, graph = self._client, str(event.graph)
        match action.verb:
            case "answer":
                self._answer(event, action)
            case "cancel_task" | "cancel_graph":
                client.cancel(graph, action.task, reason="as planned")
            case "update" | "add" | "retry":
                self._edit(graph, action)
            case "pause_graph":
                client.pause(graph, reason="as planned")
            case "resume_graph":
                client.resume(graph)
            case "limit_graph":
                client.limit(graph, parallel=action.parallel)
            case "pause_worker":
                client.pause(worker=WORKER, reason="as planned")
            case "resume_worker":
                client.resume(worker=WORKER)
            case "limit_worker":
                client.limit(worker=WORKER, parallel=action.parallel)
            case "ask":
                client.ask(graph, str(event.task), "Go on?", options=("go", "stay"))
            case "why":
                why = client.why(graph, str(action.task))
                if why.reason.get("kind") != action.choice:
                    self.faults.append(f"{graph}/{action.task}: {why.sentence} ({why.reason}), not {action.choice}")
            case "release":
                with open(os.path.join(self._folder, f"go-{graph}-{event.task}"), "x", encoding="ascii"):
                    pass

    def _answer(self, event: Event, action: Action) -> None:
        """Twice is once; another answer than before is refused."""
        ref = str(event.data["ref"])
        first = self._client.decide(ref, action.choice, note="as planned")
        again = self._client.decide(ref, action.choice)
        if (first.existing, again.existing, first.task) != (False, True, event.task):
            self.faults.append(f"decision {ref}: answered {first}, and again {again}")
        try:
            self._client.decide(ref, _OTHER)
        except Refused as refused:
            if refused.info.code == "ANSWERED":
                return
        self.faults.append(f"decision {ref}: has taken another answer")

    def _edit(self, graph: str, action: Action) -> None:
        client, version = self._client, self._client.graph(graph).version
        if_version = version - 1 if action.stale else version
        if action.verb == "add":
            edited = client.add(graph, action.tasks, base_dir=BASE_DIR, if_version=if_version, dry_run=action.dry_run)
        elif action.verb == "update":
            edited = client.update(
                graph,
                str(action.task),
                action.set,
                base_dir=BASE_DIR,
                if_version=if_version,
                dry_run=action.dry_run,
            )
        else:
            edited = client.retry(
                graph,
                action.task,
                changes=action.set,
                base_dir=BASE_DIR,
                if_version=if_version,
                dry_run=action.dry_run,
            )
            if not action.dry_run:
                self._running.add(graph)
        if not edited.changes or (edited.version > version) == action.dry_run:
            self.faults.append(f"{action.verb} of {graph} at version {version}: {edited}")
