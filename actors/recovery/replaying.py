"""Folds a journal into a fresh state as it is read: the one way in which a state comes back.

It is the journal's Sink. A snapshot is taken in first, if there is one, then line after line.

Theory of operation. Of a daemon that has worked for long nearly all lines are about graphs that are forgotten by now.
Those are passed over: a line is decoded no further than to which graphs its facts are about, and where all of them are
forgotten further on (the journal lets us look ahead), nothing of it is left but numbers that are never used again, and
the answer to a command. A graph is passed over from its submission on or not at all, so that what is folded is whole.
That changes nothing of what comes out, which is a property test. Looked ahead is through all closed segments, before
the first line is taken: what lies between a graph's submission and its end as a memory is whatever a retention keeps,
which no window of a fixed size is sure to hold. (With one of 48 MiB, and 1,000 graphs kept, a start from a million
lines folded three times as many, and took 1.7 times as long.)
"""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

import msgspec
from msgspec import Raw

from orch_actors.actors.answers import Answers
from orch_actors.actors.core import facts as f
from orch_actors.actors.core.errors import InvalidTransition
from orch_actors.actors.core.fold import note_numbers, pass_over
from orch_actors.actors.core.quarantine import fold_or_pass_over
from orch_actors.actors.core.state import State
from orch_actors.actors.journal.reading import JournalUnreadable
from orch_actors.actors.journal.record import Whole
from orch_actors.actors.recovery.digest import Answered, Asked, Digest, Line, Passed
from orch_actors.actors.recovery.heads import (
    ASKED,
    FORGETS,
    SUBMITTED,
    Entry,
    entry_decoder,
    forgotten_in,
    outcome_line,
)
from orch_actors.actors.recovery.history import RECENT_EVENTS, CommandLine, Replayed, Told, numbered
from orch_actors.actors.recovery.snapshot import Restorer
from orch_actors.protocol.errors import Refused

_command_line: Final = msgspec.json.Decoder(Whole[CommandLine]).decode

#: What a line that makes no sense raises when it is folded.
_NO_SENSE: Final = (msgspec.DecodeError, RecursionError, LookupError, ValueError, InvalidTransition, Refused)


class Replay:
    """See the module. Invariant: of every graph either all facts are folded, or none."""

    decoder: Final = entry_decoder

    def __init__(self) -> None:
        #: What it has come to so far.
        self.state: Final = State()
        self._answers: Final = Answers()
        self._restorer: Restorer | None = None
        #: Commands without an outcome so far, by sequence; of those from lines, also their bytes.
        self._old_commands: dict[int, CommandLine] = {}
        self._commands: Final[dict[int, tuple[Entry, bytes]]] = {}
        #: Graphs of which it is known that they are forgotten further on; those that are passed over.
        self._doomed: Final[set[str]] = set()
        self._skipped: Final[set[str | None]] = set()
        #: The newest lines, for the newest events.
        self._tail: Final[deque[bytes]] = deque(maxlen=RECENT_EVENTS)

    # --- what the journal calls -----------------------------------------------------------------------------------

    def restore(self, kind: str, data: Raw) -> None:
        """See Sink."""
        if self._restorer is None:
            self._restorer = Restorer(self.state, self._answers)
        self._restorer.take(kind, data)

    def restored(self) -> None:
        """See Sink."""
        if self._restorer is None:
            raise ValueError("it holds nothing")
        self._restorer.finish()
        self._old_commands = self._restorer.unprocessed

    def foresee(self, segment: bytes) -> None:
        """See Sink. A segment is damaged or whole: if its lines turn out not to be, nothing comes of it at all."""
        self._doomed.update(forgotten_in(segment))

    def take(self, lines: Sequence[Whole[Any]], raws: Sequence[bytes]) -> None:
        """See Sink.

        Raises:
            JournalUnreadable: a line of a form that this version does not know, or that cannot follow.
        """
        self._tail.extend(raws)
        skipped, state, told = self._skipped, self.state, self.state.told
        for line, raw in zip(lines, raws, strict=True):
            entry: Entry = line.d
            if line.t == "command":
                self._commands[line.s] = entry, raw
                continue
            if entry.e != told + 1:
                raise JournalUnreadable(line.s, f"its first event is {entry.e}, and the newest one before it {told}")
            for head in entry.facts:
                if head.graph not in skipped:
                    state.told = told
                    self._look(line.s, entry, raw)
                    told = state.told
                    break
            else:
                told += len(entry.facts)
            if entry.of is not None:
                self._answered(entry.of, entry)
        state.told = told

    def take_in(self, digest: Digest) -> None:
        """Take in a segment that somebody else has read and checked, in its turn.

        Raises:
            JournalUnreadable: see `take`.
        """
        for item in digest.items:
            match item:
                case Line():
                    self.take((self.decoder.decode(item.line),), (item.line,))
                case Asked():
                    self._commands[item.sequence] = Entry(client=item.client, id=item.id, digest=item.digest), item.line
                case Answered():
                    self._answered(item.of, Entry(at=item.at, reply=Raw(item.reply)))
                case Passed():
                    self._pass_over(item, digest)
        self._tail.clear()  # it lacks what was passed over: the newest events are found in what comes after

    def _pass_over(self, passed: Passed, digest: Digest) -> None:
        state = self.state
        if passed.first != state.told + 1:
            what = f"an event after it is {passed.first}, and the newest one before it {state.told}"
            raise JournalUnreadable(digest.before.last + 1, what)
        try:
            for graph in passed.submitted:
                note_numbers(state, graph=graph)
                self._skipped.add(graph)
            for ref in passed.asked:
                note_numbers(state, decision=ref)
            for graph in passed.forgotten:
                self._skipped.remove(graph)
                self._doomed.discard(graph)
        except _NO_SENSE as error:
            raise JournalUnreadable(digest.before.last + 1, f"{type(error).__name__}: {error}") from error
        state.told += passed.told

    # --- what comes of it -----------------------------------------------------------------------------------------

    def finish(self) -> Replayed:
        """What it came to, once everything was read.

        Raises:
            JournalUnreadable: a command that is still to be decided makes no sense.
        """
        assert not self._skipped, f"{self._skipped} were passed over and not forgotten"  # noqa: S101 (our invariant)
        came = Replayed(self._answers, head=self.state.told)
        came.unprocessed.update(self._old_commands)
        for sequence, (_, raw) in self._commands.items():
            try:
                came.unprocessed[sequence] = _command_line(raw).d
            except (msgspec.DecodeError, RecursionError) as error:
                raise JournalUnreadable(sequence, str(error)) from error
        came.recent.extend(self._newest())
        return came

    def _look(self, sequence: int, entry: Entry, raw: bytes) -> None:
        """Take a line in that has more in it than what becomes of graphs that are passed over."""
        state, skipped = self.state, self._skipped
        for head in entry.facts:
            graph = head.about if head.graph is None else head.graph
            if isinstance(head, SUBMITTED) and graph in self._doomed:
                skipped.add(graph)
            elif graph not in skipped:
                self._fold(sequence, raw)
                return
        try:
            for head in entry.facts:
                if isinstance(head, SUBMITTED):
                    note_numbers(state, graph=head.about or "")
                elif isinstance(head, ASKED):
                    note_numbers(state, decision=head.ref)
                elif isinstance(head, FORGETS):
                    skipped.remove(head.about)
                    self._doomed.discard(head.about or "")
        except _NO_SENSE as error:
            raise JournalUnreadable(sequence, f"{type(error).__name__}: {error}") from error
        state.told += len(entry.facts)

    def _fold(self, sequence: int, raw: bytes) -> None:
        """Fold a line, but for what it says of graphs that are passed over."""
        state = self.state
        try:
            outcome = outcome_line(raw).d
            for fact in outcome.facts:
                graph = getattr(fact, "graph", None)
                if isinstance(fact, f.GraphSubmitted) and graph in self._doomed:
                    self._skipped.add(graph)
                if graph is None or graph not in self._skipped:
                    fold_or_pass_over(state, fact, outcome.at, f"the journal's sequence {sequence}")
                    continue
                pass_over(state, fact)
                if isinstance(fact, f.GraphForgotten):
                    self._skipped.remove(graph)
                    self._doomed.discard(fact.graph)
        except _NO_SENSE as error:
            raise JournalUnreadable(sequence, f"{type(error).__name__}: {error}") from error

    def _answered(self, sequence: int, outcome: Entry) -> None:
        command: CommandLine | Entry | None = self._old_commands.pop(sequence, None)
        if command is None and (found := self._commands.pop(sequence, None)) is not None:
            command = found[0]
        reply = bytes(outcome.reply)
        if command is not None and reply != b"null":
            self._answers.keep(command.client, command.id, command.digest, reply, outcome.at)

    def _newest(self) -> list[Told]:
        """The newest events, oldest first."""
        found: list[Told] = []
        for raw in reversed(self._tail):
            if b'"t":"outcome"' not in raw[:96]:
                continue
            found.extend(reversed(list(numbered(outcome_line(raw).d))))
            if len(found) >= RECENT_EVENTS:
                break
        return list(islice(reversed(found), max(0, len(found) - RECENT_EVENTS), None))
