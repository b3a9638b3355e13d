"""The supervisor's lines: written, read back, folded; what cannot be understood is said, never passed over."""

import msgspec
import pytest
from journal_lines import Pages
from msgspec import Raw

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.machine import Machine
from orch_actors.actors.journal.reading import JournalUnreadable
from orch_actors.actors.recovery.history import (
    RECENT_EVENTS,
    CommandLine,
    OutcomeLine,
    decode_outcome,
    digest_of,
    encode,
)
from orch_actors.actors.translating import stimulus_of
from orch_actors.protocol import codec, messages
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.ids import new_id
from orch_actors.protocol.settings import Settings

NOW = 1_800_000_000.5
GRAPH = {"name": "two", "tasks": [{"id": "a", "command": "true"}, {"id": "b", "command": "true", "depends_on": ["a"]}]}
SUBMIT = messages.SubmitGraph(graph=GRAPH)


class Book(Pages):
    """Lines as a journal would hand them over."""

    def __init__(self):
        super().__init__()
        self.head = 0

    def command(self, do=SUBMIT, command=None, client="c"):
        return self.write(CommandLine(client=client, id=command or new_id(), digest=digest_of(do), at=NOW, do=do))

    def outcome(self, facts=(), of=None, reply=None):
        line = OutcomeLine(
            of=of, at=NOW, e=self.head + 1, facts=tuple(facts), reply=f.NOTHING if reply is None else Raw(reply)
        )
        self.head += sum(not isinstance(fact, f.SilentFact) for fact in facts)
        return self.write(line)


def submitted():
    machine = Machine("boot")
    return machine.handle(stimulus_of(SUBMIT, "c", Settings()), NOW).facts


def test_an_empty_journal_comes_to_nothing():
    came = Book().came()
    assert (came.head, len(came.recent), came.unprocessed, len(came.answers)) == (0, 0, {}, 0)


def test_lines_come_back_as_they_were():
    command = CommandLine(client="c", id=new_id(), digest="d", at=NOW, do=SUBMIT)
    assert msgspec.json.decode(encode(command), type=CommandLine) == command
    outcome = OutcomeLine(of=1, at=NOW, e=1, facts=submitted(), reply=Raw(b'{"id":"x"}'))
    again = decode_outcome(encode(outcome))
    assert again.facts == outcome.facts
    assert bytes(again.reply) == b'{"id":"x"}'
    assert b"\n" not in encode(outcome)


def test_an_answered_command_is_known_by_its_reply():
    book, command = Book(), new_id()
    book.outcome(submitted(), of=book.command(command=command), reply=b'{"id":"1","result":{"x":1}}')
    came = book.came()
    assert came.unprocessed == {}
    assert came.answers.find("c", command, digest_of(SUBMIT)) == b'{"id":"1","result":{"x":1}}'


def test_only_commands_without_an_outcome_are_left_to_decide():
    book = Book()
    first = book.command()
    second = book.command(messages.Cancel(graph="g1"), client="other")
    book.outcome(submitted(), of=first, reply=b"{}")
    third = book.command(command="z")
    came = book.came()
    assert sorted(came.unprocessed) == [second, third]
    assert came.unprocessed[second].do == messages.Cancel(graph="g1")
    assert came.unprocessed[third].id == "z"


def test_events_are_numbered_by_fact_over_all_lines():
    facts = submitted()
    book = Book()
    book.outcome(facts, of=book.command(), reply=b"{}")
    book.outcome([f.GraphCancelling(graph="g1", reason="r")])
    replay = book.replay()
    came = replay.finish()
    assert came.head == len(facts) + 1
    assert [told.seq for told in came.recent] == list(range(1, came.head + 1))
    assert [told.fact for told in came.recent] == [*facts, f.GraphCancelling(graph="g1", reason="r")]
    assert replay.state.graphs["g1"].cancelling


def test_silent_facts_are_folded_and_take_no_number():
    book, (first, *others) = Book(), submitted()
    silent = f.ConsumerOpened(consumer="me", seq=0)
    book.outcome([silent])
    assert book.head == 0
    book.outcome([first, f.ConsumerAdvanced(consumer="me", seq=1), *others])
    book.outcome([f.ConsumerAdvanced(consumer="me", seq=2)])
    book.outcome([f.GraphCancelling(graph="g1")])
    replay = book.replay()
    came = replay.finish()
    assert [told.fact for told in came.recent] == [first, *others, f.GraphCancelling(graph="g1")]
    assert [told.seq for told in came.recent] == list(range(1, came.head + 1))
    assert replay.state.consumers["me"].cursor == 2


def test_an_outcome_that_leaves_out_events_stops_the_start():
    book = Book()
    book.outcome(submitted())
    book.head += 1
    sequence = book.outcome([f.GraphCancelling(graph="g1")])
    with pytest.raises(JournalUnreadable, match=f"sequence {sequence} .*its first event is 4"):
        book.came()


def test_memory_holds_the_newest_events_only():
    book = Book()
    book.outcome(submitted())
    for _ in range(3):
        book.outcome([f.GraphCancelling(graph="g1")] * 4000)
    came = book.came()
    assert came.head == book.head
    assert len(came.recent) == RECENT_EVENTS
    assert came.recent[-1].seq == came.head


def test_replay_gives_the_state_that_was_live():
    live, book = Machine("boot"), Book()
    stimuli = [
        s.WorkerTypesConfigured(limits={"shell": 2}),
        stimulus_of(SUBMIT, "c", Settings()),
        s.WorkerReady(worker="shell"),
        s.AttemptOver(graph="g1", task="a", attempt=1, ending="exit", exit_code=0),
        s.AttemptOver(graph="g1", task="b", attempt=1, ending="exit", exit_code=1),
    ]
    for stimulus in stimuli:
        step = live.handle(stimulus, NOW)
        if step.facts:
            book.outcome(step.facts)
    graph, twin = live.state.graphs["g1"], book.replay().state.graphs["g1"]
    assert (graph.state, graph.counts) == (twin.state, twin.counts)
    assert (
        [task.state for task in graph.tasks.values()]
        == [task.state for task in twin.tasks.values()]
        == ["done", "failed"]
    )


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("command", b"{}"),
        ("command", b'{"client":"c","id":"i","digest":"d","at":1,"do":{"type":"conquer"}}'),
        ("command", b'{"client":"c","id":"i","digest":"d","at":1,"do":{"type":"cancel","graph":"g1","new":1}}'),
        ("outcome", b"null"),
        ("outcome", b'{"of":null,"at":1,"e":1,"facts":[{"k":"graph_exploded","graph":"g1"}]}'),
        ("outcome", b'{"of":null,"at":1,"e":1,"facts":[{"k":"task_ready","graph":"g9","task":"a"}]}'),
        ("outcome", b'{"of":null,"at":1,"e":1,"facts":[{"k":"graph_submitted","graph":"g1","document":{}}]}'),
        ("outcome", b'{"of":null,"at":1,"e":1,"facts":[{"k":"graph_submitted","graph":"gx","document":'
         + msgspec.json.encode(GRAPH) + b"}]}"),
    ],
)  # fmt: skip
def test_a_line_that_makes_no_sense_stops_the_start_and_names_its_sequence(kind, data):
    book = Book()
    book.outcome([])
    sequence = book.add(kind, data)
    with pytest.raises(JournalUnreadable, match=f"sequence {sequence} ") as refused:
        book.came()
    assert refused.value.exit_code == 100


def test_a_fact_that_makes_no_sense_for_one_task_stops_nothing():
    book = Book()
    book.outcome(submitted())
    book.outcome([f.TaskEnded(graph="g1", task="a", state="done")])
    replay = book.replay()
    came = replay.finish()
    (found,) = replay.state.quarantine.values()
    assert found.why == "the journal's sequence 2 makes no sense for it: task_ended → done, while it was ready"
    assert came.head == 3


@pytest.mark.parametrize(
    "fact",
    [
        f.GraphResumed(graph="g1"),
        f.GraphForgotten(graph="g1"),
        f.WorkerUnparked(worker="shell"),
        f.TaskReady(graph="g1", task="nobody"),
        f.DecisionAnswered(worker="shell", ref="d9", choice="x"),
        f.TasksAdded(graph="g1", documents=({"id": "x"},)),
    ],
)
def test_a_fact_that_makes_no_sense_for_more_than_a_task_stops_the_start(fact):
    book = Book()
    book.outcome(submitted())
    book.outcome([fact])
    with pytest.raises(JournalUnreadable, match="sequence 2 "):
        book.came()


def test_the_digest_is_of_the_content_in_either_encoding():
    request = messages.Request(id=new_id(), client="c", do=SUBMIT)
    found = {digest_of(codec.REQUEST.decode(codec.encode(request, encoding)).do) for encoding in ("json", "msgpack")}
    assert found == {digest_of(SUBMIT)}
    assert digest_of(messages.SubmitGraph(graph=GRAPH, key="k")) not in found


@pytest.mark.parametrize(
    "value",
    [msgspec.msgpack.Ext(5, b"x"), {None: 1}, {(1, 2): 1}, "\ud800"],
    ids=["ext", "null key", "tuple key", "half"],
)
def test_what_json_cannot_hold_is_refused_and_kills_nobody(value):
    with pytest.raises(Refused) as refused:
        digest_of(messages.SubmitGraph(graph={"x": [value]}))
    assert refused.value.info.code == "INVALID_REQUEST"


def test_what_is_nested_too_deeply_is_refused_and_kills_nobody():
    nest = []
    for _ in range(100_000):
        nest = [nest]
    with pytest.raises(Refused):
        digest_of(messages.SubmitGraph(graph={"x": nest}))
