"""What can never be had is refused at once: claims beyond the daemon's totals."""

from collections.abc import Iterable

from orch_actors.actors.core.state import State
from orch_actors.protocol.spec.graph import TaskSpec
from orch_actors.protocol.spec.places import Finding


def impossible_claims(state: State, spec: TaskSpec) -> Iterable[Finding]:
    """A finding for each named capacity that there is not, or not that much of; paths begin in the task."""
    for name, amount in spec.resources.items():
        total = state.resources.get(name)
        if total is None:
            known = ", ".join(state.resources) or "none"
            yield Finding(
                ("resources", name),
                f"this daemon has no resource {name!r} (it has: {known}); config.toml names them, [resources]",
            )
        elif amount > total:
            yield Finding(
                ("resources", name),
                f"asks for {amount:g} of {name}, of which there are {total:g}: it would wait for ever",
            )
