"""Clients that behave badly, for `stress prove --only abuse`: many in one process, which is ended by its starter.

    python -m orch_actors.stress.rude HOME GRAPH COUNT

A third subscribes and takes nothing in, a third asks for the graph again and again and takes in no answer, a third
comes by the dozen, asks, and is gone. It also ends when its stdin does, so that it outlives nobody.
"""

import sys
import threading
from typing import Any, Final

from orch_actors.protocol import codec
from orch_actors.protocol.client import Client
from orch_actors.protocol.homes import Home
from orch_actors.protocol.ids import new_id
from orch_actors.protocol.messages import GetGraph, Request
from orch_actors.protocol.reach import Reach
from orch_actors.protocol.transport import WRITABLE, Pool, open_subscription

#: Requests that each of those sends that take in no answer, before it only stays.
FLOOD: Final = 1000


def main(home: str, graph: str, count: int) -> None:
    """Be all of them, until stdin ends."""
    with Client(home) as client:
        events = client.hello().events
    pool = Pool(Reach(Home(home).commands))
    body = codec.encode(Request(id=new_id(), client="rude", do=GetGraph(graph=graph)))
    third = max(1, count // 3)
    deaf = [open_subscription(events) for _ in range(third)]
    mute = [pool.borrow() for _ in range(third)]
    stop = threading.Event()
    threads = [
        threading.Thread(target=flood, args=(mute, body, stop), daemon=True),
        threading.Thread(target=vanish, args=(pool, body, stop, third), daemon=True),
    ]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()
    for socket in (*deaf, *mute):
        socket.close(0)


def flood(sockets: list[Any], body: bytes, stop: threading.Event) -> None:
    """Ask by all of them, take in no answer; what ZeroMQ does not take at once is left."""
    for _ in range(FLOOD):
        for socket in sockets:
            if stop.is_set():
                return
            if socket.poll(1, WRITABLE):
                socket.send(body)


def vanish(pool: Pool, body: bytes, stop: threading.Event, count: int) -> None:
    """Come all together, ask, and be gone, again and again."""
    while not stop.is_set():
        sockets = [pool.borrow() for _ in range(count)]
        for socket in sockets:
            if socket.poll(100, WRITABLE):
                socket.send(body)
        for socket in sockets:
            socket.close(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
