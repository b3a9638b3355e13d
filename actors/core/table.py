"""The life of a task, of a graph and of a worker type, as data.

This module knows states and names, nothing else: no graph, no clock, no policy. These tables say everything:

* TASK_MOVES, GRAPH_MOVES and WORKER_MOVES: (state, fact) → the states that the fact may lead to. A fact that is not
  listed for a state is a bug of ours, and raises InvalidTransition with the task's story; nothing is ever moved
  outside them.
* REACTIONS, GRAPH_REACTIONS and WORKER_REACTIONS: (state, stimulus) → what the machine does about it. Every pair is
  written down, the impossible and the pointless ones too: `act` (a handler decides), `ignore` (late or doubled news),
  `refuse` (a client asked for what this state does not allow).

docs/states.md is drawn from these tables (`actors/states_page.py`), and tests hold the machine against every cell.
"""

from typing import Final, Literal

from orch_actors.actors.core.nodes import GraphPhase, WorkerTypeState
from orch_actors.protocol.views import GraphState, TaskState

TASK_STATES: Final[tuple[TaskState, ...]] = (
    "pending",
    "ready",
    "running",
    "judging",
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
    ("ready", "decision_asked"): frozenset({"blocked"}),
    ("ready", "task_ended"): frozenset({"failed", "cancelled", "skipped"}),
    ("running", "attempt_adopted"): frozenset({"running"}),
    ("running", "attempt_stopping"): frozenset({"running"}),
    ("running", "attempt_progressed"): frozenset({"running"}),
    ("running", "attempt_ended"): frozenset({"running"}),
    ("running", "decision_asked"): frozenset({"running", "blocked"}),
    ("running", "task_blocked"): frozenset({"blocked"}),
    ("running", "retry_scheduled"): frozenset({"pending"}),
    ("running", "task_ready"): frozenset({"ready"}),
    ("running", "task_ended"): frozenset({"done", "failed", "cancelled", "skipped"}),
    ("running", "judge_asked"): frozenset({"judging", "running"}),
    ("running", "judged"): frozenset({"running"}),
    ("judging", "judged"): frozenset({"judging"}),
    ("judging", "decision_asked"): frozenset({"blocked"}),
    ("judging", "retry_scheduled"): frozenset({"pending"}),
    ("judging", "task_ended"): frozenset({"done", "failed", "cancelled"}),
    ("blocked", "judge_asked"): frozenset({"blocked"}),
    ("blocked", "judged"): frozenset({"blocked"}),
    ("blocked", "task_ready"): frozenset({"ready"}),
    ("blocked", "task_held"): frozenset({"pending"}),
    ("blocked", "task_ended"): frozenset({"done", "failed", "cancelled", "skipped"}),
    ("done", "task_revived"): frozenset({"pending"}),
    ("failed", "task_revived"): frozenset({"pending"}),
    ("cancelled", "task_revived"): frozenset({"pending"}),
    ("skipped", "task_revived"): frozenset({"pending"}),
    # Its facts made no sense, so neither does the state that they had led to, final or not.
    **{(state, "task_quarantined"): frozenset[TaskState]({"failed"}) for state in TASK_STATES},
}

GRAPH_STATES: Final[tuple[GraphState, ...]] = ("running", "paused", "done", "failed", "cancelled")


def _moves(fact: str, *, at: str, to: str) -> dict[tuple[GraphState, str], frozenset[GraphState]]:
    """`to` is a list of states, or `same`."""
    ends: frozenset[GraphState] = frozenset(state for state in GRAPH_STATES if state in to.split())
    return {(state, fact): ends or frozenset({state}) for state in GRAPH_STATES if state in at.split()}


_GOES_ON: Final = "running paused"
_ENDED: Final = "done failed cancelled"

#: (state, fact's tag) → states that it may lead to. A paused graph's attempts end, so it may come to its end.
GRAPH_MOVES: Final[dict[tuple[GraphState, str], frozenset[GraphState]]] = {
    **_moves("graph_paused", at="running", to="paused"),
    **_moves("graph_resumed", at="paused", to="running"),
    **_moves("graph_limited", at=_GOES_ON, to="same"),
    **_moves("graph_budgeted", at=f"{_GOES_ON} {_ENDED}", to="same"),
    **_moves("tasks_added", at=_GOES_ON, to="same"),
    **_moves("graph_edited", at=f"{_GOES_ON} {_ENDED}", to="same"),
    **_moves("graph_cancelling", at=_GOES_ON, to="same"),
    **_moves("graph_ended", at=_GOES_ON, to=_ENDED),
    **_moves("graph_reopened", at=_ENDED, to="running"),
    **_moves("graph_forgotten", at=_ENDED, to="same"),
}

#: A worker type is `open`, or `parked`: its hosts died too often. (Whether it is paused, and how many of its attempts
#: may run, is beside that: a pause means the same in both.)
WORKER_STATES: Final[tuple[WorkerTypeState, ...]] = ("open", "parked")
WORKER_MOVES: Final[dict[tuple[WorkerTypeState, str], frozenset[WorkerTypeState]]] = {
    ("open", "worker_parked"): frozenset({"parked"}),
    ("parked", "worker_unparked"): frozenset({"open"}),
}

Stimulus = Literal[
    "dependency_ended",
    "slot_granted",
    "attempt_adopted",
    "attempt_exceeded",
    "attempt_progressed",
    "attempt_ended",
    "retry_due",
    "timeout_due",
    "deadline_due",
    "decided",
    "judge_over",
    "ask",
    "cancel",
    "retry",
    "update",
    "budget",
]
Reaction = Literal["act", "ignore", "refuse"]

#: What each stimulus of REACTIONS is, and the class in stimuli.py that brings it, if one does.
MEANINGS: Final[dict[Stimulus, tuple[str, str]]] = {
    "dependency_ended": ("", "a task that it depends on is terminal"),
    "slot_granted": ("", "a slot of its worker type and all that it claims are free, and it is its turn"),
    "attempt_adopted": ("AttemptFound", "a host watches its attempt (again)"),
    "attempt_exceeded": ("AttemptExceeded", "its attempt broke a bound that the host watches"),
    "attempt_progressed": ("AttemptProgressed", "its attempt says how far it is"),
    "attempt_ended": ("AttemptOver", "its attempt is over"),
    "retry_due": ("TimerFired", "the time of its next attempt has come"),
    "timeout_due": ("TimerFired", "its attempt has run for its `timeout`"),
    "deadline_due": ("TimerFired", "its `deadline` has passed"),
    "decided": ("DecisionMade", "somebody answers a decision about it"),
    "judge_over": ("", "the judge that gives a verdict on it, or answers a decision about it, is over"),
    "ask": ("QuestionAsked", "it asks through a client"),
    "cancel": ("CancelAsked", "it, or its graph, is to be ended"),
    "retry": ("RetryAsked", "it is to run again"),
    "update": ("UpdateAsked", "its options are to change (refused, too, once it has had an attempt)"),
    "budget": ("UpdateAsked", "its `budget`, and nothing else of it, is to change"),
}


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
    **_row("attempt_progressed", act="running"),
    **_row("attempt_ended", act="running"),
    **_row("retry_due", act="pending"),
    **_row("timeout_due", act="running"),
    **_row("deadline_due", act="pending ready running judging blocked"),
    **_row("decided", act="blocked running", refuse="pending ready judging " + _OVER),
    **_row("judge_over", act="judging blocked running"),
    **_row("ask", act="running", refuse="pending ready judging blocked " + _OVER),
    **_row("cancel", act="pending ready running judging blocked", refuse=_OVER),
    **_row("retry", act=_OVER, refuse="pending ready running judging blocked"),
    **_row("update", act="pending ready blocked", refuse="running judging " + _OVER),
    **_row("budget", act="pending ready running judging blocked", refuse=_OVER),
}

GRAPH_PHASES: Final[tuple[GraphPhase, ...]] = ("running", "paused", "cancelling", "done", "failed", "cancelled")

GraphStimulus = Literal[
    "add", "update", "retry", "pause", "resume", "limit", "budget", "cancel", "prune", "wall_due", "last_task_ended"
]

GRAPH_MEANINGS: Final[dict[GraphStimulus, tuple[str, str]]] = {
    "add": ("TasksOffered", "more tasks are to join it"),
    "update": ("UpdateAsked", "options of one of its tasks are to change"),
    "retry": ("RetryAsked", "what is over of it is to run again"),
    "pause": ("PauseAsked", "nothing of it is to start"),
    "resume": ("ResumeAsked", "a pause is to be taken back"),
    "limit": ("LimitAsked", "another number of its attempts may run at once"),
    "budget": ("BudgetAsked", "what it may use in all is to change"),
    "cancel": ("CancelAsked", "it is to be ended"),
    "prune": ("PruneAsked", "it is named to be forgotten"),
    "wall_due": ("TimerFired", "its `limits.wall` has passed"),
    "last_task_ended": ("", "its last task is terminal"),
}


def _graph_row(
    stimulus: GraphStimulus, *, act: str, refuse: str = ""
) -> dict[tuple[GraphPhase, GraphStimulus], Reaction]:
    acting, refusing = set(act.split()), set(refuse.split())
    return {
        (phase, stimulus): "act" if phase in acting else "refuse" if phase in refusing else "ignore"
        for phase in GRAPH_PHASES
    }


#: (phase of a graph, stimulus) → reaction; what is not named in a row is ignored.
GRAPH_REACTIONS: Final[dict[tuple[GraphPhase, GraphStimulus], Reaction]] = {
    **_graph_row("add", act=f"{_GOES_ON} {_ENDED}", refuse="cancelling"),
    **_graph_row("update", act=_GOES_ON, refuse=f"cancelling {_ENDED}"),
    **_graph_row("retry", act=f"{_GOES_ON} {_ENDED}", refuse="cancelling"),
    **_graph_row("pause", act="running", refuse=f"cancelling {_ENDED}"),
    **_graph_row("resume", act="paused", refuse=f"cancelling {_ENDED}"),
    **_graph_row("limit", act=_GOES_ON, refuse=f"cancelling {_ENDED}"),
    **_graph_row("budget", act=f"{_GOES_ON} {_ENDED}", refuse="cancelling"),
    **_graph_row("cancel", act=_GOES_ON, refuse=_ENDED),
    **_graph_row("prune", act=_ENDED, refuse=f"{_GOES_ON} cancelling"),
    **_graph_row("wall_due", act=_GOES_ON),
    **_graph_row("last_task_ended", act=f"{_GOES_ON} cancelling"),
}

WorkerStimulus = Literal["host_ready", "host_lost", "host_exhausted", "pause", "resume", "limit", "decided"]

WORKER_MEANINGS: Final[dict[WorkerStimulus, tuple[str, str]]] = {
    "host_ready": ("WorkerReady", "a host of the type answers"),
    "host_lost": ("WorkerLost", "its host is gone, and the next one is on its way"),
    "host_exhausted": ("WorkerLost", "its host is gone, and so were too many before it"),
    "pause": ("PauseAsked", "nothing of the type is to start"),
    "resume": ("ResumeAsked", "the type is to take work again"),
    "limit": ("LimitAsked", "another number of its attempts may run at once"),
    "decided": ("DecisionMade", "somebody answers a decision about it"),
}

#: What `resume` takes back of an open type is a pause. A host that is ready although its type is parked was started
#: by nobody that we know, and one that is lost then is no news.
WORKER_REACTIONS: Final[dict[tuple[WorkerTypeState, WorkerStimulus], Reaction]] = {
    ("open", "host_ready"): "act",
    ("open", "host_lost"): "act",
    ("open", "host_exhausted"): "act",
    ("open", "pause"): "act",
    ("open", "resume"): "ignore",
    ("open", "limit"): "act",
    ("open", "decided"): "refuse",
    ("parked", "host_ready"): "ignore",
    ("parked", "host_lost"): "ignore",
    ("parked", "host_exhausted"): "ignore",
    ("parked", "pause"): "act",
    ("parked", "resume"): "act",
    ("parked", "limit"): "act",
    ("parked", "decided"): "act",
}
