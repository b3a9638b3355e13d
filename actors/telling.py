"""From facts to events: what clients are told of each fact. Pure."""

from typing import Any, get_args

from orch_actors.actors.core import facts as f
from orch_actors.protocol.views import Event, utc_text

#: Class of fact → kind of event.
KINDS: dict[type, str] = {fact: str(fact.__struct_config__.tag) for fact in get_args(f.Fact)}


def event_of(fact: f.Fact, seq: int, at_utc: float) -> Event:
    """The event number `seq` that tells of a fact decided at `at_utc`."""
    attempt: int | None = None
    task: str | None = None
    state: str | None = None
    message = ""
    data: dict[str, Any] = {}
    match fact:
        case f.GraphSubmitted(document=document, client=client):
            state, message = "running", str(document["name"])
            data = {"name": document["name"], "tasks": len(document["tasks"]), "client": client}
        case f.TaskReady():
            task, state = fact.task, "ready"
        case f.AttemptStarting():
            task, attempt, state = fact.task, fact.attempt, "running"
        case f.AttemptAdopted():
            task, attempt, data = fact.task, fact.attempt, {"pid": fact.pid}
        case f.AttemptStopping():
            task, attempt, message, data = fact.task, fact.attempt, fact.why, {"class": fact.cls}
        case f.AttemptEnded():
            task, attempt, message = fact.task, fact.attempt, fact.message
            data = {"exit_code": fact.exit_code, "class": fact.cls, "duration_s": fact.duration_s}
        case f.RetryScheduled():
            task, attempt, state = fact.task, fact.attempt, "pending"
            data = {"at_utc": utc_text(fact.at_utc), "delay_s": fact.delay_s}
        case f.TaskEnded():
            task, state, message = fact.task, fact.state, fact.reason
            data = {"class": fact.cls} if fact.cls else {}
        case f.GraphCancelling():
            message = fact.reason
        case f.GraphEnded():
            state, message = fact.state, fact.reason
    return Event(
        seq=seq,
        kind=KINDS[type(fact)],
        time_utc=utc_text(at_utc),
        graph=fact.graph,
        task=task,
        attempt=attempt,
        state=state,
        message=message,
        data=data,
    )
