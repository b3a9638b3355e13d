"""One request on its way to its reply: what to send, how long to wait, what an answer means.

Pure: knows no socket, clock or thread; `now` is an argument (a monotonic instant, seconds). The plain and the
asyncio client drive the same Exchange, each with its own sockets.

Theory of operation (the Lazy Pirate of the ZeroMQ Guide, with ids that make it exact):

    exchange = Exchange(do, ...)            # the bytes are fixed here: every repetition sends the very same
    while True:
        until = exchange.next_try(now)      # raises Unavailable (or the last refusal) once time is up
        ... fresh or pooled socket, send exchange.body, receive until `until` ...
        answer = exchange.take(body)        # a Result, AGAIN (pause, then try once more), or None: not for us
        ... pause exchange.pause_s(now) ...

A repetition carries the same command id, so the daemon answers it from its table and executes nothing twice;
late and doubled replies are told by the id. Rejected: waiting for ever on one socket, since ZeroMQ neither
redelivers what a dead daemon had received nor tells of it.
"""

from typing import Final, Literal, TypeVar

import msgspec

from orch_actors.protocol.codec import MAX_BODY_BYTES, REPLY, REPLY_HEAD, Encoding, encode
from orch_actors.protocol.errors import ErrorInfo, PeerFault, Refused, Unavailable
from orch_actors.protocol.messages import Command, Query, Reply, Request, Result

#: How long the first try waits for its reply before the request is sent again, and how that grows.
FIRST_TRY_S: Final = 1.0
LONGEST_TRY_S: Final = 8.0
#: The pause before a try after a broken connection or a refusal that may pass, and how that grows.
FIRST_PAUSE_S: Final = 0.02
LONGEST_PAUSE_S: Final = 1.0
#: The shortest time that a try after a refusal must have for its reply.
LEAST_TRY_S: Final = 0.25
#: A waiting try looks this often (first, then doubling) whether its connection still stands.
FIRST_GLANCE_S: Final = 0.05
LONGEST_GLANCE_S: Final = 0.4

#: Refusals that a client waits out by itself: nothing was executed, and the same id may come again.
PASSING: Final = frozenset({"OVERLOADED", "STOPPING"})

#: What `take` says of a refusal that may pass.
Again = Literal["again"]

R = TypeVar("R")


class Exchange:
    """One request and its tries. Invariant: `body` never changes, so every try means the same command."""

    def __init__(
        self,
        do: Command | Query,
        *,
        client: str,
        command_id: str,
        endpoint: str,
        now: float,
        now_utc: float,
        timeout_s: float,
        encoding: Encoding = "msgpack",
    ) -> None:
        self.command_id: Final = command_id
        self.endpoint: Final = endpoint
        self.body: Final = _body(
            Request(id=command_id, client=client, do=do, deadline_utc=now_utc + timeout_s), encoding
        )
        self._begun_at = now
        self._deadline_at = now + timeout_s
        self._try_s = FIRST_TRY_S
        self._pause_s = FIRST_PAUSE_S
        self._refusal: ErrorInfo | None = None
        self.tries = 0

    def next_try(self, now: float) -> float:
        """Begin a try; the instant until which it should wait for its reply.

        Raises:
            Refused: time is up, and the last that was heard is a refusal that has not passed.
            Unavailable: time is up, and nobody has answered; a command may or may not have been taken.
        """
        if now >= self._deadline_at and self.tries:
            if self._refusal is not None:
                raise Refused(self._refusal)
            raise Unavailable(self.endpoint, now - self._begun_at, self.command_id)
        self._refusal = None  # another try goes out: what becomes of it is not known yet
        self.tries += 1
        until = min(now + self._try_s, self._deadline_at)
        self._try_s = min(self._try_s * 2, LONGEST_TRY_S)
        return until

    def take(self, body: bytes) -> Result | Again | None:
        """What a received body means: the result, "again" for a refusal that may pass, None if it is not ours.

        Raises:
            Refused: the daemon said no, for good.
            PeerFault: it answers our id, but with something that SPEC.md does not allow.
        """
        reply = self._reply(body)
        if reply is None:
            return None
        if reply.result is not None:
            return reply.result
        if reply.error is None:
            raise PeerFault("the reply has neither a result nor an error")
        if reply.error.code not in PASSING:
            raise Refused(reply.error)
        self._refusal = reply.error
        return "again"

    def pause_s(self, now: float) -> float:
        """How long to wait before the next try; grows, and never reaches beyond the deadline.

        After a refusal a try that would have next to no time is not worth making: it would end in silence, and what is
        known by now (nothing was executed) would be known no longer.
        """
        left = max(self._deadline_at - now, 0.0)
        pause = min(self._pause_s, left)
        if self._refusal is not None and left - pause < LEAST_TRY_S:
            pause = left
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        return pause

    def _reply(self, body: bytes) -> Reply | None:
        try:
            reply = REPLY.decode(body)
        except PeerFault:
            if self._is_ours(body):
                raise
            return None
        if reply.id != self.command_id:
            return None  # late, doubled, or the answer to a request that was given up
        return reply

    def _is_ours(self, body: bytes) -> bool:
        try:
            return REPLY_HEAD.decode(body).id == self.command_id
        except PeerFault:
            return False


class Glances:
    """When a waiting try looks at its connection: soon at first, then less often, never after its end."""

    def __init__(self, until: float) -> None:
        self._until = until
        self._glance_s = FIRST_GLANCE_S

    def next_s(self, now: float) -> float | None:
        """Seconds to wait for a reply before the next look; None: the try is over."""
        if now >= self._until:
            return None
        wait = min(self._glance_s, self._until - now)
        self._glance_s = min(self._glance_s * 2, LONGEST_GLANCE_S)
        return wait


def expect(result: Result, of: type[R]) -> R:
    """The result as the type that its request promises.

    Raises:
        PeerFault: it is another one.
    """
    if not isinstance(result, of):
        raise PeerFault(f"expected {of.__name__} in the reply, got {type(result).__name__}")
    return result


def _body(request: Request, encoding: Encoding) -> bytes:
    try:
        body = encode(request, encoding)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise Refused.because(
            "INVALID_REQUEST",
            f"the request cannot be written as {encoding}: {error}",
            "use plain JSON values: null, booleans, numbers of at most 64 bits, text, lists, objects",
        ) from error
    if len(body) > MAX_BODY_BYTES:
        raise Refused.because(
            "INVALID_REQUEST",
            f"the request has {len(body)} bytes, more than the {MAX_BODY_BYTES} that a message may have",
            "make it smaller, or split the graph",
        )
    return body
