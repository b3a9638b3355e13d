"""Which of a submitter's variables its tasks may start from.

An allow-list, never the whole environment: an agent's own variables and secrets must not leak into tasks or
into the journal. Clients apply it before sending, the daemon applies it again to what it receives. What a task
needs beyond it stands in its `env`.
"""

from collections.abc import Mapping
from typing import Final

#: Names that pass.
ALLOWED_NAMES: Final = frozenset(
    {"PATH", "HOME", "LANG", "TZ", "USER", "LOGNAME", "SHELL", "TMPDIR", "VIRTUAL_ENV"},
)
#: Names that begin so pass too (locale).
ALLOWED_PREFIXES: Final = ("LC_",)


def allowed(name: str) -> bool:
    """Whether a variable of this name may pass."""
    return name in ALLOWED_NAMES or name.startswith(ALLOWED_PREFIXES)


def outside_attempts(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` without what marks the processes of an attempt.

    A daemon may be started by a task; it must not be taken for something that the task left behind.
    """
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith("ORCH_") or name.startswith("ORCH_ACTORS_")
    }


def allowed_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of `environment` that tasks may start from, by name in order, so that equal ones encode equally."""
    return {name: environment[name] for name in sorted(environment) if allowed(name)}
