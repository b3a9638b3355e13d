"""Journals on disk for tests, written as the supervisor writes them."""

import msgspec

from orch_actors.actors.core.machine import Machine
from orch_actors.actors.journal.disk import RealDisk
from orch_actors.actors.journal.writer import Journal
from orch_actors.actors.recovery.history import CommandLine, OutcomeLine, digest_of, encode
from orch_actors.actors.translating import stimulus_of
from orch_actors.protocol import codec, messages
from orch_actors.protocol.ids import new_id
from orch_actors.protocol.settings import Settings

AT = 1_800_000_000.25


class Book:
    """A journal on disk, written as the supervisor does."""

    def __init__(self, folder, segment_bytes=1000):
        self.folder = str(folder)
        self.journal, _, _ = Journal.open(RealDisk(), self.folder, segment_bytes=segment_bytes, ballast_bytes=0)
        self.machine = Machine("boot")
        self.head = 0

    def submit(self, name):
        do = messages.SubmitGraph(graph={"name": name, "tasks": {"a": {"command": "true"}, "b": {"command": "true"}}})
        step = self.machine.handle(stimulus_of(do, "me", Settings()), AT)
        line = CommandLine(client="me", id=new_id(), digest=digest_of(do), at=AT, do=do)
        of = self.journal.add("command", encode(line))
        self.outcome(*step.facts, of=of, reply=messages.Reply(id=line.id, result=step.answer))

    def outcome(self, *facts, of=None, reply=None):
        body = msgspec.Raw(b"null" if reply is None else codec.encode(reply, "json"))
        line = OutcomeLine(of=of, at=AT, e=self.head + 1, facts=facts, reply=body)
        self.head += len(facts)
        self.journal.add("outcome", encode(line))
        self.journal.commit(self.head + 1)

    def close(self):
        self.journal.close()
