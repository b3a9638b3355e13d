"""Truncated and flipped at every byte, spliced, duplicated, reordered, dropped, half-made, of another version.

What must come of it is worked out here from the rules and the layout alone, not with the code under test: only the
position of lines in files, their sequence and their watermark are used.
"""

import json
import os
import random
from pathlib import Path

import pytest
from journal_disks import reseal

from orch_actors.actors.journal.disk import RealDisk
from orch_actors.actors.journal.opening import SegmentsMissing, open_journal
from orch_actors.actors.journal.reading import JournalCorrupt, JournalTooNew, Lines
from orch_actors.actors.journal.record import CHAIN_START, encode_line
from orch_actors.actors.journal.writer import Journal

#: Batches, as numbers of lines.
BATCHES = (1, 3, 1, 2, 1, 4, 1)


def build(folder, batches=BATCHES, segment_bytes=10**9):
    """A journal of these batches; small segments where `segment_bytes` says so."""
    folder.mkdir(exist_ok=True)
    journal, _, _ = Journal.open(
        RealDisk(), str(folder), now_utc=lambda: 1e9, segment_bytes=segment_bytes, ballast_bytes=0
    )
    for size in batches:
        for _ in range(size):
            journal.add("outcome", b'{"n":%d}' % journal.last)
        journal.commit(journal.last + 1)
    journal.close()
    return folder


def segments(folder):
    return sorted(path for path in folder.iterdir() if path.name.endswith(".jsonl"))


def lines_of(folder):
    """(path, begin, end with newline, sequence or None for a header, watermark) of every line."""
    for path in segments(folder):
        offset = 0
        for raw in path.read_bytes().split(b"\n")[:-1]:
            found = json.loads(raw)
            yield path, offset, offset + len(raw) + 1, found.get("s"), found.get("y", 0)
            offset += len(raw) + 1


def opened(folder):
    sink = Lines()
    found = open_journal(RealDisk(), str(folder), sink)
    assert [line.s for line in sink.lines] == list(range(1, found.last + 1))
    assert [json.loads(bytes(line.d)) for line in sink.lines] == [{"n": line.s - 1} for line in sink.lines]
    return found


def promised(folder):
    return max(y for *_, y in lines_of(folder))


def tree(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("segment_bytes", [10**9, 400, 1])
def test_it_comes_back_whole(tmp_path, segment_bytes):
    folder = build(tmp_path / "j", segment_bytes=segment_bytes)
    found = opened(folder)
    assert (found.last, found.torn, found.half_made) == (sum(BATCHES), b"", "")
    assert found.path == str(segments(folder)[-1])
    assert found.size == segments(folder)[-1].stat().st_size
    assert len(segments(folder)) == {10**9: 1, 400: 4, 1: len(BATCHES) + 1}[segment_bytes]


@pytest.mark.parametrize("segment_bytes", [10**9, 400, 1])
@pytest.mark.parametrize("batches", [(), (1,), (3,), (1, 2), BATCHES])
def test_what_no_later_line_vouches_for_is_told(tmp_path, batches, segment_bytes):
    """From the end of the last line up to D on; with the header, where no line of the segment is so old."""
    folder = build(tmp_path / "j", batches, segment_bytes)
    path, due = segments(folder)[-1], max((y for *_, y in lines_of(folder)), default=0)
    vouched = max((end for where, _, end, s, _ in lines_of(folder) if where == path and s and s <= due), default=0)
    assert opened(folder).unproven == path.read_bytes()[vouched:]


@pytest.mark.parametrize("segment_bytes", [10**9, 400, 1])
def test_each_line_carries_the_watermark_of_its_batch_and_the_crc_before_it(tmp_path, segment_bytes):
    folder = build(tmp_path / "j", segment_bytes=segment_bytes)
    expected_y = [sum(BATCHES[:batch]) for batch, size in enumerate(BATCHES) for _ in range(size)]
    records = [(s, y) for *_, s, y in lines_of(folder) if s is not None]
    assert records == list(enumerate(expected_y, start=1))
    before = CHAIN_START
    for path in segments(folder):
        for raw in path.read_bytes().split(b"\n")[:-1]:
            found = json.loads(raw)
            assert found.get("p", found.get("prev")) == before
            before = found["c"]


@pytest.mark.parametrize("segment_bytes", [10**9, 400, 1])
def test_cut_at_every_byte_of_the_last_segment_it_opens_to_the_exact_prefix(tmp_path, segment_bytes):
    folder = build(tmp_path / "j", segment_bytes=segment_bytes)
    path = segments(folder)[-1]
    whole = path.read_bytes()
    ends = [(end, s) for where, _, end, s, _ in lines_of(folder) if where == path]
    in_older = max((s for where, *_, s, _ in lines_of(folder) if where != path and s is not None), default=0)
    header_end = ends[0][0]
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        found = opened(folder)
        last = max((s for end, s in ends if end <= size and s is not None), default=in_older)
        assert found.last == last, f"cut at {size}"
        assert found.half_made == (str(path) if size < header_end else "")
        valid = max((end for end, _ in ends if end <= size), default=0)
        assert found.torn == whole[valid:size]


class Files(dict[str, bytes]):
    """Files in memory, for reading only: opening may do nothing else."""

    def list(self, path):
        return sorted(name.rpartition("/")[2] for name in self)

    def read(self, path):
        return self[path]

    def head(self, path):
        return self[path]


def must_be_found(layout, path, place):
    """Whether the rules want damage to this byte detected, and the sequence of the line that is hit.

    D is the highest watermark that is still readable: damage can take the line that carried it along only if that line
    is after D itself; a newline that is gone takes nothing along, since the next line can be read from its beginning.
    """
    hit = next(s for where, begin, end, s, _ in layout if where == path and begin <= place < end)
    if path != layout[-1][0]:
        return True, hit
    if hit is None:
        # A header is older than any record; without one, a header that is not whole is a creation that was cut short.
        return any(s is not None for where, *_, s, _ in layout if where == path), hit
    return hit <= max(y for *_, s, y in layout if s != hit), hit


@pytest.mark.parametrize("segment_bytes", [10**9, 400, 1])
@pytest.mark.parametrize("how", ["low bit", "high bit", "newline", "NUL"])
def test_every_flipped_byte_is_detected_or_was_never_promised(tmp_path, segment_bytes, how):
    folder = build(tmp_path / "j", segment_bytes=segment_bytes)
    layout, due = list(lines_of(folder)), promised(folder)
    clean = Files({str(path): path.read_bytes() for path in segments(folder)})
    outcomes = set()
    for path, whole in clean.items():
        for place, byte in enumerate(whole):
            new = {"low bit": byte ^ 1, "high bit": byte ^ 128, "newline": 10, "NUL": 0}[how]
            if new == byte:
                continue
            files = Files(clean | {path: whole[:place] + bytes([new]) + whole[place + 1 :]})
            found_out, hit = must_be_found(layout, Path(path), place)
            outcomes.add(found_out)
            if found_out:
                with pytest.raises(JournalCorrupt) as refused:
                    open_journal(files, str(folder), Lines())
                assert (refused.value.path, refused.value.exit_code) == (path, 100)
            else:
                sink = Lines()
                found = open_journal(files, str(folder), sink)
                last = max((s for *_, s, _ in layout if s is not None and (hit is None or s < hit)), default=0)
                assert found.last == len(sink.lines) == last >= due, place
    assert outcomes == {True, False}


def rewrite(path, change):
    """Change the records of a segment (raw lines, the header not counted), newlines are put back."""
    header, *records = path.read_bytes().split(b"\n")[:-1]
    path.write_bytes(b"".join(line + b"\n" for line in [header, *change(records)]))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("dropped", lambda lines: lines[:4] + lines[5:]),
        ("dropped, the first", lambda lines: lines[1:]),
        ("reordered", lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]]),
        ("duplicated", lambda lines: [*lines[:4], lines[3], *lines[4:]]),
        ("swapped halves", lambda lines: lines[6:] + lines[:6]),
        ("two joined", lambda lines: [*lines[:4], lines[4] + lines[5], *lines[6:]]),
        (
            "resealed with other content",
            lambda lines: [*lines[:4], reseal(lines[4].replace(b'"n":4', b'"n":5')), *lines[5:]],
        ),
        (
            "resealed with another sequence",
            lambda lines: [*lines[:4], reseal(lines[4].replace(b'"s":5', b'"s":6')), *lines[5:]],
        ),
    ],
)
def test_lines_that_were_moved_are_found(tmp_path, name, change):
    folder = build(tmp_path / "j")
    rewrite(segments(folder)[0], change)
    with pytest.raises(JournalCorrupt):
        open_journal(RealDisk(), str(folder), Lines())


def test_a_line_of_another_journal_is_found(tmp_path):
    folder, other = build(tmp_path / "j"), build(tmp_path / "other", batches=(1, 3, 1, 2, 2, 3, 1))
    foreign = segments(other)[0].read_bytes().split(b"\n")[1:-1]
    rewrite(segments(folder)[0], lambda lines: [*lines[:5], foreign[5], *lines[6:]])
    with pytest.raises(JournalCorrupt):
        open_journal(RealDisk(), str(folder), Lines())


def test_a_last_line_of_another_sequence_is_a_tail_to_be_cut(tmp_path):
    folder = build(tmp_path / "j")
    rewrite(segments(folder)[0], lambda lines: [*lines[:-1], reseal(lines[-1].replace(b'"s":13', b'"s":14'))])
    found = opened(folder)
    assert found.last == sum(BATCHES) - 1
    assert json.loads(found.torn)["s"] == sum(BATCHES) + 1


@pytest.mark.parametrize("change", [(b'"prev":"', b'"prev":"f'), (b'"first":', b'"first":1')])
def test_a_header_that_does_not_follow_is_found(tmp_path, change):
    for at in (0, 1):
        folder = build(tmp_path / f"j{at}", segment_bytes=400)
        path = segments(folder)[at]
        header, *rest = path.read_bytes().split(b"\n")
        path.write_bytes(b"\n".join([reseal(header.replace(*change)), *rest]))
        with pytest.raises(JournalCorrupt, match="it goes on from"):
            open_journal(RealDisk(), str(folder), Lines())


def test_the_last_line_doubled_is_a_tail_to_be_cut(tmp_path):
    folder = build(tmp_path / "j")
    rewrite(segments(folder)[0], lambda lines: [*lines, lines[-1]])
    found = opened(folder)
    assert found.last == sum(BATCHES)
    assert json.loads(found.torn)["s"] == sum(BATCHES)


@pytest.mark.parametrize(
    "tail", [b"\0" * 4096, b"\0", b"{", b"\n", b"\n\n\n", b"garbage\n", b'{"s":99,"y":1,', b"\xff" * 700 + b"\n"]
)
def test_a_tail_that_nobody_was_promised_is_cut_and_kept(tmp_path, tail):
    folder = build(tmp_path / "j")
    path = segments(folder)[0]
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    journal, lines, torn = Journal.open(RealDisk(), str(folder), now_utc=lambda: 1234.5, ballast_bytes=0)
    journal.close()
    assert len(lines) == sum(BATCHES)
    assert torn == tail
    assert path.read_bytes() == whole
    assert (folder / "torn-1234.500000").read_bytes() == tail
    assert opened(folder).torn == b""


def test_a_segment_that_is_missing_is_found(tmp_path):
    folder = build(tmp_path / "j", segment_bytes=400)
    for path in segments(folder)[:-1]:
        data = path.read_bytes()
        path.unlink()
        with pytest.raises(SegmentsMissing, match=f"lacks segment {path.name}, and no snapshot stands for it"):
            open_journal(RealDisk(), str(folder), Lines())
        path.write_bytes(data)
    assert opened(folder).last == sum(BATCHES)


def test_a_segment_of_another_journal_is_found(tmp_path):
    folder, other = build(tmp_path / "j", segment_bytes=400), build(tmp_path / "other", segment_bytes=400)
    segments(folder)[1].write_bytes(segments(other)[1].read_bytes())
    with pytest.raises(JournalCorrupt, match="it belongs to journal"):
        open_journal(RealDisk(), str(folder), Lines())


def test_segments_that_changed_places_are_found(tmp_path):
    folder = build(tmp_path / "j", segment_bytes=400)
    _, first, second, _ = segments(folder)
    os.rename(second, tmp_path / "aside")
    os.rename(first, second)
    os.rename(tmp_path / "aside", first)
    with pytest.raises(JournalCorrupt):
        open_journal(RealDisk(), str(folder), Lines())


@pytest.mark.parametrize("size", [0, 1, 40, "all but the newline"])
@pytest.mark.parametrize("filled", [False, True])
def test_a_first_segment_whose_creation_was_cut_short(tmp_path, size, filled):
    folder = build(tmp_path / "j", batches=())
    path = segments(folder)[0]
    whole = path.read_bytes()
    part = whole[: len(whole) - 1 if isinstance(size, str) else size]
    part = part.ljust(len(whole), b"\0") if filled else part
    path.write_bytes(part)
    journal, lines, torn = Journal.open(RealDisk(), str(folder), now_utc=lambda: 7.0, ballast_bytes=0)
    assert (lines, torn) == ((), part)
    assert (folder / "torn-7.000000").read_bytes() == part
    journal.add("command", b'{"n":0}')
    journal.commit()
    journal.close()
    assert opened(folder).last == 1
    assert json.loads(path.read_bytes().split(b"\n")[0])["id"] == journal.id


@pytest.mark.parametrize("junk", [b"\n", b"\n" * 100, b'{"orch_journal"\n', b"?" * 200 + b"\n" + b"?" * 300])
def test_a_later_segment_that_still_has_what_the_disk_had_there_before(tmp_path, junk):
    folder = build(tmp_path / "j", batches=(1, 2, 1, 1), segment_bytes=500)
    first, path = segments(folder)
    path.write_bytes(junk)
    found = opened(folder)
    assert (found.last, found.path, found.half_made, found.torn) == (5, str(first), str(path), junk)
    path.write_bytes(junk.ljust(513, b"?") + b"\n")  # more than a header was in it
    with pytest.raises(JournalCorrupt):
        opened(folder)


@pytest.mark.parametrize("size", [0, 1, 40, "all but the newline"])
@pytest.mark.parametrize("filled", [False, True])
def test_a_later_segment_whose_creation_was_cut_short(tmp_path, size, filled):
    folder = build(tmp_path / "j", batches=(1, 2, 1, 1), segment_bytes=500)
    first, path = segments(folder)
    whole, before = path.read_bytes(), first.read_bytes()
    part = whole[: len(whole) - 1 if isinstance(size, str) else size]
    part = part.ljust(len(whole), b"\0") if filled else part
    path.write_bytes(part)
    journal, lines, torn = Journal.open(RealDisk(), str(folder), now_utc=lambda: 7.0, ballast_bytes=0)
    assert (len(lines), torn) == (5, part)
    assert segments(folder) == [first]
    assert (folder / "torn-7.000000").read_bytes() == part
    for _ in range(3):
        journal.add("outcome", b'{"n":%d}' % journal.last)
    journal.commit(9)
    journal.close()
    assert first.read_bytes().startswith(before)
    assert opened(folder).last == 8


def test_a_half_made_segment_hides_no_damage_before_it(tmp_path):
    folder = build(tmp_path / "j", batches=(1, 2, 1, 1), segment_bytes=500)
    first, path = segments(folder)
    path.write_bytes(b"")
    first.write_bytes(first.read_bytes()[:-1])
    before = tree(folder)
    with pytest.raises(JournalCorrupt):
        Journal.open(RealDisk(), str(folder), ballast_bytes=0)
    assert tree(folder) == before


def test_an_empty_segment_that_is_not_the_next_one_is_no_cut_creation(tmp_path):
    folder = build(tmp_path / "j")
    (folder / "00000007.jsonl").write_bytes(b"")
    with pytest.raises(SegmentsMissing, match=r"lacks segment 00000002.jsonl"):
        open_journal(RealDisk(), str(folder), Lines())


def test_a_lost_header_is_never_taken_for_an_empty_journal(tmp_path):
    """The first batch has the watermark 0, so only the header speaks for it."""
    for batches in ((1,), (2,), (1, 1)):
        folder = build(tmp_path / f"j{batches}", batches=batches)
        path = segments(folder)[0]
        header, *records = path.read_bytes().split(b"\n")[:-1]
        for damaged in (
            b"\n".join([*records, b""]),
            b"\n".join([b"\0" * len(header), *records, b""]),
            header + b"\0" + records[0],
            header[:-1] + b"\n" + records[0],
            b"\n" + path.read_bytes(),
        ):
            path.write_bytes(damaged)
            with pytest.raises(JournalCorrupt):
                open_journal(RealDisk(), str(folder), Lines())


@pytest.mark.parametrize("at", ["first", "later"])
@pytest.mark.parametrize("only_version", [False, True])
def test_a_newer_version_is_never_opened(tmp_path, at, only_version):
    folder = build(tmp_path / "j", batches=(1, 2, 1, 1), segment_bytes=500)
    path = segments(folder)[0 if at == "first" else -1]
    header, *rest = path.read_bytes().split(b"\n")
    newer = b'{"orch_journal":2,"new":[],"c":"0"}' if only_version else header.replace(b'journal":1', b'journal":2')
    path.write_bytes(b"\n".join([reseal(newer), *rest]))
    before = tree(folder)
    with pytest.raises(JournalTooNew, match="newer") as refused:
        Journal.open(RealDisk(), str(folder), ballast_bytes=0)
    assert refused.value.exit_code == 100
    assert tree(folder) == before


@pytest.mark.parametrize("where", ["middle", "end"])
@pytest.mark.parametrize("form", ["type", "no record"])
def test_a_line_of_an_unknown_type_is_never_passed_over(tmp_path, where, form):
    folder = build(tmp_path / "j")

    def change(lines):
        at = 4 if where == "middle" else len(lines)
        before = json.loads(lines[at - 1])["c"]
        new = encode_line(at + 1, at, before, "verdict", b"{}")[0].strip()
        if form == "no record":
            new = reseal(new.replace(b',"d":{}', b',"e":{}'))
        return [*lines[:at], new, *lines[at + 1 :]]

    rewrite(segments(folder)[0], change)
    before = tree(folder)
    with pytest.raises(JournalTooNew):
        Journal.open(RealDisk(), str(folder), ballast_bytes=0)
    assert tree(folder) == before


def test_files_that_are_no_segments_are_left_alone(tmp_path):
    folder = build(tmp_path / "j")
    for name in (
        "torn-1.0",
        "torn-1.000000-00000001.jsonl",
        "00000001x.jsonl",
        "notes.jsonl",
        "1.jsonl",
        "٠٠٠٠٠٠٠٢.jsonl",
    ):
        (folder / name).write_bytes(b"?")
    assert opened(folder).last == sum(BATCHES)


def test_noise_over_many_seeds_never_loses_a_promised_line(tmp_path):
    """Several faults at once: either it is refused, or all up to D is there."""
    folder = build(tmp_path / "j", segment_bytes=700)
    clean = {path: path.read_bytes() for path in segments(folder)}
    due = promised(folder)
    outcomes = set()
    for seed in range(300):
        rng = random.Random(seed)
        for path, whole in clean.items():
            path.write_bytes(whole)
        path = Path(rng.choice(list(clean)))
        data = bytearray(clean[path])
        for _ in range(rng.randint(1, 3)):
            place = rng.randrange(len(data))
            match rng.randrange(4):
                case 0:
                    data[place] ^= 1 << rng.randrange(8)
                case 1:
                    del data[place : place + rng.randint(1, 40)]
                case 2:
                    data[place:place] = rng.randbytes(rng.randint(1, 40))
                case 3:
                    data[place : place + 30] = b"\0" * min(30, len(data) - place)
        path.write_bytes(bytes(data))
        try:
            found = opened(folder)
        except JournalCorrupt:
            outcomes.add("refused")
        else:
            # Damage to the last lines can also take the line along that carries D.
            lost = found.last < due
            assert not lost or found.torn, seed
            outcomes.add("opened")
            assert found.last >= due - BATCHES[-1] - BATCHES[-2], seed
    assert outcomes == {"refused", "opened"}
