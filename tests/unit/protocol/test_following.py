"""The reader's side of events: whatever is lost, doubled, late or out of order, the sequence comes out dense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch_actors.protocol import following as module
from orch_actors.protocol.errors import EnvironmentFault, PeerFault
from orch_actors.protocol.following import FIRST_SILENCE_S, HELD, SILENCE_S, Following
from orch_actors.protocol.messages import Events, Heartbeat, Published, Welcome
from orch_actors.protocol.views import Event


def event(seq):
    return Event(seq=seq, kind="task_ready", time_utc="t")


def published(seq):
    return Published(event=event(seq))


def page(first, last, head=None):
    return Events(events=tuple(event(seq) for seq in range(first, last + 1)), head=last if head is None else head)


def beat(head, journal="j"):
    return Heartbeat(head=head, journal=journal)


def welcome(head):
    return Welcome(version="0", journal="j", boot="b", pid=1, home="/", head=head, events="ipc://x")


def taken(following):
    found = []
    while (next_ := following.take()) is not None:
        found.append(next_.seq)
    return found


@given(st.data())
def test_dense_whatever_happens(data):
    """Random losses, duplicates, reorderings, heartbeats, small pages: exactly start+1, start+2, … comes out."""
    total = data.draw(st.integers(0, 30))
    start = data.draw(st.integers(0, total))
    following, now, out, head = Following(start, "j", now=0.0), 0.0, [], start
    for _ in range(data.draw(st.integers(0, 60))):
        now += 0.01
        match data.draw(st.sampled_from(["happen", "old", "ahead", "beat", "ask", "take"])):
            case "happen" if head < total:
                head += 1
                if data.draw(st.booleans()):
                    following.hear(published(head), now)
            case "old" | "ahead" if head:
                following.hear(published(data.draw(st.integers(1, head))), now)
            case "beat":
                following.hear(beat(data.draw(st.integers(0, head))), now)
            case "ask":
                last = min(head, following.since + data.draw(st.integers(0, 5)))
                following.page(page(following.since + 1, last, head), now)
            case "take":
                out += taken(following)
    following.hear(beat(head), now)
    out += taken(following)
    for _ in range(100):
        if not following.missing():
            break
        now += 1.0
        assert following.must_ask(now)
        following.page(page(following.since + 1, min(head, following.since + 3), head), now)
        out += taken(following)
    assert out == list(range(start + 1, head + 1))
    assert following.after == head


@given(st.permutations(list(range(1, 12))))
def test_any_order_comes_out_in_order(order):
    following = Following(0, "j", now=0.0)
    for seq in order:
        following.hear(published(seq), 0.0)
        following.hear(published(seq), 0.0)
    assert taken(following) == list(range(1, 12))
    assert not following.missing()


def test_begin():
    assert Following.begin(welcome(7), None, now=0.0).after == 7
    assert Following.begin(welcome(7), 7, now=0.0).after == 7
    assert Following.begin(welcome(7), 0, now=0.0).after == 0
    with pytest.raises(EnvironmentFault, match="newest event is 7, and events after 8"):
        Following.begin(welcome(7), 8, now=0.0)


def test_a_gap_is_asked_for_at_once():
    following = Following(4, "j", now=0.0)
    following.hear(published(6), 0.0)
    assert following.missing()
    assert following.must_ask(0.0)
    assert following.wait_s(0.0) == 0.0
    assert following.since == 4
    following.page(page(5, 5, 6), 0.0)
    assert taken(following) == [5, 6]
    assert not following.must_ask(0.0)


def test_a_heartbeat_shows_a_loss():
    following = Following(4, "j", now=0.0)
    following.hear(beat(5), 0.0)
    assert following.must_ask(0.0)


def test_a_fresh_subscription_is_checked_soon_then_silence_is():
    following = Following(4, "j", now=0.0)
    assert not following.must_ask(FIRST_SILENCE_S / 2)
    assert following.must_ask(FIRST_SILENCE_S)
    assert not following.resubscribe(FIRST_SILENCE_S)
    following.page(page(5, 4, 4), 1.0)
    assert following.wait_s(1.0) == SILENCE_S
    assert following.must_ask(1.0 + SILENCE_S)
    assert following.resubscribe(1.0 + SILENCE_S)
    assert not following.resubscribe(1.0 + SILENCE_S)
    following.hear(beat(4), 5.0)
    assert not following.must_ask(5.0)
    assert not following.resubscribe(5.0)


def test_an_answer_that_brings_nothing_makes_no_busy_loop():
    following = Following(4, "j", now=0.0)
    following.hear(beat(6), 0.0)
    following.page(page(5, 4, 6), 1.0)
    assert following.missing()
    assert not following.must_ask(1.0)
    assert following.must_ask(1.0 + following.wait_s(1.0))


def test_another_journal_is_not_followed():
    following = Following(4, "j", now=0.0)
    with pytest.raises(EnvironmentFault, match="its journal is k, it was j"):
        following.hear(beat(9, "k"), 0.0)


def test_fewer_events_than_seen_is_another_journal():
    following = Following(4, "j", now=0.0)
    with pytest.raises(EnvironmentFault, match="newest event is 3, and 4 was seen"):
        following.page(page(5, 4, 3), 0.0)


def test_a_page_that_leaves_out_events_is_a_peer_fault():
    following = Following(4, "j", now=0.0)
    with pytest.raises(PeerFault, match="after 4 begin with 6"):
        following.page(page(6, 7), 0.0)


def test_a_late_page_repeats_nothing():
    following = Following(0, "j", now=0.0)
    for seq in (1, 2, 4):
        following.hear(published(seq), 0.0)
    following.page(page(1, 5), 0.0)
    assert taken(following) == [1, 2, 3, 4, 5]


def test_old_events_take_up_no_room(monkeypatch):
    monkeypatch.setattr(module, "HELD", 1)
    following = Following(10, "j", now=0.0)
    for seq in (1, 2, 10):
        following.hear(published(seq), 0.0)
    following.hear(published(12), 0.0)
    following.page(page(11, 11, 12), 0.0)
    assert taken(following) == [11, 12]


def test_what_a_page_brought_is_held_no_longer(monkeypatch):
    monkeypatch.setattr(module, "HELD", 1)
    following = Following(0, "j", now=0.0)
    following.hear(published(3), 0.0)
    following.page(page(1, 3), 0.0)
    following.hear(published(5), 0.0)
    following.page(page(4, 4, 5), 0.0)
    assert taken(following) == [1, 2, 3, 4, 5]


def test_what_is_held_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "HELD", 3)
    following = Following(0, "j", now=0.0)
    for seq in range(2, 10):
        following.hear(published(seq), 0.0)
    following.hear(published(1), 0.0)
    assert taken(following) == [1, 2, 3, 4]
    assert following.missing()
    following.page(page(5, 9), 0.0)
    assert taken(following) == [5, 6, 7, 8, 9]
    assert HELD > 3


# --- a reader that wants only some ----------------------------------------------------------------------------------


def third(event):
    return event.seq % 3 == 0


def wanted_page(after, limit, head):
    """As the daemon answers a consumer that wants every third: (the page, where it has looked to)."""
    found = [seq for seq in range(after + 1, head + 1) if seq % 3 == 0][:limit]
    through = found[-1] if len(found) == limit else head
    return Events(events=tuple(event(seq) for seq in found), head=head, through=through)


@given(st.data())
def test_all_that_is_wanted_and_nothing_else(data):
    """However it comes: published, lost, doubled, asked for."""
    total = data.draw(st.integers(0, 40))
    following, now, out, head = Following(0, "j", now=0.0, wants=third), 0.0, [], 0
    for _ in range(data.draw(st.integers(0, 60))):
        now += 0.01
        match data.draw(st.sampled_from(["happen", "old", "beat", "ask", "take"])):
            case "happen" if head < total:
                head += 1
                if data.draw(st.booleans()):
                    following.hear(published(head), now)
            case "old" if head:
                following.hear(published(data.draw(st.integers(1, head))), now)
            case "beat":
                following.hear(beat(head), now)
            case "ask":
                following.page(wanted_page(following.since, data.draw(st.integers(1, 3)), head), now)
            case "take":
                out += taken(following)
        assert following.passed <= following.since <= head
        assert not [seq for seq in range(following.after + 1, following.passed + 1) if seq % 3 == 0]
    following.hear(beat(head), now)
    for _ in range(100):
        if following.missing():
            now += 1.0
            following.page(wanted_page(following.since, 2, head), now)
        out += taken(following)
    assert out == [seq for seq in range(1, head + 1) if seq % 3 == 0]
    assert following.passed == following.since == head
    assert following.after == (out[-1] if out else 0)


def test_what_an_answer_has_passed_over_is_held_no_longer(monkeypatch):
    monkeypatch.setattr(module, "HELD", 1)
    following = Following(0, "j", now=0.0, wants=third)
    following.hear(published(4), 0.0)
    following.page(wanted_page(0, 9, 5), 0.0)
    following.hear(published(7), 0.0)
    following.page(wanted_page(5, 9, 6), 0.0)
    assert taken(following) == [3, 6]
    assert not following.missing()
