"""How far a graph has come, folded from events: the state behind `run`'s live view. Pure; the clock is an argument.

Begins either with a graph of which nothing has happened yet, and then takes all its events (so that its plain lines
are complete), or with a graph as it stands, and takes the events after that.
"""

from typing import Final

from orch_actors.protocol.views import GRAPH_ENDINGS, Event, GraphView, TaskView

#: Task states that are final.
TASK_ENDINGS: Final = frozenset({"done", "failed", "cancelled", "skipped"})


class TaskProgress:
    """Where one task is."""

    def __init__(self, task_id: str, state: str) -> None:
        self.id: Final = task_id
        self.state = state
        #: Number of the latest attempt, 0: none.
        self.attempt = 0
        #: Since when it is in this state.
        self.since_utc = ""
        #: Why it failed, was skipped, or is tried again.
        self.message = ""
        #: How long the latest attempt took, once it is over.
        self.took_s: float | None = None
        #: Ref of the open decision about it, and its options; the options are only known of those that were heard.
        self.decision: str | None = None
        self.options: tuple[str, ...] = ()


class Progress:
    """A graph's tasks and what is known of each, in the order of submission.

    Invariants: `counts` are those of `tasks`; `ended` is final.
    """

    def __init__(self, view: GraphView, *, from_the_start: bool) -> None:
        self.graph: Final = view.id
        self.name: Final = view.name
        self.state: str = "running" if from_the_start else view.state
        self.submitted_utc: Final = view.submitted_utc
        self.ended_utc: str | None = None if from_the_start else view.ended_utc
        self.tasks: Final = {task.id: _begin(task, from_the_start=from_the_start) for task in view.tasks}
        self.counts: Final[dict[str, int]] = {}
        for task in self.tasks.values():
            self.counts[task.state] = self.counts.get(task.state, 0) + 1

    @property
    def ended(self) -> bool:
        """Every task is over."""
        return self.state in GRAPH_ENDINGS

    @property
    def over(self) -> int:
        """How many tasks are over."""
        return sum(number for state, number in self.counts.items() if state in TASK_ENDINGS)

    def apply(self, event: Event) -> bool:
        """Take an event in; whether it was about this graph."""
        if event.graph != self.graph:
            return False
        if event.task is None:
            self._apply_to_graph(event)
        elif event.task in self.tasks:
            self._apply_to_task(self.tasks[event.task], event)
        return True

    def _apply_to_graph(self, event: Event) -> None:
        if event.state is not None and not self.ended:
            self.state = event.state
            self.ended_utc = event.time_utc if self.ended else None

    def _apply_to_task(self, task: TaskProgress, event: Event) -> None:
        if event.attempt is not None and event.kind != "retry_scheduled":
            task.attempt = max(task.attempt, event.attempt)
        took = event.data.get("duration_s")
        if isinstance(took, int | float):
            task.took_s = float(took)
        if event.message:
            task.message = event.message
        _apply_decision(task, event)
        if event.state is None or event.state == task.state:
            return
        self.counts[task.state] -= 1
        self.counts[event.state] = self.counts.get(event.state, 0) + 1
        task.state, task.since_utc = event.state, event.time_utc
        if event.state == "running":
            task.message, task.took_s = "", None


def _apply_decision(task: TaskProgress, event: Event) -> None:
    if event.kind == "decision_asked":
        options = event.data.get("options")
        task.decision = str(event.data.get("ref", ""))
        task.options = tuple(str(option) for option in options) if isinstance(options, list) else ()
    elif event.kind == "decision_answered" or event.state in TASK_ENDINGS:
        task.decision, task.options = None, ()


def _begin(task: TaskView, *, from_the_start: bool) -> TaskProgress:
    if from_the_start:
        return TaskProgress(task.id, "pending")
    began = TaskProgress(task.id, task.state)
    began.message = task.reason
    began.decision = task.decision
    if task.attempts:
        latest = task.attempts[-1]
        began.attempt, began.since_utc, began.took_s = latest.number, latest.started_utc, latest.duration_s
    return began
