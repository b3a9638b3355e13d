"""The one actor class of both processes: pykka's ThreadingActor with its traps mended.

What pykka 4.5 does, and what this does instead:

- An exception under `ask` leaves the actor alive with half-changed state; one in `on_start` or `on_stop` never
  reaches anybody. Here ANY unexpected exception ends the actor and is told to its supervisor (`on_crash`).
- SystemExit in one actor stops every actor of the process. Here it is a crash like any other.
- Inboxes are unbounded. Here one may have a limit; the sender is refused (InboxFull) and decides itself.
- A message that arrives while the actor stops is lost, and its `ask` waits for ever. Here the inbox closes first,
  so the sender has ActorDeadError.
- `__init__` still runs in the creator's thread: what belongs to the actor's thread is opened in `on_start`.

Messages are msgspec Structs. A subclass has a method `_on_<message>` for each kind it takes (`StopAttempt` →
`_on_stop_attempt`), or overrides `receive` and matches. The table of methods is built from the class's own body
when it is defined; no name that comes from outside is ever looked up.

Rejected: threads without pykka (we would rewrite ask, futures and the registry), bounded `queue.Queue` (a full
inbox blocks its sender, and two actors that tell each other deadlock).
"""

import os
import queue
import re
import sys
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

import pykka
from pykka.messages import _ActorStop

from orch_actors.protocol.views import ActorView

if TYPE_CHECKING:
    from pykka._actor import ActorInbox
    from pykka._envelope import Envelope

#: Told of a crash, in the crashing actor's thread: its name and what it died of.
OnCrash = Callable[[str, BaseException], None]

_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


class InboxFull(Exception):
    """The actor has as many messages waiting as it takes; the sender's message was not delivered."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} messages wait already")
        self.limit = limit


class Inbox:
    """A queue that can be bounded and closed; once `close` has returned, nothing gets in any more."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Envelope[Any]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        #: Most messages that may wait; 0: no limit.
        self.limit = 0
        self.get = self._queue.get
        self.empty = self._queue.empty
        self.qsize = self._queue.qsize

    def put(self, envelope: "Envelope[Any]", /) -> None:
        """Append, without blocking. A stop always gets in.

        Raises:
            InboxFull: the limit is reached.
            pykka.ActorDeadError: the actor has stopped.
        """
        with self._lock:
            if self._closed:
                raise pykka.ActorDeadError("the actor has stopped")
            if 0 < self.limit <= self._queue.qsize() and not isinstance(envelope.message, _ActorStop):
                raise InboxFull(self.limit)
            self._queue.put(envelope)

    def close(self) -> None:
        """Refuse from now on; what is inside stays."""
        with self._lock:
            self._closed = True


class Actor(pykka.ThreadingActor):
    """An actor that dies of its bugs, loudly.

    Args:
        name: what `actors` shows; unique among its siblings.
        on_crash: told when it dies of an exception; runs in the dying thread, so it should only send a message.
        inbox_limit: most messages that may wait, 0 for no limit.
        restarts: how often a supervisor has replaced it; shown, not used.

    Example:
        >>> class Echo(Actor):
        ...     def _on_say(self, message: Say) -> str:
        ...         return message.text
        >>> Echo.start("echo").ask(Say(text="hi"))
        'hi'
    """

    #: What `actors` shows as its kind.
    kind: ClassVar[str] = "actor"
    use_daemon_thread: ClassVar[bool] = True
    #: `stop_attempt` → the method of that name; see `__init_subclass__`.
    _methods: ClassVar[dict[str, Callable[[Any, Any], Any]]] = {}
    #: Message class → its method, filled as messages come.
    _handlers: ClassVar[dict[type, Callable[[Any, Any], Any]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = {name[4:]: method for name, method in vars(cls).items() if name.startswith("_on_") and callable(method)}
        cls._methods = {**cls._methods, **own}
        cls._handlers = {}

    def __init__(
        self, name: str = "", *, on_crash: OnCrash | None = None, inbox_limit: int = 0, restarts: int = 0
    ) -> None:
        super().__init__()
        self.name = name or type(self).__name__.lower()
        self.handled = 0
        self.crash: BaseException | None = None
        self._restarts = restarts
        self._on_crash = on_crash
        self._busy = False
        assert isinstance(self.actor_inbox, Inbox)  # noqa: S101 (an invariant of ours, for the type checker too)
        self._inbox: Inbox = self.actor_inbox
        self._inbox.limit = inbox_limit

    # --- for subclasses ---------------------------------------------------------------------------------

    def receive(self, message: Any) -> Any:
        """Handle one message; what it returns answers an `ask`. Override it, or write `_on_<message>` methods.

        Raises:
            TypeError: no method takes this kind of message (a bug: the actor dies of it).
        """
        kind = type(message)
        handler = self._handlers.get(kind)
        if handler is None:
            handler = self._methods.get(_WORD_START.sub("_", kind.__name__).lower())
            if handler is None:
                raise TypeError(f"{self.name} ({type(self).__name__}) takes no {kind.__name__}")
            self._handlers[kind] = handler
        return handler(self, message)

    def state(self) -> str:
        """What `actors` shows as its state; called from other threads."""
        if self.crash is not None:
            return "crashed"
        if self.actor_stopped.is_set():
            return "stopped"
        return "busy" if self._busy else "idle"

    # --- for anybody ------------------------------------------------------------------------------------

    def describe(self, children: Iterable[ActorView] = ()) -> ActorView:
        """What can be told of it without asking it: safe from any thread, also while it is busy or dead."""
        return ActorView(
            name=self.name,
            kind=self.kind,
            state=self.state(),
            pid=os.getpid(),
            mailbox=self._inbox.qsize(),
            handled=self.handled,
            restarts=self._restarts,
            children=tuple(children),
        )

    # --- pykka's hooks ----------------------------------------------------------------------------------

    @staticmethod
    def _create_actor_inbox() -> "ActorInbox":
        return Inbox()

    def on_receive(self, message: Any) -> Any:
        """Dispatch (final: override `receive`)."""
        self.handled += 1
        self._busy = True
        try:
            return self.receive(message)
        except Exception as error:
            self._handle_failure(type(error), error, error.__traceback__)
            raise
        except BaseException as error:
            self._handle_failure(type(error), error, error.__traceback__)
            # pykka would stop all actors of the process.
            raise RuntimeError(f"{self.name} was ended by {error!r}") from error
        finally:
            self._busy = False

    def _handle_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Every crash comes through here, from pykka or from `on_receive`; the first one counts."""
        if self.crash is not None or exception_value is None:
            return
        self.crash = exception_value
        super()._handle_failure(exception_type, exception_value, traceback)
        if self._on_crash is None:
            return
        try:
            self._on_crash(self.name, exception_value)
        except Exception:  # noqa: BLE001 (its supervisor is gone: nobody is left to tell but the operator)
            sys.excepthook(*sys.exc_info())

    def _actor_loop_teardown(self) -> None:
        self._inbox.close()
        super()._actor_loop_teardown()


def describe(ref: "pykka.ActorRef[Any]", children: Iterable[ActorView] = ()) -> ActorView | None:
    """What can be told of the actor behind `ref`, from any thread; None once it is gone."""
    actor = ref._actor_weakref()  # noqa: SLF001 (pykka has no public way from a ref to its actor)
    return actor.describe(children) if isinstance(actor, Actor) else None
