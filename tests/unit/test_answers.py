"""The table of answered commands: the same bytes again, conflicts, and the window's two bounds."""

import pytest

from orch_actors.actors import answers as answers_module
from orch_actors.actors.answers import MAX_AGE_S, MAX_ANSWERS, Answers
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.ids import new_id

T0 = 1_800_000_000.0


def made_at(stamp, tail=0):
    """A version 7 UUID made at this instant."""
    return f"{round(stamp * 1000):012x}7{tail:03x}8{tail:015x}"


def refusal(answers, command, digest="d", client="c"):
    with pytest.raises(Refused) as refused:
        answers.find(client, command, digest)
    return refused.value.info.code


def test_the_bounds_that_were_promised():
    assert (MAX_ANSWERS, MAX_AGE_S) == (100_000, 7 * 86_400)


def test_a_new_command_is_unknown_and_its_repetition_gets_the_same_bytes():
    answers, command = Answers(), new_id()
    assert answers.find("c", command, "d") is None
    answers.keep("c", command, "d", b'{"id":1}', T0)
    assert answers.find("c", command, "d") == b'{"id":1}'
    assert len(answers) == 1


def test_the_same_id_for_another_command_is_a_conflict():
    answers, command = Answers(), made_at(T0)
    answers.keep("c", command, "d", b"{}", T0)
    assert refusal(answers, command, "other") == "ID_CONFLICT"
    assert answers.find("c", command, "d") == b"{}"


def test_each_client_has_ids_of_its_own():
    answers, command = Answers(), made_at(T0)
    answers.keep("c", command, "d", b"{}", T0)
    assert answers.find("another", command, "e") is None


def test_by_count_the_oldest_goes_and_is_never_executed_again():
    answers = Answers(max_answers=3)
    ids = [made_at(T0 + n) for n in range(5)]
    for n, command in enumerate(ids):
        assert answers.find("c", command, "d") is None
        answers.keep("c", command, "d", b"%d" % n, T0 + n)
    assert len(answers) == 3
    assert [refusal(answers, command) for command in ids[:2]] == ["ID_EXPIRED"] * 2
    assert [answers.find("c", command, "d") for command in ids[2:]] == [b"2", b"3", b"4"]
    assert answers.find("c", made_at(T0 + 5), "d") is None


def test_by_age_the_old_go_when_a_new_one_is_kept():
    answers = Answers(max_age_s=100.0)
    answers.keep("c", made_at(T0), "d", b"old", T0)
    answers.keep("c", made_at(T0 + 100), "d", b"young", T0 + 100)
    assert answers.find("c", made_at(T0), "d") == b"old"
    answers.keep("c", made_at(T0 + 101), "d", b"younger", T0 + 101)
    assert refusal(answers, made_at(T0)) == "ID_EXPIRED"
    assert answers.find("c", made_at(T0 + 100), "d") == b"young"


def test_a_command_that_was_answered_long_after_its_making_expires_too():
    answers = Answers(max_answers=1)
    answers.keep("c", made_at(T0 - 50), "d", b"", T0)
    answers.keep("c", made_at(T0 + 1), "d", b"", T0 + 1)
    assert refusal(answers, made_at(T0 - 50)) == "ID_EXPIRED"
    assert refusal(answers, made_at(T0 - 0.001)) == "ID_EXPIRED"  # cannot be told from one that was forgotten


def test_an_id_made_ahead_of_our_clock_is_not_executed_again_once_forgotten():
    answers = Answers(max_answers=1)
    ahead = made_at(T0 + 300)
    answers.keep("c", ahead, "d", b"", T0)
    answers.keep("c", made_at(T0 + 1), "d", b"", T0 + 1)
    assert refusal(answers, ahead) == "ID_EXPIRED"


def test_an_id_from_the_far_future_does_not_lock_everybody_out():
    answers = Answers(max_answers=1)
    answers.keep("c", made_at(T0 * 4), "d", b"", T0)
    answers.keep("c", made_at(T0 + 1), "d", b"", T0 + 1)
    later = T0 + answers_module.MAX_AHEAD_S + 1
    assert answers.find("c", made_at(later), "d") is None


def test_an_id_from_the_far_future_is_not_executed_again():
    """Its maker's clock is an hour ahead, and the table is full before that hour has come."""
    answers, ahead = Answers(max_answers=2), made_at(T0 + 3600)
    answers.keep("c", ahead, "d", b"ahead", T0)
    for n in range(1, 3600, 10):
        answers.keep("c", made_at(T0 + n), "d", b"", T0 + n)
        assert answers.find("c", ahead, "d") == b"ahead"
        assert refusal(answers, ahead, "other") == "ID_CONFLICT"
    for n in range(3600, 3640, 10):
        answers.keep("c", made_at(T0 + n), "d", b"", T0 + n)
    assert refusal(answers, ahead) == "ID_EXPIRED"
    assert len(answers) == 2


def test_there_are_not_too_many_from_the_far_future():
    answers = Answers(max_answers=5)
    for n in range(100):
        answers.keep("c", made_at(T0 + 1e6 + n), "d", b"", T0 + n)
    assert len(answers) == 10


def test_keeping_what_is_known_keeps_one():
    answers = Answers(max_answers=2)
    for _ in range(5):
        answers.keep("c", made_at(T0), "d", b"same", T0)
    assert len(answers) == 1


@pytest.mark.parametrize(
    "command",
    [
        "1",
        "",
        "x" * 32,
        "0" * 32,
        "00000000-0000-4000-8000-000000000000",
        made_at(T0)[:-1],
        made_at(T0) + "0",
        "0_" * 16,
    ],
)
def test_an_id_that_tells_no_time_is_refused(command):
    assert refusal(Answers(), command) == "INVALID_REQUEST"


def test_hyphens_and_capitals_are_allowed():
    plain = made_at(T0)
    hyphened = f"{plain[:8]}-{plain[8:12]}-{plain[12:16]}-{plain[16:20]}-{plain[20:]}".upper()
    answers = Answers(max_answers=1)
    assert answers.find("c", hyphened, "d") is None
    answers.keep("c", hyphened, "d", b"", T0)
    answers.keep("c", made_at(T0 + 1), "d", b"", T0 + 1)
    assert refusal(answers, hyphened) == "ID_EXPIRED"
