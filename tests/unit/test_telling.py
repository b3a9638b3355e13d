"""From facts to events: every kind, its number, and that both encodings can carry it."""

from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest

from orch_actors.actors.core import facts as f
from orch_actors.actors.views.telling import KINDS, event_of
from orch_actors.protocol import codec
from orch_actors.protocol.messages import Published
from orch_actors.protocol.views import EventKind

AT = 1_800_000_000.25
DOCUMENT = {"name": "n", "id": "t", "tasks": [{"id": "t", "command": "true"}]}


def sample(of):
    """A value of a field's type."""
    if of is Any:
        return 1
    if get_origin(of) is Literal:
        return get_args(of)[0]
    if get_origin(of) is tuple:
        return (sample(get_args(of)[0]),)
    if get_origin(of) is dict:
        return DOCUMENT if get_args(of)[1] is Any else {"K": "v"}
    if get_args(of):  # a union with None
        return sample(get_args(of)[0])
    if isinstance(of, type) and issubclass(of, msgspec.Struct):
        return of(**{field.name: sample(field.type) for field in msgspec.structs.fields(of) if field.required})
    return {str: "t", int: 2, float: 1.5, bool: True}[of]


def every_fact():
    for kind in get_args(f.ToldFact):
        fields = {
            field.name: sample(field.type)
            for field in msgspec.structs.fields(kind)
            if field.type is not msgspec.Raw and field.name != "k"
        }
        yield kind(**fields)


@pytest.mark.parametrize("fact", list(every_fact()), ids=lambda fact: type(fact).__name__)
def test_every_fact_is_told(fact):
    event = event_of(fact, 7, AT)
    assert (event.seq, event.time_utc) == (7, "2027-01-15T08:00:00.250Z")
    assert event.kind == KINDS[type(fact)] == fact.__struct_config__.tag
    for name in ("graph", "task", "attempt"):
        assert getattr(event, name) in (getattr(fact, name, None), None)
    assert event.graph == getattr(fact, "graph", None)
    assert event.task == getattr(fact, "task", None)
    for encoding in ("json", "msgpack"):
        assert codec.PUBLISHED.decode(codec.encode(Published(event=event), encoding)).event.seq == 7


def test_the_kinds_are_the_documented_ones():
    assert set(get_args(EventKind)) == set(KINDS.values())


def test_the_state_is_the_one_from_now_on():
    def state(fact):
        return event_of(fact, 1, AT).state

    assert state(f.GraphSubmitted(graph="g1", document=DOCUMENT)) == "running"
    assert state(f.TaskReady(graph="g1", task="t")) == "ready"
    assert state(f.AttemptStarting(graph="g1", task="t", attempt=1)) == "running"
    assert state(f.AttemptEnded(graph="g1", task="t", attempt=1)) is None
    assert state(f.RetryScheduled(graph="g1", task="t", attempt=2, at_utc=AT, delay_s=1)) == "pending"
    assert state(f.TaskEnded(graph="g1", task="t", state="skipped")) == "skipped"
    assert state(f.GraphEnded(graph="g1", state="failed")) == "failed"


def test_an_end_tells_code_class_and_duration():
    fact = f.AttemptEnded(
        graph="g1", task="t", attempt=3, exit_code=2, cls="exit", message="exit code 2", duration_s=1.5
    )
    event = event_of(fact, 1, AT)
    assert event.data == {"exit_code": 2, "class": "exit", "duration_s": 1.5}
    assert (event.attempt, event.message) == (3, "exit code 2")
