"""How many may be connected."""

import struct

from orch_actors.actors.gateway.connections import ACCEPTED, DISCONNECTED, MAX_CONNECTIONS, MAX_SERVED, Connections


def come(connections, *descriptors):
    for descriptor in descriptors:
        connections.hear(struct.pack("=HI", ACCEPTED, descriptor))


def go(connections, *descriptors):
    for descriptor in descriptors:
        connections.hear(struct.pack("=HI", DISCONNECTED, descriptor))


def test_so_many_and_no_more():
    connections, verdicts = Connections(most=3), []
    for descriptor in range(5):
        come(connections, descriptor)
        verdicts.append(connections.too_many)
    assert verdicts == [False] * 3 + [True] * 2
    go(connections, 4, 3)
    assert not connections.too_many
    assert len(connections) == 3


def test_those_are_served_that_came_first():
    connections = Connections(served=2)
    come(connections, 30, 10, 20, 40)
    assert connections.crowded
    assert [connections.serves(descriptor) for descriptor in (30, 10, 20, 40)] == [True, True, False, False]
    go(connections, 30)
    assert [connections.serves(descriptor) for descriptor in (10, 20, 40)] == [True, True, False]
    come(connections, 30)
    assert not connections.serves(30), "the number is another connection's now"
    go(connections, 30, 10)
    assert not connections.crowded


def test_other_news_of_a_monitor_is_passed_over():
    connections = Connections()
    connections.hear(struct.pack("=HI", 0x1000, 0))
    go(connections, 7)
    assert len(connections) == 0


def test_the_numbers():
    connections = Connections()
    come(connections, *range(MAX_CONNECTIONS))
    assert (connections.too_many, connections.serves(MAX_SERVED - 1), connections.serves(MAX_SERVED)) == (
        False,
        True,
        False,
    )
    come(connections, MAX_CONNECTIONS)
    assert connections.too_many
