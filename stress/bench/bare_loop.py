"""The reference for the latency of a submission: a ROUTER loop that writes a line, fdatasyncs, answers.

The least that can be done for "accepted means on disk": no checking, no graph, no events, one thread.

    python -m orch_actors.stress.bench.bare_loop ENDPOINT FILE
"""

import os
import sys

import msgspec
import zmq

from orch_actors.protocol.codec import REQUEST_HEAD, encode
from orch_actors.protocol.messages import GraphAccepted, Reply


def main(endpoint: str, journal: str) -> None:
    """Serve until stdin ends. Prints a line once it is ready."""
    sync = getattr(os, "fdatasync", os.fsync)
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.linger = 0
    router.bind(endpoint)
    file = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    poller = zmq.Poller()
    poller.register(router, zmq.POLLIN)
    poller.register(sys.stdin.fileno(), zmq.POLLIN)
    print("ready", flush=True)
    while True:
        ready = dict(poller.poll())
        if sys.stdin.fileno() in ready:
            break
        *envelope, body = router.recv_multipart()
        head = REQUEST_HEAD.decode(body)
        os.write(file, msgspec.json.encode({"id": head.id, "client": head.client, "body": body}) + b"\n")
        sync(file)
        accepted = GraphAccepted(graph="g1", name="bare", tasks=1)
        router.send_multipart([*envelope, encode(Reply(id=head.id, result=accepted))])
    os.close(file)
    router.close()
    context.term()


if __name__ == "__main__":
    main(*sys.argv[1:])
