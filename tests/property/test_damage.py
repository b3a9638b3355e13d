"""Every byte of a small journal cut off and changed; and that whoever looks would find it if it were not detected."""

from collections import Counter

import pytest

from orch_actors.actors.journal import opening, reading, record
from orch_actors.stress.powercut.damage import PATTERNS, change_everywhere, cut_everywhere, layout, rich_journal


@pytest.fixture
def files():
    return rich_journal(0, 3000)


def test_the_journal_is_rich(files):
    places = layout(files)
    assert len(files) > 1
    assert places[-1].end == len(files[places[-1].path])
    assert [place.sequence for place in places if place.sequence] == list(range(1, places[-1].sequence + 1))
    data = b"".join(rich_journal(0, 40_000).values())
    for kind in (b'"t":"command"', b'"t":"outcome"', b"graph_submitted", b"attempt_ended", b"decision_asked"):
        assert kind in data


def test_every_byte(files):
    counts = Counter()
    assert list(cut_everywhere(files, counts)) == []
    assert list(change_everywhere(files, counts)) == []
    assert counts["cuts"] == sum(map(len, files.values()))
    assert counts["changes"] >= counts["cuts"] * (len(PATTERNS) - 1)
    assert counts["refused"] + counts["cut off"] == counts["changes"]
    assert min(counts["refused"], counts["cut off"], counts["cuts in older segments"]) > 0


@pytest.mark.parametrize(
    ("where", "what", "instead"),
    [
        (record, "unseal", lambda line: line[-10:-2].decode(errors="replace")),
        (reading, "highest_watermark", lambda _: 0),
        (opening, "_is_half_made", lambda _: True),
    ],
    ids=["no checksum", "no watermark", "anything is half-made"],
)
def test_what_is_not_detected_is_found(files, monkeypatch, where, what, instead):
    monkeypatch.setattr(where, what, instead)
    assert next(change_everywhere(files, Counter()))
