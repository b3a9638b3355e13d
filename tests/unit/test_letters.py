"""From a client's bytes to a request, or to what is wrong with them. (The gateway's tests have the attacks.)"""

import msgspec
import pytest

from orch_actors.actors.gateway.letters import Letter, Refusal, read_letter, turned_away
from orch_actors.actors.inside import ClientAsked, Origin
from orch_actors.protocol import codec, messages
from orch_actors.protocol.errors import ErrorInfo

ROUTE = (b"r", b"")
FULL = ErrorInfo(code="OVERLOADED", message="m", retriable=True)


def body(encoding="json", **changes):
    sent = {"id": "x", "client": "c", "v": 1, "do": {"type": "hello"}} | changes
    return (msgspec.json if encoding == "json" else msgspec.msgpack).encode(sent)


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_a_request(encoding):
    found = read_letter(Letter(ROUTE, body(encoding)), 7)
    assert found == ClientAsked(
        Origin(ROUTE, encoding, "x", ticket=7), messages.Request(id="x", client="c", do=messages.Hello())
    )


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"v": 2}, "UNSUPPORTED_VERSION"),
        ({"v": 2, "do": 7}, "UNSUPPORTED_VERSION"),
        ({"do": 7}, "INVALID_REQUEST"),
        ({"client": ""}, "INVALID_REQUEST"),
        ({"do": {"type": "set_limit", "graph": [[]]}}, "INVALID_REQUEST"),
    ],
)
def test_a_letter_that_makes_no_sense_is_answered_on_its_ticket(encoding, changes, code):
    found = read_letter(Letter(ROUTE, body(encoding, **changes)), 7)
    assert isinstance(found, Refusal)
    assert (found.origin, found.info.code) == (Origin(ROUTE, encoding, "x", ticket=7), code)


@pytest.mark.parametrize("what", [b"", b"\xc1", b"{", b"x" * 99, b"[]", b"{" * 100_000, b"\x91" * 100_000])
def test_what_is_no_letter_is_answered_by_nobody(what):
    assert read_letter(Letter(ROUTE, what), 7) is None
    assert turned_away(Letter(ROUTE, what), FULL) is None


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_who_is_turned_away_is_told_so_in_kind(encoding):
    found = turned_away(Letter(ROUTE, body(encoding, do={"type": "nonsense"})), FULL)
    assert found == Refusal(Origin(ROUTE, encoding, "x"), FULL)
    assert codec.encoding_of(codec.encode(messages.Reply(id="x", error=FULL), encoding)) == encoding


@pytest.mark.parametrize(
    "what",
    [
        b'{"id": "x", "v":1,"do":{"type":"submit_graph","graph":{"a":' + b"[" * 100_000,
        b"\x84\xa2id\xa1x\xa2do\x82\xa4type\xacsubmit_graph\xa5graph\x81\xa1a" + b"\x91" * 100_000,
    ],
)
def test_what_is_nested_too_deeply_to_be_read_is_told_so(what):
    found = read_letter(Letter(ROUTE, what), 7)
    assert (found.origin.request_id, found.origin.ticket, found.info.code) == ("x", 7, "INVALID_REQUEST")
    assert "nested" in found.info.message


@pytest.mark.parametrize(
    ("what", "found"),
    [
        (b'{"id":"0198-a"', "0198-a"),
        (b'{ "id" : "a b" ,', "a b"),
        (b'{"id":"' + b"x" * 128 + b'"', "x" * 128),
        (b'{"id":"' + b"x" * 129 + b'"', ""),
        (b'{"id":"a\\n"', ""),
        (b'{"id":7', ""),
        (b'{"v":1,"id":"x"', ""),
        (b"\x81\xa2id\xa3abc", "abc"),
        (b"\x81\xa2id\xd9\x20" + b"y" * 32, "y" * 32),
        (b"\x81\xa2id\xd9\x81" + b"y" * 129, ""),
        (b"\x81\xa2id\xa3ab", ""),
        (b"\x81\xa2id\xa2\xc3\xa4", ""),
        (b"\x81\xa2id\xa0", ""),
        (b"\x81\xa2id", ""),
        (b"", ""),
    ],
)
def test_the_id_of_what_cannot_be_read(what, found):
    assert codec.first_id(what) == found
