"""Opening decisions: questions about one task (or worker type), with options, evidence, deadline and default.

What may be chosen is data (OPTIONS); what a choice means is in `decisions.py`. The place for a new kind.
"""

from typing import Any, Final

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers import judges
from orch_actors.actors.core.nodes import Decision, Task, WorkerType
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol.hostwire import Question
from orch_actors.protocol.spec.durations import MAX_DURATION_S

#: What a decision is about → its options; the first of `_DEFAULTS` stands when nobody answers in time.
OPTIONS: Final[dict[str, tuple[str, ...]]] = {
    "approve": ("approve", "reject"),
    "failure": ("retry", "fail", "accept", "continue", "cancel_graph"),
    "unknown": ("rerun", "fail", "accept"),
    "judge": ("retry", "accept", "fail"),
}
_DEFAULTS: Final = {"approve": "reject", "failure": "fail", "unknown": "fail", "judge": "fail"}

#: What a judge's outcome is called in a question.
_OUTCOMES: Final = {
    "fail": "is not satisfied, and there is no attempt left",
    "unsure": "is not sure",
    "impossible": "says that it cannot be done",
    "error": "broke",
}

#: The same of a worker type that is parked; no document has a say in it.
WORKER_OPTIONS: Final = ("resume", "keep")
WORKER_DEFAULT: Final = "resume"

#: Most options that a task's own question may have, and most characters of each text.
MAX_OPTIONS: Final = 20
MAX_TEXT: Final = 4000


def ask_approval(turn: Turn, task: Task) -> None:
    """Before the first attempt of a task with `approve`."""
    what = f" ({task.spec.title})" if task.spec.title else ""
    _ask(turn, task, "approve", task.spec.ask.question or f"May {task.id}{what} run?", {})


def ask_about_failure(turn: Turn, task: Task, about: str, cls: str, message: str) -> None:
    """After the last attempt, or one of which nobody knows how it ended."""
    evidence: dict[str, Any] = {"class": cls, "message": message}
    if task.attempts:  # none where its budget is used up before it began
        attempt = task.attempts[-1]
        evidence["attempt"] = attempt.number
        if attempt.exit_code is not None:
            evidence["exit_code"] = attempt.exit_code
        if attempt.tail:
            evidence["tail"] = attempt.tail
        if attempt.checked:
            evidence["validation"] = attempt.checked
    if about == "unknown":
        question = f"Whether {task.id} finished cannot be known. What now?"
    else:
        question = task.spec.ask.question or f"{task.id} failed: {message}. What now?"
    _ask(turn, task, about, question, evidence)


def ask_about_verdict(turn: Turn, task: Task, outcome: str, why: str) -> None:
    """A judge has no use for another attempt, or cannot say."""
    evidence = {"class": "judge", "message": why, "attempt": len(task.attempts), **(task.attempts[-1].verdict or {})}
    question = task.spec.ask.question or f"The judge of {task.id} {_OUTCOMES[outcome]}: {why}. What now?"
    _ask(turn, task, "judge", question[:MAX_TEXT], evidence)


def ask_about_worker(turn: Turn, record: WorkerType, why: str, *, wait_s: float, evidence: dict[str, Any]) -> None:
    """After a worker type was parked."""
    _open(
        turn,
        record,
        about="worker",
        question=f"The {record.name} worker is parked: {why}. Try it again?",
        options=WORKER_OPTIONS,
        default=WORKER_DEFAULT,
        deadline_s=wait_s,
        evidence={"message": why, **evidence},
        blocks=False,
    )


def ask_question(turn: Turn, task: Task, question: Question, *, blocks: bool) -> str:
    """A task's own question; returns the decision's ref."""
    options = tuple(option[:MAX_TEXT] for option in question.options[:MAX_OPTIONS]) or ("yes", "no")
    default = question.default if question.default in options else options[0]
    deadline_s = question.deadline
    if deadline_s is None or not 0 <= deadline_s <= MAX_DURATION_S:  # nobody could wait for that
        deadline_s = task.spec.ask.deadline
    return _open(
        turn,
        task,
        about="question",
        question=question.question[:MAX_TEXT],
        options=options,
        default=default,
        deadline_s=deadline_s,
        evidence={"attempt": len(task.attempts)},
        blocks=blocks,
    )


def withdraw(turn: Turn, task: Task, by: str) -> None:
    """Its open question, if there is one, has become pointless: it is answered by nobody."""
    decision = task.decision
    if decision is None:
        return
    close(turn, decision, "withdrawn", by=by)


def close(turn: Turn, decision: Decision, choice: str, *, note: str = "", by: str) -> None:
    """Put an answer down; what follows from it is the caller's."""
    subject = decision.subject
    if isinstance(subject, Task) and subject.judge is not None and subject.judge.about is decision:
        turn.judges_orphaned.append(subject.judge)
    turn.emit(
        f.DecisionAnswered(**_names(decision.subject), ref=decision.ref, choice=choice, note=note[:MAX_TEXT], by=by)
    )
    if decision.deadline_s is not None:
        turn.ask(s.DisarmTimer(s.TimerKey("decision", ref=decision.ref)))


def _names(subject: Task | WorkerType) -> dict[str, str]:
    """What a fact about a decision names its subject by."""
    match subject:
        case Task():
            return {"graph": subject.graph.id, "task": subject.id}
        case WorkerType():
            return {"worker": subject.name}


def _ask(turn: Turn, task: Task, about: str, question: str, evidence: dict[str, Any]) -> None:
    options = OPTIONS[about]
    wanted = task.spec.ask.default
    _open(
        turn,
        task,
        about=about,
        question=question,
        options=options,
        default=wanted if wanted in options else _DEFAULTS[about],
        deadline_s=task.spec.ask.deadline,
        evidence=evidence,
        blocks=True,
    )


def _open(
    turn: Turn,
    subject: Task | WorkerType,
    *,
    about: str,
    question: str,
    options: tuple[str, ...],
    default: str,
    deadline_s: float | None,
    evidence: dict[str, Any],
    blocks: bool,
) -> str:
    ref = f"d{turn.state.last_decision + 1}"
    turn.emit(
        f.DecisionAsked(
            **_names(subject),
            ref=ref,
            about=about,
            question=question,
            options=options,
            default=default,
            deadline_s=deadline_s,
            evidence=evidence,
            blocks=blocks,
        )
    )
    if deadline_s is not None:
        turn.ask(s.ArmTimer(s.TimerKey("decision", ref=ref), deadline_s))
    if isinstance(subject, Task) and _wants_judge(subject):
        judges.ask_about(turn, subject, turn.state.decisions[ref])
    return ref


def _wants_judge(task: Task) -> bool:
    """Whether a judge is to answer; not where the answer would come to nothing, nor about a judge."""
    return task.spec.decisions.by != "human" and task.judged is None and not task.graph.cancelling
