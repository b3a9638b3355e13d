"""From facts to events: what clients are told of each fact. Pure."""

from typing import Any, NamedTuple, get_args

from orch_actors.actors.core import facts as f
from orch_actors.protocol.views import Event, utc_text

#: Class of fact → kind of event.
KINDS: dict[type, str] = {fact: str(fact.__struct_config__.tag) for fact in get_args(f.ToldFact)}


class Wanted(NamedTuple):
    """Which events a reader wants; an empty set wants all."""

    kinds: frozenset[str] = frozenset()
    graphs: frozenset[str] = frozenset()

    def takes(self, fact: f.ToldFact) -> bool:
        """Whether the event that tells of this fact is among them; what is about no graph is about none of them."""
        if self.kinds and KINDS[type(fact)] not in self.kinds:
            return False
        return not self.graphs or (not isinstance(fact, _OF_WORKERS) and fact.graph in self.graphs)


def event_of(fact: f.ToldFact, seq: int, at_utc: float) -> Event:
    """The event number `seq` that tells of a fact decided at `at_utc`."""
    state, message, data = _content(fact)
    return Event(
        seq=seq,
        kind=KINDS[type(fact)],
        time_utc=utc_text(at_utc),
        graph=None if isinstance(fact, _OF_WORKERS) else fact.graph or None,
        task=(fact.task or None) if isinstance(fact, _OF_TASKS) else None,
        attempt=fact.attempt if isinstance(fact, _OF_ATTEMPTS) else None,
        state=state,
        message=message,
        data=data,
    )


_OF_WORKERS = (f.WorkerPaused, f.WorkerResumed, f.WorkerParked, f.WorkerUnparked, f.WorkerLimited)
_OF_ATTEMPTS = (
    f.AttemptStarting,
    f.AttemptAdopted,
    f.AttemptStopping,
    f.AttemptProgressed,
    f.AttemptEnded,
    f.RetryScheduled,
)
_OF_TASKS = (
    *_OF_ATTEMPTS,
    f.TaskReady,
    f.TaskEnded,
    f.TaskQuarantined,
    f.DecisionAsked,
    f.DecisionAnswered,
    f.TaskBlocked,
    f.JudgeAsked,
    f.Judged,
    f.TaskHeld,
    f.TaskRevived,
    f.TaskUpdated,
)

#: State from now on, one line for people, and what else there is to tell.
_Content = tuple[str | None, str, dict[str, Any]]


def _content(fact: f.ToldFact) -> _Content:
    match fact:
        case f.GraphSubmitted(document=document, client=client):
            name = str(document["name"])
            more: dict[str, Any] = {"parent": fact.parent} if fact.parent else {}
            if "callbacks" in document:
                more["callbacks"] = len(document["callbacks"])
            if "files" in document:
                more["files"] = document["files"]
            return "running", name, {"name": name, "tasks": len(document["tasks"]), "client": client, **more}
        case f.TaskReady():
            return "ready", "", {}
        case f.AttemptStarting():
            return "running", "", {}
        case f.AttemptProgressed():
            return None, fact.text, {"percent": fact.percent}
        case f.AttemptAdopted():
            return None, "", {"pid": fact.pid}
        case f.AttemptStopping():
            return None, fact.why, {"class": fact.cls}
        case f.AttemptEnded():
            told = {"exit_code": fact.exit_code, "class": fact.cls, "duration_s": fact.duration_s}
            return None, fact.message, told
        case f.RetryScheduled():
            return "pending", "", {"at_utc": utc_text(fact.at_utc), "delay_s": fact.delay_s}
        case f.JudgeAsked():
            return None if fact.decision else "judging", "", {"judge": fact.judge, "ref": fact.decision or None}
        case f.Judged():
            return None, fact.why, {"judge": fact.judge, "outcome": fact.outcome, "verdict": fact.verdict}
        case f.TaskQuarantined():
            return "failed", fact.reason, {"class": "quarantine"}
        case f.TaskEnded():
            return fact.state, fact.reason, {"class": fact.cls} if fact.cls else {}
        case _:
            return _content_of_edit(fact)


def _content_of_edit(
    fact: f.DecisionAsked
    | f.DecisionAnswered
    | f.TaskBlocked
    | f.TaskHeld
    | f.TaskRevived
    | f.TasksAdded
    | f.TaskUpdated
    | f.GraphPaused
    | f.GraphResumed
    | f.GraphReopened
    | f.GraphLimited
    | f.GraphBudgeted
    | f.GraphForgotten
    | f.GraphCancelling
    | f.GraphEnded
    | f.WorkerPaused
    | f.WorkerResumed
    | f.WorkerParked
    | f.WorkerUnparked
    | f.WorkerLimited,
) -> _Content:
    match fact:
        case f.DecisionAsked():
            told = {"ref": fact.ref, "about": fact.about, "options": list(fact.options), "default": fact.default}
            return "blocked" if fact.blocks else None, fact.question, told | _worker_of(fact)
        case f.DecisionAnswered():
            return None, fact.note, {"ref": fact.ref, "choice": fact.choice, "by": fact.by} | _worker_of(fact)
        case f.TaskBlocked():
            return "blocked", "", {"ref": fact.ref}
        case f.TaskHeld() | f.TaskRevived():
            return "pending", "", {}
        case f.TasksAdded():
            return None, "", {"tasks": [str(document["id"]) for document in fact.documents]}
        case f.TaskUpdated():
            return None, "; ".join(fact.changes), {}
        case f.GraphPaused():
            return "paused", fact.reason, {}
        case f.GraphResumed() | f.GraphReopened():
            return "running", "", {}
        case f.GraphLimited():
            return None, "", {"parallel": fact.parallel}
        case f.GraphBudgeted():
            return None, "", {"usd": fact.usd, "tokens": fact.tokens, "attempts": fact.attempts}
        case f.GraphForgotten():
            return None, "", {}
        case f.GraphCancelling():
            return None, fact.reason, {}
        case f.GraphEnded():
            return fact.state, fact.reason, {}
        case f.WorkerPaused():
            until = None if fact.until_utc is None else utc_text(fact.until_utc)
            return None, fact.reason, {"worker": fact.worker, "until_utc": until}
        case f.WorkerParked():
            return None, fact.reason, {"worker": fact.worker, "times": fact.times}
        case f.WorkerResumed() | f.WorkerUnparked():
            return None, "", {"worker": fact.worker}
        case f.WorkerLimited():
            return None, "", {"worker": fact.worker, "parallel": fact.parallel}


def _worker_of(fact: f.DecisionAsked | f.DecisionAnswered) -> dict[str, Any]:
    """The worker type that a decision is about, if it is about one."""
    return {"worker": fact.worker} if fact.worker else {}
