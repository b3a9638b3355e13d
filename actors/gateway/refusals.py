"""What the gateway itself says no to, before anybody else sees a request."""

from orch_actors.actors.gateway.connections import MAX_SERVED
from orch_actors.protocol.errors import ErrorInfo
from orch_actors.protocol.messages import Request
from orch_actors.protocol.version import PROTOCOL_VERSION

REVOKED = ErrorInfo(
    code="KEY_REVOKED",
    message="the key that you came with is not on the daemon's list any more",
    hint="ask the daemon's owner for another: orch-actors keys new NAME",
)

FULL = ErrorInfo(
    code="OVERLOADED",
    message=f"{MAX_SERVED} clients are connected already",
    hint="close connections that nobody uses, then try again",
    retriable=True,
)

UNREAD = ErrorInfo(
    code="OVERLOADED",
    message="the answer does not fit: too many bytes wait for clients that do not read",
    hint="take in answers, then ask again, perhaps for less",
    retriable=True,
)


def unsupported(version: int) -> ErrorInfo:
    """Of another protocol version."""
    return ErrorInfo(
        code="UNSUPPORTED_VERSION",
        message=f"the request is of protocol version {version}, this daemon speaks {PROTOCOL_VERSION}",
        hint="use a client of the daemon's version, or restart the daemon with the newer one",
    )


def bad_ids(request: Request) -> ErrorInfo | None:
    """Ids that are none; None: they are fine."""
    if 1 <= len(request.id) <= 128 and 1 <= len(request.client) <= 128:
        return None
    return ErrorInfo(
        code="INVALID_REQUEST", message="id and client must have 1 to 128 characters", hint="use a UUID for both"
    )
