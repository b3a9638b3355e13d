"""Every message survives both encodings unchanged; arbitrary bytes are a message or a PeerFault, nothing else."""

import functools
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch_actors.protocol import codec, messages
from orch_actors.protocol.errors import ErrorInfo, PeerFault
from orch_actors.protocol.views import ActorView

ENCODINGS = ("json", "msgpack")
DECODERS = {
    "request": codec.REQUEST,
    "request head": codec.REQUEST_HEAD,
    "reply": codec.REPLY,
    "reply head": codec.REPLY_HEAD,
    "published": codec.PUBLISHED,
}

numbers = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(-(2**63), 2**64 - 1)
text = st.text(max_size=20)
plain = st.recursive(
    st.none() | st.booleans() | whole | numbers | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    int: whole,
    float: numbers,
    str: text,
    bool: st.booleans(),
    bytes: st.binary(max_size=40),
    Any: plain,
    type(None): st.none(),
}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of an annotated type."""
    origin, args = get_origin(hint), get_args(hint)
    if hint in SCALARS:
        return SCALARS[hint]
    if origin is Literal:
        return st.sampled_from(args)
    if origin in (Union, types.UnionType):
        return st.one_of(*(values(arg) for arg in args))
    if origin is tuple:
        return st.lists(values(args[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(text, values(args[1]), max_size=3)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return structs(hint)
    raise TypeError(f"no strategy for {hint}")


@functools.cache
def structs(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    if kind is ActorView:
        leaf = {name: values(hint) for name, hint in hints.items() if name != "children"}
        below = st.lists(st.builds(kind, **leaf), max_size=2).map(tuple)
        return st.builds(kind, **leaf, children=below)
    return st.builds(kind, **{name: values(hint) for name, hint in hints.items() if name in kind.__struct_fields__})


REPLIES = st.one_of(
    st.builds(messages.Reply, id=text, result=values(messages.Result)),
    st.builds(messages.Reply, id=text, error=structs(ErrorInfo)),
)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(st.data())
def test_requests_survive(encoding, data):
    request = data.draw(structs(messages.Request))
    body = codec.encode(request, encoding)
    assert codec.encoding_of(body) == encoding
    assert codec.REQUEST.decode(body) == request
    assert codec.encode(codec.REQUEST.decode(body), encoding) == body


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(st.data())
def test_replies_survive(encoding, data):
    reply = data.draw(REPLIES)
    body = codec.encode(reply, encoding)
    assert codec.encoding_of(body) == encoding
    assert codec.REPLY.decode(body) == reply
    assert codec.REPLY_HEAD.decode(body).id == reply.id


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(st.data())
def test_published_survives(encoding, data):
    message = data.draw(structs(messages.Published) | structs(messages.Heartbeat))
    assert codec.PUBLISHED.decode(codec.encode(message, encoding)) == message


@given(st.builds(messages.Reply, id=text, result=values(messages.GraphAccepted | messages.Cancelled)))
def test_stored_json_is_the_same_message_in_msgpack(reply):
    stored = codec.encode(reply, "json")
    assert codec.json_to("json", stored) == stored
    carried = codec.json_to("msgpack", stored)
    assert codec.encoding_of(carried) == "msgpack"
    assert codec.REPLY.decode(carried) == reply
    assert codec.json_to("msgpack", stored) == carried


@given(structs(messages.Request))
def test_the_head_is_read_whatever_the_rest_says(request):
    document = msgspec.to_builtins(request)
    document["do"] = {"type": "a_verb_of_tomorrow", "field": 1}
    document["v"] = 2
    body = msgspec.json.encode(document)
    with pytest.raises(PeerFault):
        codec.REQUEST.decode(body)
    head = codec.REQUEST_HEAD.decode(body)
    assert (head.id, head.client, head.v) == (request.id, request.client, 2)


def tolerates(body: bytes) -> None:
    for decoder in DECODERS.values():
        try:
            decoder.decode(body)
        except PeerFault:
            continue


@given(st.binary(max_size=200))
def test_arbitrary_bytes(body):
    tolerates(body)


@given(st.binary(max_size=60))
def test_arbitrary_json(tail):
    tolerates(b"{" + tail)


@given(structs(messages.Request), st.data())
def test_damaged_messages(request, data):
    body = bytearray(codec.encode(request, data.draw(st.sampled_from(ENCODINGS))))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    tolerates(bytes(body))
    tolerates(bytes(body[: data.draw(st.integers(0, len(body)))]))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"id":"1","client":"c","v":1,"do":' + b'{"type":"submit_graph","graph":' + b'{"a":' * 100_000,
        b"[" * 100_000,
        b"\x81\xa2do" + b"\x91" * 100_000 + b"\xc0",
        b'{"do":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"id":"\xff\xfe"}',
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00" * 64,
        b'{"id":"x","id":"y"',
    ],
    ids=["nothing", "deep", "deep list", "deep msgpack", "deep closed", "no utf-8", "http", "zeros", "half"],
)
def test_hostile_bytes(body):
    tolerates(body)
    for decoder in (codec.REQUEST, codec.REPLY, codec.PUBLISHED):
        with pytest.raises(PeerFault):
            decoder.decode(body)


def test_too_large_is_a_peer_fault(monkeypatch):
    monkeypatch.setattr(codec, "MAX_BODY_BYTES", 10)
    with pytest.raises(PeerFault, match="more than the 10"):
        codec.REQUEST.decode(b"x" * 11)


def test_a_client_passes_over_what_a_newer_daemon_adds():
    reply = {"id": "1", "v": 1, "news": 1, "result": {"type": "cancelled", "graph": "g1", "tasks": [], "more": True}}
    assert codec.REPLY.decode(msgspec.json.encode(reply)).result == messages.Cancelled(graph="g1", tasks=())


def test_the_daemon_takes_no_unknown_field():
    request = {"id": "1", "client": "c", "v": 1, "do": {"type": "hello", "more": True}}
    with pytest.raises(PeerFault, match="unknown field"):
        codec.REQUEST.decode(msgspec.json.encode(request))
