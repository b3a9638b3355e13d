"""Which requests are taken in, and in which order: nobody can push out the others."""

from orch_actors.actors.gateway.letters import Letter
from orch_actors.actors.gateway.waiting_room import MAX_AT_ONCE, MAX_WAITING_BYTES, MIN_AT_ONCE, TARGET_S, WaitingRoom
from orch_actors.protocol.codec import MAX_BODY_BYTES


def letter(key, number=0, size=1):
    return Letter((key.encode(), b""), b"%d" % number + b"x" * (size - 1), sender=key)


def taken(room):
    """All that may be handled now: (client, first byte of the body), and the tickets."""
    found, tickets = [], []
    while (one := room.take(0.0)) is not None:
        found.append((one[0].route[0].decode(), one[0].body[:1].decode()))
        tickets.append(one[1])
    return found, tickets


def test_what_is_taken_is_given_in_order():
    room = WaitingRoom()
    for number in range(5):
        assert room.offer(letter("a", number)) is None
    assert taken(room)[0] == [("a", str(number)) for number in range(5)]
    assert room.waiting == 5


def test_one_of_each_in_turn():
    room = WaitingRoom()
    for number in range(3):
        room.offer(letter("a", number))
    room.offer(letter("b", 7))
    room.offer(letter("c", 8))
    assert [key for key, _ in taken(room)[0]] == ["a", "b", "c", "a", "a"]


def test_a_few_at_once_and_others_when_those_are_answered():
    room = WaitingRoom(at_once=8)
    for number in range(9):
        room.offer(letter("flood", number))
    found, tickets = taken(room)
    assert found == [("flood", str(number)) for number in range(4)]
    room.offer(letter("b"))
    assert taken(room)[0] == [("b", "0")]
    assert room.done(tickets[0], 0.0)
    assert taken(room)[0] == [("flood", "4")]


def test_who_floods_is_refused_and_nobody_else():
    room = WaitingRoom(waiting=100)
    refused = [room.offer(letter("flood", number)) for number in range(200)]
    assert refused.count(None) == 50
    assert (refused[-1].code, refused[-1].retriable) == ("OVERLOADED", True)
    assert "50 requests, 50 of it your own" in refused[-1].message
    assert all(room.offer(letter(f"c{number}")) is None for number in range(49))


def test_bytes_are_counted_too():
    room = WaitingRoom(waiting_bytes=1000)
    assert room.offer(letter("a", size=400)) is None
    assert "bytes" in room.offer(letter("a", size=400)).message
    assert room.offer(letter("b", size=400)) is None


def test_the_largest_body_has_room():
    assert MAX_WAITING_BYTES // 2 >= MAX_BODY_BYTES


def test_what_is_answered_counts_no_more_and_once_only():
    room = WaitingRoom()
    for number in range(3):
        room.offer(letter("a", number))
    _, tickets = taken(room)
    for ticket in tickets * 3:
        assert not room.done(ticket, 0.0)
    assert room.waiting == 0
    assert not room.done(0, 0.0), "of what was refused there is no ticket"


def test_nothing_is_remembered_of_clients_that_wait_for_nothing():
    room = WaitingRoom()
    for number in range(1000):
        room.offer(letter(f"c{number}"))
        for ticket in taken(room)[1]:
            room.done(ticket, 0.0)
    kept = (room._queues, room._turns, room._handled, room._waiting._of)
    assert not any(kept)


def answered(room, took_s, now):
    """One request, from its coming to its answer; how many may be handled at once then."""
    room.offer(letter("a"))
    _, ticket = room.take(now)
    room.done(ticket, now + took_s)
    return room._at_once.total


def test_heavy_requests_are_handed_on_by_fewer_and_light_ones_by_more():
    room, now, totals = WaitingRoom(), 0.0, []
    for took_s in [0.01] * 3 + [2.0] * 30 + [0.01] * 50:
        now += 3.0
        totals.append(answered(room, took_s, now))
    assert totals[2] == MAX_AT_ONCE
    assert min(totals) == totals[32] == MIN_AT_ONCE
    assert totals[-1] == MAX_AT_ONCE
    assert sorted(totals[3:33], reverse=True) == totals[3:33]


def test_what_was_handed_on_before_is_no_new_news():
    """A hundred slow answers that come together count once."""
    room = WaitingRoom()
    for number in range(100):
        room.offer(letter("a", number))
    tickets = [room.take(0.0)[1] for _ in range(100)]
    for ticket in tickets:
        room.done(ticket, 5.0)
    assert room._at_once.total == MAX_AT_ONCE * 3 // 4


def test_neither_slow_nor_quick_changes_nothing():
    room = WaitingRoom()
    answered(room, 2.0, 10.0)
    assert answered(room, 1.5 * TARGET_S, 20.0) == MAX_AT_ONCE * 3 // 4
