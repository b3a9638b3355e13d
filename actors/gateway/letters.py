"""From the bytes of a client to a request, or to what is wrong with them. Pure: no socket, no clock.

A letter is read only when it is its turn: what waits, waits as bytes.
"""

from dataclasses import dataclass

from orch_actors.actors.gateway.refusals import bad_ids, unsupported
from orch_actors.actors.inside import ClientAsked, Origin
from orch_actors.protocol import codec
from orch_actors.protocol.errors import ErrorInfo, PeerFault
from orch_actors.protocol.messages import RequestHead
from orch_actors.protocol.version import PROTOCOL_VERSION


@dataclass(frozen=True, slots=True)
class Letter:
    """A request as it came."""

    #: Routing frames; the first one is the connection.
    route: tuple[bytes, ...]
    body: bytes
    by_tcp: bool = False
    #: Of the connection that it came by.
    descriptor: int = -1
    #: Who has sent it, as far as fairness goes: the process, or by tcp the key.
    sender: str = ""

    def origin(self, request_id: str, ticket: int) -> Origin:
        """Where its answer goes."""
        return Origin(self.route, codec.encoding_of(self.body), request_id, self.by_tcp, ticket)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is answered without being looked at."""

    origin: Origin
    info: ErrorInfo


def read_letter(letter: Letter, ticket: int) -> ClientAsked | Refusal | None:
    """The request, or why it is none; None: nobody can be answered, since no id can be read."""
    try:
        request = codec.REQUEST.decode(letter.body)
    except PeerFault as fault:
        return _malformed(letter, ticket, fault)
    origin = letter.origin(request.id, ticket)
    if request.v != PROTOCOL_VERSION:
        return Refusal(origin, unsupported(request.v))
    bad = bad_ids(request)
    return ClientAsked(origin, request) if bad is None else Refusal(origin, bad)


def turned_away(letter: Letter, info: ErrorInfo) -> Refusal | None:
    """The refusal of a letter of which no more than the head is read."""
    head = _head(letter)
    return None if head is None else Refusal(letter.origin(head.id, 0), info)


def _malformed(letter: Letter, ticket: int, fault: PeerFault) -> Refusal | None:
    """Tell a peer that speaks our envelope what is wrong with its letter; drop what is no letter at all."""
    head = _head(letter)
    if head is None:
        return None
    origin = letter.origin(head.id, ticket)
    if head.v not in (0, PROTOCOL_VERSION):
        return Refusal(origin, unsupported(head.v))
    hint = "protocol/SPEC.md lists the requests and their fields"
    return Refusal(origin, ErrorInfo(code="INVALID_REQUEST", message=str(fault), hint=hint))


def _head(letter: Letter) -> RequestHead | None:
    try:
        return codec.REQUEST_HEAD.decode(letter.body)
    except PeerFault:
        found = codec.first_id(letter.body)  # of what is nested too deeply, even the head cannot be read
        return RequestHead(id=found) if found else None
