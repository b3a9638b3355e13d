"""The process of the clients: `python -P -m orch_actors.stress.chaos.agents FOLDER HOME SEED AGENTS`.

A process of its own, as agents are, in the same wrong clock as the daemon (they share a machine). Its stdin says what
is next, a line each: `stop` (begin no more jobs; answered by a line when all agents have ended), then `end N` (N is the
last event; it ends when all consumers have read it). The end of stdin ends it at once.
"""

import os
import sys
import time
from typing import Final

from orch_actors.stress.chaos.record import CLOCK, EFFECTS, HISTORY, Log
from orch_actors.stress.rigged import clock

#: A call that only looks is given up after so long.
LOOK_S: Final = 20.0
#: What consumers may take for what is left to read, after everything is over.
READ_S: Final = 60.0


def main() -> None:
    """See the module."""
    folder, home, seed, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    clock.follow(os.path.join(folder, CLOCK))
    from orch_actors.protocol.client import Client
    from orch_actors.stress.chaos.agent import Agent
    from orch_actors.stress.chaos.consumer import WAYS, Consumer
    from orch_actors.stress.chaos.jobs import jobs

    history = Log(os.path.join(folder, HISTORY))
    effects = os.path.join(folder, EFFECTS)
    agents = [
        Agent(
            Client(home, client_id=f"agent-{number}", timeout_s=LOOK_S),
            f"a{number}",
            jobs(seed, number, effects),
            history,
        )
        for number in range(1, count + 1)
    ]
    consumers = [
        Consumer(
            Client(home, client_id=f"consumer-{way}", timeout_s=LOOK_S),
            way,
            seed,
            Log(os.path.join(folder, f"consumer-{way}.jsonl")),
        )
        for way in WAYS
    ]
    for thread in (*agents, *consumers):
        thread.start()
    if sys.stdin.readline() != "stop\n":
        os._exit(1)
    for agent in agents:
        agent.cease()
    for agent in agents:
        agent.join()
    sys.stdout.write("stopped\n")
    sys.stdout.flush()
    word, _, last = sys.stdin.readline().partition(" ")
    if word != "end":
        os._exit(1)
    until_at = time.monotonic() + READ_S
    for consumer in consumers:
        consumer.finish(int(last))
    for consumer in consumers:
        consumer.join(max(0.0, until_at - time.monotonic()))
    os._exit(0)  # whoever still reads has not read all: its file tells


if __name__ == "__main__":
    main()
