"""Worker type → adapter: what an attempt of that type comes down to. Nothing is started here.

A new worker type is one file here and one line in ADAPTERS (and its Struct in protocol/spec/work.py).
"""

from typing import Final

from orch_actors.actors.host.adapters.plans import Adapter, Plan, RunnerPlan, ShimPlan
from orch_actors.actors.host.adapters.python import PythonAdapter
from orch_actors.actors.host.adapters.shell import ShellAdapter
from orch_actors.protocol.errors import EnvironmentFault

__all__ = ["ADAPTERS", "Adapter", "Plan", "RunnerPlan", "ShimPlan", "adapter_for"]

ADAPTERS: Final[dict[str, type[Adapter]]] = {
    "shell": ShellAdapter,
    "python": PythonAdapter,
}


def adapter_for(worker: str) -> Adapter:
    """The adapter of a worker type.

    Raises:
        EnvironmentFault: there is none.
    """
    kind = ADAPTERS.get(worker)
    if kind is None:
        raise EnvironmentFault(f"no worker type {worker!r} is known here", f"use one of {', '.join(sorted(ADAPTERS))}")
    return kind()
