"""What somebody else made of a closed segment that he has read and checked: as much of it as a replay has to take in.

A second process may read the later part of a long journal while the daemon reads the earlier one (`forerunner.py`).
What it hands over is what Replay (replaying.py) would have made of each line, short of touching the state: of lines
about graphs that are forgotten further on their numbers, of answered commands the answer, and every other line as it
stands. It goes by the same heads, and a graph is passed over by the same rule, but for one thing: whether a graph that
is forgotten further on was submitted after the beginning it cannot see, so it may be told only of a journal that is
read from its first line on. The replay holds that against what it knows: a graph that is forgotten and was not passed
over is no digest of this journal.

A digest says nothing of anything that is not as it must be: then there is none, and whoever wanted it reads the segment
himself, which tells the fault in the words of that.
"""

from collections.abc import Container, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from orch_actors.actors.journal.reading import Begun, JournalUnreadable, SegmentReader
from orch_actors.actors.journal.record import Whole, decode_header
from orch_actors.actors.recovery.heads import ASKED, FORGETS, SUBMITTED, Entry, entry_decoder


class Passed(Struct, array_like=True, tag="p"):
    """Lines about graphs that are passed over, and what outlasts them."""

    #: Number of the first event that they tell of, and how many they tell of.
    first: int
    told: int
    #: Ids that are never given again; and of graphs, which are passed over from here on, or no more.
    submitted: list[str]
    asked: list[str]
    forgotten: list[str]


class Asked(Struct, array_like=True, tag="c"):
    """A command whose outcome follows: all that is left of it is who asked. With its line, its outcome does not."""

    sequence: int
    client: str
    id: str
    digest: str
    line: bytes = b""


class Answered(Struct, array_like=True, tag="a"):
    """The outcome of a command, about graphs that are passed over."""

    of: int
    at: float
    reply: bytes


class Line(Struct, array_like=True, tag="l"):
    """One to be taken in as it stands."""

    sequence: int
    line: bytes


class Digest(Struct, array_like=True):
    """A segment. `before` and `after`: where the chain stands."""

    number: int
    before: Begun
    after: Begun
    items: list[Passed | Asked | Answered | Line]


class Digester:
    """A Sink that makes one, of the lines of one segment."""

    decoder: Final = entry_decoder

    def __init__(self, doomed: Container[str | None]) -> None:
        self._doomed: Final = doomed
        self.items: Final[list[Passed | Asked | Answered | Line]] = []
        self._passed: Passed | None = None
        #: Number of the newest event; None: that depends on what a line comes to.
        self._told: int | None = None
        self._commands: Final[dict[int, tuple[Entry, bytes]]] = {}

    def restore(self, kind: str, data: msgspec.Raw) -> None:
        """See Sink: no snapshot comes here."""

    def restored(self) -> None:
        """See Sink: no snapshot comes here."""

    def foresee(self, segment: bytes) -> None:
        """See Sink: what is doomed is known."""

    def take(self, lines: Sequence[Whole[Any]], raws: Sequence[bytes]) -> None:
        """See Sink.

        Raises:
            JournalUnreadable: events are not numbered as they must be.
        """
        doomed = self._doomed
        for line, raw in zip(lines, raws, strict=True):
            entry: Entry = line.d
            if line.t == "command":
                self._commands[line.s] = entry, raw
                continue
            if self._told is not None and entry.e != self._told + 1:
                raise JournalUnreadable(line.s, f"its first event is {entry.e}, not {self._told + 1}")
            for head in entry.facts:
                if (head.about if head.graph is None else head.graph) not in doomed:
                    self._keep(line.s, entry, raw)
                    break
            else:
                self._pass_over(entry)

    def finish(self) -> None:
        """The segment is at its end: what waits for an outcome is told as it stands, for whoever meets that."""
        for sequence, (entry, raw) in self._commands.items():
            self.items.append(Asked(sequence, entry.client, entry.id, entry.digest, raw))

    def _keep(self, sequence: int, entry: Entry, raw: bytes) -> None:
        self._passed, self._told = None, None
        self._ask(entry)
        self.items.append(Line(sequence, raw))

    def _ask(self, entry: Entry) -> None:
        found = None if entry.of is None else self._commands.pop(entry.of, None)
        if entry.of is not None and found is not None:
            self.items.append(Asked(entry.of, found[0].client, found[0].id, found[0].digest))

    def _pass_over(self, entry: Entry) -> None:
        passed = self._passed
        if passed is None:
            passed = self._passed = Passed(entry.e, 0, [], [], [])
            self.items.append(passed)
        for head in entry.facts:
            if head.graph is not None:
                continue
            if isinstance(head, SUBMITTED):
                passed.submitted.append(head.about or "")
            elif isinstance(head, ASKED):
                passed.asked.append(head.ref)
            elif isinstance(head, FORGETS):
                passed.forgotten.append(head.about or "")
        passed.told += len(entry.facts)
        self._told = entry.e + len(entry.facts) - 1
        if entry.of is not None:
            self._ask(entry)
            self.items.append(Answered(entry.of, entry.at, bytes(entry.reply)))


def digest_of(number: int, path: str, data: bytes, doomed: Container[str | None]) -> Digest:
    """What is in a closed segment.

    Raises:
        Damaged, Unfamiliar: its header is not as it must be.
        JournalCorrupt, JournalTooNew, JournalUnreadable: a line is not.
    """
    header = decode_header(data.partition(b"\n")[0])[0]
    before = Begun(id=header.id, last=header.first - 1, crc=header.prev)
    digester = Digester(doomed)
    reader = SegmentReader(path, data, before, newest=False)
    reader.read(digester)
    digester.finish()
    after = Begun(id=reader.id, last=reader.last, crc=reader.crc)
    return Digest(number, before, after, digester.items)
