"""A gateway in a home of its own, with real sockets at its door: for its tests, the abuse of it included."""

import shutil
import tempfile
import time

import zmq

from orch_actors.actors.core import facts as f
from orch_actors.actors.gateway.gateway import Gateway
from orch_actors.actors.recovery.history import Told
from orch_actors.protocol import codec, messages
from orch_actors.protocol.homes import Home
from orch_actors.protocol.ids import new_id

DEADLINE_S = 15.0
HELLO = messages.Hello()


def eventually(condition, why=""):
    until = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        assert time.monotonic() < until, f"not in time: {why}"
        time.sleep(0.005)
    return found


class Door:
    """A gateway in a home of its own; what it hands on is kept, and answered with a Welcome unless told otherwise."""

    def __init__(self):
        self.home = Home(tempfile.mkdtemp(prefix="oa-", dir="/tmp"))
        self.home.prepare()
        self.asked, self.said, self.crashes = [], [], []
        self.answers = True
        self.gateway = Gateway(
            self.home,
            journal="j1",
            on_client=self._on_client,
            on_host=self.said.append,
            on_crash=lambda name, error: self.crashes.append((name, error)),
        )
        self.context = zmq.Context()
        self._opened = []

    def begin(self, head=5):
        self.gateway.bind(head)
        self.gateway.start()
        return self

    def _on_client(self, asked):
        self.asked.append(asked)
        if self.answers:
            self.answer(asked)

    def answer(self, asked, result=None):
        reply = messages.Reply(id=asked.request.id, result=result or messages.Stopping(running=len(self.asked)))
        self.gateway.reply(asked.origin, codec.encode(reply, asked.origin.encoding))

    def socket(self, kind, endpoint=None, **options):
        made = self.context.socket(kind)
        self._opened.append(made)
        made.linger = 0
        made.rcvtimeo = made.sndtimeo = int(DEADLINE_S * 1000)
        for name, value in options.items():
            setattr(made, name, value)
        made.connect(endpoint or self.home.commands)
        return made

    def dealer(self, **options):
        return self.socket(zmq.DEALER, **options)

    def subscriber(self, topic=codec.TOPIC_MSGPACK):
        made = self.socket(zmq.SUB, self.home.events)
        made.subscribe(topic)
        return made

    def answers_hello(self):
        """It is alive and serves: the one check that every attack ends with."""
        return exchange(self.dealer(), HELLO).result is not None

    def dropped(self, why):
        return self.gateway.dropped[why]

    def close(self):
        self.gateway.stop()
        for made in self._opened:
            made.close()
        self.context.term()
        shutil.rmtree(self.home.path)
        assert not self.gateway.is_alive()
        assert not self.crashes


def request(do=HELLO, **changes):
    return messages.Request(**({"id": new_id(), "client": "c", "do": do} | changes))


def exchange(socket, do=HELLO, encoding="msgpack", **changes):
    sent = request(do, **changes)
    socket.send(codec.encode(sent, encoding))
    return answer(socket, sent.id)


def answer(socket, request_id=None):
    body = socket.recv_multipart()[-1]
    reply = codec.REPLY.decode(body)
    assert request_id is None or reply.id == request_id
    return reply


def told(first, last):
    return [Told(seq, f.TaskReady(graph="g1", task="t"), 1e9) for seq in range(first, last + 1)]
