"""The courier's pure parts and its files: lines, cursor, outbox, deliveries; no process, socket or sleep."""

import json
import os

import pytest

from orch_actors.actors.courier import inbox
from orch_actors.actors.courier.deliveries import FIRST_WAIT_S, Deliveries
from orch_actors.actors.courier.inbox import Reader
from orch_actors.actors.courier.lines import read_line
from orch_actors.actors.courier.outbox import Outbox
from orch_actors.protocol import messages
from orch_actors.protocol.views import Event


@pytest.fixture
def box(tmp_path):
    """An inbox, and readers of it as after a restart."""

    class Box:
        path = tmp_path / "inbox.jsonl"

        def reader(self):
            return Reader(str(self.path), str(tmp_path / "cursor.json"))

        def append(self, data):
            with open(self.path, "ab") as file:
                file.write(data)

    return Box()


def take(reader, save=True, now=1000.0):
    """What a reader has now; it is dealt with."""
    found = []
    while lines := reader.batch(100, now):
        found += lines
        reader.passed(lines)
    if save:
        reader.save()
    return found


def texts(lines):
    return [line.data.decode() for line in lines]


def test_whole_lines_once(box):
    reader = box.reader()
    assert take(reader) == []
    box.append(b"one\ntwo\nthr")
    assert texts(take(reader)) == ["one", "two"]
    assert take(reader) == []
    box.append(b"ee\n")
    assert texts(take(reader)) == ["three"]
    assert take(box.reader()) == []


def test_what_was_not_saved_is_read_again_under_the_same_ids(box):
    box.append(b"a\nb\n")
    first = take(box.reader(), save=False, now=1.0)
    box.append(b"c\n")
    again = take(box.reader(), now=2.0)
    assert [line.at for line in again] == ["1-0", "1-2", "1-4"]
    assert [line.command_id for line in first] == [line.command_id for line in again[:2]]
    assert {len(line.command_id) for line in again} == {32}
    assert [line.stamp_utc for line in again] == [1.0, 1.0, 2.0]
    assert len({line.command_id for line in again}) == 3


def test_a_file_in_its_place_is_the_next_generation(box, tmp_path):
    reader = box.reader()
    box.append(b"a\n")
    take(reader)
    (tmp_path / "new").write_bytes(b"b\nc\n")
    os.replace(tmp_path / "new", box.path)
    assert [line.at for line in take(reader)] == ["2-0", "2-2"]
    box.path.write_bytes(b"d\n")  # the same file, cut off
    assert [(line.at, line.data) for line in take(box.reader())] == [("3-0", b"d")]


def test_rotation_loses_no_late_line(box, tmp_path):
    reader = box.reader()
    box.append(b"a\n")
    with open(box.path, "ab", buffering=0) as late:
        take(reader)
        reader.rotate(1)
        assert not box.path.exists()
        late.write(b"late\n")
        box.append(b"new\n")
        lines = take(box.reader())
    assert [(line.at, line.data) for line in lines] == [("1-2", b"late"), ("2-0", b"new")]
    assert take(box.reader()) == []


def test_death_between_moving_a_file_and_saving_that(box):
    reader = box.reader()
    box.append(b"a\nb\n")
    reader.passed(reader.batch(1, 1.0))
    reader.save()
    os.replace(box.path, f"{box.path}.old")
    box.append(b"c\n")
    assert [(line.at, line.data) for line in take(box.reader())] == [("1-2", b"b"), ("2-0", b"c")]


def test_not_full_is_not_rotated(box):
    reader = box.reader()
    box.append(b"a\nb")
    take(reader)
    reader.rotate(1)
    assert box.path.exists()


def test_no_pipe_or_link_is_read(box, tmp_path):
    os.mkfifo(box.path)
    assert take(box.reader()) == []
    box.path.unlink()
    (tmp_path / "elsewhere").write_bytes(b"a\n")
    box.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        take(box.reader())


def line_of(document):
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return inbox.Line(generation=1, offset=0, end=1, data=data)


def test_what_a_line_says():
    do = {"type": "cancel", "graph": "g1"}
    assert read_line(line_of(do)).do == messages.Cancel(graph="g1")
    asked = read_line(line_of({"do": do, "id": "x", "session": "s"}))
    assert (asked.id, asked.session) == ("x", "s")


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        {"type": "nothing"},
        {"type": "cancel"},
        {"type": "cancel", "graph": "g1", "garph": 1},
        {"do": {"type": "cancel", "graph": "g1"}, "ID": "x"},
        {"type": "shutdown"},
        b"x" * (inbox.MAX_LINE + 1),
    ],
    ids=range(11),
)
def test_bad_lines(data):
    with pytest.raises(ValueError, match=r".+"):
        read_line(line_of(data))


def told(path):
    return [json.loads(text) for text in path.read_text().splitlines()]


def test_the_outbox_goes_on_where_it_stood(tmp_path):
    path = tmp_path / "outbox.jsonl"
    first = Outbox(str(path))
    first.reply("1-0", "mine", {"result": {}})
    first.tell({"seq": 7})
    first.all_done(7)
    with open(path, "ab") as file:
        file.write(b'{"n": 4, "ki')  # a crash
    again = Outbox(str(path))
    assert (again.number, again.event) == (3, 7)
    assert again.answered("1-0")
    assert not again.answered("1-9")
    again.reply("1-9", "", {"error": {}})
    lines = path.read_text().splitlines()
    assert [json.loads(text)["n"] for text in (*lines[:3], lines[-1])] == [1, 2, 3, 4]


def test_the_outbox_is_rotated(tmp_path, monkeypatch):
    monkeypatch.setattr("orch_actors.actors.courier.outbox.ROTATE_BYTES", 1)
    path = tmp_path / "outbox.jsonl"
    box = Outbox(str(path))
    box.tell({"seq": 1})
    box.sync()
    box.tell({"seq": 2})
    assert [told(at)[0]["n"] for at in (tmp_path / "outbox.jsonl.old", path)] == [1, 2]
    assert Outbox(str(path)).event == 2


def event(seq, graph="g1"):
    return Event(seq=seq, kind="graph_ended", time_utc="", graph=graph)


def test_one_graph_in_order_others_do_not_wait():
    deliveries = Deliveries(0, 1000.0)
    deliveries.add((event(1), event(2), event(3, "g2")), 5, 0.0)
    assert deliveries.next(0.0) == event(1)
    assert deliveries.next(0.0) == event(3, "g2")
    assert deliveries.next(0.0) is None
    deliveries.done(event(3, "g2"), 0.0)
    assert deliveries.dealt_with == 0
    deliveries.done(event(1), 0.0)
    assert deliveries.dealt_with == 1
    assert deliveries.next(0.0) == event(2)
    deliveries.done(event(2), 0.0)
    assert (deliveries.dealt_with, len(deliveries), deliveries.wait_s(0.0)) == (5, 0, None)


def test_a_failure_holds_up_its_graph_alone_and_waits_longer_each_time():
    deliveries = Deliveries(0, 1e9)
    deliveries.add((event(1), event(2), event(3, "g2")), 3, 0.0)
    now, waits = 0.0, []
    for _ in range(12):
        assert deliveries.next(now) == event(1)
        waits.append(deliveries.failed(event(1), now))
        assert deliveries.wait_s(now) == 0.0 or waits[1:]
        if len(waits) == 1:
            assert deliveries.next(now) == event(3, "g2")
            deliveries.done(event(3, "g2"), now)
        assert deliveries.next(now) is None
        now += waits[-1]
    assert waits[:4] == [FIRST_WAIT_S, 2, 4, 8]
    assert waits[-1] == 300
    assert deliveries.dealt_with == 0


def test_what_never_works_is_given_up_and_the_next_begins_anew():
    deliveries = Deliveries(0, 5.0)
    deliveries.add((event(1), event(2)), 2, 0.0)
    assert deliveries.next(0.0) == event(1)
    assert deliveries.failed(event(1), 0.0) == FIRST_WAIT_S
    assert deliveries.next(9.0) == event(1)
    assert deliveries.failed(event(1), 9.0) is None
    assert deliveries.dealt_with == 1
    assert deliveries.next(9.0) == event(2)
    assert deliveries.failed(event(2), 9.0) == FIRST_WAIT_S
