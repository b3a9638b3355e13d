"""Kind of work → adapter: what an attempt of that kind comes down to. Nothing is started here.

A new kind is one file here and one line in ADAPTERS (and its Struct in protocol/spec/work.py).
"""

from typing import Final

from orch_actors.actors.host.adapters.agent import AgentAdapter
from orch_actors.actors.host.adapters.claude import ClaudeAdapter
from orch_actors.actors.host.adapters.opencode import OpencodeAdapter
from orch_actors.actors.host.adapters.plans import Adapter, Plan, RunnerPlan, ShimPlan
from orch_actors.actors.host.adapters.python import PythonAdapter
from orch_actors.actors.host.adapters.shell import ShellAdapter
from orch_actors.actors.host.place import CannotSpawn

__all__ = ["ADAPTERS", "Adapter", "Plan", "RunnerPlan", "ShimPlan", "adapter_for"]

ADAPTERS: Final[dict[str, type[Adapter]]] = {
    "shell": ShellAdapter,
    "python": PythonAdapter,
    "claude": ClaudeAdapter,
    "opencode": OpencodeAdapter,
    "agent": AgentAdapter,
}


def adapter_for(kind: str) -> Adapter:
    """The adapter of a kind of work.

    Raises:
        CannotSpawn: there is none (the supervisor lets none such through; a journal of another version may).
    """
    adapter = ADAPTERS.get(kind)
    if adapter is None:
        raise CannotSpawn(f"this version does no work of the kind {kind!r}, but of {', '.join(sorted(ADAPTERS))}")
    return adapter()
