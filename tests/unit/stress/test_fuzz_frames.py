"""What the fuzzer throws: the same for a seed, of every kind, and nothing that a daemon would carry out."""

from random import Random

import msgspec

from orch_actors.protocol import codec, messages
from orch_actors.protocol.errors import PeerFault
from orch_actors.stress.fuzz.frames import REQUESTS, SOCKETS, Maker, raw_greeting


def made(seed, number):
    maker = Maker(seed)
    return [maker.message() for _ in range(number)]


def test_a_seed_replays():
    assert made(3, 300) == made(3, 300)
    assert made(3, 300) != made(4, 300)


def test_every_kind_is_among_them():
    all_of_them = made(1, 3000)
    assert {message.socket for message in all_of_them} == set(SOCKETS)
    assert max(len(message.frames) for message in all_of_them) > 400
    assert max(len(frame) for message in all_of_them for frame in message.frames) > 3_000_000
    assert any(message.frames == (b"",) for message in all_of_them)


def test_many_are_understood_and_many_are_not():
    understood = 0
    bodies = [message.frames[-1] for message in made(1, 2000) if message.socket == "commands"]
    for body in bodies:
        try:
            codec.REQUEST.decode(body)
        except PeerFault:
            continue
        understood += 1
    assert len(bodies) * 0.05 < understood < len(bodies) * 0.8


def test_the_requests_are_those_of_the_protocol_and_none_ends_the_daemon():
    for do in REQUESTS:
        request = msgspec.convert({"id": "1", "client": "c", "v": 1, "do": do}, messages.Request)
        assert not isinstance(request.do, messages.Shutdown | messages.Pause | messages.Prune)


def test_greetings():
    rng = Random(5)
    assert len({raw_greeting(rng) for _ in range(100)}) > 50
