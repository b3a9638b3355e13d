"""Where daemon and worker hosts reach the system: every write, sync, spawn and send, each by the function it calls.

A place is a function in the namespace of one module: `os.write` as actors/journal/disk.py sees it. What is replaced
there is replaced nowhere else. tests/unit/stress/test_places.py holds the table against the code: a module of the
daemon or its hosts that calls such a function, and stands neither here nor among the exceptions there, turns it red.
"""

from typing import Final, Literal

from msgspec import Struct

Role = Literal["daemon", "host", "runner", "compactor"]
Kind = Literal["write", "call", "spawn", "fork", "send"]

Fault = Literal[
    "killed before",  # kill -9, and it was not done
    "killed after",  # kill -9, and it was done
    "killed half-way",  # kill -9, and half of it was written
    "short",  # half of it was written, and that is what it says
    "EIO",
    "EIO half-way",  # half of it was written
    "ENOSPC",
    "EAGAIN",  # no processes left; or, of a message, that the peer takes no more
    "ENOMEM",
]

#: What can go wrong with each kind.
FAULTS: Final[dict[Kind, tuple[Fault, ...]]] = {
    "write": ("killed before", "killed after", "killed half-way", "short", "EIO", "EIO half-way", "ENOSPC"),
    "call": ("killed before", "killed after", "EIO", "ENOSPC"),
    "spawn": ("killed before", "killed after", "EAGAIN", "ENOMEM"),
    "fork": ("killed before", "EAGAIN", "ENOMEM"),  # after it there are two
    "send": ("killed before", "killed after"),
}

#: Replies and events may be dropped: their takers ask again. What daemon and host say to each other may not.
DROPPABLE: Final = ("reply", "event")


class Place(Struct, frozen=True, kw_only=True):
    """One."""

    name: str
    role: Role
    kind: Kind
    module: str
    #: `os.write`, `subprocess.Popen`, … as the module sees it; of a message, whose it is: `send:reply`.
    function: str

    def faults(self) -> tuple[Fault, ...]:
        """What can go wrong there."""
        found = FAULTS[self.kind]
        return (*found, "EAGAIN") if self.function.removeprefix("send:") in DROPPABLE else found


def _place(role: Role, module: str, what: str, function: str, kind: Kind) -> Place:
    return Place(name=f"{role}: {what}", role=role, kind=kind, module=f"orch_actors.{module}", function=function)


PLACES: Final[tuple[Place, ...]] = (
    _place("daemon", "actors.holding", "lock opened", "os.open", "call"),
    _place("daemon", "actors.holding", "lock taken", "fcntl.flock", "call"),
    _place("daemon", "actors.holding", "lock emptied", "os.ftruncate", "call"),
    _place("daemon", "actors.holding", "pid told", "os.write", "call"),
    _place("daemon", "actors.daemon", "readiness told", "os.write", "call"),
    _place("daemon", "actors.journal.disk", "journal opened", "os.open", "call"),
    _place("daemon", "actors.journal.disk", "journal written", "os.write", "write"),
    _place("daemon", "actors.journal.disk", "journal synced", "os.fdatasync", "call"),
    _place("daemon", "actors.journal.disk", "folder synced", "os.fsync", "call"),
    _place("daemon", "actors.journal.disk", "journal cut", "os.ftruncate", "call"),
    _place("daemon", "actors.journal.disk", "segment removed", "os.unlink", "call"),
    _place("daemon", "protocol.homes", "folder made", "os.mkdir", "call"),
    _place("daemon", "actors.workforce", "host spawned", "subprocess.Popen", "spawn"),
    _place("daemon", "actors.compaction.compactor", "compactor spawned", "subprocess.Popen", "spawn"),
    _place("compactor", "actors.compaction.alone", "lock opened", "os.open", "call"),
    _place("compactor", "actors.compaction.alone", "lock taken", "fcntl.flock", "call"),
    _place("compactor", "actors.journal.disk", "snapshot or manifest opened", "os.open", "call"),
    _place("compactor", "actors.journal.disk", "snapshot or manifest written", "os.write", "write"),
    _place("compactor", "actors.journal.disk", "snapshot or manifest synced", "os.fdatasync", "call"),
    _place("compactor", "actors.journal.disk", "snapshot or manifest renamed", "os.rename", "call"),
    _place("compactor", "actors.journal.disk", "folder synced", "os.fsync", "call"),
    _place("compactor", "actors.journal.disk", "snapshot removed", "os.unlink", "call"),
    _place("daemon", "actors.gateway.sockets", "reply sent", "send:reply", "send"),
    _place("daemon", "actors.gateway.sockets", "event sent", "send:event", "send"),
    _place("daemon", "actors.gateway.sockets", "word to a host sent", "send:host", "send"),
    _place("host", "actors.host.link", "word to the supervisor sent", "send:supervisor", "send"),
    _place("host", "actors.host.record", "record opened", "os.open", "call"),
    _place("host", "actors.host.record", "record locked", "fcntl.flock", "call"),
    _place("host", "actors.host.record", "record emptied", "os.ftruncate", "call"),
    _place("host", "actors.host.record", "record written", "os.write", "write"),
    _place("host", "actors.host.children", "shim spawned", "spawning.posix_spawn", "spawn"),
    _place("host", "actors.host.leavings", "result or answer opened", "os.open", "call"),
    _place("host", "actors.host.leavings", "answer written", "os.write", "write"),
    _place("host", "actors.host.zygotes", "output opened", "os.open", "call"),
    _place("host", "actors.host.validation", "validation's job written", "os.write", "write"),
    _place("runner", "actors.host.runner.runner", "keeper or worker forked", "os.fork", "fork"),
    _place("runner", "actors.host.runner.runner", "record written", "os.write", "write"),
)

BY_NAME: Final = {place.name: place for place in PLACES}
