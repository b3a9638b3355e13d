"""An agent: does one job after the other, as an agent would that was told to: submit, look, edit, answer, wait.

What it does is drawn beforehand (jobs.py). A refusal is as good an answer as any: the graph may be over by then. What
no daemon may say, it notes as a fault.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from orch_actors.protocol import messages as m
from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import ErrorInfo, OrchError, Refused, Unavailable
from orch_actors.stress.chaos.calls import Calls
from orch_actors.stress.chaos.jobs import PROGRAMS, Job, Patience, Step
from orch_actors.stress.chaos.record import Log

#: How often an agent that waits looks for questions.
LOOK_EVERY_S: Final = 0.3
#: Less than this is slept, not waited for.
SHORT_S: Final = 0.05
#: A graph that has not ended by then is left to whoever clears up after the round.
PATIENCE_S: Final = 60.0

#: Why a good submission may be refused, and taken later: the clock has jumped, the disk is full.
PASSING: Final = ("DEADLINE_PASSED", "DISK_FULL")

SETTLED: Final = Patience(wait_s=60.0, settle=True)


class Agent(threading.Thread):
    """Runs until it has no more jobs or is told to stop, and then until its graph is over."""

    def __init__(self, client: Client, name: str, jobs: Iterator[Job], history: Log) -> None:
        super().__init__(name=name, daemon=True)
        self._client: Final = client
        self._calls: Final = Calls(client, name, history)
        self._history: Final = history
        self._jobs: Final = jobs
        self._stopping: Final = threading.Event()

    def cease(self) -> None:
        """Begin no more jobs."""
        self._stopping.set()

    def run(self) -> None:
        """See the class."""
        try:
            for job in self._jobs:
                if self._stopping.is_set():
                    return
                self._do(job)
        except Exception as error:  # noqa: BLE001 (whatever it is, the checker must hear of it)
            self._fault(f"{self.name} died of {type(error).__name__}: {error}")

    def _fault(self, what: str) -> None:
        self._history.write({"fault": what})

    # --- a job ----------------------------------------------------------------------------------------------------

    def _do(self, job: Job) -> None:
        submission = m.SubmitGraph(graph=job.document, key=job.key, base_dir=PROGRAMS)
        name, found = self._calls.make(submission, job.patience)
        while isinstance(found, ErrorInfo) and found.code in PASSING and not self._stopping.wait(LOOK_EVERY_S):
            name, found = self._calls.make(submission, job.patience)
        if not isinstance(found, m.GraphAccepted):
            if isinstance(found, ErrorInfo) and found.code not in PASSING:
                self._fault(f"{job.name}: a good submission was refused with {found.code}: {found.message}")
            return
        course = _Course(job, found.graph, submission, name)
        self._accompany(course)

    def _accompany(self, course: "_Course") -> None:
        """Carry out the steps as they come due, answer what is asked, until the graph is over."""
        until_at = time.monotonic() + PATIENCE_S
        due_at = time.monotonic()
        for step in course.job.steps:
            due_at += step.after_s
            self._wait(course, due_at)
            self._carry_out(course, step)
        last: tuple[Step | None, ...] = (*course.job.last, None)
        for then in last:
            while not self._wait(course, time.monotonic() + LOOK_EVERY_S):
                if time.monotonic() >= until_at:
                    return
            if then is not None:
                self._carry_out(course, then)
                if then.verb == "prune":
                    return

    def _wait(self, course: "_Course", until_at: float) -> bool:
        """Wait for the graph's end, until then; whether it is over. What is asked meanwhile is answered."""
        left_s = until_at - time.monotonic()
        if left_s < SHORT_S:
            time.sleep(max(0.0, left_s))
            return False
        try:
            self._client.wait([course.graph], timeout_s=left_s)
            return True
        except Refused as refused:
            self._fault(f"{course.job.name}: {course.graph} was accepted, and now: {refused}")
            time.sleep(max(0.0, left_s))
        except (TimeoutError, Unavailable):
            pass
        self._answer(course)
        return False

    def _answer(self, course: "_Course") -> None:
        with suppress(Unavailable, Refused):
            for decision in self._client.decisions(course.graph):
                choice = decision.options[int(course.next_answer() * len(decision.options))]
                self._calls.make(m.Decide(ref=decision.ref, choice=choice, note=f"by {self.name}"), SETTLED)

    # --- steps ----------------------------------------------------------------------------------------------------

    def _carry_out(self, course: "_Course", step: Step) -> None:
        graph = course.graph
        match step.verb:
            case "repeat":
                self._repeat(course, step)
            case "rekey":
                self._again(course, step)
            case "conflict":
                other = m.SubmitGraph(graph={**course.job.document, "goal": step.token}, base_dir=PROGRAMS)
                self._expect(other, step, course.command_id, "ID_CONFLICT")
            case "add":
                self._make(m.AddTasks(graph=graph, tasks=step.tasks, base_dir=PROGRAMS), step)
            case "update":
                self._make(m.UpdateTask(graph=graph, task=step.task, set={"title": step.token}), step)
            case "cancel_task":
                self._make(m.Cancel(graph=graph, task=step.task, reason=step.token), step)
            case "cancel":
                self._make(m.Cancel(graph=graph, reason=step.token), step)
            case "pause":
                self._make(m.Pause(graph=graph, reason=step.token), step)
                self._wait(course, time.monotonic() + step.after_s)
                self._calls.make(m.Resume(graph=graph), SETTLED)
            case "limit":
                self._make(m.SetLimit(graph=graph, parallel=2), step)
            case "look":
                self._look(course)
            case "retry":
                self._make(m.RetryTasks(graph=graph), step)
            case "prune":
                self._make(m.Prune(graphs=(graph,)), step)

    def _make(self, do: m.Command, step: Step) -> None:
        self._calls.make(do, step.patience)

    def _repeat(self, course: "_Course", step: Step) -> None:
        """The very same command: its first answer, however often, whoever has died since."""
        _, found = self._calls.make(course.submission, step.patience, command_id=course.command_id)
        if found is not None and not (isinstance(found, m.GraphAccepted) and found.graph == course.graph):
            self._fault(f"{course.job.name}: repeated, it was answered {found}, not {course.graph}")

    def _again(self, course: "_Course", step: Step) -> None:
        """As a client does that has forgotten the id: the same graph by its key."""
        _, found = self._calls.make(course.submission, step.patience)
        if isinstance(found, m.GraphAccepted) and (found.graph != course.graph or not found.existing):
            self._fault(f"{course.job.name}: its key gave {found}, not {course.graph}")

    def _expect(self, do: m.Command, step: Step, command_id: str, code: str) -> None:
        _, found = self._calls.make(do, step.patience, command_id=command_id)
        if found is not None and not (isinstance(found, ErrorInfo) and found.code == code):
            self._fault(f"{do} with a known id was answered {found}, not {code}")

    def _look(self, course: "_Course") -> None:
        """Questions change nothing, and are always answered."""
        looks: tuple[Callable[[], object], ...] = (
            self._client.status,
            lambda: self._client.graph(course.graph),
            lambda: self._client.why(course.graph, "t1"),
            self._client.actors,
        )
        for look in looks:
            try:
                look()
            except Unavailable:
                continue
            except OrchError as error:
                self._fault(f"{course.job.name}: a question was answered {error}")


class _Course:
    """A job that is under way."""

    def __init__(self, job: Job, graph: str, submission: m.SubmitGraph, command_id: str) -> None:
        self.job: Final = job
        self.graph: Final = graph
        self.submission: Final = submission
        self.command_id: Final = command_id
        self._asked = 0

    def next_answer(self) -> float:
        """Where in its list of options the next question's answer stands, from 0 to below 1."""
        self._asked += 1
        return self.job.answers[self._asked % len(self.job.answers)]
