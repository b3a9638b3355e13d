"""Lines of a journal in memory: written as a journal would hold them, and read as a start reads them."""

import itertools

import msgspec

from orch_actors.actors.journal.reading import Begun, SegmentReader
from orch_actors.actors.journal.record import CHAIN_START, Header, encode_header, encode_line
from orch_actors.actors.recovery.digest import Digest, digest_of
from orch_actors.actors.recovery.heads import forgotten_in
from orch_actors.actors.recovery.history import CommandLine, OutcomeLine, encode
from orch_actors.actors.recovery.replaying import Replay


class Pages:
    """Lines, one after the other."""

    def __init__(self):
        #: (kind, data)
        self.lines = []

    def add(self, kind, data):
        """Put a line down; its sequence."""
        self.lines.append((kind, data))
        return len(self.lines)

    def write(self, line):
        """A CommandLine or an OutcomeLine."""
        assert isinstance(line, CommandLine | OutcomeLine)
        return self.add("command" if isinstance(line, CommandLine) else "outcome", encode(line))

    def segment(self, first=0, last=None):
        """The lines from one number to another as a segment."""
        header = Header(orch_journal=1, id="j", first=first + 1, prev=CHAIN_START, event=1, created_utc=0.0)
        line, crc = encode_header(header)
        found = [line]
        for sequence, (kind, data) in enumerate(itertools.islice(self.lines, first, last), start=first + 1):
            line, crc = encode_line(sequence, 0, crc, kind, data)
            found.append(line)
        return b"".join(found)

    def replay(self, *, foresee=False, first=0, last=None, into=None):
        """A Replay that has read the lines; with `foresee`, looking ahead over all of them."""
        replay, segment = into or Replay(), self.segment(first, last)
        if foresee:
            replay.foresee(segment)
        SegmentReader("segment", segment, Begun(last=first), newest=True).read(replay)
        return replay

    def replay_digested(self, first, last):
        """A Replay that has read the lines, but for those after `first`, up to `last`: those through a digest."""
        whole, part = self.segment(), self.segment(first, last)
        replay = Replay()
        replay.foresee(whole)
        SegmentReader("before", self.segment(0, first), Begun(), newest=True).read(replay)
        said = msgspec.msgpack.encode(digest_of(1, "digested", part, set(forgotten_in(whole))))
        replay.take_in(msgspec.msgpack.decode(said, type=Digest))
        SegmentReader("after", self.segment(last), Begun(last=last), newest=True).read(replay)
        return replay

    def came(self):
        """What they come to."""
        return self.replay().finish()
