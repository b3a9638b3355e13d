"""Saying for good that facts of a task made no sense (`quarantine.py` found them), and what follows for others."""

from orch_actors.actors.core import facts as f
from orch_actors.actors.core.handlers.endings import close_task, end_graph_if_over, settle_dependents
from orch_actors.actors.core.nodes import Quarantined, Task
from orch_actors.actors.core.turn import Turn


def settle_quarantine(turn: Turn) -> None:
    """Fail every task whose facts made no sense. Who depends on one follows its conditions; who has begun goes on."""
    for found in list(turn.state.quarantine.values()):
        task, judge = found.task, found.task.judge
        turn.emit(
            f.TaskQuarantined(
                graph=task.graph.id,
                task=task.id,
                reason=found.why + _may_run(found),
                attempts=found.attempts,
                judges=tuple(found.judges),
            )
        )
        if judge is not None:
            turn.judges_orphaned.append(judge)
        if task.judged is not None:
            turn.judges_over.append(task)
        settle_dependents(turn, [task, *_skip_waiting(turn, task)])
        end_graph_if_over(turn, task.graph)


def _skip_waiting(turn: Turn, task: Task) -> list[Task]:
    """Who was let go by an end that it did not have, and has not begun: skipped. Returns these."""
    waiting = [
        other
        for other, _ in task.dependents
        if other.state in ("ready", "blocked") and other.broken_by is not None and not other.tries
    ]
    for other in waiting:
        close_task(turn, other, "skipped", reason=f"{task.id} is in quarantine")
    return waiting


def _may_run(found: Quarantined) -> str:
    if not found.running:
        return ""
    numbers = ", ".join(str(number) for number in sorted(found.running))
    return f"; attempt {numbers} may still run"
