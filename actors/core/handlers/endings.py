"""How tasks begin to wait for a slot, how they and graphs come to an end, and how that reaches their dependents.

Invariant (design, 5): after every turn no task waits for something that can no longer happen; a graph whose
tasks are all terminal is terminal.
"""

from typing import Final

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers.asking import ask_approval
from orch_actors.actors.core.nodes import Graph, Task
from orch_actors.actors.core.table import GRAPH_REACTIONS, REACTIONS
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol.views import GraphState, TaskState

#: Reasons to end an attempt after which there is no other; the later one weighs more.
FINAL_STOPS: Final = ("deadline", "cancelled")


def release(turn: Turn, task: Task) -> None:
    """Everything that the task waited for is there: it is ready, or a person is asked first."""
    first = task.begun_utc is None
    if task.spec.approve and not task.approved:
        ask_approval(turn, task)
    else:
        turn.emit(f.TaskReady(graph=task.graph.id, task=task.id))
    if first and task.spec.deadline is not None:
        turn.ask(s.ArmTimer(s.TimerKey("deadline", task.graph.id, task.id), task.spec.deadline))


def put_back(turn: Turn, task: Task) -> None:
    """After an attempt that counts for nothing: the task waits as it did before."""
    if task.broken_by is not None and not task.tries:  # what it depends on was put into quarantine meanwhile
        end_task(turn, task, "skipped", reason=f"{task.broken_by.id} is in quarantine")
    elif task.decision is not None:  # it asked through a client, and waits for that first
        turn.emit(f.TaskBlocked(graph=task.graph.id, task=task.id, ref=task.decision.ref))
    else:
        turn.emit(f.TaskReady(graph=task.graph.id, task=task.id))


def end_task(
    turn: Turn, task: Task, state: TaskState, *, cls: str | None = None, reason: str = "", forgiven: bool = False
) -> None:
    """Move a task to a terminal state, and everything that follows from it."""
    close_task(turn, task, state, cls=cls, reason=reason, forgiven=forgiven)
    settle_dependents(turn, [task])
    end_graph_if_over(turn, task.graph)


def close_task(
    turn: Turn, task: Task, state: TaskState, *, cls: str | None = None, reason: str = "", forgiven: bool = False
) -> None:
    """Move a task to a terminal state, and nothing else: its timers are disarmed, its dependents are not told."""
    graph = task.graph.id
    if task.spec.deadline is not None and task.begun_utc is not None and has_time_left(task):
        turn.ask(s.DisarmTimer(s.TimerKey("deadline", graph, task.id)))
    if task.retry_at_utc is not None:
        turn.ask(s.DisarmTimer(s.TimerKey("retry", graph, task.id, len(task.attempts) + 1)))
    if task.decision is not None and task.decision.deadline_s is not None:
        turn.ask(s.DisarmTimer(s.TimerKey("decision", ref=task.decision.ref)))
    judge = task.judge
    turn.emit(f.TaskEnded(graph=graph, task=task.id, state=state, cls=cls, reason=reason, forgiven=forgiven))
    if judge is not None:
        turn.judges_orphaned.append(judge)
    if task.judged is not None:
        turn.judges_over.append(task)


def has_time_left(task: Task) -> bool:
    """Whether its deadline still means something: it is not over, nor about to be whatever the time."""
    if task.state != "running":
        return not task.terminal
    stopping = task.attempts[-1].stopping
    return stopping is None or stopping[0] not in FINAL_STOPS


def settle_dependents(turn: Turn, ended: list[Task]) -> None:
    """Tell everybody who waits for these. Iterative: a chain of any length takes no stack."""
    while ended:
        for dependent, _ in ended.pop().dependents:
            if settle_waiting(turn, dependent):
                ended.append(dependent)


def settle_waiting(turn: Turn, task: Task) -> bool:
    """Let a waiting task go, or skip it, if it is time for either; returns whether it was skipped."""
    if REACTIONS[task.state, "dependency_ended"] != "act" or task.graph.cancelling:
        return False
    if task.broken_by is not None:
        close_task(turn, task, "skipped", reason=_why_skipped(task.broken_by))
        return True
    if not task.unmet and task.retry_at_utc is None:
        release(turn, task)
    return False


def _why_skipped(cause: Task) -> str:
    match cause.state:
        case "skipped":
            return f"{cause.id} was skipped"
        case "cancelled":
            return f"{cause.id} was cancelled"
        case "failed":
            return f"{cause.id} failed" + (f" ({cause.reason})" if cause.reason else "")
        case _:
            return f"{cause.id} did not fail"


def end_graph_if_over(turn: Turn, graph: Graph) -> None:
    """Tell the graph's outcome once its last task is terminal."""
    if graph.open_tasks or GRAPH_REACTIONS[graph.phase, "last_task_ended"] != "act":
        return
    state, reason = _outcome(graph)
    turn.emit(f.GraphEnded(graph=graph.id, state=state, reason=reason))
    if graph.spec.limits.wall is not None and not graph.cancelling:
        turn.ask(s.DisarmTimer(s.TimerKey("wall", graph.id)))


def _outcome(graph: Graph) -> tuple[GraphState, str]:
    if graph.cancelling:
        return graph.outcome, graph.reason
    failed, cancelled = graph.counts.get("failed", 0), graph.counts.get("cancelled", 0)
    if failed and graph.spec.tolerant:
        failed = sum(1 for task in graph.tasks.values() if task.state == "failed" and not task.forgiven)
    if failed:
        return "failed", f"{failed} of {sum(graph.counts.values())} tasks failed"
    if cancelled:
        return "cancelled", f"{cancelled} of {sum(graph.counts.values())} tasks were cancelled"
    return "done", ""
