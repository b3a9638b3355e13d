"""The lines of a journal, as they are shown."""

import json

import msgspec
import pytest
from journal_books import AT, Book

from orch_actors.actors.core import facts as f
from orch_actors.actors.inspection.lines import show
from orch_actors.actors.recovery.history import CommandLine, digest_of, encode
from orch_actors.protocol import messages
from orch_actors.protocol.errors import ErrorInfo
from orch_actors.protocol.ids import new_id


@pytest.fixture
def book(tmp_path):
    made = Book(tmp_path)
    for name in ("one", "two"):
        made.submit(name)
    for graph in ("g1", "g2"):
        made.outcome(f.AttemptStarting(graph=graph, task="a", attempt=1), f.TaskHeld(graph=graph, task="b"))
    made.outcome(f.WorkerPaused(worker="shell", reason="enough"), f.ConsumerAdvanced(consumer="reader", seq=3))
    yield made
    made.close()


def sequences(found):
    return [line.sequence for line in found.lines]


def told(found):
    return [(fact.kind, fact.about, fact.message) for line in found.lines for fact in line.facts]


def test_all_of_it(book, tmp_path):
    found = show(book.folder, limit=100)
    assert sequences(found) == [1, 2, 3, 4, 5, 6, 7]
    assert not found.more
    first, second, *_, last = found.lines
    assert (first.type, first.client, first.do.graph["name"]) == ("command", "me", "one")
    assert (second.type, second.of, second.refused, second.time_utc) == (
        "outcome",
        1,
        False,
        "2027-01-15T08:00:00.250Z",
    )
    assert len({line.file for line in found.lines}) > 1
    assert [(fact.kind, fact.about, fact.message) for fact in last.facts] == [
        ("worker_paused", "shell", "enough"),
        ("consumer_advanced", "reader", ""),
    ]
    assert json.loads(msgspec.json.encode(found))["lines"][2]["do"]["type"] == "submit_graph"


def test_the_newest_or_those_after_one(book):
    found = show(book.folder, limit=2)
    assert (sequences(found), found.more) == ([6, 7], True)
    found = show(book.folder, since=2, limit=2)
    assert (sequences(found), found.more) == ([3, 4], True)
    found = show(book.folder, since=5, limit=2)
    assert (sequences(found), found.more) == ([6, 7], False)
    assert sequences(show(book.folder, since=7, limit=2)) == []


@pytest.mark.parametrize("graph", ["g2", "two"])
def test_of_one_graph_by_id_or_name_with_the_commands_that_made_it(book, graph):
    found = show(book.folder, graph=graph, limit=100)
    assert sequences(found) == [3, 4, 6]
    assert {about.partition("/")[0] for _, about, _ in told(found)} == {"g2"}


def test_of_one_task(book):
    found = show(book.folder, graph="g1", task="b", limit=100)
    assert told(found) == [("graph_submitted", "g1", "one"), ("task_ready", "g1/b", ""), ("task_held", "g1/b", "")]
    assert told(show(book.folder, graph="g1", task="a", limit=1)) == [("attempt_starting", "g1/a/1", "")]


def test_a_refusal_and_a_command_without_an_outcome(book):
    do = messages.Cancel(graph="g9")
    line = CommandLine(client="me", id=new_id(), digest=digest_of(do), at=AT, do=do)
    of = book.journal.add("command", encode(line))
    error = ErrorInfo(code="UNKNOWN_GRAPH", message="no")
    book.outcome(of=of, reply=messages.Reply(id=line.id, error=error))
    book.journal.add("command", encode(line))
    book.journal.commit()
    command, outcome, pending = show(book.folder, limit=3).lines
    assert (command.do, outcome.refused, pending.type) == (do, True, "command")


def test_what_is_broken_is_told_with_its_place_and_what_follows_is_shown(book, tmp_path):
    path = min(tmp_path.glob("*.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], lines[2].replace(b"g1", b"gX"), *lines[3:]]))
    found = show(book.folder, limit=100)
    broken = found.lines[1]
    assert (broken.type, broken.file, broken.line) == ("broken", path.name, 3)
    assert "checksum" in broken.fault
    assert sequences(found) == [1, 0, 3, 4, 5, 6, 7]
    assert "broken" in [line.type for line in show(book.folder, graph="g2", limit=100).lines]
    assert [line.type for line in show(book.folder, since=5, limit=100).lines] == ["broken", "outcome", "outcome"]


def test_half_a_line_at_the_end_is_one_that_is_being_written(book, tmp_path):
    with open(max(tmp_path.glob("*.jsonl")), "ab") as file:
        file.write(b'{"s":8,"y":')
    *_, last = show(book.folder, limit=100).lines
    assert (last.type, "being written" in last.fault) == ("broken", True)


def test_there_is_no_journal(tmp_path):
    with pytest.raises(FileNotFoundError):
        show(str(tmp_path / "none"), limit=1)
