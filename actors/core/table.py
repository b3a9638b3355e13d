"""The life of a task and of a graph, as data.

This module knows states and names, nothing else: no graph, no clock, no policy. Two tables say everything:

* TASK_MOVES: (state, fact) → the states that the fact may lead to. A fact that is not listed for a state is a
  bug of ours, and raises InvalidTransition with the task's story; nothing is ever moved outside this table.
* REACTIONS: (state, stimulus) → what the machine does about it. Every pair is written down, the impossible and
  the pointless ones too: `act` (a handler decides), `ignore` (late or doubled news), `refuse` (a client asked
  for what this state does not allow).

docs/states.md is drawn from these tables and held against them by a test.
"""

from typing import Final, Literal

from orch_actors.protocol.views import GraphState, TaskState

TASK_STATES: Final[tuple[TaskState, ...]] = (
    "pending",
    "ready",
    "running",
    "blocked",
    "done",
    "failed",
    "cancelled",
    "skipped",
)
TERMINAL: Final[frozenset[TaskState]] = frozenset({"done", "failed", "cancelled", "skipped"})
GRAPH_TERMINAL: Final[frozenset[GraphState]] = frozenset({"done", "failed", "cancelled"})

#: (state, fact's tag) → states that it may lead to.
TASK_MOVES: Final[dict[tuple[TaskState, str], frozenset[TaskState]]] = {
    ("pending", "task_ready"): frozenset({"ready"}),
    ("pending", "decision_asked"): frozenset({"blocked"}),
    ("pending", "task_ended"): frozenset({"failed", "cancelled", "skipped"}),
    ("ready", "attempt_starting"): frozenset({"running"}),
    ("ready", "task_held"): frozenset({"pending"}),
    ("ready", "task_ended"): frozenset({"failed", "cancelled", "skipped"}),
    ("running", "attempt_adopted"): frozenset({"running"}),
    ("running", "attempt_stopping"): frozenset({"running"}),
    ("running", "attempt_ended"): frozenset({"running"}),
    ("running", "decision_asked"): frozenset({"running", "blocked"}),
    ("running", "task_blocked"): frozenset({"blocked"}),
    ("running", "retry_scheduled"): frozenset({"pending"}),
    ("running", "task_ready"): frozenset({"ready"}),
    ("running", "task_ended"): frozenset({"done", "failed", "cancelled"}),
    ("blocked", "task_ready"): frozenset({"ready"}),
    ("blocked", "task_held"): frozenset({"pending"}),
    ("blocked", "task_ended"): frozenset({"done", "failed", "cancelled", "skipped"}),
    ("done", "task_revived"): frozenset({"pending"}),
    ("failed", "task_revived"): frozenset({"pending"}),
    ("cancelled", "task_revived"): frozenset({"pending"}),
    ("skipped", "task_revived"): frozenset({"pending"}),
}

Stimulus = Literal[
    "dependency_ended",
    "slot_granted",
    "attempt_adopted",
    "attempt_exceeded",
    "attempt_ended",
    "retry_due",
    "timeout_due",
    "deadline_due",
    "decided",
    "ask",
    "cancel",
    "retry",
    "update",
]
Reaction = Literal["act", "ignore", "refuse"]


def _row(stimulus: Stimulus, *, act: str, refuse: str = "") -> dict[tuple[TaskState, Stimulus], Reaction]:
    acting, refusing = set(act.split()), set(refuse.split())
    return {
        (state, stimulus): "act" if state in acting else "refuse" if state in refusing else "ignore"
        for state in TASK_STATES
    }


_OVER = "done failed cancelled skipped"

#: (state, stimulus) → reaction; what is not named in a row is ignored.
REACTIONS: Final[dict[tuple[TaskState, Stimulus], Reaction]] = {
    **_row("dependency_ended", act="pending"),
    **_row("slot_granted", act="ready"),
    **_row("attempt_adopted", act="running"),
    **_row("attempt_exceeded", act="running"),
    **_row("attempt_ended", act="running"),
    **_row("retry_due", act="pending"),
    **_row("timeout_due", act="running"),
    **_row("deadline_due", act="pending ready running blocked"),
    **_row("decided", act="blocked running"),
    **_row("ask", act="running", refuse="pending ready blocked " + _OVER),
    **_row("cancel", act="pending ready running blocked", refuse=_OVER),
    **_row("retry", act=_OVER, refuse="pending ready running blocked"),
    **_row("update", act="pending ready blocked", refuse="running " + _OVER),
}
