"""Reading logs in pieces, from the end, and into JSON. (A daemon's own answers: tests/e2e/test_logs.py.)"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch_actors.cli.live.logreading import LogReader, _line_starts
from orch_actors.protocol.messages import LogPiece


class Shelf:
    """Answers `read_log` as SPEC.md says; gives at most `most` bytes at once."""

    def __init__(self, data, most=1 << 20):
        self.data, self.most = data, most

    def read_log(self, graph, task, *, attempt, stream, offset, limit):
        begin = offset if offset >= 0 else max(0, len(self.data) + offset)
        piece = self.data[begin : begin + min(limit, self.most)]
        return LogPiece(attempt=attempt or 2, offset=begin, data=piece, size=len(self.data), ended=True, path="/p")


def test_line_starts():
    assert _line_starts(b"") == []
    assert _line_starts(b"a") == [0]
    assert _line_starts(b"a\nb\n") == [0, 2]
    assert _line_starts(b"\n\n") == [0, 1]


@given(st.lists(st.binary(max_size=6).filter(lambda b: b"\n" not in b), max_size=12), st.integers(0, 15), st.booleans())
def test_tail_gives_the_last_lines(lines, count, newline):
    data = b"\n".join(lines) + (b"\n" if newline and lines else b"")
    reader = LogReader(Shelf(data), "g1", "t", 0, ("stdout",))
    reader.seek_lines(count)
    read = b"".join(piece.data for piece in reader.read())
    whole = re.findall(rb"[^\n]*\n|[^\n]+\Z", data)
    assert read == (b"".join(whole[-count:]) if count else b"")


def test_tail_reaches_back_as_far_as_needed():
    data = b"".join(b"%09d\n" % number for number in range(50_000))
    reader = LogReader(Shelf(data), "g1", "t", 0, ("stdout",))
    reader.seek_lines(30_000)
    assert b"".join(piece.data for piece in reader.read()) == data[-300_000:]


@pytest.mark.parametrize("most", [1, 3, 1000])
def test_pieces_add_up(most):
    data = bytes(range(256)) * 2
    reader = LogReader(Shelf(data, most), "g1", "t", 0, ("stdout", "stderr"))
    pieces = list(reader.read())
    for stream in ("stdout", "stderr"):
        assert b"".join(piece.data for piece in pieces if piece.stream == stream) == data
    assert reader.ended
    assert reader.attempt == 2
