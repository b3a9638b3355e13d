"""Clients of a simulated daemon: agents that submit, steer, answer, and send again what they have no answer to.

What they ask for is mostly possible and sometimes not. They look at the daemon's own state to know what there is, as a
client would by `status`; nothing that is checked comes from there.
"""

import random
from collections.abc import Callable
from typing import Any, Final

from orch_actors.actors.core.nodes import Graph, Task
from orch_actors.actors.core.state import State
from orch_actors.actors.inside import ClientAsked, Origin
from orch_actors.actors.recovery.history import digest_of
from orch_actors.protocol import codec, messages
from orch_actors.stress.powercut.witness import Asked, Witness
from orch_actors.stress.powercut.world import SimulatedClock

#: Clients, and how many graphs there may be before somebody prunes.
NAMES: Final = ("agent-1", "agent-2", "agent-3")
MOST_GRAPHS: Final = 10
MOST_CONSUMERS: Final = 3

#: What a task may carry, besides what it does.
OPTIONS: Final[tuple[dict[str, Any], ...]] = (
    {"retry": {"attempts": 3, "backoff": 4, "jitter": 0.5}},
    {"retry": {"attempts": 2}},
    {"timeout": 20},
    {"deadline": 90},
    {"on_fail": "continue"},
    {"on_fail": "ask", "ask": {"deadline": 30}},
    {"on_unknown": "rerun"},
    {"on_unknown": "fail"},
    {"approve": True},
    {"priority": 7},
    {"exclusive": ["deploy"]},
    {"title": 'text with a paragraph separator \u2028 and "quotes"', "env": {"A": "x" * 600}},
)
CHANGES: Final[tuple[dict[str, Any], ...]] = ({"priority": 3}, {"timeout": 7}, {"timeout": None}, {"depends_on": None})


class Clients:
    """See the module."""

    def __init__(self, rng: random.Random, clock: SimulatedClock, witness: Witness) -> None:
        self._rng, self._clock, self._witness = rng, clock, witness
        self._graphs = self._consumers = 0
        self._keyed: list[messages.SubmitGraph] = []
        self._choices: Final[tuple[tuple[int, Callable[[State], messages.Command | None]], ...]] = (
            (8, self._submit),
            (3, self._submit_again),
            (2, self._cancel),
            (4, self._decide),
            (2, self._ask),
            (2, self._add),
            (3, self._update),
            (3, self._retry),
            (2, self._pause),
            (2, self._resume),
            (1, self._limit),
            (1, self._open_consumer),
            (1, self._forget_consumer),
        )

    def ask(self, state: State) -> ClientAsked | None:
        """A command; None where nothing fits."""
        roll, witness = self._rng.random(), self._witness
        if witness.waiting and roll < 0.3:
            return self.send(witness.asked[self._rng.choice(list(witness.waiting))].request)
        if witness.answered and roll < 0.45:
            return self.again(witness.asked[self._rng.choice(witness.answered)])
        if state.consumers and roll < 0.5:
            return self._acknowledge(state)
        wanted = self._prune(state) if len(state.graphs) > MOST_GRAPHS else self._choose(state)
        return None if wanted is None else self.send(self.request(wanted))

    def everything_again(self) -> list[ClientAsked]:
        """Every command that was ever answered, and those that were not."""
        asked = [self._witness.asked[key] for key in (*self._witness.answered, *self._witness.waiting)]
        return [self.again(one) for one in asked]

    def again(self, asked: Asked) -> ClientAsked:
        """A command once more, in the encoding in which it was answered."""
        return self._in(asked.request, asked.encoding)

    def send(self, request: messages.Request) -> ClientAsked:
        """A request goes out, in either encoding."""
        return self._in(request, self._rng.choice(("json", "msgpack")))

    def request(self, do: messages.Command | messages.AckEvents) -> messages.Request:
        """A new request of one of the clients."""
        stamp = int(self._clock.now * 1000)
        value = (
            (stamp << 80) | (0x7 << 76) | (self._rng.getrandbits(12) << 64) | (0x2 << 62) | self._rng.getrandbits(62)
        )
        return messages.Request(id=f"{value:032x}", client=self._rng.choice(NAMES), do=do)

    def _choose(self, state: State) -> messages.Command | None:
        (choice,) = self._rng.choices(self._choices, [weight for weight, _ in self._choices])
        return choice[1](state)

    def _in(self, request: messages.Request, encoding: codec.Encoding) -> ClientAsked:
        if isinstance(request.do, messages.Command):
            self._witness.sent(request, encoding, digest_of(request.do))
        return ClientAsked(Origin((request.client.encode(),), encoding, request.id), request)

    # --- what they want -------------------------------------------------------------------------------------------

    def _some_graph(self, state: State) -> Graph | None:
        return self._rng.choice(list(state.graphs.values())) if state.graphs else None

    def _some_task(self, state: State, *states: str) -> Task | None:
        found = [node for graph in state.graphs.values() for node in graph.tasks.values() if node.state in states]
        return self._rng.choice(found) if found else None

    def _tasks(self, prefix: str, count: int, before: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        for number in range(count):
            document: dict[str, Any] = {"id": f"{prefix}{number}", "command": "true"}
            if self._rng.random() < 0.2:
                document = {"id": f"{prefix}{number}", "worker": "python", "call": "a:b"}
            for _ in range(self._rng.randint(0, 2)):
                document |= self._rng.choice(OPTIONS)
            names = [*before, *(one["id"] for one in made)]
            if names and self._rng.random() < 0.6:
                document["depends_on"] = [
                    {"task": self._rng.choice(names), "on": self._rng.choice(("done", "done", "finished", "failed"))}
                ]
            made.append(document)
        return made

    def _submit(self, _: State) -> messages.Command:
        self._graphs += 1
        document: dict[str, Any] = {
            "name": f"n{self._graphs}",
            "tasks": self._tasks("t", self._rng.randint(1, 5)),
            "limits": self._rng.choice(({}, {}, {"parallel": 1}, {"wall": 300})),
        }
        key = f"k{self._graphs}" if self._rng.random() < 0.3 else None
        made = messages.SubmitGraph(graph=document, key=key, environment={"PATH": "/bin", "SECRET": "no"})
        if key is not None:
            self._keyed.append(made)
        return made

    def _submit_again(self, _: State) -> messages.Command | None:
        """The same key and document as another command: it must come to the same graph."""
        return self._rng.choice(self._keyed) if self._keyed else None

    def _cancel(self, state: State) -> messages.Command | None:
        node = self._some_task(state, "running", "ready", "pending", "blocked")
        if node is None:
            return None
        whole = self._rng.random() < 0.2
        return messages.Cancel(graph=node.graph.id, task=None if whole else node.id, reason="enough")

    def _decide(self, state: State) -> messages.Command | None:
        found = list(state.open_decisions())
        if not found:
            return None
        decision = self._rng.choice(found)
        return messages.Decide(ref=decision.ref, choice=self._rng.choice(decision.options), note="because")

    def _ask(self, state: State) -> messages.Command | None:
        node = self._some_task(state, "running")
        if node is None:
            return None
        return messages.Ask(
            graph=node.graph.id, task=node.id, question="go on?", deadline=self._rng.choice((None, 20.0))
        )

    def _add(self, state: State) -> messages.Command | None:
        graph = self._some_graph(state)
        if graph is None or len(graph.tasks) > 8:
            return None
        new = self._tasks(f"x{len(graph.tasks)}-", self._rng.randint(1, 2), tuple(graph.tasks))
        version = self._rng.choice((None, graph.version, graph.version + 1))
        return messages.AddTasks(graph=graph.id, tasks=tuple(new), if_version=version)

    def _update(self, state: State) -> messages.Command | None:
        node = self._some_task(state, "pending", "ready", "blocked", "running")
        if node is None:
            return None
        return messages.UpdateTask(graph=node.graph.id, task=node.id, set=self._rng.choice(CHANGES))

    def _retry(self, state: State) -> messages.Command | None:
        node = self._some_task(state, "failed", "cancelled", "skipped", "done")
        if node is None:
            return None
        return messages.RetryTasks(graph=node.graph.id, task=self._rng.choice((node.id, None)))

    def _pause(self, state: State) -> messages.Command | None:
        graph = self._some_graph(state)
        if graph is None or self._rng.random() < 0.3:
            return messages.Pause(worker=self._rng.choice(("shell", "python")), reason="tea")
        return messages.Pause(graph=graph.id)

    def _resume(self, state: State) -> messages.Command | None:
        paused = [worker for worker, record in state.workers.items() if record.paused]
        if paused:
            return messages.Resume(worker=paused[0])
        found = [graph.id for graph in state.graphs.values() if graph.state == "paused"]
        return messages.Resume(graph=found[0]) if found else None

    def _limit(self, state: State) -> messages.Command | None:
        graph = self._some_graph(state)
        if graph is None or self._rng.random() < 0.5:
            return messages.SetLimit(worker="shell", parallel=self._rng.choice((None, 1, 3)))
        return messages.SetLimit(graph=graph.id, parallel=self._rng.choice((None, 2)))

    def _open_consumer(self, _: State) -> messages.Command:
        self._consumers += 1
        return messages.OpenConsumer(consumer=f"reader-{self._consumers}", since=self._rng.choice((None, 0)))

    def _forget_consumer(self, state: State) -> messages.Command | None:
        if len(state.consumers) < MOST_CONSUMERS:
            return None
        return messages.ForgetConsumers(consumers=(self._rng.choice(list(state.consumers)),))

    def _acknowledge(self, state: State) -> ClientAsked:
        """No command, and as durable as one."""
        consumer = self._rng.choice(list(state.consumers))
        seq = self._rng.randint(0, self._witness.head)
        return self.send(self.request(messages.AckEvents(consumer=consumer, seq=seq)))

    def _prune(self, _: State) -> messages.Command:
        return messages.Prune(keep=MOST_GRAPHS // 2)
