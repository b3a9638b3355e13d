"""Commands that are sent again and again, over restarts: the same reply, byte for byte, and nothing is done twice.

Commands of all sorts are answered once. Then each is sent again in turn, as the very bytes that it had, now and then
twice before an answer is taken in, to one daemon after the other, each killed with -9. The reply must be the first
one's bytes. In the end there are as many graphs as were submitted.
"""

import random
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from orch_actors.protocol import codec
from orch_actors.protocol.ids import new_id
from orch_actors.protocol.messages import (
    Ask,
    Cancel,
    Command,
    OpenConsumer,
    Pause,
    Prune,
    Reply,
    Request,
    Resume,
    RetryTasks,
    SetLimit,
    SubmitGraph,
)
from orch_actors.protocol.reach import Reach
from orch_actors.protocol.transport import WRITABLE, Pool, milliseconds
from orch_actors.stress.daemon import TrialDaemon
from orch_actors.stress.proofs.proof import Proof, Report, Trial

#: A restart for so many repetitions, and at least two.
REPEATS_A_RESTART: Final = 1000
#: Rounds of the commands below that are answered first.
ROUNDS: Final = 10
#: How long one is asked for in all, over a restart too; and a single try.
PATIENCE_S: Final = 120.0
TRY_S: Final = 2.0

TASKS: Final[tuple[dict[str, Any], ...]] = (
    {"id": "long", "command": "sleep 600"},
    {"id": "short", "command": "true"},
    {"id": "last", "command": "true", "depends_on": ["long"]},
)


class Teller:
    """Sends bytes until there is an answer, which is told as the bytes that came."""

    def __init__(self, endpoint: str) -> None:
        self._pool = Pool(Reach(endpoint))

    def ask(self, body: bytes, times: int = 1) -> list[bytes]:
        """The answers to a request that is sent so many times at once; none: there was no daemon for too long."""
        until_at = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_at:
            answers = self._try(body, times)
            if len(answers) == times and not any(_may_pass(answer) for answer in answers):
                return answers
            time.sleep(0.02)
        return []

    def _try(self, body: bytes, times: int) -> list[bytes]:
        socket = self._pool.borrow()
        answers: list[bytes] = []
        if socket.poll(milliseconds(TRY_S), WRITABLE):
            for _ in range(times):
                socket.send(body)
            while len(answers) < times and socket.poll(milliseconds(TRY_S)):
                answers.append(socket.recv())
        if len(answers) == times:
            self._pool.give_back(socket)
        else:
            socket.close(0)
        return answers

    def close(self) -> None:
        """Give its sockets back."""
        self._pool.close()


def _may_pass(answer: bytes) -> bool:
    error = codec.REPLY.decode(answer).error
    return error is not None and error.retriable


def run(trial: Trial) -> Report:
    """See the module."""
    rng = random.Random(trial.seed)
    restarts = max(2, trial.size // REPEATS_A_RESTART)
    with TrialDaemon() as daemon:
        teller = Teller(daemon.home.commands)
        try:
            first = _answered(teller, rng)
            repeated, faults = _repeat(trial, daemon.kill_supervisor, teller, first, restarts)
            graphs = len(_reply(teller, "get_status")["status"]["graphs"])
        finally:
            teller.close()
    submitted = sum(isinstance(do, SubmitGraph) for do, _, _ in first)
    if graphs != submitted:
        faults.append(f"{submitted} graphs were submitted, there are {graphs}")
    if daemon.left:
        faults.append(f"processes were left: {daemon.left}")
    counts = {"commands": len(first), "restarts": restarts, "repeats": repeated, "other bytes": len(faults)}
    return Report(done=repeated, counts=counts, faults=tuple(faults))


def _answered(teller: Teller, rng: random.Random) -> list[tuple[Command, bytes, bytes]]:
    """Commands of all sorts, each with the bytes that it was sent as and those of its answer."""
    found: list[tuple[Command, bytes, bytes]] = []

    def send(do: Command) -> Any:
        encoding: codec.Encoding = "json" if rng.random() < 0.5 else "msgpack"
        body = codec.encode(Request(id=new_id(), client=f"c{rng.randrange(3)}", do=do), encoding)
        (answer,) = teller.ask(body)
        reply: Reply = codec.REPLY.decode(answer)
        if reply.error is not None:
            raise RuntimeError(f"{type(do).__name__} was refused: {reply.error.message}")
        found.append((do, body, answer))
        return reply.result

    for number in range(ROUNDS):
        graph = send(SubmitGraph(graph={"name": f"r{number}", "tasks": list(TASKS)}, key=f"k{number}")).graph
        send(SubmitGraph(graph={"name": "keyless", "tasks": [TASKS[1]]}))
        send(SetLimit(graph=graph, parallel=1 + number))
        send(Pause(graph=graph, reason="for a while"))
        send(Resume(graph=graph))
        _wait_for(teller, graph)
        send(Ask(graph=graph, task="long", question="Go on?"))
        send(OpenConsumer(consumer=f"reader-{number}"))
        send(Cancel(graph=graph, task="last"))
        send(RetryTasks(graph=graph, task="last"))
        send(Cancel(graph=graph, task="long"))
        send(Prune(graphs=(), older_than=1e6))
    return found


def _wait_for(teller: Teller, graph: str) -> None:
    """Until its long task runs: only then it can ask."""
    until_at = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_at:
        tasks = _reply(teller, "get_graph", graph=graph)["graph"]["tasks"]
        if any(task["id"] == "long" and task["state"] == "running" for task in tasks):
            return
        time.sleep(0.01)
    raise RuntimeError(f"the long task of {graph} does not start")


def _reply(teller: Teller, kind: str, **more: Any) -> Any:
    body = msgspec.json.encode({"id": new_id(), "client": "looks", "v": 1, "do": {"type": kind, **more}})
    (answer,) = teller.ask(body)
    return msgspec.json.decode(answer)["result"]


def _repeat(
    trial: Trial, kill: Callable[[], int], teller: Teller, first: list[tuple[Command, bytes, bytes]], restarts: int
) -> tuple[int, list[str]]:
    """How many repetitions were answered, and which of them otherwise than at first."""
    repeated = 0
    faults: list[str] = []
    rng = random.Random(f"{trial.seed}-repeats")
    kills = sorted(rng.randrange(trial.size) for _ in range(restarts))
    while repeated < trial.size:
        while kills and kills[0] <= repeated:
            kills.pop(0)
            kill()
            trial.tell(f"{repeated:,} repeats, {restarts - len(kills)} restarts")
        do, body, answer = first[repeated % len(first)]
        times = rng.choice((1, 1, 1, 2, 5))
        answers = teller.ask(body, times)
        if not answers:
            return repeated, [*faults, f"{type(do).__name__} was not answered any more"]
        faults += [f"{type(do).__name__}: {answer!r} at first, {other!r} then" for other in answers if other != answer]
        repeated += times
    return repeated, faults


PROOF: Final = Proof(
    name="repeats",
    proves="A command that comes again, over restarts too, has the same reply and is not carried out again.",
    asked="10,000 repeats over restarts: the same reply bytes",
    full=10_000,
    quick=300,
    unit="repeats",
    run=run,
)
