"""Facts that make no sense for one task: that task goes into quarantine, and everything else in the journal counts.

Only replay comes here. (In a live machine such a fact is a bug, and stops it before anything is written.) The first
such fact takes its task out of whatever it was at: its place in the queue, its slot, its claims. It and all later facts
of that task are passed over, since what they build on is not known. When the new life begins, the machine says so for
good with a fact of its own, TaskQuarantined (handlers/quarantining.py): a later replay passes over the same facts,
meets that one, and goes on with the task from there.

What is passed over still counts: no number of an attempt, judge, decision or event is given twice.

A fact about a graph, a worker type, or a task that there is not, has nobody whom it could be kept to: it is raised.
"""

from orch_actors.actors.core import facts as f
from orch_actors.actors.core.errors import InvalidTransition
from orch_actors.actors.core.fold import fold, take_out
from orch_actors.actors.core.nodes import Quarantined, Task
from orch_actors.actors.core.state import State
from orch_actors.protocol.errors import Refused

#: What `fold` raises of a fact that makes no sense.
SENSELESS = (InvalidTransition, LookupError, ValueError, Refused)


def fold_or_pass_over(state: State, fact: f.Fact, at_utc: float, source: str) -> None:
    """Take in one fact of an earlier life; `source` says where it stands, for people.

    Raises:
        InvalidTransition, LookupError, ValueError, Refused: it makes no sense, and is not about one task.
    """
    task = _task_of(state, fact)
    found = state.quarantine.get(task.ref) if task is not None else None
    if found is not None and not isinstance(fact, f.TaskQuarantined):
        _pass_over(state, found, fact)
        return
    try:
        fold(state, fact, at_utc)
    except SENSELESS as error:
        if task is None:
            raise
        found = state.quarantine[task.ref] = Quarantined(task, f"{source} makes no sense for it: {_in_words(error)}")
        if task.attempts and task.attempts[-1].ended_utc is None:
            found.running.add(len(task.attempts))
        take_out(state, task)
        _pass_over(state, found, fact)


def _task_of(state: State, fact: f.Fact) -> Task | None:
    """The one task that it is about, if there is such a task.

    Of a judge of which nothing is known, since that it was asked was passed over: the task that it judges.
    """
    graph, name = getattr(fact, "graph", ""), getattr(fact, "task", "")
    found = state.find(graph, name)
    if found is None and "#" in name:
        judged = state.find(graph, name.partition("#")[0])
        return judged if judged is not None and judged.ref in state.quarantine else None
    return found


def _pass_over(state: State, found: Quarantined, fact: f.Fact) -> None:
    """Keep to what it says of numbers, and to nothing else."""
    own = getattr(fact, "task", "") == found.task.id
    match fact:
        case f.AttemptStarting(attempt=number) if own:
            found.attempts = max(found.attempts, number)
            found.running.add(number)
        case f.AttemptEnded(attempt=number) if own:
            found.attempts = max(found.attempts, number)
            found.running.discard(number)
        case f.JudgeAsked(judge=judge):
            found.judges.append(judge)
        case f.DecisionAsked(ref=ref) if ref[1:].isdecimal():
            state.last_decision = max(state.last_decision, int(ref[1:]))
        case _:
            pass
    if not isinstance(fact, f.SilentFact):
        state.told += 1


def _in_words(error: Exception) -> str:
    match error:
        case InvalidTransition(fact=fact, state=state):
            return f"{fact}, while it was {state}"
        case Refused(info=info):
            return info.message
        case LookupError():
            return f"there is no {error}"
        case _:
            return str(error)
