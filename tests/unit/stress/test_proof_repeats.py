"""The judge of repetitions: another byte in a reply is seen, and so is silence."""

import pytest

from orch_actors.protocol.messages import Pause
from orch_actors.stress.proofs import repeats
from orch_actors.stress.proofs.proof import Trial

FIRST = [(Pause(graph="g1"), b"sent", b"answer"), (Pause(graph="g2"), b"sent too", b"another")]


class Scripted:
    """Answers as at first, but for the request number `wrong`."""

    def __init__(self, wrong=None, says=()):
        self.asked, self._wrong, self._says = 0, wrong, says

    def ask(self, body, times=1):
        self.asked += 1
        if self.asked == self._wrong:
            return list(self._says)
        return [{sent: answer for _, sent, answer in FIRST}[body]] * times


def repeat(teller, size=50, restarts=3):
    killed, told = [], []
    trial = Trial(size=size, seed=1, folder="/nowhere", tell=told.append)
    done, faults = repeats._repeat(trial, lambda: killed.append(1) or 7, teller, FIRST, restarts)
    return done, faults, len(killed)


def test_the_same_bytes_are_no_fault():
    done, faults, kills = repeat(Scripted())
    assert (done >= 50, faults, kills) == (True, [], 3)


def test_other_bytes_are_a_fault_that_shows_both():
    _, faults, _ = repeat(Scripted(wrong=5, says=[b"somewhat else"]))
    (fault,) = faults
    assert "Pause" in fault
    assert "somewhat else" in fault


def test_silence_is_a_fault_and_the_end():
    done, faults, _ = repeat(Scripted(wrong=5))
    assert done < 50
    assert faults == ["Pause was not answered any more"]


@pytest.mark.parametrize(("code", "passes"), [("OVERLOADED", True), ("STOPPING", True), ("NOT_ALLOWED", False)])
def test_only_what_may_pass_is_asked_again(code, passes):
    from orch_actors.protocol import codec
    from orch_actors.protocol.errors import ErrorInfo
    from orch_actors.protocol.messages import Reply

    reply = Reply(id="x", error=ErrorInfo(code=code, message="m", retriable=passes))
    assert repeats._may_pass(codec.encode(reply)) is passes
