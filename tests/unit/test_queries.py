"""Answers to queries: what is found, what is refused, and events from memory or through the archivist."""

import os
from collections import deque

import pytest

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.machine import Machine
from orch_actors.actors.core.state import State
from orch_actors.actors.inside import Origin, ReadLogFile, ReadOldEvents, ReadResultFile, ReadStory
from orch_actors.actors.recovery.history import Told
from orch_actors.actors.translating import stimulus_of
from orch_actors.actors.views import queries
from orch_actors.protocol import messages
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.settings import Settings
from orch_actors.protocol.views import Artifact

NOW = 1_800_000_000.0
ORIGIN = Origin((b"r",), "json", "id")
LEFT = Artifact(path="/srv/a", sha256=64 * "0", size=3)


def folder_of(graph):
    return f"/attempts/{graph}"


def machine(result=b"null", *, in_file=False, left=()):
    made = Machine("boot")
    made.handle(s.WorkerTypesConfigured(limits={"shell": 1}), NOW)
    made.handle(s.WorkerReady(worker="shell"), NOW)
    graph = {
        "name": "n",
        "tasks": [{"id": "a", "command": "true"}, {"id": "b", "command": "true", "depends_on": ["a"]}],
    }
    made.handle(stimulus_of(messages.SubmitGraph(graph=graph), "c", Settings()), NOW)
    over = s.AttemptOver(
        graph="g1", task="a", attempt=1, ending="exit", exit_code=0, started_utc=NOW, ended_utc=NOW + 1,
        result=f.NOTHING if result == b"null" else f.Raw(result), result_in_file=in_file,
        artifacts=left,
    )  # fmt: skip
    made.handle(over, NOW + 1)
    return made


def refusal(call, *arguments):
    with pytest.raises(Refused) as refused:
        call(*arguments)
    return refused.value.info.code


def test_a_graph_and_summaries():
    state = machine().state
    graph = queries.get_graph(state, messages.GetGraph(graph="n"), folder_of).graph
    assert [(task.id, task.state) for task in graph.tasks] == [("a", "done"), ("b", "running")]
    assert graph.tasks[0].attempts[0].stdout == "/attempts/g1/a.1.out"
    found = queries.get_summaries(state, messages.GetSummaries(graphs=("g1", "n")), 9)
    assert ([summary.id for summary in found.graphs], found.head) == (["g1", "g1"], 9)


def test_what_there_is_not():
    state = machine().state
    assert refusal(queries.get_graph, state, messages.GetGraph(graph="g2"), folder_of) == "UNKNOWN_GRAPH"
    assert refusal(queries.get_graph, state, messages.GetGraph(graph=""), folder_of) == "UNKNOWN_GRAPH"
    assert refusal(queries.get_summaries, state, messages.GetSummaries(graphs=("g1", "x")), 1) == "UNKNOWN_GRAPH"
    read = messages.ReadLog(graph="g1", task="z")
    assert refusal(queries.read_log, state, read, ORIGIN, folder_of) == "UNKNOWN_TASK"
    assert refusal(queries.get_decision, state, messages.GetDecision(ref="d1")) == "UNKNOWN_DECISION"


def test_a_small_result_is_answered_at_once_and_a_large_one_is_read():
    small = queries.get_result(machine(b'{"x":[1]}').state, messages.GetResult(graph="g1", task="a"), ORIGIN, folder_of)
    assert small == messages.TaskResult(graph="g1", task="a", attempt=1, value={"x": [1]})
    large = queries.get_result(machine(in_file=True).state, messages.GetResult(graph="g1", task="a"), ORIGIN, folder_of)
    assert large == ReadResultFile(ORIGIN, "/attempts/g1/a.1.result", "g1", "a", 1)


def test_artifacts_come_with_a_result_or_alone():
    alone = queries.get_result(machine(left=(LEFT,)).state, messages.GetResult(graph="g1", task="a"), ORIGIN, folder_of)
    assert (alone.value, alone.artifacts) == (None, (LEFT,))
    both = machine(in_file=True, left=(LEFT,)).state
    large = queries.get_result(both, messages.GetResult(graph="g1", task="a"), ORIGIN, folder_of)
    assert large == ReadResultFile(ORIGIN, "/attempts/g1/a.1.result", "g1", "a", 1, None, (LEFT,))
    graph = queries.get_graph(both, messages.GetGraph(graph="n"), folder_of).graph
    assert [attempt.artifacts for task in graph.tasks for attempt in task.attempts] == [1, 0]


def test_no_result_says_why():
    state = machine().state
    for task, said in (("a", "it left none"), ("b", "it is running")):
        with pytest.raises(Refused, match=said) as refused:
            queries.get_result(state, messages.GetResult(graph="g1", task=task), ORIGIN, folder_of)
        assert refused.value.info.code == "NO_RESULT"


def test_a_log_is_found_by_attempt_and_stream():
    state = machine().state

    def read(**fields):
        return queries.read_log(state, messages.ReadLog(graph="g1", **fields), ORIGIN, folder_of)

    assert read(task="a") == ReadLogFile(ORIGIN, "/attempts/g1/a.1.out", 1, 0, 65536, True)
    last = read(task="b", attempt=1, stream="stderr", offset=-5, limit=7)
    assert last == ReadLogFile(ORIGIN, "/attempts/g1/b.1.err", 1, -5, 7, False)
    assert os.path.isabs(last.path)


@pytest.mark.parametrize("number", [2, -1, 10**18])
def test_an_attempt_that_there_is_not(number):
    read = messages.ReadLog(graph="g1", task="a", attempt=number)
    assert refusal(queries.read_log, machine().state, read, ORIGIN, folder_of) == "UNKNOWN_ATTEMPT"


@pytest.mark.parametrize("stream", ["", "out", "../../etc/passwd", "stdout\0"])
def test_only_the_two_streams(stream):
    read = messages.ReadLog(graph="g1", task="a", stream=stream)
    assert refusal(queries.read_log, machine().state, read, ORIGIN, folder_of) == "INVALID_REQUEST"


# --- events -------------------------------------------------------------------------------------------------------


def recent(first, last):
    return deque(Told(seq, f.TaskReady(graph="g1", task="a"), NOW) for seq in range(first, last + 1))


def read_events(since, limit=1000, *, first=11, last=20, head=20, oldest=1):
    query = messages.ReadEvents(since=since, limit=limit)
    return queries.read_events(State(), query, recent(first, last), range(oldest, head + 1), ORIGIN)


def numbers(events):
    return [event.seq for event in events.events]


@pytest.mark.parametrize("since", range(10, 20))
def test_events_from_memory(since):
    found = read_events(since)
    assert numbers(found) == list(range(since + 1, 21))
    assert found.head == 20


@pytest.mark.parametrize("since", [-5, 0, 9])
def test_older_events_are_the_archivists_to_read(since):
    assert read_events(since) == ReadOldEvents(ORIGIN, max(0, since), 1000, 20)


@pytest.mark.parametrize("since", [0, 3, 4])
def test_events_that_are_gone(since):
    with pytest.raises(Refused) as refused:
        read_events(since, oldest=6)
    assert (refused.value.info.code, refused.value.info.oldest) == ("EVENTS_GONE", 6)
    assert refused.value.info.message == f"the events from {since + 1} to 5 are gone"
    assert "read on after 5" in refused.value.info.hint


def test_events_that_are_just_there():
    assert read_events(5, oldest=6) == ReadOldEvents(ORIGIN, 5, 1000, 20)
    assert read_events(None, oldest=6) == ReadOldEvents(ORIGIN, 5, 1000, 20), "who names none has what there is"
    assert numbers(read_events(None, oldest=11)) == list(range(11, 21))


@pytest.mark.parametrize("since", [20, 21, 10**18])
def test_nothing_newer(since):
    assert read_events(since) == messages.Events(events=(), head=20, through=20)


@pytest.mark.parametrize(("limit", "count"), [(-1, 1), (0, 1), (1, 1), (3, 3), (10**9, 10)])
def test_at_most_so_many(limit, count):
    assert numbers(read_events(10, limit)) == list(range(11, 11 + count))


def test_no_answer_holds_what_is_decided_but_not_yet_durable():
    """`head` runs ahead of `recent` within a batch."""
    found = read_events(15, head=25)
    assert numbers(found) == [16, 17, 18, 19, 20]
    assert read_events(3, head=25) == ReadOldEvents(ORIGIN, 3, 1000, 20)
    empty = queries.read_events(State(), messages.ReadEvents(since=0), deque(), range(1, 4), ORIGIN)
    assert empty == ReadOldEvents(ORIGIN, 0, 1000, 3), "a life that began with a snapshot"
    assert numbers(read_events(22, head=25)) == []


def test_why_names_what_is_durable_only():
    asked = queries.get_why(machine().state, messages.Why(graph="g1", task="b"), ORIGIN, recent(11, 20), 25)
    assert isinstance(asked, ReadStory)
    assert (asked.head, asked.why.task) == (20, "b")
    assert queries.get_why(machine().state, messages.Why(graph="g1", task="b"), ORIGIN, deque(), 3).head == 3
