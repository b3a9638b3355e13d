"""The base class: pykka's crash paths mended, typed dispatch, bounded inbox, views from outside."""

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pykka
import pytest
from msgspec import Struct

from orch_actors.actors.actor import Actor, InboxFull, describe

DEADLINE_S = 10.0


class Say(Struct):
    text: str


class SayTwice(Struct):
    text: str


class Fail(Struct):
    error: BaseException


class Wait(Struct):
    entered: threading.Event
    leave: threading.Event


class Unheard(Struct):
    pass


class Echo(Actor):
    kind = "echo"

    def _on_say(self, message: Say) -> str:
        return message.text

    def _on_fail(self, message: Fail) -> None:
        raise message.error

    def _on_wait(self, message: Wait) -> None:
        message.entered.set()
        message.leave.wait(DEADLINE_S)


class Louder(Echo):
    def _on_say(self, message: Say) -> str:
        return message.text.upper()

    def _on_say_twice(self, message: SayTwice) -> str:
        return message.text * 2


class Crashes:
    """Collects what on_crash is told."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, BaseException]] = []
        self.told = threading.Event()

    def __call__(self, name: str, error: BaseException) -> None:
        self.seen.append((name, error))
        self.told.set()


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.getLogger("pykka").disabled = True
    yield
    pykka.ActorRegistry.stop_all(timeout=DEADLINE_S)
    logging.getLogger("pykka").disabled = False


def until_stopped(ref: "pykka.ActorRef[Any]") -> None:
    assert ref.actor_stopped.wait(DEADLINE_S)


def test_dispatch_goes_by_the_kind_of_message_and_subclasses_override() -> None:
    assert Echo.start("a").ask(Say(text="hi"), timeout=DEADLINE_S) == "hi"
    louder = Louder.start("b")
    assert louder.ask(Say(text="hi"), timeout=DEADLINE_S) == "HI"
    assert louder.ask(SayTwice(text="hi"), timeout=DEADLINE_S) == "hihi"


def test_a_message_that_nobody_takes_is_a_crash() -> None:
    crashes = Crashes()
    ref = Echo.start("a", on_crash=crashes)
    with pytest.raises(TypeError, match="takes no Unheard"):
        ref.ask(Unheard(), timeout=DEADLINE_S)
    until_stopped(ref)
    assert [name for name, _ in crashes.seen] == ["a"]


@pytest.mark.parametrize("how", ["tell", "ask"])
def test_an_exception_ends_the_actor_and_reaches_its_supervisor_once(how: str) -> None:
    crashes = Crashes()
    error = ValueError("half done")
    ref = Echo.start("a", on_crash=crashes)
    if how == "ask":
        with pytest.raises(ValueError, match="half done"):
            ref.ask(Fail(error=error), timeout=DEADLINE_S)
    else:
        ref.tell(Fail(error=error))
    until_stopped(ref)
    assert crashes.told.wait(DEADLINE_S)
    assert crashes.seen == [("a", error)]
    with pytest.raises(pykka.ActorDeadError):
        ref.ask(Say(text="hi"), timeout=DEADLINE_S)


def test_system_exit_ends_this_actor_only() -> None:
    crashes = Crashes()
    other = Echo.start("other")
    ref = Echo.start("a", on_crash=crashes)
    with pytest.raises(RuntimeError, match="SystemExit"):
        ref.ask(Fail(error=SystemExit(3)), timeout=DEADLINE_S)
    until_stopped(ref)
    assert isinstance(crashes.seen[0][1], SystemExit)
    assert other.ask(Say(text="still here"), timeout=DEADLINE_S) == "still here"


def test_on_start_that_fails_is_a_crash() -> None:
    class BadStart(Echo):
        def on_start(self) -> None:
            raise OSError("no socket")

    crashes = Crashes()
    ref = BadStart.start("a", on_crash=crashes)
    until_stopped(ref)
    assert crashes.told.wait(DEADLINE_S)
    assert str(crashes.seen[0][1]) == "no socket"


def test_on_stop_that_fails_is_a_crash() -> None:
    class BadStop(Echo):
        def on_stop(self) -> None:
            raise OSError("cannot close")

    crashes = Crashes()
    BadStop.start("a", on_crash=crashes).stop(timeout=DEADLINE_S)
    assert crashes.told.wait(DEADLINE_S)
    assert str(crashes.seen[0][1]) == "cannot close"


def test_messages_that_wait_when_it_dies_are_refused_not_forgotten() -> None:
    wait = Wait(entered=threading.Event(), leave=threading.Event())
    ref = Echo.start("a")
    ref.tell(wait)
    assert wait.entered.wait(DEADLINE_S)
    ref.tell(Fail(error=ValueError("x")))
    answer = ref.ask(Say(text="late"), block=False)
    wait.leave.set()
    with pytest.raises(pykka.ActorDeadError):
        answer.get(timeout=DEADLINE_S)


def test_a_full_inbox_refuses_the_sender_and_still_takes_a_stop() -> None:
    wait = Wait(entered=threading.Event(), leave=threading.Event())
    ref = Echo.start("a", inbox_limit=2)
    ref.tell(wait)
    assert wait.entered.wait(DEADLINE_S)
    ref.tell(Say(text="1"))
    ref.tell(Say(text="2"))
    with pytest.raises(InboxFull):
        ref.tell(Say(text="3"))
    stopped = ref.stop(block=False)
    wait.leave.set()
    assert stopped.get(timeout=DEADLINE_S) is True


def test_it_describes_itself_while_it_is_busy_and_when_it_has_crashed() -> None:
    wait = Wait(entered=threading.Event(), leave=threading.Event())
    ref = Echo.start("a", restarts=2)
    ref.tell(wait)
    assert wait.entered.wait(DEADLINE_S)
    ref.tell(Say(text="waits"))
    seen = describe(ref)
    assert seen is not None
    assert (seen.name, seen.kind, seen.state, seen.mailbox, seen.handled, seen.restarts) == (
        ("a", "echo", "busy", 1, 1, 2)
    )
    wait.leave.set()
    crash = ref.ask(Fail(error=ValueError("x")), block=False)
    with pytest.raises(ValueError, match="x"):
        crash.get(timeout=DEADLINE_S)
    after = describe(ref)
    assert after is None or after.state == "crashed"
