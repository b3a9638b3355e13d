"""What the world outside has been told, over all lives of a daemon; and what must hold because of it.

It outlives every crash: clients keep their replies, readers their events, and what was started was started. At each
start it is held against what the journal came to. It takes nothing on trust and knows nothing of how the daemon works,
but for the form of the journal's lines.

- What was told was durable: at the moment of the telling, nothing that was decided waited to be written down.
- The lines found are the exact beginning of what was written: all that was promised, and of the batch that was under
  way a beginning, or nothing.
- A command that was answered has that answer, byte for byte, however often it is sent, and was carried out once.
- An event keeps its number and what it tells, for ever; numbers rise.
- An attempt is started once; how it ended is told as it did.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Raw, Struct

from orch_actors.actors.core import facts as f
from orch_actors.actors.core.state import State
from orch_actors.actors.journal.record import Line
from orch_actors.actors.recovery.history import Replayed, Told, decode_outcome, numbered
from orch_actors.protocol import codec, messages

#: (client, command id)
CommandKey = tuple[str, str]


class _Command(Struct):
    """What tells one command line from another."""

    client: str
    id: str


_decoder: Final = msgspec.json.Decoder(_Command)


class Violation(Exception):
    """A promise was broken; the text says which, and how."""


@dataclass(slots=True)
class Asked:
    """A command and what its client knows of it."""

    request: messages.Request
    encoding: codec.Encoding
    digest: str
    #: The first answer that was no refusal.
    reply: bytes = b""


class Witness:
    """See the module. Every method that checks raises Violation."""

    def __init__(self) -> None:
        #: Kind and data of every line that is on disk for sure, oldest first.
        self.promised: list[tuple[str, bytes]] = []
        #: Those that were added since.
        self.under_way: list[tuple[str, bytes]] = []
        self.asked: dict[CommandKey, Asked] = {}
        #: Keys of commands with and without an answer.
        self.answered: list[CommandKey] = []
        self.waiting: dict[CommandKey, None] = {}
        #: Number of the newest event that was told, and those told since the last start.
        self.head = 0
        self.events: list[Told] = []
        #: Attempts whose start a host was told of, or that one began.
        self.started: Final[set[tuple[str, str, int]]] = set()
        #: Attempt → the exit code that it had.
        self.exits: Final[dict[tuple[str, str, int], int]] = {}
        #: Codes of refusals.
        self.refused: list[str] = []
        #: Consumer → up to which event its acknowledgement was taken.
        self.cursors: dict[str, int] = {}
        #: Lines that were written, never promised, and lost; answers that were given again.
        self.lost = 0
        self.repeats = 0
        #: Of the lines that were looked at: how many, commands, those without an outcome, what was forgotten.
        self._looked_at = 0
        self._commands: set[CommandKey] = set()
        self._undecided: set[int] = set()
        self._forgotten: set[str] = set()

    # --- what is written ------------------------------------------------------------------------------------------

    def added(self, kind: str, data: bytes) -> None:
        """A line was handed to the journal."""
        self.under_way.append((kind, data))

    def committed(self) -> None:
        """The journal has said that all of it is durable."""
        self.promised += self.under_way
        self.under_way.clear()

    def _must_be_durable(self, what: str) -> None:
        if self.under_way:
            raise Violation(f"{what}, while {len(self.under_way)} lines were not durable")

    # --- what is told ---------------------------------------------------------------------------------------------

    def sent(self, request: messages.Request, encoding: codec.Encoding, digest: str) -> None:
        """A client sends a command, for the first time or again."""
        key = request.client, request.id
        if key not in self.asked:
            self.asked[key] = Asked(request, encoding, digest)
        if not self.asked[key].reply:  # a refusal is no answer for ever
            self.waiting.setdefault(key)

    def replied(self, key: CommandKey, encoding: codec.Encoding, body: bytes) -> None:
        """A reply has reached its client."""
        self._must_be_durable(f"command {key[1]} was answered")
        reply = codec.REPLY.decode(body)
        if isinstance(reply.result, messages.Acknowledged):
            self.cursors[reply.result.consumer] = reply.result.cursor
        if key not in self.asked:
            return  # no command
        asked = self.asked[key]
        if asked.reply and encoding == asked.encoding:
            self.repeats += 1
            if body != asked.reply:
                raise Violation(f"command {key[1]} was answered {asked.reply!r} at first, and later {body!r}")
        self.waiting.pop(key, None)
        if reply.error is not None:
            self.refused.append(reply.error.code)
        if reply.error is None and not asked.reply:
            asked.reply, asked.encoding = body, encoding
            self.answered.append(key)

    def published(self, told: Sequence[Told]) -> None:
        """Events have reached a reader."""
        if told:
            self._must_be_durable(f"event {told[0].seq} was published")
        for one in told:
            if one.seq <= self.head:
                raise Violation(f"event {one.seq} was published after event {self.head}")
            self.head = one.seq
            self.events.append(one)

    def started_now(self, attempt: tuple[str, str, int]) -> None:
        """A host begins an attempt."""
        self._must_be_durable(f"attempt {attempt} was started")
        if attempt in self.started:
            raise Violation(f"attempt {attempt} was started twice")
        self.started.add(attempt)

    # --- what a start finds ---------------------------------------------------------------------------------------

    def opened(self, lines: Sequence[Line], before: int = 0) -> None:
        """Hold the lines of a journal that was opened against what was written.

        Lines up to number `before` were not read: a snapshot stands for them. What is in that shows in `recovered`.
        """
        if before > len(self.promised):
            raise Violation(f"a snapshot stands for {before} lines, of which {len(self.promised)} were promised")
        found = self.promised[:before] + [(line.t, bytes(line.d)) for line in lines]
        count = len(self.promised)
        if found[:count] != self.promised:
            where = next(
                (at for at, pair in enumerate(zip(found, self.promised, strict=False)) if pair[0] != pair[1]), -1
            )
            what = f"sequence {where + 1} is another" if where >= 0 else f"{count - len(found)} promised lines are lost"
            raise Violation(f"{what}: {len(found)} lines were found, {count} were promised")
        rest = found[count:]
        if rest != self.under_way[: len(rest)]:
            raise Violation(f"after the {count} promised lines there are {len(rest)} that nobody wrote there")
        self.lost += len(self.under_way) - len(rest)
        self.promised, self.under_way = found, []
        unseen = enumerate(found[self._looked_at :], start=self._looked_at + 1)
        self._look_at([Line(s=number, y=0, p="", t=kind, d=Raw(data)) for number, (kind, data) in unseen])
        self._looked_at = len(found)

    def _look_at(self, lines: Sequence[Line]) -> None:
        """Lines that were not there at the last start."""
        events: dict[int, Told] = {}
        for line in lines:
            if line.t == "command":
                self._look_at_command(line)
                continue
            outcome = decode_outcome(line.d)
            if outcome.of is not None:
                self._look_at_outcome(outcome.of, line.s)
            for fact in outcome.facts:
                self._look_at_fact(fact)
            events.update((told.seq, told) for told in numbered(outcome))
        for told in self.events:
            if events.get(told.seq) != told:
                raise Violation(f"event {told.seq} was published as {told} and is {events.get(told.seq)} now")
        self.events.clear()

    def _look_at_command(self, line: Line) -> None:
        command = _decoder.decode(line.d)
        if (command.client, command.id) in self._commands:
            raise Violation(f"sequence {line.s} takes command {command.id} a second time")
        self._commands.add((command.client, command.id))
        self._undecided.add(line.s)

    def _look_at_outcome(self, of: int, sequence: int) -> None:
        if of not in self._undecided:
            raise Violation(f"sequence {sequence} is the outcome of {of}, which is no command or was decided before")
        self._undecided.remove(of)

    def _look_at_fact(self, fact: f.Fact) -> None:
        if isinstance(fact, f.GraphForgotten):
            self._forgotten.add(fact.graph)
        if isinstance(fact, f.ConsumerForgotten):
            self._forgotten.add(fact.consumer)
        if isinstance(fact, f.AttemptEnded) and fact.exit_code is not None:
            real = self.exits.get((fact.graph, fact.task, fact.attempt))
            if real != fact.exit_code:
                raise Violation(f"attempt {fact.graph}/{fact.task}/{fact.attempt} exited with {real}: {fact}")

    def recovered(self, came: Replayed, state: State) -> None:
        """Hold what a journal was read as against what clients and hosts know."""
        for key in self.answered:
            asked = self.asked[key]
            stored = came.answers.find(key[0], key[1], asked.digest)
            if stored is None or codec.json_to(asked.encoding, stored) != asked.reply:
                raise Violation(f"command {key[1]} was answered {asked.reply!r}, now it is known as {stored!r}")
            self._check_graph(asked, state)
        for name, cursor in self.cursors.items():
            consumer = state.consumers.get(name)
            if name not in self._forgotten and (consumer is None or consumer.cursor < cursor):
                raise Violation(f"consumer {name} had acknowledged event {cursor}, and it is {consumer} now")
        for graph, task, number in self.started:
            node = state.find(graph, task)
            if node is None and graph in self._forgotten:
                continue
            if node is None or len(node.attempts) < number:
                raise Violation(f"attempt {graph}/{task}/{number} was started, and nobody knows of it")

    def _check_graph(self, asked: Asked, state: State) -> None:
        do, reply = asked.request.do, codec.REPLY.decode(asked.reply)
        if isinstance(do, messages.SubmitGraph) and isinstance(reply.result, messages.GraphAccepted):
            name, graph = str(do.graph["name"]), reply.result.graph
            found = state.names.get(name, [])
            if len(found) > 1 or (graph not in found and graph not in self._forgotten):
                raise Violation(f"the graph {name!r} was accepted once, as {graph}; there are {found}")
