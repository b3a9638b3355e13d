"""Answers: each is given to one decision by its ref, and releases what that decision is about and nothing else."""

from typing import Final

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.budgets import BUDGET
from orch_actors.actors.core.handlers import asking, parking
from orch_actors.actors.core.handlers.cancelling import fail_with_graph
from orch_actors.actors.core.handlers.endings import end_task
from orch_actors.actors.core.lookup import find_graph, find_task
from orch_actors.actors.core.nodes import Decision, Task, WorkerType
from orch_actors.actors.core.table import REACTIONS, WORKER_REACTIONS
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol import messages
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.hostwire import Question
from orch_actors.protocol.spec.durations import MAX_DURATION_S

#: Who answers where nobody did.
BY_DEADLINE: Final = "deadline"


def on_decision_made(turn: Turn, made: s.DecisionMade) -> messages.Decided:
    """Answer a decision. The same answer twice is fine.

    Raises:
        Refused: UNKNOWN_DECISION; NOT_ALLOWED, no such option or nothing waits any more; ANSWERED, differently.
    """
    decision = find_decision(turn, made.ref)
    if decision.choice is not None:
        if decision.choice != made.choice:
            raise Refused.because(
                "ANSWERED",
                f"{decision.ref} was answered already: {decision.choice} (by {decision.by})",
                _other_ways(decision),
            )
        return _decided(decision, existing=True)
    if made.choice not in decision.options:
        raise Refused.because(
            "NOT_ALLOWED",
            f"{made.choice!r} is no option of {decision.ref}",
            f"choose one of: {', '.join(decision.options)}",
        )
    _check_pending(decision)
    answer(turn, decision, made.choice, made.note, made.by)
    return _decided(decision, existing=False)


def _other_ways(decision: Decision) -> str:
    match decision.subject:
        case Task():
            return "an answer stands; `retry` or `cancel` the task to change its course"
        case WorkerType(name=name):
            return f"an answer stands; `resume --worker {name}` or `pause --worker {name}` to change its course"


def _check_pending(decision: Decision) -> None:
    match decision.subject:
        case Task() as task if not decision.open or REACTIONS[task.state, "decided"] != "act":
            raise Refused.because("NOT_ALLOWED", f"{decision.ref} needs no answer any more: {task.ref} is {task.state}")
        case WorkerType() as record if WORKER_REACTIONS[record.state, "decided"] != "act":
            raise Refused.because("NOT_ALLOWED", f"{decision.ref} needs no answer any more: {record.ref} is not parked")
        case _:
            return


def _decided(decision: Decision, *, existing: bool) -> messages.Decided:
    graph = task = worker = ""
    match decision.subject:
        case Task() as subject:
            graph, task = subject.graph.id, subject.id
        case WorkerType(name=worker):
            pass
    return messages.Decided(
        ref=decision.ref, graph=graph, task=task, worker=worker, choice=decision.choice or "", existing=existing
    )


def find_decision(turn: Turn, ref: str) -> Decision:
    """A decision by its ref.

    Raises:
        Refused: UNKNOWN_DECISION.
    """
    decision = turn.state.decisions.get(ref)
    if decision is None:
        raise Refused.because(
            "UNKNOWN_DECISION", f"there is no decision {ref!r}", "`orch-actors decisions` lists the open ones"
        )
    return decision


def answer(turn: Turn, decision: Decision, choice: str, note: str, by: str) -> None:
    """Put an answer down and let it take effect on the decision's own task, or worker type."""
    asking.close(turn, decision, choice, note=note, by=by)
    match decision.subject:
        case Task(state="blocked") as task:
            _apply(turn, task, decision, choice, note)
        case Task():
            return  # it runs: it reads the answer through its client
        case WorkerType() as record if choice == "resume":
            parking.release(turn, record, afresh=by != BY_DEADLINE)
        case WorkerType():
            return  # it stays parked, until somebody resumes it


def _apply(turn: Turn, task: Task, decision: Decision, choice: str, note: str) -> None:
    said = f"{choice}" + (f": {note}" if note else "")
    if decision.about == "question" or choice in ("approve", "retry", "rerun"):
        turn.emit(f.TaskReady(graph=task.graph.id, task=task.id))
        return
    failed = task.attempts[-1] if task.attempts else None
    cls, message = (failed.cls, failed.message) if failed else (None, "")
    if decision.about == "judge" and failed is not None:
        cls, message = "judge", (failed.verdict or {}).get("why", "")
    if decision.evidence.get("class") == BUDGET:  # of what was not started no attempt tells
        cls, message = BUDGET, decision.evidence.get("message", "")
    match choice:
        case "reject":
            end_task(turn, task, "cancelled", reason=f"not approved ({said})")
        case "accept":
            what = "the judge did not pass it" if cls == "judge" else "it failed"
            end_task(turn, task, "done", reason=f"accepted although {what}: {message}")
        case "continue":
            end_task(turn, task, "failed", cls=cls, reason=message, forgiven=True)
        case "cancel_graph":
            fail_with_graph(turn, task, cls or "exit", message)
        case _:
            end_task(turn, task, "failed", cls=cls, reason=message)


def on_decision_due(turn: Turn, ref: str) -> None:
    """Nobody answered in time: the default stands."""
    decision = turn.state.decisions.get(ref)
    if decision is None or not decision.open:
        return
    answer(turn, decision, decision.default, "nobody answered in time", BY_DEADLINE)


def on_question_asked(turn: Turn, asked: s.QuestionAsked) -> messages.Asked:
    """A running task asks through a client. The same question while it is open is the same decision.

    Raises:
        Refused: unknown, not running, asks something else already, or the options make no sense.
    """
    task = find_task(find_graph(turn.state, asked.graph), asked.task)
    if REACTIONS[task.state, "ask"] == "refuse":
        raise Refused.because("NOT_ALLOWED", f"{task.ref} is {task.state}: only a running task can ask")
    if not asked.question or not 1 <= len(asked.options) <= asking.MAX_OPTIONS:
        raise Refused.because("INVALID_REQUEST", f"expected a question and 1 to {asking.MAX_OPTIONS} options")
    if any(not 1 <= len(option) <= asking.MAX_TEXT for option in asked.options):
        raise Refused.because("INVALID_REQUEST", f"an option is text of 1 to {asking.MAX_TEXT} characters")
    if asked.deadline_s is not None and not 0 <= asked.deadline_s <= MAX_DURATION_S:
        raise Refused.because("INVALID_REQUEST", f"a deadline of {asked.deadline_s} s makes no sense")
    if asked.default is not None and asked.default not in asked.options:
        raise Refused.because("INVALID_REQUEST", f"the default {asked.default!r} is none of the options")
    if task.decision is not None:
        if task.decision.question == asked.question[: asking.MAX_TEXT]:
            return messages.Asked(ref=task.decision.ref)
        raise Refused.because("NOT_ALLOWED", f"{task.ref} asks something already: {task.decision.ref}")
    question = Question(
        question=asked.question, options=asked.options, default=asked.default, deadline=asked.deadline_s
    )
    return messages.Asked(ref=asking.ask_question(turn, task, question, blocks=False))
