"""A bounded amount that many take from."""

from hypothesis import given
from hypothesis import strategies as st

from orch_actors.actors.gateway.shares import Share


def greedy(share, *keys):
    """All take one at a time, as long as any may; what each has then."""
    going = True
    while going:
        going = False
        for key in keys:
            if share.fits(key, 1):
                share.take(key, 1)
                going = True
    return [share.of(key) for key in keys]


def test_one_alone_has_half():
    assert greedy(Share(1000), "a") == [500]


def test_several_have_the_same_and_leave_as_much():
    assert greedy(Share(1000), "a", "b", "c", "d") == [200] * 4


def test_there_is_room_for_one_who_comes_late():
    share = Share(1000)
    greedy(share, *range(99))
    assert share.fits("late", 10)


def test_what_is_given_back_is_there_again():
    share = Share(10)
    share.take("a", 5)
    assert not share.fits("a", 1)
    share.give_back("a", 5)
    assert (share.used, share.of("a")) == (0, 0)
    assert share.fits("a", 5)


def test_nothing_can_be_taken_and_given_back_any_number_of_times():
    """A request's body may be empty."""
    share = Share(10)
    share.take("a", 0)
    share.take("a", 0)
    share.give_back("a", 0)
    share.give_back("a", 0)
    assert share.used == 0


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30), st.booleans()), max_size=200))
def test_never_more_than_there_is(steps):
    share, has = Share(100), dict.fromkeys(range(5), 0)
    for key, amount, more in steps:
        if more and share.fits(key, amount):
            share.take(key, amount)
            has[key] += amount
        elif not more and has[key] >= amount:
            share.give_back(key, amount)
            has[key] -= amount
        assert {key: share.of(key) for key in has} == has
        assert share.used == sum(has.values()) <= share.total
