"""The handover: with care, a host is given one thing after the other, and what it dies of is found."""

import pytest

from orch_actors.actors.handover import ALONE_S, MOST_DEATHS, Handover
from orch_actors.protocol.hostwire import AdoptAttempt, Launch, StartAttempt


def launch(name):
    return Launch(attempt=name, folder="/f", stem="s", work={}, cwd="/", env={}, grace_s=1.0, boot="b")


class Desk:
    """What hosts are told, and what is to be called back."""

    def __init__(self):
        self.sent, self.reminders = [], []
        self.handover = Handover(
            lambda host, message: self.sent.append((host, message)),
            lambda host, attempt, delay_s: self.reminders.append((host, attempt, delay_s)),
        )

    def give(self, host, *names):
        for name in names:
            self.handover.give(host, AdoptAttempt(launch=launch(name)))

    def given(self, host):
        return [message.launch.attempt for to, message in self.sent if to == host]

    def careful(self, host, *names):
        self.handover.be_careful(host)
        self.give(host, *names)
        self.handover.begin(host)

    def life(self, host, names, dies_of=(), others=0):
        """A careful host's life: it lives with each for a while, until it is given what it dies of."""
        self.careful(host, *names)
        while True:
            latest = self.given(host)[-1] if self.given(host) else None
            if latest in dies_of:
                return self.handover.died(host)
            if len(self.given(host)) == len(names):
                return None
            self.handover.survived(host, latest)


@pytest.fixture
def desk():
    return Desk()


def test_without_care_all_is_given_at_once(desk):
    desk.give("h1", "a", "b", "c")
    assert desk.given("h1") == ["a", "b", "c"]
    assert desk.reminders == []
    assert desk.handover.died("h1") is None


def test_with_care_one_after_the_other(desk):
    desk.careful("h1", "a", "b", "c")
    assert desk.given("h1") == ["a"]
    assert desk.reminders == [("h1", "a", ALONE_S)]
    desk.handover.survived("h1", "b")  # what is not its turn yet changes nothing
    assert desk.given("h1") == ["a"]
    desk.handover.survived("h1", "a")
    desk.handover.survived("h1", "a")  # it was over, and the reminder comes after all
    assert desk.given("h1") == ["a", "b"]


def test_once_all_is_lived_with_there_is_no_more_care(desk):
    desk.careful("h1", "a")
    desk.handover.survived("h1", "a")
    desk.give("h1", "b", "c")
    assert desk.given("h1") == ["a", "b", "c"]


def test_new_work_waits_for_its_turn_too(desk):
    desk.careful("h1", "a")
    desk.handover.give("h1", StartAttempt(launch=launch("b")))
    assert desk.given("h1") == ["a"]
    desk.handover.survived("h1", "a")
    assert isinstance(desk.sent[-1][1], StartAttempt)


def test_another_host_is_not_held_up(desk):
    desk.careful("h1", "a", "b")
    desk.give("h2", "c", "d")
    assert desk.given("h2") == ["c", "d"]


def test_what_waits_and_is_stopped_is_given_as_one_to_be_stopped(desk):
    desk.careful("h1", "a", "b")
    desk.handover.give("h1", StartAttempt(launch=launch("c")))
    assert not desk.handover.take_back("h1", "a")  # the host has it: it must be told
    assert desk.handover.take_back("h1", "b")
    assert desk.handover.take_back("h1", "c")
    assert not desk.handover.take_back("h1", "nobody")
    assert not desk.handover.take_back("h2", "b")
    desk.handover.survived("h1", "a")
    desk.handover.survived("h1", "b")
    assert [message for _, message in desk.sent[1:]] == [
        AdoptAttempt(launch=launch("b"), stopping=True),
        AdoptAttempt(launch=launch("c"), stopping=True),
    ]


def test_what_two_hosts_die_of_is_given_up_and_no_other(desk):
    names = ["a", "b", "poison", "c"]
    assert desk.life("h1", names, dies_of={"poison"}) is None
    assert desk.given("h1") == ["a", "b", "poison"]
    assert desk.life("h2", names, dies_of={"poison"}) == ("poison", MOST_DEATHS)
    assert desk.given("h2") == ["a", "b", "c", "poison"], "the suspect comes last"
    assert desk.life("h3", ["a", "b", "c"]) is None


def test_two_that_kill_are_both_found(desk):
    names = ["p", "a", "q"]
    found = [desk.life(f"h{n}", names, dies_of={"p", "q"}) for n in range(3)]
    assert found == [None, None, ("p", MOST_DEATHS)]
    assert desk.life("h4", ["a", "q"], dies_of={"q"}) == ("q", MOST_DEATHS)


def test_who_was_lived_with_once_is_no_suspect(desk):
    desk.careful("h1", "a")
    assert desk.handover.died("h1") is None
    desk.careful("h2", "a", "b")
    assert desk.given("h2") == ["b"]
    desk.handover.survived("h2", "b")
    desk.handover.survived("h2", "a")
    desk.careful("h3", "a")
    assert desk.handover.died("h3") is None


def test_a_host_that_dies_before_it_was_given_anything_accuses_nobody(desk):
    for number in range(4):
        desk.handover.be_careful(f"h{number}")
        desk.give(f"h{number}", "a")
        assert desk.handover.died(f"h{number}") is None


def test_a_reminder_of_a_dead_host_forgives_nobody(desk):
    desk.careful("h1", "a")
    assert desk.handover.died("h1") is None
    desk.handover.survived("h1", "a")
    desk.careful("h2", "a")
    assert desk.handover.died("h2") == ("a", MOST_DEATHS)


def test_what_is_over_is_no_suspect(desk):
    desk.careful("h1", "a", "b")
    assert desk.handover.died("h1") is None
    desk.handover.over("h2", "a")
    desk.careful("h3", "a", "b")
    assert desk.given("h3") == ["a"]
    desk.handover.over("h3", "a")
    assert desk.given("h3") == ["a", "b"]


def test_a_death_later_on_singles_nobody_out(desk):
    for number in range(5):
        assert desk.life(f"h{number}", ["a", "b"]) is None
        desk.handover.survived(f"h{number}", "b")
        assert desk.handover.died(f"h{number}") is None
