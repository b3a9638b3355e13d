"""Who is let in: the answer to ZeroMQ's question about each connection (ZAP, RFC 27).

Pure but for reading the list of allowed keys again when it has changed. It knows nothing of sockets; the gateway asks.

    socket    mechanism   let in
    ipc       NULL        processes of our own uid (the address is `localhost:uid:gid:pid`)
    tcp       CURVE       who holds a key that is on the list

Anything else is kept out: another mechanism, another domain, an address or credentials that make no sense. A key that
is taken off the list has no hold on a connection that stands: its name is looked up again for each message, and
`changed` says when those who only listen must show their keys anew.
"""

import os
from dataclasses import dataclass
from typing import Final

from loguru import logger

from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.keyring import Keyring

#: ZAP domains: which kind of socket it is about.
IPC: Final = b"orch-actors"
TCP: Final = b"orch-actors-tcp"

#: What tells one state of the list's file from another; None: there is no such file.
_Stamp = tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to listen by tcp, and the secret key that proves who answers there."""

    commands: str
    events: str
    secret: str


class Admission:
    """See the module. For one thread."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring: Final = keyring
        self._stamp: _Stamp = None
        #: Public key → name.
        self._names: dict[str, str] = {}
        #: Keys were taken off the list since `changed` was last asked.
        self._fewer = False

    def user(self, domain: bytes, mechanism: bytes, address: bytes, key: str) -> str | None:
        """Who a connection belongs to; None: it is kept out.

        Args:
            domain: of the socket that it came to.
            mechanism: that it used.
            address: of the peer, as ZeroMQ tells it.
            key: the public key that it has proved to hold; empty where the mechanism has none.
        """
        if domain == IPC and mechanism == b"NULL" and is_ours(address):
            return "owner"
        if domain == TCP and mechanism == b"CURVE" and self.name_of(key) is not None:
            return key
        return None

    def name_of(self, key: str) -> str | None:
        """The name under which a key is on the list now; None: it is not."""
        self._look()
        return self._names.get(key)

    def changed(self) -> bool:
        """Whether keys were taken off the list since this was last asked."""
        self._look()
        fewer, self._fewer = self._fewer, False
        return fewer

    def _look(self) -> None:
        """Read the list again if it is another file than before: a `stat`, which costs a microsecond."""
        stamp = _stamp(self._keyring.list_file)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            names = {key: name for name, key in self._keyring.allowed().items()}
        except EnvironmentFault as fault:
            logger.error("nobody is let in by TCP: {} ({})", fault.message, fault.hint)
            names = {}
        self._fewer = self._fewer or bool(self._names.keys() - names.keys())
        self._names = names


def is_ours(address: bytes) -> bool:
    """Whether a ZAP address on ipc is of our own uid."""
    parts = address.split(b":")
    return len(parts) >= 2 and parts[1] == str(os.getuid()).encode()


def process_of(address: bytes) -> str:
    """Which process a ZAP address on ipc is of, where the system tells."""
    return b":".join(address.split(b":")[3:4]).decode(errors="replace") or "owner"


def _stamp(path: str) -> _Stamp:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
