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
from typing import TYPE_CHECKING, Any, Final, Union, get_args

import msgspec
from msgspec import Raw, Struct

from orch_actors.actors.answers import Answers
from orch_actors.actors.core import facts as f
from orch_actors.actors.core.errors import InvalidTransition
from orch_actors.actors.core.fold import note_numbers, pass_over
from orch_actors.actors.core.quarantine import fold_or_pass_over
from orch_actors.actors.core.state import State
from orch_actors.actors.journal.reading import JournalUnreadable
from orch_actors.actors.journal.record import Whole
from orch_actors.actors.recovery.history import RECENT_EVENTS, CommandLine, OutcomeLine, Replayed, Told, numbered
from orch_actors.actors.recovery.snapshot import Restorer
from orch_actors.protocol.errors import Refused

#: Facts that mean something beyond the graph that they are about.
_FAR_REACHING: Final = frozenset({f.GraphSubmitted, f.GraphForgotten, f.DecisionAsked})

#: How a fact that forgets a graph is written.
_FORGOTTEN: Final = b'"k":"graph_forgotten"'


def _head_of(kind: type[f.FactForm]) -> type[Struct]:
    """All that is decoded of a fact of this kind at first: its graph.

    Of one that has to be looked at `graph` is None, and `about` its graph; of one that has to be folded both are None.
    """
    names = [name for name in ("graph", "ref") if name in kind.__struct_fields__ and not issubclass(kind, f.SilentFact)]
    near = "graph" in names and kind not in _FAR_REACHING
    kept = ["graph"] if near else ["about" if name == "graph" else name for name in names]
    return msgspec.defstruct(
        f"{kind.__name__}Head",
        [(name, str, "") for name in kept],
        tag_field="k",
        tag=kind.__struct_config__.tag,
        rename={"about": "graph"},
        namespace={name: None for name in ("graph", "about") if name not in kept},
        frozen=True,
        gc=False,
    )


_HEADS: Final = {kind: _head_of(kind) for kind in get_args(f.Fact)}
_SUBMITTED: Final = _HEADS[f.GraphSubmitted]
_FORGETS: Final = _HEADS[f.GraphForgotten]
_ASKED: Final = _HEADS[f.DecisionAsked]

if TYPE_CHECKING:

    class _Head(Struct):
        graph: str | None
        about: str | None
        ref: str
else:
    _Head = Union[tuple(_HEADS.values())]  # noqa: UP007 (made of many)


class _Entry(Struct, frozen=True, kw_only=True, gc=False):
    """As much of a command or an outcome as every line is decoded to."""

    of: int | None = None
    at: float = 0.0
    e: int = 0
    facts: tuple[_Head, ...] = ()
    reply: Raw = f.NOTHING
    client: str = ""
    id: str = ""
    digest: str = ""


_outcome_line: Final = msgspec.json.Decoder(Whole[OutcomeLine]).decode
_command_line: Final = msgspec.json.Decoder(Whole[CommandLine]).decode

#: What a line that makes no sense raises when it is folded.
_NO_SENSE: Final = (msgspec.DecodeError, RecursionError, LookupError, ValueError, InvalidTransition, Refused)


class Replay:
    """See the module. Invariant: of every graph either all facts are folded, or none."""

    decoder: Final = msgspec.json.Decoder(Whole[_Entry])

    def __init__(self) -> None:
        #: What it has come to so far.
        self.state: Final = State()
        self._answers: Final = Answers()
        self._restorer: Restorer | None = None
        #: Commands without an outcome so far, by sequence; of those from lines, also their bytes.
        self._old_commands: dict[int, CommandLine] = {}
        self._commands: Final[dict[int, tuple[_Entry, bytes]]] = {}
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
        at = segment.find(_FORGOTTEN)
        while at >= 0:
            begin, end = segment.rfind(b"\n", 0, at) + 1, segment.find(b"\n", at)
            end = len(segment) if end < 0 else end
            try:
                facts = _outcome_line(segment[begin:end]).d.facts
            except (msgspec.DecodeError, RecursionError):  # the words of a user, in a line of another kind
                facts = ()
            self._doomed.update(fact.graph for fact in facts if isinstance(fact, f.GraphForgotten))
            at = segment.find(_FORGOTTEN, end)

    def take(self, lines: Sequence[Whole[Any]], raws: Sequence[bytes]) -> None:
        """See Sink.

        Raises:
            JournalUnreadable: a line of a form that this version does not know, or that cannot follow.
        """
        self._tail.extend(raws)
        skipped, state, told = self._skipped, self.state, self.state.told
        for line, raw in zip(lines, raws, strict=True):
            entry: _Entry = line.d
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

    def _look(self, sequence: int, entry: _Entry, raw: bytes) -> None:
        """Take a line in that has more in it than what becomes of graphs that are passed over."""
        state, skipped = self.state, self._skipped
        for head in entry.facts:
            graph = head.about if head.graph is None else head.graph
            if isinstance(head, _SUBMITTED) and graph in self._doomed:
                skipped.add(graph)
            elif graph not in skipped:
                self._fold(sequence, raw)
                return
        try:
            for head in entry.facts:
                if isinstance(head, _SUBMITTED):
                    note_numbers(state, graph=head.about or "")
                elif isinstance(head, _ASKED):
                    note_numbers(state, decision=head.ref)
                elif isinstance(head, _FORGETS):
                    skipped.remove(head.about)
                    self._doomed.discard(head.about or "")
        except _NO_SENSE as error:
            raise JournalUnreadable(sequence, f"{type(error).__name__}: {error}") from error
        state.told += len(entry.facts)

    def _fold(self, sequence: int, raw: bytes) -> None:
        """Fold a line, but for what it says of graphs that are passed over."""
        state = self.state
        try:
            outcome = _outcome_line(raw).d
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

    def _answered(self, sequence: int, outcome: _Entry) -> None:
        command: CommandLine | _Entry | None = self._old_commands.pop(sequence, None)
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
            found.extend(reversed(list(numbered(_outcome_line(raw).d))))
            if len(found) >= RECENT_EVENTS:
                break
        return list(islice(reversed(found), max(0, len(found) - RECENT_EVENTS), None))
