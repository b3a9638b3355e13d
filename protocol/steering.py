"""What the plain client can do to a graph that is there already: edit it, steer it, answer it, ask why.

The requests alone; `client.py` has the sockets. The same surface for asyncio: `asteering.py`.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from orch_actors.protocol import messages as m
from orch_actors.protocol.exchange import R
from orch_actors.protocol.progressing import say_progress
from orch_actors.protocol.submission import addition, folder
from orch_actors.protocol.views import DecisionView, WhyView
from orch_actors.protocol.waiting import Questioned, until_after

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orch_actors.protocol.follower import Follower
    from orch_actors.protocol.spec.graph import TaskSpec


class Steering(ABC):
    """The part of `Client` that is about graphs which are under way. Errors are those of `Client`."""

    @abstractmethod
    def _ask(self, do: m.Command | m.Query, of: type[R], timeout_s: float | None = None) -> R:
        """Send a request and return its result."""

    @abstractmethod
    def follow(self, since: int | None = None, *, timeout_s: float | None = None) -> "Follower":
        """See `Client.follow`."""

    @abstractmethod
    def _must_be_open(self) -> None:
        """Raise where the client is closed."""

    # --- editing ----------------------------------------------------------------------------------------------------

    def add(
        self,
        graph: str,
        tasks: "Sequence[TaskSpec | Mapping[str, Any]]",
        *,
        base_dir: str | None = None,
        if_version: int | None = None,
        dry_run: bool = False,
    ) -> m.Edited:
        """Add tasks to a graph that runs or is over; all of them, or none.

        Args:
            graph: the graph's id or name.
            tasks: TaskSpecs, or documents; they may depend on each other and on any task of the graph.
            base_dir: folder against which relative `cwd`s are read; the current one by default.
            if_version: refuse (STALE_VERSION) unless the graph is at this version.
            dry_run: only say what it would change.

        Example:
            >>> client.add("g1", [{"id": "deploy", "command": "make deploy", "depends_on": ["build"]}]).changes
            ('+ deploy',)
        """
        return self._ask(addition(graph, tasks, base_dir=base_dir, if_version=if_version, dry_run=dry_run), m.Edited)

    def update(
        self,
        graph: str,
        task: str,
        changes: Mapping[str, Any],
        *,
        base_dir: str | None = None,
        if_version: int | None = None,
        dry_run: bool = False,
    ) -> m.Edited:
        """Change options of a task that has not started; None takes an option back to its default.

        Args:
            graph: the graph's id or name.
            task: the task's id.
            changes: fields of a task document, each as a whole.
            base_dir: as for `add`, and so the others.
            if_version: refuse unless the graph is at this version.
            dry_run: only say what it would change.

        Example:
            >>> client.update("g1", "test", {"timeout": 120, "depends_on": ["build"]}).changes
            ('~ test: timeout 60.0 → 120.0',)
        """
        return self._ask(
            m.UpdateTask(
                graph=graph,
                task=task,
                set=dict(changes),
                base_dir=folder(base_dir),
                if_version=if_version,
                dry_run=dry_run,
            ),
            m.Edited,
        )

    def retry(
        self,
        graph: str,
        task: str | None = None,
        *,
        changes: Mapping[str, Any] | None = None,
        base_dir: str | None = None,
        if_version: int | None = None,
        dry_run: bool = False,
    ) -> m.Edited:
        """Run a task that is over again, in place; without one, all that failed or were cancelled.

        What depends on them runs again too; every attempt and its log stay. `changes` are for the one task, as in
        `update`; the other arguments are those of `update`.

        Example:
            >>> client.retry("g1", "build", changes={"timeout": "1h"}).changes
            ('~ build: timeout none → 3600.0', '↻ build', '↻ test')
        """
        return self._ask(
            m.RetryTasks(
                graph=graph,
                task=task,
                set=dict(changes or {}),
                base_dir=folder(base_dir),
                if_version=if_version,
                dry_run=dry_run,
            ),
            m.Edited,
        )

    # --- steering ---------------------------------------------------------------------------------------------------

    def pause(
        self,
        graph: str | None = None,
        *,
        worker: str | None = None,
        reason: str = "",
        if_version: int | None = None,
        dry_run: bool = False,
    ) -> m.Edited:
        """Start nothing new of a graph, or of a worker type; what runs goes on.

        Example:
            >>> client.pause("g1", reason="disk is full").changes
            ('paused',)
        """
        return self._ask(
            m.Pause(graph=graph, worker=worker, reason=reason, if_version=if_version, dry_run=dry_run), m.Edited
        )

    def resume(
        self,
        graph: str | None = None,
        *,
        worker: str | None = None,
        if_version: int | None = None,
        dry_run: bool = False,
    ) -> m.Edited:
        """Take a pause back.

        Example:
            >>> client.resume(worker="shell").changes
            ('worker shell resumed',)
        """
        return self._ask(m.Resume(graph=graph, worker=worker, if_version=if_version, dry_run=dry_run), m.Edited)

    def limit(
        self,
        graph: str | None = None,
        *,
        parallel: int | None,
        worker: str | None = None,
        if_version: int | None = None,
        dry_run: bool = False,
    ) -> m.Edited:
        """Change how many attempts of a graph, or of a worker type, may run at once.

        None: no bound of the graph's own; for a worker type, as configured. `if_version`, `dry_run`: as for `add`.

        Example:
            >>> client.limit("g1", parallel=2).changes
            ('limits.parallel none → 2',)
        """
        return self._ask(
            m.SetLimit(graph=graph, worker=worker, parallel=parallel, if_version=if_version, dry_run=dry_run), m.Edited
        )

    def set_budget(
        self,
        graph: str,
        changes: Mapping[str, float | int | None],
        *,
        if_version: int | None = None,
        dry_run: bool = False,
    ) -> m.Edited:
        """Change what a graph may use in all: `usd`, `tokens`, `attempts`; None: no bound.

        Also of one that is over, so that what failed for it can be retried. A task's own is its option `budget`.

        Example:
            >>> client.set_budget("g1", {"usd": 20}).changes
            ('limits.usd 5 → 20',)
        """
        return self._ask(m.SetBudget(graph=graph, set=dict(changes), if_version=if_version, dry_run=dry_run), m.Edited)

    def prune(
        self,
        graphs: Sequence[str] = (),
        *,
        older_than_s: float | None = None,
        keep: int | None = None,
        dry_run: bool = False,
    ) -> m.Pruned:
        """Forget graphs that are over, with their files.

        Args:
            graphs: these, by id or name; the others are then left alone.
            older_than_s: those that ended longer ago.
            keep: all but this many of those that ended last.
            dry_run: only say which.

        Example:
            >>> client.prune(older_than_s=30 * 86400).graphs
            ('g1', 'g2')
        """
        return self._ask(m.Prune(graphs=tuple(graphs), older_than=older_than_s, keep=keep, dry_run=dry_run), m.Pruned)

    # --- decisions --------------------------------------------------------------------------------------------------

    def decisions(self, graph: str | None = None, *, answered: bool = False) -> tuple[DecisionView, ...]:
        """The open decisions, oldest first; with `answered` those that were answered, too.

        Example:
            >>> [decision.question for decision in client.decisions()]
            ['May deploy run?']
        """
        return self._ask(m.GetDecisions(graph=graph, answered=answered), m.Decisions).decisions

    def decision(self, ref: str) -> DecisionView:
        """One decision, open or answered.

        Example:
            >>> client.decision("d7").choice
            'approve'
        """
        return self._ask(m.GetDecision(ref=ref), m.Decisions).decisions[0]

    def decide(self, ref: str, choice: str, *, note: str = "") -> m.Decided:
        """Answer one decision; its own task goes on, and no other. The same answer twice is fine.

        Raises:
            Refused: ANSWERED, where it has another answer; NOT_ALLOWED, where `choice` is no option of it.

        Example:
            >>> client.decide("d7", "approve", note="looks good").task
            'deploy'
        """
        return self._ask(m.Decide(ref=ref, choice=choice, note=note), m.Decided)

    @staticmethod
    def progress(text: str = "", percent: float | None = None) -> None:
        """Say, from inside a running task, how far it is; told within two seconds, and the newest counts.

        Raises:
            Refused: this process is none of a running task, or there is nothing to say.

        Example:
            >>> client.progress("half of the files", 50)
        """
        say_progress(text, percent)

    def ask(
        self,
        graph: str,
        task: str,
        question: str,
        *,
        options: Sequence[str] = ("yes", "no"),
        default: str | None = None,
        deadline_s: float | None = None,
    ) -> str:
        """Ask for a decision on behalf of a task that runs; its ref.

        The same question while it is open is the same decision. The task runs on; `wait_decision` waits for the answer.

        Example:
            >>> client.ask("g1", "deploy", "Which region?", options=["eu", "us"], deadline_s=3600)
            'd8'
        """
        return self._ask(
            m.Ask(
                graph=graph,
                task=task,
                question=question,
                options=tuple(options),
                default=default,
                deadline=deadline_s,
            ),
            m.Asked,
        ).ref

    def wait_decision(self, ref: str, *, timeout_s: float | None = None) -> DecisionView:
        """Wait until a decision has its answer; where it has, return at once. Woken by events.

        Raises:
            TimeoutError: it had none after `timeout_s` seconds.
            Refused: UNKNOWN_DECISION; NOT_ALLOWED, where its task is over and it needs no answer any more.

        Example:
            >>> client.wait_decision("d8", timeout_s=600).choice
            'eu'
        """
        until = until_after(timeout_s, time.monotonic())
        questioned = Questioned(ref)
        with self.follow() as follower:
            self._look_at(questioned)
            while questioned.answered is None:
                event = follower.next_event(until)
                if event is None:
                    self._must_be_open()
                    raise questioned.timed_out(timeout_s)
                if questioned.concerned_by(event):
                    self._look_at(questioned)
        return questioned.answered

    def _look_at(self, questioned: Questioned) -> None:
        """Bring what is known of a decision up to date."""
        view = self.decision(questioned.ref)
        if view.choice is not None:
            questioned.update(view)
            return
        still_open = self.decisions(view.graph)
        if all(other.ref != view.ref for other in still_open):
            # Answered in between, or never to be answered.
            questioned.update(self.decision(view.ref), closed=True)
        else:
            questioned.update(view)

    # --- why --------------------------------------------------------------------------------------------------------

    def why(self, graph: str, task: str) -> WhyView:
        """Why a task is where it is: a sentence, a reason for programs, what led there, what would help.

        Example:
            >>> client.why("g1", "test").sentence
            'waits for build'
        """
        return self._ask(m.Why(graph=graph, task=task), m.Because).why

    def context(self, graph: str, task: str | None = None, *, layer: int = 1, budget: int | None = None) -> m.Context:
        """What a graph or a task came to, in few words.

        Args:
            graph: the graph's id or name.
            task: the task's id; without it the graph as a whole.
            layer: 0 a headline, 1 an overview, 2 results and decisions, 3 logs.
            budget: most characters; by default 256, 4,000, 20,000, 20,000 by layer.

        Example:
            >>> client.context("g1", "test", layer=0).text
            'g1/test failed (exit): exit code 2'
        """
        do = m.GetContext(graph=graph, task=task, layer=layer, budget=budget)
        return self._ask(do, m.Context)
