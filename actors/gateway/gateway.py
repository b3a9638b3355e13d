"""The Gateway: the one thread of the supervisor process that touches ZeroMQ.

It owns the sockets (`sockets.py`): a ROUTER for clients, a ROUTER for worker hosts, an XPUB for events, the ZAP
handler; and a second ROUTER and XPUB on tcp, with CURVE, where the settings say so. It passes whole messages on and
knows nothing of graphs. Others hand it what is to be sent through `reply`, `to_host` and `publish`, from any thread.

Who may come is `admission.py`'s to say: on ipc our own user, by tcp who holds a key that is on the list, looked up
again with each message.

A slow, stalled or flooding client costs only itself, and no queue grows without bound:

    connections         connections.py: so many are served; more are told so; far more are turned away
    requests            waiting_room.py: a share of the places and bytes for each connection, one turn after the other
    replies to be sent  outbox.py before this thread has them; then outflow.py and ZeroMQ's high-water mark
    events              outbox.py; then ZeroMQ's high-water mark for each subscriber

What does not fit is refused (a request) or dropped and counted (the rest): a client asks again for a reply, and a
subscriber sees the gap by the numbers. Towards worker hosts nothing is bounded, and nothing may be dropped.

A thread rather than a pykka actor: it waits on sockets.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import zmq
from loguru import logger
from zmq.utils import z85

from orch_actors.actors.gateway.admission import IPC, Admission, Listening, process_of
from orch_actors.actors.gateway.letters import Letter, Refusal, read_letter, turned_away
from orch_actors.actors.gateway.outbox import Outbox
from orch_actors.actors.gateway.outflow import Outflow
from orch_actors.actors.gateway.refusals import FULL, REVOKED, UNREAD
from orch_actors.actors.gateway.sockets import Door, Sockets
from orch_actors.actors.gateway.waiting_room import WaitingRoom
from orch_actors.actors.inside import ClientAsked, HostSaid, Origin
from orch_actors.actors.recovery.history import Told
from orch_actors.actors.views.telling import event_of
from orch_actors.protocol import codec
from orch_actors.protocol.errors import EnvironmentFault, PeerFault
from orch_actors.protocol.homes import Home
from orch_actors.protocol.hostwire import TO_SUPERVISOR, ToHost
from orch_actors.protocol.keyring import Keyring
from orch_actors.protocol.messages import AckEvents, Heartbeat, Published, Query, Reply, Request, Shutdown
from orch_actors.protocol.views import ActorView, TrafficView

HEARTBEAT_S = 1.0
#: Frames that a client's message may have: a route, perhaps a delimiter, the body.
MAX_FRAMES = 3
#: How long the clients have, at the end, to read what they were answered last.
LAST_WORDS_S: Final = 1.0
#: How soon a port that was just closed is tried again.
REOPEN_S = 0.02
#: Messages of a socket, and events, that are handled before the other sockets have their turn.
AT_ONCE: Final = 256
#: Larger events are not published: who misses one asks for it.
MAX_PUBLISHED_BYTES = 64 * 1024


class Gateway(threading.Thread):
    """See the module. Start it after `bind`; `stop` flushes and ends it."""

    def __init__(
        self,
        home: Home,
        *,
        journal: str,
        on_client: Callable[[ClientAsked], None],
        on_host: Callable[[HostSaid], None],
        on_crash: Callable[[str, BaseException], None],
        listening: Listening | None = None,
    ) -> None:
        super().__init__(name="gateway", daemon=True)
        self._home, self._journal, self._listening = home, journal, listening
        self._on_client, self._on_host, self._on_crash = on_client, on_host, on_crash
        self._admission = Admission(Keyring(home.keys))
        self._room, self._outflow = WaitingRoom(), Outflow()
        #: Why messages were dropped, or requests refused unseen → how often.
        self.dropped: Counter[str] = Counter()
        self._outbox = Outbox(self.dropped)
        #: Number of the newest event that does not wait to be published; and of the newest at all.
        self._head = self._newest = 0
        self._stopping = False
        self._handled = 0

    # --- life ---------------------------------------------------------------------------------------------------

    def bind(self, head: int) -> None:
        """Open and bind all sockets. The home's lock must be held: a second bind would steal the paths.

        Raises:
            EnvironmentFault: a path or a port cannot be bound.
        """
        self._head = self._newest = head
        self._sockets = Sockets(self._home, self._listening)

    def stop(self) -> None:
        """Send what is waiting to be sent, close the sockets, end the thread. Returns when that is done."""
        self._stopping = True
        self._outbox.wake()
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

    def traffic(self) -> TrafficView:
        """Who is connected, what waits, what was dropped; from any thread."""
        sockets = self._sockets
        return TrafficView(
            connections=len(sockets.clients.connections) + _connected(sockets.tcp_clients),
            subscribers=len(sockets.events.connections) + _connected(sockets.tcp_events),
            waiting=self._room.waiting,
            unsent_bytes=self._outflow.unsent_bytes + self._outbox.reply_bytes,
            dropped=dict(self.dropped),
        )

    # --- from other threads -------------------------------------------------------------------------------------

    def reply(self, origin: Origin, body: bytes) -> None:
        """Send a reply, already encoded as the origin wants it; the request is answered by it."""
        self._room.done(origin.ticket, time.monotonic())
        self._outbox.put_reply(origin, body)

    def to_host(self, host: str, message: ToHost) -> None:
        """Send a message to the host of this name; if it is gone, the message goes nowhere."""
        self._outbox.put_host([host.encode(), codec.encode(message)])

    def publish(self, told: Sequence[Told]) -> None:
        """Tell the subscribers; the facts must be durable. Without subscribers it costs next to nothing."""
        if not told:
            return
        if any(door.audience for door in self._sockets.event_doors()):
            self._outbox.put_told(told)
        self._newest = told[-1].seq  # last: a heartbeat must not run ahead of what waits to be published

    # --- the thread ---------------------------------------------------------------------------------------------

    def run(self) -> None:
        """The thread's life."""
        try:
            self._loop()
        except Exception as error:  # noqa: BLE001 (the daemon must hear of it, whatever it is)
            self._on_crash("gateway", error)
        finally:
            self._sockets.close()
            self._home.remove_sockets()
            self._outbox.close()

    def _loop(self) -> None:
        self._poller = zmq.Poller()
        for socket in self._sockets.all():
            self._poller.register(socket, zmq.POLLIN)
        self._poller.register(self._outbox.wake_read, zmq.POLLIN)
        beat_at = time.monotonic() + HEARTBEAT_S
        while True:
            ready = dict(self._poller.poll(self._wait_ms(beat_at)))
            self._take_in(ready)
            self._outbox.awake()
            self._hand_on()
            self._flush()
            self._publish_some(AT_ONCE)
            if time.monotonic() >= beat_at:
                self._hold_to_the_list()
                self._beat()
                beat_at = time.monotonic() + (REOPEN_S if self._reopening else HEARTBEAT_S)
            if self._stopping:
                self._flush()
                self._publish_some(len(self._outbox.told))
                self._wait_for_clients_to_go()
                return

    def _wait_for_clients_to_go(self) -> None:
        """Leave those who were just answered the time to read it.

        A client's libzmq (IMMEDIATE=1) throws away what it has received and not yet handed over once it sees the
        connection close: of replies sent right before that, one in twenty was lost on a busy machine.
        """
        doors = [door for door in (self._sockets.clients, self._sockets.tcp_clients) if door is not None]
        poller = zmq.Poller()
        for door in doors:
            if door.monitor is not None:
                poller.register(door.monitor, zmq.POLLIN)
        until = time.monotonic() + LAST_WORDS_S
        while any(len(door.connections) for door in doors) and (left_s := until - time.monotonic()) > 0:
            poller.poll(int(left_s * 1000) + 1)
            self._hear_monitors()

    def _wait_ms(self, beat_at: float) -> int | None:
        if self._outbox.told:
            return 0
        beating = any(door.audience for door in self._sockets.event_doors()) or self._reopening
        return int(max(0.0, beat_at - time.monotonic()) * 1000) + 1 if beating else None

    def _take_in(self, ready: "dict[zmq.Socket[bytes] | int, int]") -> None:
        sockets = self._sockets
        self._hear_monitors()
        if sockets.zap in ready:
            self._answer_zap()
        if sockets.hosts.socket in ready:
            for frames in self._letters_at(sockets.hosts):
                self._from_host(frames)
        for door in (sockets.clients, sockets.tcp_clients):
            if door is not None and door.socket in ready:
                self._from_clients(door)
        for door in sockets.event_doors():
            if door.socket in ready:
                for frames in self._letters_at(door):
                    self._from_subscriber(door, frames)
        if self._outbox.wake_read in ready:
            self._outbox.empty_pipe()

    def _letters_at(self, door: Door) -> "list[list[bytes]]":
        """What is there, but not all of a flood: others have their turn."""
        found: list[list[bytes]] = []
        with suppress(zmq.Again):
            while len(found) < AT_ONCE:
                found.append(door.socket.recv_multipart(zmq.NOBLOCK))
        self._handled += len(found)
        return found

    # --- coming in ------------------------------------------------------------------------------------------------

    def _from_subscriber(self, door: Door, frames: list[bytes]) -> None:
        comes = door.audience.take(frames)
        if comes is None:
            self.dropped["no subscription"] += 1
        elif comes:
            self._beat()  # a new subscriber learns the head at once

    def _from_host(self, frames: list[bytes]) -> None:
        try:
            self._on_host(HostSaid(frames[0].decode(errors="replace"), TO_SUPERVISOR.decode(frames[-1])))
        except PeerFault as fault:
            self.dropped["host"] += 1
            logger.error("a host's message makes no sense and was dropped: {}", fault)

    def _from_clients(self, door: Door) -> None:
        with suppress(zmq.Again):
            for _ in range(AT_ONCE):
                frames = door.socket.recv_multipart(zmq.NOBLOCK, copy=False)
                self._handled += 1
                self._from_client(door, frames)

    def _from_client(self, door: Door, frames: list[zmq.Frame]) -> None:
        *route, body = frames
        if len(frames) > MAX_FRAMES or (len(frames) == MAX_FRAMES and route[1].bytes):
            self.dropped["too many frames"] += 1
            return
        descriptor, sender = int(body.get(zmq.SRCFD)), str(body.get("User-Id"))
        letter = Letter(tuple(frame.bytes for frame in route), body.bytes, door.by_tcp, descriptor, sender)
        refusal = None
        if door.by_tcp and self._admission.name_of(sender) is None:
            self.dropped["key revoked"] += 1
            refusal = REVOKED
        elif door.connections.crowded and not door.connections.serves(descriptor):
            refusal = FULL
        refusal = refusal or self._room.offer(letter)
        if refusal is None:
            return
        self.dropped["refused"] += 1
        if (told := turned_away(letter, refusal)) is not None:
            self._refuse(told)

    def _hand_on(self) -> None:
        """Read letters whose turn it is, and give them to the supervisor."""
        now = time.monotonic()
        while (taken := self._room.take(now)) is not None:
            letter, ticket = taken
            match read_letter(letter, ticket):
                case ClientAsked(request=request) if _may_be_let_be(request) and self._has_gone(letter):
                    self.dropped["client gone"] += 1
                    self._room.done(ticket, now)
                case ClientAsked() as asked:
                    self._on_client(asked)
                case Refusal() as refusal:
                    self._refuse(refusal)
                case None:
                    self.dropped["malformed"] += 1
                    self._room.done(ticket, now)

    def _has_gone(self, letter: Letter) -> bool:
        """Whether nobody waits for the answer any more."""
        door = self._sockets.tcp_clients if letter.by_tcp else self._sockets.clients
        return door is None or letter.descriptor not in door.connections

    def _refuse(self, refusal: Refusal) -> None:
        origin = refusal.origin
        self.reply(origin, codec.encode(Reply(id=origin.request_id, error=refusal.info), origin.encoding))

    # --- going out ------------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        for frames in self._outbox.take_hosts():
            self._send(self._sockets.hosts, frames)
        for origin, body in self._outbox.take_replies():
            self._send_reply(origin, body)

    def _send_reply(self, origin: Origin, body: bytes) -> None:
        """To a client that may not read: then others need the room, and it is told so."""
        door = self._sockets.tcp_clients if origin.by_tcp else self._sockets.clients
        assert door is not None  # noqa: S101 (it came in by it)
        if not self._outflow.fits(origin.peer, len(body)):
            self.dropped["client does not read"] += 1
            body = codec.encode(Reply(id=origin.request_id, error=UNREAD), origin.encoding)
        if not self._outflow.needs_mark(origin.peer, len(body)):
            if self._send(door, [*origin.route, body]):
                self._outflow.sent(origin.peer, len(body), None)
            return
        marked = zmq.Frame(body, track=True, copy=False, copy_threshold=0)
        if self._send(door, [*origin.route, marked]):
            self._outflow.sent(origin.peer, len(body), marked.tracker)

    def _send(self, door: Door, frames: "Sequence[bytes | zmq.Frame]") -> bool:
        try:
            door.socket.send_multipart(frames, zmq.NOBLOCK, copy=isinstance(frames[-1], bytes))
        except zmq.Again:
            self.dropped["peer too slow"] += 1
        except zmq.ZMQError:
            self.dropped["peer gone"] += 1
        else:
            return True
        return False

    def _publish_some(self, count: int) -> None:
        """Encode and publish events that wait; those that were left out show as a gap to whoever hears the next."""
        told = self._outbox.told
        for _ in range(min(count, len(told))):
            seq, fact, at_utc = told.popleft()
            self._head = seq
            self._publish(Published(event=event_of(fact, seq, at_utc)))

    def _beat(self) -> None:
        """Whoever hears it asks for what it has not; so it must not run ahead of what is about to be published."""
        newest = self._newest  # before looking: what comes after it may wait already
        if not self._outbox.told:
            self._head = max(self._head, newest)
        self._publish(Heartbeat(head=self._head, journal=self._journal))

    def _publish(self, message: Published | Heartbeat) -> None:
        for door in self._sockets.event_doors():
            for letter in door.audience.letters(message):
                if len(letter[-1]) <= MAX_PUBLISHED_BYTES:
                    self._send(door, letter)
                else:
                    self.dropped["event too large to publish"] += 1

    # --- who may come in ------------------------------------------------------------------------------------------

    def _hear_monitors(self) -> None:
        for door in self._sockets.doors():
            with suppress(zmq.Again):
                while door.monitor is not None:
                    door.connections.hear(door.monitor.recv_multipart(zmq.NOBLOCK)[0])

    def _answer_zap(self) -> None:
        """RFC 27: who comes is let in or not; see admission.py and connections.py."""
        while True:
            try:
                frames = self._sockets.zap.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._hear_monitors()
            version, ticket, domain, address, _, mechanism, *credentials = frames
            key = z85.encode(credentials[0]).decode() if credentials and len(credentials[0]) == 32 else ""
            transport = domain.partition(b"/")[0]
            user = self._admission.user(transport, mechanism, address, key)
            if user is not None and transport == IPC:
                user = process_of(address)
            if user is None:
                self.dropped["not the owner" if transport == IPC else "key not allowed"] += 1
            elif any(door.domain == domain and door.connections.too_many for door in self._sockets.doors()):
                self.dropped["too many connections"] += 1
                user = None
            status, text = (b"200", b"OK") if user is not None else (b"400", b"not allowed")
            self._sockets.zap.send_multipart([version, ticket, status, text, (user or "").encode(), b""])

    def _hold_to_the_list(self) -> None:
        """Where keys were taken off the list, have all who listen by tcp come again, and show theirs.

        ZeroMQ cannot cut off a single subscriber.
        """
        if self._listening is None:
            return
        sockets = self._sockets
        if sockets.tcp_events is not None and self._admission.changed():
            for socket in sockets.tcp_events.sockets():
                self._poller.unregister(socket)
            sockets.close_tcp_events()
            logger.info("keys were revoked: who listens by tcp must come again")
        if sockets.tcp_events is None:
            with suppress(EnvironmentFault):
                for socket in sockets.open_tcp_events():
                    self._poller.register(socket, zmq.POLLIN)

    @property
    def _reopening(self) -> bool:
        return self._listening is not None and self._sockets.tcp_events is None


def _may_be_let_be(request: Request) -> bool:
    """Whether nothing comes of the request but its answer."""
    return isinstance(request.do, Query) and not isinstance(request.do, AckEvents | Shutdown)


def _connected(door: Door | None) -> int:
    return 0 if door is None else len(door.connections)
