"""What ZeroMQ has not sent yet, known by a mark now and then."""

from orch_actors.actors.gateway import outflow
from orch_actors.actors.gateway.outflow import MARK_EVERY, Outflow


class Tracked:
    done = False


def send(flow, peer, size, tracker=None):
    """As the gateway does; whether it was marked."""
    marked = flow.needs_mark(peer, size)
    flow.sent(peer, size, (tracker or Tracked()) if marked else None)
    return marked


def test_little_is_not_counted_and_much_is():
    flow = Outflow()
    assert not any(send(flow, b"a", 1000) for _ in range(65))
    assert flow.unsent_bytes == 0
    assert send(flow, b"a", 1000)
    assert flow.unsent_bytes == 66_000
    assert send(flow, b"b", MARK_EVERY)
    assert not send(flow, b"a", 1000)


def test_what_has_gone_out_counts_no_more_and_in_its_order():
    flow, first, second = Outflow(1_000_000), Tracked(), Tracked()
    send(flow, b"a", 200_000, first)
    send(flow, b"a", 200_000, second)
    assert not flow.fits(b"a", 300_000)
    second.done = True
    assert not flow.fits(b"a", 300_000)
    first.done = True
    assert flow.fits(b"a", 300_000)
    assert flow.unsent_bytes == 0


def test_who_does_not_read_has_its_share_and_no_more():
    flow, sent = Outflow(1_000_000), 0
    while flow.fits(b"asleep", 100_000):
        send(flow, b"asleep", 100_000)
        sent += 1
    assert sent == 5
    assert flow.fits(b"awake", 100_000)


def test_what_others_have_taken_in_makes_room():
    flow, tracker = Outflow(1_000_000), Tracked()
    send(flow, b"b", 500_000, tracker)
    send(flow, b"a", 200_000)
    assert not flow.fits(b"c", 400_000)
    tracker.done = True
    assert flow.fits(b"c", 400_000)


def test_who_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(outflow, "MAX_REMEMBERED", 3)
    flow, tracker = Outflow(), Tracked()
    send(flow, b"large", MARK_EVERY, tracker)
    for number in range(10):
        send(flow, b"%d" % number, 10)
    assert list(flow._peers) == [b"large", b"8", b"9"]
    tracker.done = True
    send(flow, b"10", 10)
    assert list(flow._peers) == [b"8", b"9", b"10"]
    assert flow.unsent_bytes == 0
