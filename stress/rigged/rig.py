"""What is wrong with the world: the JSON file that a rigged process is started with."""

import sys
from typing import Final

import msgspec
from msgspec import Struct

from orch_actors.stress.rigged.places import Fault

#: How a rigged process is started, but for the rig and what follows it. `-P`: see cli/daemon/launch.py.
RIGGED: Final = (sys.executable, "-P", "-m", "orch_actors.stress.rigged")


class Planted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault, and where (places.py)."""

    place: str
    #: At which call of it, from 1, of all processes.
    nth: int
    fault: Fault
    #: A file that is there once it has happened.
    marker: str


class Rig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One world."""

    #: A file with one double: seconds by which the wall clock is wrong, read at every look at it.
    clock: str | None = None
    #: A folder: in it, calls are counted, place by place; without it there is no fault, either.
    count: str | None = None
    fault: Planted | None = None
    #: One of sabotages.py.
    sabotage: str | None = None


def read_rig(path: str) -> Rig:
    """The rig in a file.

    Raises:
        OSError, msgspec.DecodeError: it is not there, or none.
    """
    with open(path, "rb") as file:
        return msgspec.json.decode(file.read(), type=Rig)


def write_rig(path: str, rig: Rig) -> None:
    """Write it.

    Raises:
        OSError: it cannot be written.
    """
    with open(path, "wb") as file:
        file.write(msgspec.json.encode(rig))
