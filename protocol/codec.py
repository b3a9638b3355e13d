"""Bytes ⇄ messages: msgpack by default, JSON where the body begins with `{`, answered in kind.

Arbitrary bytes give a message or PeerFault, nothing else. Nesting is bounded before decoding: msgspec raises
RecursionError, not DecodeError, on deep input.
"""

import re
from typing import Final, Generic, Literal, TypeVar

import msgspec

from orch_actors.protocol.errors import PeerFault
from orch_actors.protocol.messages import Heartbeat, Published, Reply, ReplyHead, Request, RequestHead

Encoding = Literal["json", "msgpack"]

#: Largest body in bytes. A graph of 100,000 tasks takes about 10 MB; the peer is one of our own uid.
MAX_BODY_BYTES: Final = 64 * 1024 * 1024

#: Topics of the event socket; a subscriber picks its encoding by subscribing to one.
TOPIC_MSGPACK: Final = b"m"
TOPIC_JSON: Final = b"j"

_json_encoder: Final = msgspec.json.Encoder()
_msgpack_encoder: Final = msgspec.msgpack.Encoder()
_DECODE_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError)

#: A body that begins with its id: what can still be read of one that is nested too deeply to be read at all.
_FIRST_ID_JSON: Final = re.compile(rb'\{\s*"id"\s*:\s*"([ !#-\[\]-~]{1,128})"')
_FIRST_ID_MSGPACK: Final = re.compile(rb"[\x80-\x8f]\xa2id(?:[\xa1-\xbf]|\xd9([\x01-\x80]))")


def encoding_of(body: bytes) -> Encoding:
    """Which encoding a body is in. A msgpack map never begins with the byte `{`: that is a small integer."""
    return "json" if body[:1] == b"{" else "msgpack"


def encode(message: object, encoding: Encoding = "msgpack") -> bytes:
    """The bytes of any message Struct; the same message always gives the same bytes."""
    return _json_encoder.encode(message) if encoding == "json" else _msgpack_encoder.encode(message)


def json_to(encoding: Encoding, body: bytes) -> bytes:
    """Carry a command's stored reply over into `encoding`, without a schema: it stays the same for ever.

    For replies to commands only: bytes (LogPiece) are text in JSON, and would stay text.
    """
    return body if encoding == "json" else _msgpack_encoder.encode(msgspec.json.decode(body))


def first_id(body: bytes) -> str:
    """The id of a body that begins with it, without reading any further; empty where it does not."""
    if encoding_of(body) == "json":
        found = _FIRST_ID_JSON.match(body)
        return found[1].decode() if found else ""
    found = _FIRST_ID_MSGPACK.match(body)
    if found is None:
        return ""
    size = found[1][0] if found[1] is not None else body[found.end() - 1] - 0xA0
    text = body[found.end() : found.end() + size]
    return text.decode() if len(text) == size and text.isascii() else ""


T = TypeVar("T")


class Decoder(Generic[T]):
    """Decodes bodies of one type in either encoding."""

    def __init__(self, of: type[T]) -> None:
        self._json = msgspec.json.Decoder(of)
        self._msgpack = msgspec.msgpack.Decoder(of)

    def decode(self, body: bytes) -> T:
        """The message.

        Raises:
            PeerFault: too large, not the encoding it claims, or not of this type; the text says where.
        """
        if len(body) > MAX_BODY_BYTES:
            raise PeerFault(f"{len(body)} bytes are more than the {MAX_BODY_BYTES} that a message may have")
        try:
            return (self._json if encoding_of(body) == "json" else self._msgpack).decode(body)
        except _DECODE_ERRORS as error:
            raise PeerFault(str(error)) from error
        except RecursionError as error:
            raise PeerFault("it is nested more deeply than can be read") from error


REQUEST: Final = Decoder(Request)
REQUEST_HEAD: Final = Decoder(RequestHead)
REPLY: Final = Decoder(Reply)
REPLY_HEAD: Final = Decoder(ReplyHead)
PUBLISHED: Final[Decoder[Published | Heartbeat]] = Decoder(Published | Heartbeat)  # type: ignore[arg-type]
