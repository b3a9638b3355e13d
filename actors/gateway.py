"""The Gateway: the one thread of the supervisor process that touches ZeroMQ.

It owns the ROUTER for clients, the ROUTER for worker hosts, the XPUB for events and the ZAP handler, which asks
`admission.py` who is let in: on ipc only our own user. Where the settings say so, a second ROUTER and XPUB listen on
tcp, with CURVE; a client there must hold a key that is on the list, and is looked up again with each message.
It decodes, checks versions, and passes whole messages on; it knows nothing of graphs.
Others hand it what is to be sent through `reply`, `to_host` and `publish`, from any thread: a deque and a byte
in a pipe wake its poll. A slow client costs only itself: its queue is bounded by ZeroMQ, what does not fit is
dropped and fetched again by the client.

A thread rather than a pykka actor: it waits on sockets. Settings that matter (each seen to fail otherwise):
ZAP_DOMAIN on every socket, ipc too, since libzmq lets ZMTP 1.0 bytes through without it; no high-water mark
towards hosts, where a dropped message would be a task that never starts; no handover on tcp, where a client could
take another's name, and its replies.
"""

import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import zmq
from loguru import logger
from zmq.utils import z85

from orch_actors.actors import admission
from orch_actors.actors.admission import Admission, Listening
from orch_actors.actors.audience import Audience
from orch_actors.actors.history import Told
from orch_actors.actors.inside import ClientAsked, HostSaid, Origin
from orch_actors.actors.refusals import REVOKED, bad_ids, unsupported
from orch_actors.actors.telling import event_of
from orch_actors.protocol import codec
from orch_actors.protocol.errors import EnvironmentFault, ErrorInfo, PeerFault
from orch_actors.protocol.homes import Home
from orch_actors.protocol.hostwire import TO_SUPERVISOR, ToHost
from orch_actors.protocol.keyring import Keyring
from orch_actors.protocol.messages import Heartbeat, Published, Reply
from orch_actors.protocol.version import PROTOCOL_VERSION
from orch_actors.protocol.views import ActorView

HEARTBEAT_S = 1.0
#: Frames that a client's message may have: a route, perhaps a delimiter, the body.
MAX_FRAMES = 3
#: Who has not said who it is by then is cut off.
HANDSHAKE_MS = 5000
#: How often a quiet connection by tcp is asked whether it is there; thrice that without an answer ends it.
PING_MS = 10_000
#: How soon a port that was just closed is tried again.
REOPEN_S = 0.02
_ZAP_ENDPOINT = "inproc://zeromq.zap.01"

#: Takes a request; returns an error to be told at once instead, where it cannot be taken now.
OnClient = Callable[[ClientAsked], ErrorInfo | None]


class Gateway(threading.Thread):
    """See the module. Start it after `bind`; `stop` flushes and ends it."""

    def __init__(
        self,
        home: Home,
        *,
        journal: str,
        on_client: OnClient,
        on_host: Callable[[HostSaid], None],
        on_crash: Callable[[str, BaseException], None],
        listening: Listening | None = None,
    ) -> None:
        super().__init__(name="gateway", daemon=True)
        self._home, self._journal, self._listening = home, journal, listening
        self._admission = Admission(Keyring(home.keys))
        self._on_client, self._on_host, self._on_crash = on_client, on_host, on_crash
        self._outbox: deque[tuple[zmq.Socket[bytes], list[bytes]]] = deque()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else _pipe()
        self._woken = False
        #: Held while the pipe is written or closed: its number may be another file's afterwards.
        self._pipe = threading.Lock()
        self._piped = True
        self._stopping = False
        self._head = 0
        self._handled = 0
        #: Those for tcp are there where the settings say so, and `_tcp_events` is closed and opened anew now and then.
        self._tcp_clients: zmq.Socket[bytes] | None = None
        self._tcp_events: zmq.Socket[bytes] | None = None
        #: Event socket → who listens there.
        self._audiences: dict[zmq.Socket[bytes], Audience] = {}
        #: Why messages were dropped → how often; for `doctor` and tests.
        self.dropped: Counter[str] = Counter()

    # --- life ---------------------------------------------------------------------------------------------------

    def bind(self, head: int) -> None:
        """Open and bind all sockets. The home's lock must be held: a second bind would steal the paths.

        Raises:
            EnvironmentFault: a path cannot be bound.
        """
        self._head = head
        self._context = zmq.Context()
        self._zap = self._context.socket(zmq.REP)
        self._zap.bind(_ZAP_ENDPOINT)
        self._clients = self._socket(zmq.ROUTER, self._home.commands)
        self._hosts = self._socket(zmq.ROUTER, self._home.workers)
        self._events = self._socket(zmq.XPUB, self._home.events)
        self._audiences[self._events] = Audience()
        if self._listening is not None:
            self._tcp_clients = self._socket(zmq.ROUTER, self._listening.commands)
            self._tcp_events = self._socket(zmq.XPUB, self._listening.events)
            self._audiences[self._tcp_events] = Audience()

    def _socket(self, kind: int, endpoint: str) -> "zmq.Socket[bytes]":
        socket: zmq.Socket[bytes] = self._context.socket(kind)
        if endpoint.startswith("ipc:"):
            socket.setsockopt(zmq.ZAP_DOMAIN, admission.IPC)
        else:
            self._set_up_tcp(socket)
        socket.setsockopt(zmq.LINGER, 500)
        socket.setsockopt(zmq.MAXMSGSIZE, codec.MAX_BODY_BYTES)
        socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
        if kind == zmq.ROUTER and endpoint.startswith("ipc:"):
            socket.setsockopt(zmq.ROUTER_HANDOVER, 1)  # a reconnecting peer takes its own name over
        if endpoint == self._home.workers:
            socket.setsockopt(zmq.SNDHWM, 0)
            socket.setsockopt(zmq.RCVHWM, 0)
        if kind == zmq.XPUB:
            socket.setsockopt(zmq.SNDHWM, 10_000)
            socket.setsockopt(zmq.XPUB_VERBOSER, 1)
        try:
            socket.bind(endpoint)
        except zmq.ZMQError as error:
            socket.close(0)
            where = "the folder's permissions, or choose another --home"
            where = where if endpoint.startswith("ipc:") else "[listen] in config.toml, and who else has that port"
            raise EnvironmentFault(f"cannot bind {endpoint}: {error}", f"see to {where}", 111) from error
        return socket

    def _set_up_tcp(self, socket: "zmq.Socket[bytes]") -> None:
        assert self._listening is not None  # noqa: S101 (nobody else asks for tcp)
        socket.setsockopt(zmq.ZAP_DOMAIN, admission.TCP)
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self._listening.secret.encode())
        socket.setsockopt(zmq.IPV6, 1)
        # A peer whose machine has gone says nothing of it.
        socket.setsockopt(zmq.HEARTBEAT_IVL, PING_MS)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 3 * PING_MS)

    def stop(self) -> None:
        """Send what is waiting to be sent, close the sockets, end the thread. Returns when that is done."""
        self._stopping = True
        self._wake()
        if self.is_alive():
            self.join(5)

    def describe(self) -> ActorView:
        """For `actors`: the mailbox is what waits to be sent."""
        return ActorView(
            name="gateway",
            kind="gateway",
            state="stopping" if self._stopping else "running",
            pid=os.getpid(),
            mailbox=len(self._outbox),
            handled=self._handled,
        )

    # --- from other threads -------------------------------------------------------------------------------------

    def reply(self, origin: Origin, body: bytes) -> None:
        """Send a reply, already encoded as the origin wants it."""
        self._send(self._door_of(origin), [*origin.route, body])

    def to_host(self, host: str, message: ToHost) -> None:
        """Send a message to the host of this name; if it is gone, the message goes nowhere."""
        self._send(self._hosts, [host.encode(), codec.encode(message)])

    def publish(self, told: Sequence[Told]) -> None:
        """Tell the subscribers; the facts must be durable. Without subscribers it costs next to nothing."""
        if not told:
            return
        self._head = told[-1].seq
        audiences = [pair for pair in tuple(self._audiences.items()) if pair[1]]
        for seq, fact, at_utc in told if audiences else ():
            message = Published(event=event_of(fact, seq, at_utc))
            for socket, audience in audiences:
                for letter in audience.letters(message):
                    self._send(socket, letter)

    def _send(self, socket: "zmq.Socket[bytes]", frames: list[bytes]) -> None:
        self._outbox.append((socket, frames))
        self._wake()

    def _wake(self) -> None:
        if not self._woken:
            self._woken = True
            with self._pipe, suppress(BlockingIOError):  # full: the thread is awake already
                if self._piped:
                    os.write(self._wake_write, b"!")

    # --- the thread ---------------------------------------------------------------------------------------------

    def run(self) -> None:
        """The thread's life."""
        try:
            self._loop()
        except Exception as error:  # noqa: BLE001 (the daemon must hear of it, whatever it is)
            self._on_crash("gateway", error)
        finally:
            for socket in self._sockets():
                socket.close()
            self._context.term()
            self._home.remove_sockets()
            with self._pipe:
                self._piped = False
                os.close(self._wake_read)
                os.close(self._wake_write)

    def _loop(self) -> None:
        self._poller = zmq.Poller()
        for socket in self._sockets():
            self._poller.register(socket, zmq.POLLIN)
        self._poller.register(self._wake_read, zmq.POLLIN)
        beat_at = time.monotonic() + HEARTBEAT_S
        while True:
            beating = any(self._audiences.values()) or self._reopening
            wait_s = max(0.0, beat_at - time.monotonic()) if beating else None
            ready = dict(self._poller.poll(None if wait_s is None else int(wait_s * 1000) + 1))
            if self._zap in ready:
                self._answer_zap()
            if self._hosts in ready:
                self._drain(self._hosts, self._from_host)
            if self._clients in ready:
                self._drain(self._clients, self._from_client)
            if self._tcp_clients in ready and self._tcp_clients is not None:
                self._drain_tcp(self._tcp_clients)
            for socket in tuple(self._audiences):
                if socket in ready:
                    self._drain(socket, partial(self._from_subscriber, socket))
            if self._wake_read in ready:
                os.read(self._wake_read, 64)
            self._flush()
            if time.monotonic() >= beat_at:
                self._hold_to_the_list()
                self._beat()
                beat_at = time.monotonic() + (REOPEN_S if self._reopening else HEARTBEAT_S)
            if self._stopping:
                self._flush()
                return

    def _drain(self, socket: "zmq.Socket[bytes]", handle: Callable[[list[bytes]], None]) -> None:
        """Take what is there, but not for ever: others have their turn."""
        for _ in range(256):
            try:
                frames = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._handled += 1
            handle(frames)

    def _flush(self) -> None:
        self._woken = False  # before looking: what is put down after this writes to the pipe again
        while self._outbox:
            socket, frames = self._outbox.popleft()
            try:
                socket.send_multipart(frames, zmq.NOBLOCK)
            except zmq.Again:
                self.dropped["peer too slow"] += 1
            except zmq.ZMQError:
                self.dropped["peer gone"] += 1

    def _beat(self) -> None:
        beat = Heartbeat(head=self._head, journal=self._journal)
        for socket, audience in self._audiences.items():
            self._outbox.extend((socket, letter) for letter in audience.letters(beat))
        self._flush()

    def _from_subscriber(self, socket: "zmq.Socket[bytes]", frames: list[bytes]) -> None:
        comes = self._audiences[socket].take(frames)
        if comes is None:
            self.dropped["no subscription"] += 1
        elif comes:
            self._beat()  # a new subscriber learns the head at once

    def _hold_to_the_list(self) -> None:
        """Where keys were taken off the list, have all who listen by tcp come again, and show theirs.

        ZeroMQ cannot cut off a single subscriber. The port is free only some time after the socket was closed.
        """
        if self._listening is None:
            return
        if self._tcp_events is not None and self._admission.changed():
            self._poller.unregister(self._tcp_events)
            del self._audiences[self._tcp_events]
            self._tcp_events.close(0)
            self._tcp_events = None
            logger.info("keys were revoked: who listens by tcp must come again")
        if self._tcp_events is None:
            with suppress(EnvironmentFault):
                self._tcp_events = self._socket(zmq.XPUB, self._listening.events)
                self._audiences[self._tcp_events] = Audience()
                self._poller.register(self._tcp_events, zmq.POLLIN)

    @property
    def _reopening(self) -> bool:
        return self._listening is not None and self._tcp_events is None

    def _sockets(self) -> list["zmq.Socket[bytes]"]:
        """All that are open, in the order in which they are closed."""
        clients = [self._clients] if self._tcp_clients is None else [self._clients, self._tcp_clients]
        return [*clients, self._hosts, *self._audiences, self._zap]

    def _door_of(self, origin: Origin) -> "zmq.Socket[bytes]":
        return self._tcp_clients if origin.by_tcp and self._tcp_clients is not None else self._clients

    def _drain_tcp(self, socket: "zmq.Socket[bytes]") -> None:
        """The same for clients by tcp; each message is held against the list as it is now."""
        for _ in range(256):
            try:
                frames = socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            self._handled += 1
            whole = [frame.bytes for frame in frames]
            if self._admission.name_of(str(frames[-1].get("User-Id"))) is None:
                self._turn_away(whole)
            else:
                self._from_client(whole, by_tcp=True)

    def _turn_away(self, frames: list[bytes]) -> None:
        """Tell a client that its key has been revoked since it came."""
        self.dropped["key revoked"] += 1
        body = frames[-1]
        with suppress(PeerFault):
            origin = Origin(
                tuple(frames[:-1]), codec.encoding_of(body), codec.REQUEST_HEAD.decode(body).id, by_tcp=True
            )
            self._refuse(origin, REVOKED)

    def _from_host(self, frames: list[bytes]) -> None:
        try:
            self._on_host(HostSaid(frames[0].decode(errors="replace"), TO_SUPERVISOR.decode(frames[-1])))
        except PeerFault as fault:
            self.dropped["host"] += 1
            logger.error("a host's message makes no sense and was dropped: {}", fault)

    def _from_client(self, frames: list[bytes], *, by_tcp: bool = False) -> None:
        body = frames[-1]
        if len(frames) > MAX_FRAMES or (len(frames) == MAX_FRAMES and frames[1]):
            self.dropped["too many frames"] += 1
            return
        route, encoding = tuple(frames[:-1]), codec.encoding_of(body)
        try:
            request = codec.REQUEST.decode(body)
        except PeerFault as fault:
            self._answer_malformed(route, encoding, body, fault, by_tcp=by_tcp)
            return
        origin = Origin(route, encoding, request.id, by_tcp=by_tcp)
        if request.v != PROTOCOL_VERSION:
            self._refuse(origin, unsupported(request.v))
        elif (fault_info := bad_ids(request)) is not None:
            self._refuse(origin, fault_info)
        elif (refusal := self._on_client(ClientAsked(origin, request))) is not None:
            self._refuse(origin, refusal)

    def _answer_malformed(
        self, route: tuple[bytes, ...], encoding: codec.Encoding, body: bytes, fault: PeerFault, *, by_tcp: bool
    ) -> None:
        """Tell a peer that speaks our envelope what is wrong with its letter; drop what is no letter at all."""
        try:
            head = codec.REQUEST_HEAD.decode(body)
        except PeerFault:
            self.dropped["malformed"] += 1
            return
        origin = Origin(route, encoding, head.id, by_tcp=by_tcp)
        if head.v not in (0, PROTOCOL_VERSION):
            self._refuse(origin, unsupported(head.v))
            return
        hint = "protocol/SPEC.md lists the requests and their fields"
        self._refuse(origin, ErrorInfo(code="INVALID_REQUEST", message=str(fault), hint=hint))

    def _refuse(self, origin: Origin, info: ErrorInfo) -> None:
        reply = Reply(id=origin.request_id, error=info)
        self._outbox.append((self._door_of(origin), [*origin.route, codec.encode(reply, origin.encoding)]))

    def _answer_zap(self) -> None:
        """RFC 27: who comes is let in or not; see admission.py."""
        while True:
            try:
                frames = self._zap.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            version, ticket, domain, address, _, mechanism, *credentials = frames
            key = z85.encode(credentials[0]).decode() if credentials and len(credentials[0]) == 32 else ""
            user = self._admission.user(domain, mechanism, address, key)
            status, text = (b"200", b"OK") if user is not None else (b"400", b"not allowed")
            if user is None:
                self.dropped["not the owner" if domain == admission.IPC else "key not allowed"] += 1
            self._zap.send_multipart([version, ticket, status, text, (user or "").encode(), b""])


def new_pair() -> tuple[str, str]:
    """A fresh pair of keys: public, secret."""
    public, secret = zmq.curve_keypair()
    return public.decode(), secret.decode()


def _pipe() -> tuple[int, int]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    return read, write
