r"""One line of the journal ⇄ a record. Pure: bytes in, bytes out.

    {"s":1042,"y":1040,"p":"9f3c01aa","t":"outcome","d":{…},"c":"1b2e77d0"}\n

`s` sequence, gap-free over all segments; `y` the highest sequence known to be on disk when the line was written
(the watermark); `p` the previous line's crc (a chain: dropped, reordered and spliced lines show); `c`, last, the
crc32 of the bytes before `,"c":`. A segment begins with a header line, which is chained in the same way and
takes no sequence. The chain guards against accidents, not against tampering.

Lines are split at b"\n" in bytes (str.splitlines would also split at U+2028).
"""

import re
import zlib
from typing import Final, Generic, Literal, TypeVar

import msgspec
from msgspec import Raw, Struct

#: Version of the line form; a segment of a newer version is never opened.
FORMAT_VERSION: Final = 1

#: The chain's value before the first line of the first segment.
CHAIN_START: Final = "00000000"

LineType = Literal["command", "outcome"]

Data = TypeVar("Data")

_TAIL: Final = re.compile(rb',"c":"([0-9a-f]{8})"\}')
TAIL_BYTES: Final = 16

#: How every record begins. Nothing that a header holds looks like it.
RECORD_START: Final = re.compile(rb'\{"s":[0-9]+,"y":[0-9]+,"p":"')


class Damaged(Exception):
    """The bytes are no whole, unbroken line."""


class Unfamiliar(Exception):
    """The line is whole, its checksum holds, and it has no form that this version knows."""


class Line(Struct, frozen=True, kw_only=True):
    """A record as written, but for its crc."""

    s: int
    y: int
    p: str
    t: str
    d: Raw


class Whole(Struct, Generic[Data], frozen=True, kw_only=True, gc=False):
    """A record with its crc, and its data in whatever form is wanted of it: what many lines are read as, at once."""

    s: int
    y: int
    p: str
    t: LineType
    d: Data
    c: str


class Header(Struct, frozen=True, kw_only=True):
    """The first line of a segment, without its crc."""

    #: FORMAT_VERSION
    orch_journal: int
    #: Journal id: another one means that the state was wiped.
    id: str
    #: Sequence of the segment's first record.
    first: int
    #: Last crc of the segment before, CHAIN_START in the first.
    prev: str
    #: Number of the first event that this segment can hold.
    event: int
    created_utc: float
    version: str = ""


class _Versioned(Struct, frozen=True):
    """All that is read of a header before its version is known."""

    orch_journal: int


_line_decoder: Final = msgspec.json.Decoder(Line)
_version_decoder: Final = msgspec.json.Decoder(_Versioned)
_header_decoder: Final = msgspec.json.Decoder(Header)
_encoder: Final = msgspec.json.Encoder()


def seal(body: bytes) -> tuple[bytes, str]:
    """Close a JSON object (given without its final brace) with its crc; returns the line and the crc."""
    crc = f"{zlib.crc32(body):08x}"
    return body + b',"c":"' + crc.encode() + b'"}\n', crc


def encode_line(s: int, y: int, p: str, t: LineType, d: bytes) -> tuple[bytes, str]:
    """A record's bytes with the newline, and its crc. `d` is JSON text on one line."""
    return seal(b'{"s":%d,"y":%d,"p":"%s","t":"%s","d":%s' % (s, y, p.encode(), t.encode(), d))


def encode_header(header: Header) -> tuple[bytes, str]:
    """A header's bytes with the newline, and its crc."""
    return seal(_encoder.encode(header)[:-1])


def unseal(line: bytes) -> str:
    """Check a line (without its newline) against its crc, and return that.

    Raises:
        Damaged: it does not hold.
    """
    tail = _TAIL.fullmatch(line[-TAIL_BYTES:])
    if tail is None:
        raise Damaged("the line is not whole")
    crc = tail.group(1)
    if b"%08x" % zlib.crc32(line[:-TAIL_BYTES]) != crc:
        raise Damaged("the line's checksum does not hold")
    return crc.decode()


def decode_line(line: bytes) -> tuple[Line, str]:
    """A record and its crc from a line without its newline.

    Raises:
        Damaged: half or altered.
        Unfamiliar: whole, but no record.
    """
    crc = unseal(line)
    try:
        return _line_decoder.decode(line), crc
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unfamiliar(f"the line is no record: {error}") from error


def decode_header(line: bytes) -> tuple[Header, str]:
    """A segment's header and its crc from its first line without the newline.

    Raises:
        Damaged: half or altered.
        Unfamiliar: whole, but no header, or one of a later version, whose other fields may be any.
    """
    crc = unseal(line)
    try:
        version = _version_decoder.decode(line).orch_journal
        if version != FORMAT_VERSION:
            raise Unfamiliar(f"its format is {version}, this version knows {FORMAT_VERSION}")
        return _header_decoder.decode(line), crc
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unfamiliar(f"the line is no header: {error}") from error
