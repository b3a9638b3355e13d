"""The gateway's sockets: how they are set up and bound, and that they are closed. Knows nothing of messages.

Settings that matter, each seen to fail otherwise: ZAP_DOMAIN on every socket, ipc too, since libzmq lets ZMTP 1.0 bytes
through without it; ROUTER_MANDATORY, or what a full or vanished peer does not get is dropped unseen; no high-water mark
towards hosts, where a dropped message would be a task that never starts, nor on the monitors, where one would leave
connections miscounted; no handover on tcp, where a client could take another's name, and its replies.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import zmq

from orch_actors.actors.gateway.admission import IPC, TCP, Listening
from orch_actors.actors.gateway.audience import Audience
from orch_actors.actors.gateway.connections import Connections
from orch_actors.protocol import codec
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.homes import Home

#: Who has not said who it is by then is cut off.
HANDSHAKE_MS = 5000
#: What a subscriber may send at once: a topic, or a part of the handshake.
MAX_TOPIC_BYTES: Final = 1024
#: How often a quiet connection by tcp is asked whether it is there; thrice that without an answer ends it.
PING_MS = 10_000
#: Messages that ZeroMQ takes in ahead for each client: their bodies may be large.
CLIENT_RCVHWM: Final = 16
#: Messages that ZeroMQ keeps for a client, and events for a subscriber, that does not read.
CLIENT_SNDHWM: Final = 1000
EVENTS_SNDHWM: Final = 1000

_ZAP_ENDPOINT: Final = "inproc://zeromq.zap.01"


@dataclass(eq=False)
class Door:
    """A socket that peers come to, and those who have come."""

    socket: "zmq.Socket[bytes]"
    #: What the socket says of itself when ZeroMQ asks who may connect: transport and name, `orch-actors/commands`.
    domain: bytes
    #: Where it tells of connections that come and go.
    monitor: "zmq.Socket[bytes] | None" = None
    connections: Connections = field(default_factory=Connections)
    #: Who has subscribed, at an event socket.
    audience: Audience = field(default_factory=Audience)

    @property
    def by_tcp(self) -> bool:
        """Whether others than ours may come to it."""
        return self.domain.startswith(TCP)

    def sockets(self) -> "list[zmq.Socket[bytes]]":
        """The socket, and its monitor."""
        return [self.socket] if self.monitor is None else [self.socket, self.monitor]


class Sockets:
    """All of them, with a context of their own. For one thread at a time.

    `tcp_clients` and `tcp_events` are there where the settings say so; the latter is closed and opened anew at times.
    """

    def __init__(self, home: Home, listening: Listening | None) -> None:
        """Open and bind them. The home's lock must be held: a second bind would steal the paths.

        Raises:
            EnvironmentFault: a path or a port cannot be bound.
        """
        self._context: Final = zmq.Context()
        self._listening: Final = listening
        self.zap: Final = self._context.socket(zmq.REP)
        self.zap.bind(_ZAP_ENDPOINT)
        self.tcp_clients: Door | None = None
        self.tcp_events: Door | None = None
        try:
            self.clients: Final = self._client_router(home.commands)
            self.hosts: Final = self._host_router(home.workers)
            self.events: Final = self._publisher(home.events)
            if listening is not None:
                self.tcp_clients = self._client_router(listening.commands)
                self.open_tcp_events()
        except EnvironmentFault:
            self._context.destroy(0)
            raise

    def doors(self) -> Iterator[Door]:
        """Those that are open, in the order in which they are closed."""
        for door in (self.clients, self.tcp_clients, self.hosts, self.events, self.tcp_events):
            if door is not None:
                yield door

    def event_doors(self) -> "tuple[Door, ...]":
        """Those by which events go out."""
        return (self.events,) if self.tcp_events is None else (self.events, self.tcp_events)

    def all(self) -> "list[zmq.Socket[bytes]]":
        """Every socket that something comes in by."""
        return [*(socket for door in self.doors() for socket in door.sockets()), self.zap]

    def close(self) -> None:
        """Close them; what was sent has half a second to go out."""
        for socket in self.all():
            socket.close()
        self._context.term()

    def close_tcp_events(self) -> None:
        """Cut off who listens by tcp. The port is free only some time afterwards."""
        for socket in self.tcp_events.sockets() if self.tcp_events is not None else ():
            socket.close(0)
        self.tcp_events = None

    def open_tcp_events(self) -> "list[zmq.Socket[bytes]]":
        """Let listen by tcp, where the settings say so; what something comes in by then.

        Raises:
            EnvironmentFault: the port cannot be had.
        """
        if self._listening is None:
            return []
        self.tcp_events = self._publisher(self._listening.events)
        return self.tcp_events.sockets()

    # --- one by one ---------------------------------------------------------------------------------------------

    def _client_router(self, endpoint: str) -> Door:
        socket = self._guarded(zmq.ROUTER, endpoint, b"commands")
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        socket.setsockopt(zmq.SNDHWM, CLIENT_SNDHWM)
        socket.setsockopt(zmq.RCVHWM, CLIENT_RCVHWM)
        if endpoint.startswith("ipc:"):
            socket.setsockopt(zmq.ROUTER_HANDOVER, 1)  # a reconnecting peer takes its own name over
        return self._bound(socket, endpoint, b"commands", watched=True)

    def _host_router(self, endpoint: str) -> Door:
        socket = self._guarded(zmq.ROUTER, endpoint, b"workers")
        socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        socket.setsockopt(zmq.SNDHWM, 0)
        socket.setsockopt(zmq.RCVHWM, 0)
        return self._bound(socket, endpoint, b"workers", watched=False)

    def _publisher(self, endpoint: str) -> Door:
        socket = self._guarded(zmq.XPUB, endpoint, b"events")
        socket.setsockopt(zmq.SNDHWM, EVENTS_SNDHWM)
        socket.setsockopt(zmq.XPUB_VERBOSER, 1)
        return self._bound(socket, endpoint, b"events", watched=True)

    def _guarded(self, kind: int, endpoint: str, name: bytes) -> "zmq.Socket[bytes]":
        socket: zmq.Socket[bytes] = self._context.socket(kind)
        transport = _transport(endpoint)
        socket.setsockopt(zmq.ZAP_DOMAIN, transport + b"/" + name)
        socket.setsockopt(zmq.LINGER, 500)
        # What subscribers send is kept for as long as they stay.
        socket.setsockopt(zmq.MAXMSGSIZE, MAX_TOPIC_BYTES if kind == zmq.XPUB else codec.MAX_BODY_BYTES)
        socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
        if transport == TCP:
            assert self._listening is not None  # noqa: S101 (nobody else asks for tcp)
            socket.setsockopt(zmq.CURVE_SERVER, 1)
            socket.setsockopt(zmq.CURVE_SECRETKEY, self._listening.secret.encode())
            socket.setsockopt(zmq.IPV6, 1)
            # A peer whose machine has gone says nothing of it.
            socket.setsockopt(zmq.HEARTBEAT_IVL, PING_MS)
            socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 3 * PING_MS)
        return socket

    def _bound(self, socket: "zmq.Socket[bytes]", endpoint: str, name: bytes, *, watched: bool) -> Door:
        monitor = self._monitor(socket) if watched else None
        door = Door(socket, _transport(endpoint) + b"/" + name, monitor)
        try:
            socket.bind(endpoint)
        except zmq.ZMQError as error:
            for opened in door.sockets():
                opened.close(0)
            where = "the folder's permissions, or choose another --home"
            where = where if endpoint.startswith("ipc:") else "[listen] in config.toml, and who else has that port"
            raise EnvironmentFault(f"cannot bind {endpoint}: {error}", f"see to {where}", 111) from error
        return door

    def _monitor(self, socket: "zmq.Socket[bytes]") -> "zmq.Socket[bytes]":
        endpoint = f"inproc://monitor-{socket.fileno()}"
        socket.monitor(endpoint, zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)
        monitor: zmq.Socket[bytes] = self._context.socket(zmq.PAIR)
        monitor.setsockopt(zmq.RCVHWM, 0)
        monitor.connect(endpoint)
        return monitor


def _transport(endpoint: str) -> bytes:
    return IPC if endpoint.startswith("ipc:") else TCP


def new_pair() -> tuple[str, str]:
    """A fresh pair of keys: public, secret."""
    public, secret = zmq.curve_keypair()
    return public.decode(), secret.decode()
