"""One line: its exact bytes, and what is no line."""

import zlib

import pytest
from journal_disks import reseal

from orch_actors.actors.journal.record import (
    CHAIN_START,
    FORMAT_VERSION,
    Damaged,
    Header,
    Unfamiliar,
    decode_header,
    decode_line,
    encode_header,
    encode_line,
)

#: Written by version 0.1.0; never to be edited.
GOLDEN_LINE = b'{"s":1042,"y":1040,"p":"9f3c01aa","t":"outcome","d":{"of":null,"at":1.5},"c":"6c53d7f0"}\n'
GOLDEN_HEADER = (
    b'{"orch_journal":1,"id":"0190","first":1,"prev":"00000000","event":1,"created_utc":1700000000.25,'
    b'"version":"0.1.0","c":"5616a19d"}\n'
)


def header(**changes):
    fields = {
        "orch_journal": 1,
        "id": "0190",
        "first": 1,
        "prev": CHAIN_START,
        "event": 1,
        "created_utc": 1_700_000_000.25,
        "version": "0.1.0",
    }
    return Header(**(fields | changes))


def test_the_bytes_of_a_line():
    line, crc = encode_line(1042, 1040, "9f3c01aa", "outcome", b'{"of":null,"at":1.5}')
    assert line == GOLDEN_LINE
    assert crc == line[-11:-3].decode()


def test_the_checksum_is_crc32_of_all_before_it():
    for golden in (GOLDEN_LINE, GOLDEN_HEADER):
        body, _, tail = golden.rpartition(b',"c":"')
        assert tail == b'%08x"}\n' % zlib.crc32(body)


def test_the_bytes_of_a_header():
    line, _ = encode_header(header())
    assert line == GOLDEN_HEADER
    assert decode_header(line[:-1])[0] == header()


def test_a_line_comes_back():
    line, crc = decode_line(GOLDEN_LINE[:-1])
    assert (line.s, line.y, line.p, line.t, bytes(line.d)) == (
        1042,
        1040,
        "9f3c01aa",
        "outcome",
        b'{"of":null,"at":1.5}',
    )
    assert crc == "6c53d7f0"


@pytest.mark.parametrize("golden", [GOLDEN_LINE, GOLDEN_HEADER])
def test_any_one_flipped_bit_or_missing_byte_shows(golden):
    raw = golden[:-1]
    decode = decode_line if golden is GOLDEN_LINE else decode_header
    for place in range(len(raw)):
        with pytest.raises(Damaged):
            decode(raw[:place])
        for bit in range(8):
            broken = bytearray(raw)
            broken[place] ^= 1 << bit
            with pytest.raises(Damaged):
                decode(bytes(broken))


@pytest.mark.parametrize("tail", [b" ", b"\n", b"\0", b"}", b'"c":"00000000"}'])
def test_nothing_may_stand_behind_the_checksum(tail):
    with pytest.raises(Damaged):
        decode_line(GOLDEN_LINE[:-1] + tail)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"s":1,"y":0,"p":"00000000","t":"outcome","c":"0"}',  # no d
        b'{"s":"1","y":0,"p":"00000000","t":"outcome","d":{},"c":"0"}',
        b'[1],"c":"0"}',
        b'{"d":' + b"[" * 5000 + b',"c":"0"}',
        b',"c":"0"}',
    ],
)
def test_a_whole_line_of_another_form_is_not_called_damaged(raw):
    with pytest.raises(Unfamiliar):
        decode_line(reseal(raw))
    with pytest.raises(Unfamiliar):
        decode_header(reseal(raw))


@pytest.mark.parametrize(
    "raw",
    [
        b'{"orch_journal":2,"entirely":"different","c":"0"}',
        b'{"orch_journal":0,"c":"0"}',
        encode_header(header(orch_journal=FORMAT_VERSION + 1))[0],
    ],
)
def test_a_header_of_another_version_says_so_whatever_else_it_holds(raw):
    with pytest.raises(Unfamiliar, match="its format is"):
        decode_header(reseal(raw.strip()))


def test_a_paragraph_separator_within_text_splits_nothing():
    line, _ = encode_line(1, 0, CHAIN_START, "outcome", '{"x":"a\u2028b\u0085c"}'.encode())
    assert line.count(b"\n") == 1
    assert bytes(decode_line(line[:-1])[0].d) == '{"x":"a\u2028b\u0085c"}'.encode()
