"""What an adapter hands back: how to run one attempt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import msgspec

from orch_actors.actors.host.place import CannotSpawn
from orch_actors.protocol.hostwire import Launch
from orch_actors.protocol.spec.work import Work


@dataclass(frozen=True, slots=True)
class ShimPlan:
    """Run it under the sh shim: text as `sh -c` would, a list as it stands."""

    command: str | Sequence[str]
    #: Files that it is to find, by path; written anew for each attempt, readable by their owner alone.
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunnerPlan:
    """Run it in a warm Python process."""

    #: Absolute path.
    interpreter: str
    #: What the runner is to do (runner/runner.py, "The job"), without environment and cwd.
    job: Mapping[str, Any]


Plan = ShimPlan | RunnerPlan


class Adapter(Protocol):
    """One worker type."""

    def prepare(self, launch: Launch) -> Plan:
        """How to run this attempt. May look at the file system, must not change it.

        Raises:
            CannotSpawn: it cannot be run; a sentence that says why.
        """


W = TypeVar("W", bound=Work)


def work_of(launch: Launch, kind: type[W]) -> W:
    """The worker type's part of the task, typed.

    Raises:
        CannotSpawn: it is not of that form (the supervisor lets none such through; a journal of another version may).
    """
    try:
        work = msgspec.convert(launch.work, kind)
    except msgspec.ValidationError as error:
        raise CannotSpawn(f"its work is not of the form that this version knows: {error}") from error
    for where, message in work.problems():
        raise CannotSpawn(f"{where} {message}")
    return work
