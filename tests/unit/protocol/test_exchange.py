"""One request's tries, told by a clock that stands still unless moved."""

import pytest

from orch_actors.protocol import codec, messages
from orch_actors.protocol.errors import ErrorInfo, PeerFault, Refused, Unavailable
from orch_actors.protocol.exchange import FIRST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_TRY_S, Exchange, Glances, expect

HELLO = messages.Hello()


def exchange(do=HELLO, timeout_s=10.0, **more):
    return Exchange(
        do, client="c", command_id="id-1", endpoint="ipc://x", now=100.0, now_utc=5000.0, timeout_s=timeout_s, **more
    )


def reply(result=None, code=None, of="id-1"):
    error = None if code is None else ErrorInfo(code=code, message="no")
    return codec.encode(messages.Reply(id=of, result=result, error=error))


CANCELLED = messages.Cancelled(graph="g1", tasks=())


def test_the_request_carries_id_client_version_and_deadline():
    request = codec.REQUEST.decode(exchange(messages.Cancel(graph="g1"), timeout_s=7.0).body)
    assert request == messages.Request(id="id-1", client="c", v=1, do=messages.Cancel(graph="g1"), deadline_utc=5007.0)


def test_version_and_deadline_are_on_the_wire():
    assert b'"v":1,"deadline_utc":5010.0' in exchange(encoding="json").body


def test_tries_grow_and_end_at_the_deadline():
    it, now, waits = exchange(timeout_s=30.0), 100.0, []
    while now < 130.0:
        waits.append(it.next_try(now) - now)
        now += waits[-1]
    with pytest.raises(Unavailable) as unavailable:
        it.next_try(now)
    assert (unavailable.value.endpoint, unavailable.value.command_id) == ("ipc://x", "id-1")
    assert unavailable.value.waited_s == 30.0
    assert waits == [*sorted(waits[:-1]), waits[-1]]
    assert max(waits) <= LONGEST_TRY_S
    assert now == 130.0


def test_no_time_at_all_is_still_one_try():
    it = exchange(timeout_s=0.0)
    assert it.next_try(100.0) == 100.0
    with pytest.raises(Unavailable):
        it.next_try(100.0)


def test_a_result_is_taken():
    assert exchange().take(reply(CANCELLED)) == CANCELLED


@pytest.mark.parametrize(
    "body",
    [reply(CANCELLED, of="id-0"), reply(code="INTERNAL", of="id-0"), b"", b"rubbish", b'{"id":"id-0","result":7}'],
)
def test_what_is_not_ours_is_passed_over(body):
    assert exchange().take(body) is None


@pytest.mark.parametrize("body", [b'{"id":"id-1","result":{"type":"of tomorrow"}}', b'{"id":"id-1"}'])
def test_our_id_with_nonsense_is_a_peer_fault(body):
    with pytest.raises(PeerFault):
        exchange().take(body)


def test_a_refusal_for_good_is_raised():
    with pytest.raises(Refused) as refused:
        exchange().take(reply(code="UNKNOWN_GRAPH"))
    assert refused.value.info.code == "UNKNOWN_GRAPH"


@pytest.mark.parametrize("code", ["OVERLOADED", "STOPPING"])
def test_a_refusal_that_may_pass_is_waited_out(code):
    it = exchange(timeout_s=10.0)
    it.next_try(100.0)
    assert it.take(reply(code=code)) == "again"
    with pytest.raises(Refused, match="no"):
        it.next_try(110.0)


def test_a_disk_that_is_full_is_told_at_once():
    with pytest.raises(Refused):
        exchange().take(reply(code="DISK_FULL"))


def test_after_a_refusal_an_unanswered_try_leaves_the_fate_unknown():
    it = exchange(timeout_s=10.0)
    it.next_try(100.0)
    assert it.take(reply(code="STOPPING")) == "again"
    it.next_try(101.0)
    with pytest.raises(Unavailable):
        it.next_try(110.0)


def test_pauses_grow_up_to_a_bound_and_never_over_the_deadline():
    it = exchange(timeout_s=10.0)
    pauses = [it.pause_s(100.0) for _ in range(12)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_S
    assert it.pause_s(109.9) == pytest.approx(0.1)
    assert it.pause_s(111.0) == 0.0


def test_after_a_refusal_no_try_is_made_that_has_no_time():
    """It would end in silence, and the refusal be forgotten."""
    it = exchange(timeout_s=10.0)
    it.next_try(100.0)
    assert it.pause_s(109.7) == FIRST_PAUSE_S  # nothing was heard: try again
    assert it.take(reply(code="OVERLOADED")) == "again"
    assert it.pause_s(109.0) == pytest.approx(2 * FIRST_PAUSE_S)
    assert it.pause_s(109.7) == pytest.approx(0.3)
    with pytest.raises(Refused):
        it.next_try(110.0)


def test_glances_end_with_the_try():
    glances, now, waits = Glances(102.0), 100.0, []
    while (wait := glances.next_s(now)) is not None:
        waits.append(wait)
        now += wait
    assert sum(waits) == pytest.approx(2.0)
    assert glances.next_s(200.0) is None


@pytest.mark.parametrize("value", [{1, 2}, object(), 2**70, "\ud800"], ids=["set", "object", "big", "surrogate"])
def test_what_cannot_travel_is_refused_before_it_is_sent(value):
    bad = messages.SubmitGraph(graph={"name": value})
    if isinstance(value, set):
        assert exchange(bad).body  # a set travels as a list, as tuples do
        return
    with pytest.raises(Refused) as refused:
        exchange(bad)
    assert refused.value.info.code == "INVALID_REQUEST"
    assert refused.value.info.hint


def test_what_is_too_large_is_refused_before_it_is_sent(monkeypatch):
    monkeypatch.setattr("orch_actors.protocol.exchange.MAX_BODY_BYTES", 100)
    with pytest.raises(Refused, match="more than the 100"):
        exchange(messages.SubmitGraph(graph={"name": "x" * 200}))


def test_a_json_exchange_is_json():
    assert exchange(encoding="json").body.startswith(b"{")


def test_expect():
    assert expect(CANCELLED, messages.Cancelled) is CANCELLED
    with pytest.raises(PeerFault, match="expected Welcome in the reply, got Cancelled"):
        expect(CANCELLED, messages.Welcome)
