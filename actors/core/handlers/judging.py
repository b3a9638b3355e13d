"""What judges said (`judges.py` asks them): looked at, and followed, at the end of the turn in which a judge ended.

What a judge's words come to is computed in `verdicts.py`. A judge that breaks is never a pass: its task's `on_error`
says what then.
"""

from typing import Final

from orch_actors.actors.core import facts as f
from orch_actors.actors.core.handlers import asking, attempts
from orch_actors.actors.core.handlers.cancelling import cancel_task
from orch_actors.actors.core.handlers.decisions import answer
from orch_actors.actors.core.handlers.endings import end_task
from orch_actors.actors.core.nodes import Decision, Task
from orch_actors.actors.core.sessions import nonce_of
from orch_actors.actors.core.table import REACTIONS
from orch_actors.actors.core.turn import Turn
from orch_actors.actors.core.verdicts import Judged, choose, judge
from orch_actors.protocol.spec.work import AGENTS

#: Who answered, where a judge did.
BY_JUDGE: Final = "judge"


def settle(turn: Turn) -> None:
    """The last thing but one in every turn: what judges that are over have said, and judges that nobody needs any more.

    Iterative, since what one says may end what another waits for.
    """
    while turn.judges_over or turn.judges_orphaned:
        while turn.judges_orphaned:
            orphan = turn.judges_orphaned.pop()
            if not orphan.terminal:
                cancel_task(turn, orphan, "what it judges is over")
        while turn.judges_over:
            companion = turn.judges_over.pop()
            task = companion.judged
            if task is not None and task.judge is companion and REACTIONS[task.state, "judge_over"] == "act":
                _heard(turn, task, companion)


def _heard(turn: Turn, task: Task, companion: Task) -> None:
    if companion.about is not None:
        _answered(turn, task, companion, companion.about)
        return
    judged = _verdict(turn, task, companion)
    turn.emit(
        f.Judged(
            graph=task.graph.id,
            task=task.id,
            judge=companion.id,
            outcome=judged.outcome,
            why=judged.why,
            feedback=judged.feedback,
            verdict=dict(judged.kept or {}),
        )
    )
    if task.state == "judging":
        _follow(turn, task, judged)


def _nonce(turn: Turn, companion: Task) -> str:
    kind = companion.spec.kind or companion.worker
    return nonce_of(turn.name, companion.ref) if kind in AGENTS else ""


def _result(companion: Task) -> bytes | None:
    return companion.attempts[-1].result if companion.attempts else None


def _verdict(turn: Turn, task: Task, companion: Task) -> Judged:
    spec = task.spec.judge
    if companion.state != "done" or spec is None:
        return Judged("error", f"the judge broke: {companion.reason or companion.state}")
    if companion.attempts and companion.attempts[-1].result_in_file:
        return Judged("error", "what the judge handed back is too large")
    return judge(_result(companion), list(spec.by_id), _nonce(turn, companion))


def _follow(turn: Turn, task: Task, judged: Judged) -> None:
    spec = task.spec.judge
    match judged.outcome:
        case "pass":
            end_task(turn, task, "done")
        case "error" if spec is not None and spec.on_error == "accept":
            end_task(turn, task, "done", reason=f"accepted although {judged.why}")
        case "error" if spec is not None and spec.on_error == "reject":
            attempts.fail(turn, task, "judge", judged.why)
        case "fail" if _has_rounds(task) and attempts.worth_another(task, "judge"):
            attempts.retry(turn, task)
        case _:
            asking.ask_about_verdict(turn, task, judged.outcome, judged.why)


def _has_rounds(task: Task) -> bool:
    most = task.spec.judge.max_rounds if task.spec.judge is not None else None
    return most is None or task.rounds <= most


def _answered(turn: Turn, task: Task, companion: Task, decision: Decision) -> None:
    choice, reason = None, f"the judge broke: {companion.reason or companion.state}"
    if companion.state == "done":
        choice, reason = choose(_result(companion), decision.options, _nonce(turn, companion))
    outcome = "unsure" if choice is None else "answered"
    turn.emit(f.Judged(graph=task.graph.id, task=task.id, judge=companion.id, outcome=outcome, why=reason))
    if choice is not None:
        answer(turn, decision, choice, reason, BY_JUDGE)
    elif task.spec.decisions.by == "judge":  # nobody else is to be asked
        answer(turn, decision, decision.default, reason, BY_JUDGE)
