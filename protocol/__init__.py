"""The public face: what a program that uses orch-actors imports, loaded when it is first named.

    from orch_actors.protocol import Client, GraphSpec, ShellWork, TaskSpec

Lazy, because each verb of the command line comes through here and pays only for what it names.
"""

from importlib import import_module
from typing import Any, Final

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orch_actors.protocol.aclient import AsyncClient
    from orch_actors.protocol.client import Client
    from orch_actors.protocol.consuming import Consumer
    from orch_actors.protocol.drafting import Draft, DraftTask
    from orch_actors.protocol.errors import (
        EnvironmentFault,
        ErrorInfo,
        OrchError,
        PeerFault,
        Problem,
        Refused,
        Unavailable,
    )
    from orch_actors.protocol.follower import Follower
    from orch_actors.protocol.inbox import Inbox, read_inbox
    from orch_actors.protocol.spec.graph import Dependency, GraphSpec, Limits, Retry, TaskSpec, Validate
    from orch_actors.protocol.spec.work import PythonWork, ShellWork, Work
    from orch_actors.protocol.views import (
        ConsumerView,
        DecisionView,
        Event,
        GraphSummary,
        GraphView,
        StatusView,
        WhyView,
    )

#: Module → the names that it exports here.
_EXPORTS: Final = {
    "aclient": ("AsyncClient",),
    "client": ("Client",),
    "consuming": ("Consumer",),
    "drafting": ("Draft", "DraftTask"),
    "errors": ("EnvironmentFault", "ErrorInfo", "OrchError", "PeerFault", "Problem", "Refused", "Unavailable"),
    "follower": ("Follower",),
    "inbox": ("Inbox", "read_inbox"),
    "spec.graph": ("Dependency", "GraphSpec", "Limits", "Retry", "TaskSpec", "Validate"),
    "spec.work": ("PythonWork", "ShellWork", "Work"),
    "views": ("ConsumerView", "DecisionView", "Event", "GraphSummary", "GraphView", "StatusView", "WhyView"),
}
_HOME_OF: Final = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = [
    "AsyncClient",
    "Client",
    "Consumer",
    "ConsumerView",
    "DecisionView",
    "Dependency",
    "Draft",
    "DraftTask",
    "EnvironmentFault",
    "ErrorInfo",
    "Event",
    "Follower",
    "GraphSpec",
    "GraphSummary",
    "GraphView",
    "Inbox",
    "Limits",
    "OrchError",
    "PeerFault",
    "Problem",
    "PythonWork",
    "Refused",
    "Retry",
    "ShellWork",
    "StatusView",
    "TaskSpec",
    "Unavailable",
    "Validate",
    "WhyView",
    "Work",
    "read_inbox",
]


def __getattr__(name: str) -> Any:
    """Load an exported name's module at its first use."""
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = vars(import_module(f"{__name__}.{module}"))[name]
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
