"""Named readers of events: a cursor that only moves forward, and a bounded number of them."""

import pytest
from core_world import World, task

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers import consuming
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.messages import Acknowledged, ConsumerOpened, ConsumersForgotten


def wanted(consumer="me", since=None, *, kinds=(), graphs=(), oldest=1, head=10):
    return s.ConsumerWanted(consumer=consumer, since=since, kinds=kinds, graphs=graphs, oldest=oldest, head=head)


def acked(seq, consumer="me", head=10):
    return s.EventsAcknowledged(consumer=consumer, seq=seq, head=head)


def opened(**wants):
    world = World()
    world.do(wanted(**wants))
    return world


def refusal(world, stimulus):
    found = world.tell(stimulus)
    assert isinstance(found, Refused)
    assert found.info.hint
    return found.info.code


def test_a_new_one_begins_with_the_oldest_that_is_kept():
    world = World()
    step = world.do(wanted(oldest=4))
    assert step.facts == (f.ConsumerOpened(consumer="me", seq=3),)
    assert step.answer == ConsumerOpened(consumer="me", cursor=3, head=10)
    assert world.head == 0


def test_or_where_it_is_told_to():
    assert opened(since=10).state.consumers["me"].cursor == 10
    assert opened(since=0).state.consumers["me"].cursor == 0


@pytest.mark.parametrize(("since", "oldest"), [(11, 1), (2, 4), (-1, 1)])
def test_it_cannot_begin_where_there_is_nothing(since, oldest):
    assert refusal(World(), wanted(since=since, oldest=oldest)) == "NOT_ALLOWED"


def test_opening_again_leaves_it_where_it_is():
    world = opened()
    world.do(acked(5))
    step = world.do(wanted(since=0))
    assert not step.facts
    assert step.answer == ConsumerOpened(consumer="me", cursor=5, head=10, existing=True)


def test_a_cursor_only_moves_forward():
    world = opened()
    step = world.do(acked(5))
    assert step.facts == (f.ConsumerAdvanced(consumer="me", seq=5),)
    assert step.answer == Acknowledged(consumer="me", cursor=5)
    for older in (5, 4, 0):
        step = world.do(acked(older))
        assert not step.facts
        assert step.answer.cursor == 5
    assert refusal(world, acked(11)) == "NOT_ALLOWED"
    assert refusal(world, acked(-1)) == "NOT_ALLOWED"
    assert world.state.consumers["me"].cursor == 5


def test_it_knows_when_it_was_last_heard_of():
    world = opened()
    consumer = world.state.consumers["me"]
    assert consumer.idle_since_utc == consumer.created_utc == world.now
    world.now += 7
    world.do(acked(1))
    assert consumer.idle_since_utc == consumer.acknowledged_utc == world.now


@pytest.mark.parametrize("name", ["", "Me", "a/b", "..", "-x", "x" * 65, "a..b"])
def test_names_are_ids(name):
    assert refusal(World(), wanted(consumer=name)) == "INVALID_REQUEST"


def test_what_it_wants_is_kept_and_not_to_be_changed():
    world = World()
    world.submit(task("a"), name="nightly")
    step = world.do(wanted(kinds=("graph_ended", "task_ended", "graph_ended"), graphs=("nightly", "g1")))
    assert step.answer.kinds == ("graph_ended", "task_ended")
    assert step.answer.graphs == ("g1",)
    assert world.do(wanted(kinds=("task_ended", "graph_ended"), graphs=("g1",))).answer.existing
    assert world.do(wanted()).answer.graphs == ("g1",)
    assert refusal(world, wanted(kinds=("graph_ended",), graphs=("g1",))) == "NOT_ALLOWED"
    assert refusal(world, wanted(graphs=("g1",))) == "NOT_ALLOWED"
    assert refusal(world, wanted(consumer="you", graphs=("g7",))) == "UNKNOWN_GRAPH"


def test_kinds_are_those_that_there_are():
    found = World().tell(wanted(kinds=("graph_ended", "task_endet")))
    assert found.info.code == "INVALID_REQUEST"
    assert found.info.hint == "did you mean task_ended?"
    assert "graph_submitted" in World().tell(wanted(kinds=("x",))).info.hint


def test_it_outlives_its_graph():
    world = World()
    world.submit(task("a"))
    world.end("a")
    world.do(wanted(graphs=("g1",)))
    world.do(s.PruneAsked(graphs=("g1",), older_than_s=None, keep=None))
    assert world.do(wanted()).answer.graphs == ("g1",)


def test_unknown_ones():
    world = opened(consumer="nightly")
    assert refusal(world, acked(1, consumer="you")) == "UNKNOWN_CONSUMER"
    assert "did you mean nightly?" in world.tell(acked(1, consumer="nigthly")).info.hint
    assert refusal(world, s.ConsumersUnwanted(consumers=("nightly", "you"))) == "UNKNOWN_CONSUMER"
    assert list(world.state.consumers) == ["nightly"]


def test_forgotten_ones_may_begin_anew():
    world = opened()
    world.do(acked(5))
    step = world.do(s.ConsumersUnwanted(consumers=("me", "me")))
    assert step.answer == ConsumersForgotten(consumers=("me",))
    assert not world.state.consumers
    assert world.do(wanted(graphs=())).answer == ConsumerOpened(consumer="me", cursor=0, head=10)


def test_or_those_that_were_silent_for_too_long():
    world = World()
    for name in ("a", "b", "c"):
        world.do(wanted(consumer=name))
        world.now += 100
    world.do(acked(1, consumer="a"))
    world.now += 10
    step = world.do(s.ConsumersUnwanted(consumers=(), idle_s=150.0))
    assert step.answer == ConsumersForgotten(consumers=("b",))
    assert world.do(s.ConsumersUnwanted(consumers=(), idle_s=1e9)).answer == ConsumersForgotten(consumers=())
    assert refusal(world, s.ConsumersUnwanted(consumers=())) == "INVALID_REQUEST"
    assert refusal(world, s.ConsumersUnwanted(consumers=("a",), idle_s=0.0)) == "INVALID_REQUEST"
    assert list(world.state.consumers) == ["a", "c"]


def test_there_are_not_too_many(monkeypatch):
    monkeypatch.setattr(consuming, "MAX_CONSUMERS", 3)
    monkeypatch.setattr(consuming, "MAX_WANTED", 2)
    world = World()
    for name in ("a", "b", "c"):
        world.now += 1
        world.do(wanted(consumer=name))
    world.now += 1
    world.do(acked(3, consumer="a"))
    found = world.tell(wanted(consumer="d"))
    assert found.info.code == "TOO_MANY_CONSUMERS"
    assert "consumers forget b" in found.info.hint
    assert world.do(wanted(consumer="c")).answer.existing
    world.do(s.ConsumersUnwanted(consumers=("b",)))
    assert refusal(world, wanted(consumer="d", kinds=("task_ready", "task_ended", "graph_ended"))) == "INVALID_REQUEST"
    world.do(wanted(consumer="d", kinds=("task_ready", "task_ended")))


def test_a_restart_leaves_them_where_they_are():
    world = opened()
    world.do(acked(5))
    world.do(wanted(consumer="you", since=2, kinds=("graph_ended",)))
    world.restart()
    assert [(one.name, one.cursor) for one in world.state.consumers.values()] == [("me", 5), ("you", 2)]
