"""The Archivist: pieces of files, results, and old events over segments, whatever became of the files meanwhile."""

import json
import os
import threading

import msgspec
import pytest

from orch_actors.actors import archivist
from orch_actors.actors.archivist import MAX_PIECE_BYTES, Archivist
from orch_actors.actors.core import facts as f
from orch_actors.actors.inside import (
    Origin,
    ReadLogFile,
    ReadOldEvents,
    ReadResultFile,
    ReadStory,
    RemoveFiles,
    SweepFiles,
)
from orch_actors.actors.journal.disk import RealDisk
from orch_actors.actors.journal.writer import Journal
from orch_actors.actors.recovery.history import OutcomeLine, encode
from orch_actors.actors.views import past
from orch_actors.actors.views.telling import Wanted
from orch_actors.protocol.errors import ErrorInfo
from orch_actors.protocol.messages import Events, LogPiece, TaskResult
from orch_actors.protocol.views import WhyView

DEADLINE_S = 10.0
ORIGIN = Origin((b"r",), "json", "id")


class Asked:
    """An archivist and what it answered."""

    def __init__(self, folder):
        self.folder = folder
        self.journal = folder / "journal"
        self.journal.mkdir()
        self.crashes = []
        self._answers, self._come = [], threading.Condition()
        self.ref = Archivist.start(str(self.journal), self._answered, lambda *crash: self.crashes.append(crash))

    def _answered(self, origin, what):
        assert origin == ORIGIN
        with self._come:
            self._answers.append(what)
            self._come.notify_all()

    def __call__(self, message):
        self.ref.ask(message, timeout=DEADLINE_S)
        (answer,) = self._answers
        self._answers.clear()
        return answer

    def log(self, offset=0, limit=65536, name="a.out", ended=False):
        return self(ReadLogFile(ORIGIN, str(self.folder / name), 3, offset, limit, ended))

    def result(self, name="a.result"):
        return self(ReadResultFile(ORIGIN, str(self.folder / name), "g1", "t", 2))

    def events(self, since, limit=1000, head=10**9):
        found = self(ReadOldEvents(ORIGIN, since, limit, head))
        assert isinstance(found, Events)
        assert found.head == head
        return [event.seq for event in found.events]


@pytest.fixture
def asked(tmp_path):
    made = Asked(tmp_path)
    yield made
    assert made.ref.is_alive()
    made.ref.stop()
    assert not made.crashes


# --- logs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "limit", "begin", "data"),
    [
        (0, 100, 0, b"0123456789"),
        (0, 4, 0, b"0123"),
        (3, 4, 3, b"3456"),
        (8, 100, 8, b"89"),
        (10, 100, 10, b""),
        (11, 100, 11, b""),
        (2**62, 100, 2**62, b""),
        (-3, 100, 7, b"789"),
        (-3, 2, 7, b"78"),
        (-10, 100, 0, b"0123456789"),
        (-1000, 100, 0, b"0123456789"),
        (-(2**62), 1, 0, b"0"),
        (0, 0, 0, b""),
        (0, -5, 0, b""),
    ],
)
def test_a_piece(asked, offset, limit, begin, data):
    (asked.folder / "a.out").write_bytes(b"0123456789")
    found = asked.log(offset, limit)
    path = str(asked.folder / "a.out")
    assert found == LogPiece(attempt=3, offset=begin, data=data, size=10, ended=False, path=path)


def test_a_piece_is_bounded(asked):
    (asked.folder / "a.out").write_bytes(b"x" * (MAX_PIECE_BYTES + 5))
    found = asked.log(limit=2**62)
    assert (len(found.data), found.size) == (MAX_PIECE_BYTES, MAX_PIECE_BYTES + 5)


def test_pieces_follow_a_log_that_grows(asked):
    path = asked.folder / "a.out"
    read = b""
    for number in range(20):
        with open(path, "ab") as file:
            file.write(b"line %d\n" % number)
        read += asked.log(len(read), 5).data
    while piece := asked.log(len(read), 5, ended=True).data:
        read += piece
    assert read == path.read_bytes()


def test_a_log_that_has_not_begun_is_empty(asked):
    for offset in (0, -5, 7):
        found = asked.log(offset)
        assert (found.offset, found.data, found.size) == (max(0, offset), b"", 0)


def test_bytes_that_are_no_text_come_through(asked):
    (asked.folder / "a.out").write_bytes(bytes(range(256)))
    assert asked.log().data == bytes(range(256))


def test_a_log_that_is_no_file_any_more_is_told_and_harms_nobody(asked):
    (asked.folder / "folder").mkdir()
    os.mkfifo(asked.folder / "pipe")
    (asked.folder / "file").write_bytes(b"")
    (asked.folder / "loop").symlink_to(asked.folder / "loop")
    for name in ("folder", "pipe", "file/below", "loop", "x" * 300):
        found = asked.log(name=name)
        assert isinstance(found, ErrorInfo), name
        assert str(asked.folder / name) in found.message
    (asked.folder / "a.out").write_bytes(b"fine")
    assert asked.log().data == b"fine"


# --- results ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [{"x": [1, 2.5, None, True, "ü"]}, [], 0, "", list(range(50_000))], ids=type)
def test_a_result(asked, value):
    (asked.folder / "a.result").write_text(json.dumps(value))
    assert asked.result() == TaskResult(graph="g1", task="t", attempt=2, value=value)


@pytest.mark.parametrize(
    "data",
    [None, b"", b"{", b'"\\ud800"', b"\xff", b"1" * 400, b"1e999", b"[" * 100_000 + b"]" * 100_000, b"NaN", b"1 2"],
    ids=["none", "empty", "half", "surrogate", "bytes", "long number", "inf", "deep", "nan", "two"],
)
def test_a_result_that_was_changed_since_is_told_and_harms_nobody(asked, data):
    if data is not None:
        (asked.folder / "a.result").write_bytes(data)
    found = asked.result()
    if isinstance(found, TaskResult):  # then both encodings can carry it
        msgspec.json.encode(found)
        msgspec.msgpack.encode(found)
    else:
        assert found.code == "NO_RESULT"
        assert str(asked.folder / "a.result") in found.message


# --- events -------------------------------------------------------------------------------------------------------


def write_events(asked, sizes, segment_bytes):
    """Outcome lines with these numbers of facts, one commit each; the number of the last event."""
    journal, _, _ = Journal.open(RealDisk(), str(asked.journal), segment_bytes=segment_bytes, ballast_bytes=0)
    head = 0
    for number, size in enumerate(sizes):
        if number % 3 == 2:
            journal.add("command", b'{"a":"command"}')
        facts = tuple(f.TaskReady(graph="g1", task=f"t{head + index + 1}") for index in range(size))
        journal.add("outcome", encode(OutcomeLine(of=None, at=1e9, e=head + 1, facts=facts)))
        head += size
        journal.commit(head + 1)
    journal.close()
    return head


@pytest.mark.parametrize("segment_bytes", [1, 500, 10**9])
def test_events_from_any_number_on(asked, segment_bytes):
    head = write_events(asked, [3, 0, 1, 5, 2, 0, 0, 4, 1, 1, 7], segment_bytes)
    count = len(list(asked.journal.glob("*.jsonl")))
    assert {1: count == 12, 500: 2 < count < 12, 10**9: count == 1}[segment_bytes]
    for since in range(head + 2):
        assert asked.events(since) == list(range(since + 1, head + 1)), since


@pytest.mark.parametrize("near", [0, 1, 300])
def test_a_number_is_found_by_halving(asked, monkeypatch, near):
    """In a segment of many lines, with those that tell nothing and those that tell much."""
    monkeypatch.setattr(past, "NEAR", near)
    head = write_events(asked, [1, 0, 7, 0, 0, 30, 1, 1, 2, 0, 0, 0, 5, 1, 90, 1, 0, 3], 10**9)
    for since in range(head + 2):
        assert asked.events(since, limit=5) == list(range(since + 1, min(since + 5, head) + 1)), since


def test_halving_stops_before_what_is_being_written(asked, monkeypatch):
    monkeypatch.setattr(past, "NEAR", 0)
    head = write_events(asked, [2, 3, 1, 4], 10**9)
    (path,) = asked.journal.glob("*.jsonl")
    whole = path.read_bytes()
    for cut in (1, 30, 200):
        path.write_bytes(whole[:-cut])
        told = asked.events(0)
        assert told == list(range(1, len(told) + 1))
        assert len(told) < head
        for since in range(head):
            assert asked.events(since) == told[since:]


@pytest.mark.parametrize("segment_bytes", [1, 500, 10**9])
def test_at_most_so_many_and_none_after_the_head(asked, segment_bytes):
    write_events(asked, [3, 1, 5, 2], segment_bytes)
    assert asked.events(2, limit=4) == [3, 4, 5, 6]
    assert asked.events(2, head=5) == [3, 4, 5]
    assert asked.events(2, limit=1, head=2) == []


@pytest.mark.parametrize("segment_bytes", [1, 10**9])
def test_only_what_is_wanted(asked, segment_bytes):
    head = write_events(asked, [3, 1, 5, 2], segment_bytes)
    everything, nothing = Wanted(kinds=frozenset({"task_ready"})), Wanted(graphs=frozenset({"g2"}))
    for since in range(head):
        found = asked(ReadOldEvents(ORIGIN, since, 3, head, everything))
        assert [event.seq for event in found.events] == list(range(since + 1, min(since + 3, head) + 1))
        assert found.through == found.events[-1].seq
        found = asked(ReadOldEvents(ORIGIN, since, 3, head, nothing))
        assert (found.events, found.through) == ((), head)


def test_it_says_how_far_it_has_looked(asked, monkeypatch):
    """Whoever wants what seldom comes does not keep others waiting."""
    monkeypatch.setattr(archivist, "MAX_LOOK", 4)
    head = write_events(asked, [3, 1, 5, 2], 10**9)
    since, looks = 0, []
    while since < head:
        found = asked(ReadOldEvents(ORIGIN, since, 3, head, Wanted(graphs=frozenset({"g2"}))))
        assert found.events == ()
        looks.append(found.through - since)
        since = found.through
    assert looks == [4, 4, 3]


def test_what_is_told_is_what_happened(asked):
    write_events(asked, [2], 1)
    (event, _) = asked(ReadOldEvents(ORIGIN, 0, 10, 2)).events
    assert (event.kind, event.graph, event.task, event.time_utc) == (
        "task_ready",
        "g1",
        "t1",
        "2001-09-09T01:46:40.000Z",
    )


@pytest.mark.parametrize("cut", [1, 30, 10**9])
def test_a_line_that_is_being_written_is_not_told(asked, cut):
    write_events(asked, [2, 3], 10**9)
    (path,) = asked.journal.glob("*.jsonl")
    path.write_bytes(path.read_bytes()[: -min(cut, len(path.read_bytes().splitlines()[-1]))])
    assert asked.events(0) == [1, 2]


@pytest.mark.parametrize("part", [b"", b'{"orch_journal"'])
def test_a_segment_that_is_being_made_hides_nothing(asked, part):
    head = write_events(asked, [2, 3], 10**9)
    (asked.journal / "00000002.jsonl").write_bytes(part)
    for since in range(head):
        assert asked.events(since) == list(range(since + 1, head + 1))


def test_torn_tails_that_were_put_aside_are_not_read(asked):
    write_events(asked, [2], 10**9)
    (asked.journal / "torn-1.000000").write_bytes(b"x")
    (asked.journal / "torn-1.000000-00000002.jsonl").write_bytes(b"x")
    assert asked.events(0) == [1, 2]


def test_a_story_is_of_one_task(asked):
    write_events(asked, [20, 20], 1)
    why = WhyView(graph="g1", task="t1", state="ready", sentence="", reason={})
    found = asked(ReadStory(ORIGIN, why, 40))
    assert [line.kind for line in found.why.story] == ["task_ready"]


def test_files_of_a_forgotten_graph_go(asked):
    (asked.folder / "g1").mkdir()
    (asked.folder / "g1" / "a.1.out").write_bytes(b"")
    asked.ref.ask(RemoveFiles(str(asked.folder / "g1")), timeout=DEADLINE_S)
    assert not (asked.folder / "g1").exists()
    asked.ref.ask(RemoveFiles(str(asked.folder / "g1")), timeout=DEADLINE_S)


def test_files_of_forgotten_graphs_that_were_left_are_swept_and_nothing_else(asked):
    folder = asked.folder / "attempts"
    asked.ref.ask(SweepFiles(str(folder), 9, frozenset()), timeout=DEADLINE_S)  # there is no such folder yet
    for name in ("g1", "g2", "g9", "g10", "g\u0663", "g1x", "notes", "g"):
        (folder / name).mkdir(parents=True)
        (folder / name / "a.1.out").write_text("x")
    (folder / "g3").write_text("a file")
    asked.ref.ask(SweepFiles(str(folder), 9, frozenset({"g2"})), timeout=DEADLINE_S)
    assert sorted(os.listdir(folder)) == ["g", "g10", "g1x", "g2", "g3", "g\u0663", "notes"]
    assert not asked.crashes
