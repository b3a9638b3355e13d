"""Judges: sub-agents that are asked whether an attempt is good, or to answer a decision.

A judge is a task of the same graph that nobody wrote (`build#judge-1`): granted a slot, started, adopted, timed and
journalled like any other. It has tries of its own, and spends none of its task's.
"""

from typing import Any

from orch_actors.actors.core import facts as f
from orch_actors.actors.core.nodes import Decision, Task
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol.spec.judging import (
    CHOICE_SCHEMA,
    VERDICT_SCHEMA,
    JudgeForm,
    variables_of_judge,
    work_of_judge,
)


def ask_judge(turn: Turn, task: Task) -> None:
    """An attempt has succeeded: its judge is asked."""
    spec = task.spec.judge
    assert spec is not None  # noqa: S101 (only tasks with a judge come here)
    companion = _companion(task, spec, "judge", VERDICT_SCHEMA)
    turn.emit(f.JudgeAsked(graph=task.graph.id, task=task.id, judge=companion["id"], document=companion))
    turn.emit(f.TaskReady(graph=task.graph.id, task=companion["id"]))


def ask_about(turn: Turn, task: Task, decision: Decision) -> None:
    """A decision about this task is open, and a judge is to answer it."""
    companion = _companion(task, task.spec.decisions, "decide", CHOICE_SCHEMA)
    turn.emit(
        f.JudgeAsked(
            graph=task.graph.id, task=task.id, judge=companion["id"], document=companion, decision=decision.ref
        )
    )
    turn.emit(f.TaskReady(graph=task.graph.id, task=companion["id"]))


def _companion(task: Task, form: JudgeForm, what: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The document of the task that judges."""
    number = 1 + sum(1 for name in task.judges if name.startswith(f"{task.id}#{what}-"))
    kind = form.kind or form.worker
    return {
        "id": f"{task.id}#{what}-{number}",
        "worker": form.worker,
        "title": f"judges {task.id}" if what == "judge" else f"answers a question about {task.id}",
        **({"kind": form.kind} if form.kind else {}),
        **work_of_judge(form, kind, schema),
        "cwd": task.spec.cwd,
        "env": {**task.spec.env, **variables_of_judge(kind)},
        "timeout": form.timeout,
        "grace": task.spec.grace,
        "retry": {"attempts": form.attempts, "backoff": 1.0},
        "validate": {"schema": schema},
        "on_unknown": "rerun",  # it changes nothing: asking twice does no harm
        "priority": task.spec.priority,
    }
