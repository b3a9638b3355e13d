"""The Gateway: the one thread of the supervisor process that touches ZeroMQ.

It owns the ROUTER for clients, the ROUTER for worker hosts, the XPUB for events and the ZAP handler that lets
only our own user in. It decodes, checks versions, and passes whole messages on; it knows nothing of graphs.
Others hand it what is to be sent through `reply`, `to_host` and `publish`, from any thread: a deque and a byte
in a pipe wake its poll. A slow client costs only itself: its queue is bounded by ZeroMQ, what does not fit is
dropped and fetched again by the client.

A thread rather than a pykka actor: it waits on sockets. Settings that matter (each seen to fail otherwise):
ZAP_DOMAIN on every socket, ipc too, since libzmq lets ZMTP 1.0 bytes through without it; no high-water mark
towards hosts, where a dropped message would be a task that never starts.
"""

import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress

import zmq
from loguru import logger

from orch_actors.actors.history import Told
from orch_actors.actors.inside import ClientAsked, HostSaid, Origin
from orch_actors.actors.telling import event_of
from orch_actors.protocol import codec
from orch_actors.protocol.errors import EnvironmentFault, ErrorInfo, PeerFault
from orch_actors.protocol.homes import Home
from orch_actors.protocol.hostwire import TO_SUPERVISOR, ToHost
from orch_actors.protocol.messages import Heartbeat, Published, Reply, Request
from orch_actors.protocol.version import PROTOCOL_VERSION
from orch_actors.protocol.views import ActorView

HEARTBEAT_S = 1.0
#: Frames that a client's message may have: a route, perhaps a delimiter, the body.
MAX_FRAMES = 3
#: Who has not said who it is by then is cut off.
HANDSHAKE_MS = 5000
_ZAP_DOMAIN = b"orch-actors"
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
    ) -> None:
        super().__init__(name="gateway", daemon=True)
        self._home, self._journal = home, journal
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
        self._topics: Counter[bytes] = Counter({codec.TOPIC_MSGPACK: 0, codec.TOPIC_JSON: 0})
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

    def _socket(self, kind: int, endpoint: str) -> "zmq.Socket[bytes]":
        socket: zmq.Socket[bytes] = self._context.socket(kind)
        socket.setsockopt(zmq.ZAP_DOMAIN, _ZAP_DOMAIN)
        socket.setsockopt(zmq.LINGER, 500)
        socket.setsockopt(zmq.MAXMSGSIZE, codec.MAX_BODY_BYTES)
        socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
        if kind == zmq.ROUTER:
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
            raise EnvironmentFault(
                f"cannot bind {endpoint}: {error}", "see to the folder's permissions, or choose another --home", 111
            ) from error
        return socket

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
        self._send(self._clients, [*origin.route, body])

    def to_host(self, host: str, message: ToHost) -> None:
        """Send a message to the host of this name; if it is gone, the message goes nowhere."""
        self._send(self._hosts, [host.encode(), codec.encode(message)])

    def publish(self, told: Sequence[Told]) -> None:
        """Tell the subscribers; the facts must be durable. Without subscribers it costs next to nothing."""
        if not told:
            return
        self._head = told[-1].seq
        for seq, fact, at_utc in told if self._topics.total() else ():
            message = Published(event=event_of(fact, seq, at_utc))
            if self._topics[codec.TOPIC_MSGPACK]:
                self._send(self._events, [codec.TOPIC_MSGPACK, codec.encode(message)])
            if self._topics[codec.TOPIC_JSON]:
                self._send(self._events, [codec.TOPIC_JSON, codec.encode(message, "json")])

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
            for socket in (self._clients, self._hosts, self._events, self._zap):
                socket.close()
            self._context.term()
            self._home.remove_sockets()
            with self._pipe:
                self._piped = False
                os.close(self._wake_read)
                os.close(self._wake_write)

    def _loop(self) -> None:
        poller = zmq.Poller()
        for socket in (self._clients, self._hosts, self._events, self._zap):
            poller.register(socket, zmq.POLLIN)
        poller.register(self._wake_read, zmq.POLLIN)
        beat_at = time.monotonic() + HEARTBEAT_S
        while True:
            wait_s = max(0.0, beat_at - time.monotonic()) if self._topics.total() else None
            ready = dict(poller.poll(None if wait_s is None else int(wait_s * 1000) + 1))
            if self._zap in ready:
                self._answer_zap()
            if self._hosts in ready:
                self._drain(self._hosts, self._from_host)
            if self._clients in ready:
                self._drain(self._clients, self._from_client)
            if self._events in ready:
                self._drain(self._events, self._from_subscriber)
            if self._wake_read in ready:
                os.read(self._wake_read, 64)
            self._flush()
            if time.monotonic() >= beat_at:
                self._beat()
                beat_at = time.monotonic() + HEARTBEAT_S
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
        if self._topics[codec.TOPIC_MSGPACK]:
            self._outbox.append((self._events, [codec.TOPIC_MSGPACK, codec.encode(beat)]))
        if self._topics[codec.TOPIC_JSON]:
            self._outbox.append((self._events, [codec.TOPIC_JSON, codec.encode(beat, "json")]))
        self._flush()

    def _from_subscriber(self, frames: list[bytes]) -> None:
        flag, topic = frames[0][:1], frames[0][1:]
        if flag not in (b"\0", b"\1"):
            self.dropped["no subscription"] += 1
            return
        for each in (codec.TOPIC_MSGPACK, codec.TOPIC_JSON):
            if each.startswith(topic):  # the empty topic subscribes to everything
                self._topics[each] = max(0, self._topics[each] + (1 if flag == b"\1" else -1))
        if flag == b"\1":
            self._beat()  # a new subscriber learns the head at once

    def _from_host(self, frames: list[bytes]) -> None:
        try:
            self._on_host(HostSaid(frames[0].decode(errors="replace"), TO_SUPERVISOR.decode(frames[-1])))
        except PeerFault as fault:
            self.dropped["host"] += 1
            logger.error("a host's message makes no sense and was dropped: {}", fault)

    def _from_client(self, frames: list[bytes]) -> None:
        body = frames[-1]
        if len(frames) > MAX_FRAMES or (len(frames) == MAX_FRAMES and frames[1]):
            self.dropped["too many frames"] += 1
            return
        route, encoding = tuple(frames[:-1]), codec.encoding_of(body)
        try:
            request = codec.REQUEST.decode(body)
        except PeerFault as fault:
            self._answer_malformed(route, encoding, body, fault)
            return
        origin = Origin(route, encoding, request.id)
        if request.v != PROTOCOL_VERSION:
            self._refuse(origin, _unsupported(request.v))
        elif (fault_info := _bad_ids(request)) is not None:
            self._refuse(origin, fault_info)
        elif (refusal := self._on_client(ClientAsked(origin, request))) is not None:
            self._refuse(origin, refusal)

    def _answer_malformed(
        self, route: tuple[bytes, ...], encoding: codec.Encoding, body: bytes, fault: PeerFault
    ) -> None:
        """Tell a peer that speaks our envelope what is wrong with its letter; drop what is no letter at all."""
        try:
            head = codec.REQUEST_HEAD.decode(body)
        except PeerFault:
            self.dropped["malformed"] += 1
            return
        origin = Origin(route, encoding, head.id)
        if head.v not in (0, PROTOCOL_VERSION):
            self._refuse(origin, _unsupported(head.v))
            return
        hint = "protocol/SPEC.md lists the requests and their fields"
        self._refuse(origin, ErrorInfo(code="INVALID_REQUEST", message=str(fault), hint=hint))

    def _refuse(self, origin: Origin, info: ErrorInfo) -> None:
        reply = Reply(id=origin.request_id, error=info)
        self._outbox.append((self._clients, [*origin.route, codec.encode(reply, origin.encoding)]))

    def _answer_zap(self) -> None:
        """RFC 27: let our own user in (address `localhost:uid:gid:pid` on ipc), nobody else."""
        while True:
            try:
                frames = self._zap.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            version, ticket, _, address = frames[0], frames[1], frames[2], frames[3]
            allowed = _is_ours(address)
            status, text = (b"200", b"OK") if allowed else (b"400", b"not the owner")
            if not allowed:
                self.dropped["not the owner"] += 1
            self._zap.send_multipart([version, ticket, status, text, b"owner" if allowed else b"", b""])


def _is_ours(address: bytes) -> bool:
    parts = address.split(b":")
    return len(parts) >= 2 and parts[1] == str(os.getuid()).encode()


def _unsupported(version: int) -> ErrorInfo:
    return ErrorInfo(
        code="UNSUPPORTED_VERSION",
        message=f"the request is of protocol version {version}, this daemon speaks {PROTOCOL_VERSION}",
        hint="use a client of the daemon's version, or restart the daemon with the newer one",
    )


def _bad_ids(request: Request) -> ErrorInfo | None:
    if 1 <= len(request.id) <= 128 and 1 <= len(request.client) <= 128:
        return None
    return ErrorInfo(
        code="INVALID_REQUEST", message="id and client must have 1 to 128 characters", hint="use a UUID for both"
    )


def _pipe() -> tuple[int, int]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    return read, write
